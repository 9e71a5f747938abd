"""Two portraits that Python packages carry in their wheels, and films of them made here.

scikit-image brings NASA's Eileen Collins, matplotlib the US Navy's Grace Hopper; both are in the public domain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from edgeface import image
from edgeface.frame import Frame, Instant, Pixels

FPS = 10.0
LASTING = 6000
"""Frames of a film that no test sees the end of: ten minutes."""


def astronaut_portrait() -> Pixels:
    """Eileen Collins: uint8 (260, 230, 3), RGB."""
    from skimage.data import astronaut

    return np.ascontiguousarray(astronaut()[10:270, 110:340])


def hopper_portrait() -> Pixels:
    """Grace Hopper: uint8 (340, 300, 3), RGB."""
    from matplotlib.cbook import get_sample_data

    path = get_sample_data("grace_hopper.jpg", asfileobj=False)
    return np.ascontiguousarray(image.read(Path(str(path)))[60:400, 100:400])


def film(portrait: Pixels, seconds: float = 1.5, *, start_s: float = 0.0, first: int = 0) -> Iterator[Frame]:
    """Somebody walks up to the camera and sways a little: 640x480, 10 frames a second, always the same."""
    for index in range(round(seconds * FPS)):
        yield Frame(
            pixels=shot(portrait, index),
            camera="film",
            sequence=first + index,
            captured_at=at(start_s + index / FPS),
        )


def shot(portrait: Pixels, index: int) -> Pixels:
    """One frame of a film, uint8 (480, 640, 3)."""
    canvas = bare()
    height = min(470, 300 + 6 * index)
    width = round(portrait.shape[1] * height / portrait.shape[0])
    left = 320 - width // 2 + round(20 * np.sin(index / 3))
    canvas[480 - height :, left : left + width] = image.resize(portrait, width, height)
    return canvas


def empty(seconds: float, *, start_s: float) -> Iterator[Frame]:
    """The wall, with nobody before it."""
    for index in range(round(seconds * FPS)):
        yield Frame(pixels=bare(), camera="film", sequence=1000 + index, captured_at=at(start_s + index / FPS))


def bare() -> Pixels:
    """The wall, uint8 (480, 640, 3)."""
    return np.full((480, 640, 3), (126, 130, 134), np.uint8)


def visits(*portraits: Pixels) -> list[Pixels]:
    """One after the other comes for three seconds, and leaves the wall bare for almost one."""
    return [
        pixels
        for portrait in portraits
        for pixels in (*(shot(portrait, index) for index in range(30)), *(bare() for _ in range(8)))
    ]


def lasting(folder: Path, frames: Sequence[Pixels]) -> Path:
    """A new folder with these frames as pictures, again and again the same."""
    folder.mkdir()
    for index, pixels in enumerate(frames):
        (folder / f"{index:05}.png").write_bytes(image.encode_png(pixels))
    for index in range(len(frames), LASTING):
        (folder / f"{index:05}.png").symlink_to(folder / f"{index % len(frames):05}.png")
    return folder


def blurred(pixels: Pixels, sigma_px: float) -> Pixels:
    """The same picture out of focus."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.uint8)


def at(seconds: float) -> Instant:
    """So many seconds after some moment; the wall clock is years away from the monotonic one."""
    ns = 5_000_000_000 + round(seconds * 1e9)
    return Instant(monotonic_ns=ns, wall_ns=ns + 10**18, wall_trusted=True)
