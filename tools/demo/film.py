"""A simulated camera: portraits that walk up, pass by, tilt, blur and darken before a grey wall.

It stands behind the same port as a real camera (`edgeface.service.ports.Camera`), paced in real time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from edgeface.frame import Frame, Instant, Pixels
from tools.demo import held
from tools.demo.held import Held

WIDTH_PX, HEIGHT_PX, FPS = 640, 480, 12.0
WALL = (126, 130, 134)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Actor:
    """One portrait's way through a scene; each pair is its value at the beginning and at the end."""

    portrait: Pixels
    """uint8 (h, w, 3), RGB: head and shoulders."""
    height: tuple[float, float] = (0.55, 1.0)
    """Of the portrait, in parts of the picture's: growing is coming nearer."""
    across: tuple[float, float] = (0.5, 0.5)
    """Centre, 0 left to 1 right."""
    tilt_deg: tuple[float, float] = (0.0, 0.0)
    """Turn within the picture's plane, clockwise."""
    blur_px: float = 0.6
    """Standard deviation."""
    light: float = 1.0
    """1 as photographed, 0 black."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Some seconds of film."""

    title: str
    actors: tuple[Actor | Held, ...]
    """Those nearest to the camera last."""
    seconds: float = 2.5


class Film:
    """A camera that films scenes one after the other, with a second of empty wall after each."""

    def __init__(
        self, scenes: tuple[Scene, ...], now: Callable[[], Instant], on_scene: Callable[[Scene], None]
    ) -> None:
        """`on_scene` is called as each scene begins."""
        self._scenes, self._now, self._on_scene = scenes, now, on_scene
        self._random = np.random.default_rng(7)
        self._closed = False

    def frames(self) -> Iterator[Frame]:
        """The frames, each stamped when it is shown."""
        sequence = 0
        for scene in self._scenes:
            self._on_scene(scene)
            count = int(scene.seconds * FPS)
            for index in range(count + int(FPS)):
                if self._closed:
                    return
                started = time.monotonic()
                actors = scene.actors if index < count else ()
                pixels = render(actors, min(1.0, index / max(1, count - 1)), self._random)
                yield Frame(pixels=pixels, camera="simulated", sequence=sequence, captured_at=self._now())
                sequence += 1
                time.sleep(max(0.0, 1 / FPS - (time.monotonic() - started)))

    def close(self) -> None:
        """End the film at the next frame."""
        self._closed = True


def render(actors: tuple[Actor | Held, ...], progress: float, random: np.random.Generator) -> Pixels:
    """One picture of a scene at `progress` 0..1, with a sensor's noise."""
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), WALL, np.uint8)
    for actor in actors:
        picture = held.place(picture, actor, progress) if isinstance(actor, Held) else _place(picture, actor, progress)
    noise = random.normal(0, 3.0, picture.shape).astype(np.float32)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _place(picture: Pixels, actor: Actor, progress: float) -> Pixels:
    height, across, tilt_deg = (a + (b - a) * progress for a, b in (actor.height, actor.across, actor.tilt_deg))
    rows, columns = actor.portrait.shape[:2]
    scale = height * HEIGHT_PX / rows
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), -tilt_deg, scale)
    bottom = HEIGHT_PX - rows * scale / 2
    matrix[:, 2] += np.array([across * WIDTH_PX, bottom]) - np.array([columns, rows]) / 2
    size, flags = (WIDTH_PX, HEIGHT_PX), cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shown = cv2.warpAffine(actor.portrait, matrix, size, flags=flags)
    cover = cv2.warpAffine(np.full((rows, columns), 255, np.uint8), matrix, size)[..., None] / np.float32(255)
    lit = cv2.GaussianBlur(shown, (0, 0), actor.blur_px).astype(np.float32) * actor.light
    wall = picture.astype(np.float32) * (actor.light if actor.light < 1 else 1.0)
    return np.asarray(wall + (lit - wall) * cover, np.uint8)
