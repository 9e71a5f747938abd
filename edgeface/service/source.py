"""The source of frames that a text names: a film from disk, or a camera whose newest picture counts.

    open_source("0", clock, on_bad_picture=...)  ->  frames(), close()

Files replay, every picture of them; live cameras deliver their newest picture only: a door must not act on the past.
"""

from __future__ import annotations

from pathlib import Path

from edgeface.adapters.camera import CameraOptions, OnBadPicture, is_live, open_device, replay_path
from edgeface.errors import CameraUnavailable
from edgeface.service.newest import NewestFrame
from edgeface.service.ports import Camera, Clock, LiveCamera

_USUAL = CameraOptions()


def open_source(text: str, clock: Clock, options: CameraOptions = _USUAL, *, on_bad_picture: OnBadPicture) -> Camera:
    """The source of frames that `text` names; it is open and, if live, already filming.

    `text` is a file, a folder, "0" or "/dev/video0", "rtsp://...", "picamera2" or "picamera2:1"; a file called like one
    of these is named as "./0". `on_bad_picture(path, error)` hears of each picture of a folder that had to be skipped.
    Raises CameraUnavailable; PictureError if `text` is one picture and it is bad.
    """
    if is_live(text):
        return open_live(text, clock, options)
    if "://" in text:
        scheme = text.partition("://")[0]
        raise CameraUnavailable(f"{scheme}:// is no source of frames; network cameras are read through rtsp://")
    return replay_path(Path(text), clock, options, on_bad_picture)


def open_live(text: str, clock: Clock, options: CameraOptions = _USUAL) -> LiveCamera:
    """The camera that `text` names, filming. Raises CameraUnavailable."""
    return NewestFrame(open_device(text, clock, options), options)
