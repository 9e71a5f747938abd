"""Pictures and videos on disk, played as if a camera were filming them."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2

from edgeface import image
from edgeface.adapters.camera.opencv import retrieve
from edgeface.adapters.camera.options import CameraOptions
from edgeface.errors import CameraLost, CameraUnavailable, PictureError
from edgeface.frame import Frame, Instant, Pixels, shifted
from edgeface.image import Kind
from edgeface.service.ports import Clock

OnBadPicture = Callable[[Path, PictureError], None]
Take = Callable[[], Pixels | None]
"""One picture of a film, decoded only when called; None if it cannot be."""

_PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif"}
    | {".avif", ".jp2", ".mpo"}
)
"""What people keep pictures in. Kinds that are not read here count too, so that none is left out in silence."""

_VIDEO = re.compile(
    rb"""RIFF....AVI[ ]  # AVI
    | ....(ftyp|moov|mdat|wide|free|skip)  # MP4, QuickTime
    | \x1aE\xdf\xa3  # Matroska, WebM
    | GIF8
    | \x00\x00(\x00\x01|\x01[\xb3\xba])  # H.264 or H.265 as a camera writes it, MPEG
    | G.{187}G.{187}G  # MPEG transport stream
    | OggS | FLV\x01 | 0&\xb2u  # Ogg, Flash, Windows Media
    """,
    re.DOTALL | re.VERBOSE,
)
"""How videos begin. Told by content, because FFmpeg would also play text files as screens of letters, and playlists
that name other files and addresses."""

_HEAD_BYTES = 512

_PLAUSIBLE_FPS = (0.1, 240.0)


def replay_path(path: Path, clock: Clock, options: CameraOptions, on_bad_picture: OnBadPicture) -> Replay:
    """The film that a picture, a folder of pictures or a video makes.

    Raises CameraUnavailable if there is none, PictureError if it is one picture and bad.
    """
    named = replace(options, name=options.name or str(path))
    if path.is_dir():
        return _replay_folder(path, clock, named, on_bad_picture)
    head = _head(path)
    if image.kind_of(head) in (Kind.OTHER, Kind.GIF):
        return _replay_video(path, head, clock, named)
    pixels = image.read(path)
    return Replay(iter([lambda: pixels]), clock, named)


def picture_paths(folder: Path) -> list[Path]:
    """All files of a folder and those below it that are named like pictures, sorted; hidden ones are left out."""
    found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return sorted(
        path
        for path in found
        if path.suffix.lower() in _PICTURE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


class Replay:
    """A film from disk. Frames are stamped one frame time apart, from the moment the first was asked for."""

    def __init__(
        self,
        film: Iterator[Take],
        clock: Clock,
        options: CameraOptions,
        *,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        """`options.fps` is the film's pace and `options.name` its name; `sleep` waits for some seconds."""
        self._film = film
        self._clock = clock
        self._options = options
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait

    def frames(self) -> Iterator[Frame]:
        """The frames, once, to the end of the film. In real time a picture is dropped if the next one is due already.

        Raises CameraLost if there is no picture at all.
        """
        start = self._clock.now()
        sequence = -1
        for sequence, take in enumerate(self._film):
            due = shifted(start, round(1e9 * sequence / self._options.fps))
            if self._options.real_time and not self._await(due):
                continue
            if self._closed.is_set():
                break
            pixels = take()
            if pixels is not None:
                yield Frame(pixels=pixels, camera=self._options.name, sequence=sequence, captured_at=due)
        if sequence < 0 and not self._closed.is_set():
            raise CameraLost(
                f"{self._options.name} holds no picture; play it with another program to see if it is whole"
            )

    def close(self) -> None:
        """Ends `frames`; may be called from another thread and more than once."""
        self._closed.set()

    def _await(self, due: Instant) -> bool:
        """Sleeps until a frame is due; False if the one after it is due already."""
        late_s = self._clock.now().seconds_since(due)
        if late_s < 0:
            self._sleep(-late_s)
        return late_s < 1 / self._options.fps


def _replay_folder(folder: Path, clock: Clock, options: CameraOptions, on_bad_picture: OnBadPicture) -> Replay:
    paths = picture_paths(folder)
    if not paths:
        raise CameraUnavailable(f"{folder} holds no pictures; name a folder with JPEG or PNG files")

    def take(path: Path) -> Pixels | None:
        try:
            return image.read(path)
        except PictureError as error:
            on_bad_picture(path, error)
            return None

    return Replay((lambda path=path: take(path) for path in paths), clock, options)  # type: ignore[misc]


def _replay_video(path: Path, head: bytes, clock: Clock, options: CameraOptions) -> Replay:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG) if _VIDEO.match(head) else None
    if capture is None or not capture.isOpened():
        raise CameraUnavailable(
            f"{path} is neither a picture nor a video that can be played; try MP4, AVI, JPEG or PNG"
        )
    own_fps = capture.get(cv2.CAP_PROP_FPS)
    if _PLAUSIBLE_FPS[0] <= own_fps <= _PLAUSIBLE_FPS[1]:
        options = replace(options, fps=own_fps)
    return Replay(_film(capture), clock, options)


def _film(capture: cv2.VideoCapture) -> Iterator[Take]:
    """Each picture of a video; those nobody takes are skipped without being converted."""
    while capture.grab():
        yield lambda: retrieve(capture)


def _head(path: Path) -> bytes:
    """The first bytes of a file, enough to tell its kind."""
    try:
        if path.exists() and not path.is_file():
            raise CameraUnavailable(f"{path} is neither a file nor a folder; a camera is named 0 or /dev/video0")
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (FileNotFoundError, ValueError):
        raise CameraUnavailable(f"{path}: no such file or folder; check the name") from None
    except OSError as error:
        raise CameraUnavailable(f"{path}: {error.strerror or error}; check its permissions") from error
