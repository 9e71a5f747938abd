"""Where pictures come from: a file, a folder, a video, a camera on USB, the network or the board's own connector.

    open_source("0", clock, on_bad_picture=...)  ->  frames(), close()

Files replay, every picture of them; live cameras deliver their newest picture only: a door must not act on the past.
With `edgeface.image`, this package alone imports cv2: here for its drivers of devices and videos.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgeface.adapters.camera.files import OnBadPicture, picture_paths, replay_path
from edgeface.adapters.camera.opencv import open_rtsp, open_v4l2
from edgeface.adapters.camera.options import CameraOptions
from edgeface.adapters.camera.picamera import open_picamera
from edgeface.errors import CameraUnavailable
from edgeface.service.ports import Camera, Clock, LiveCamera

__all__ = ["CameraOptions", "is_live", "open_live", "open_source", "picture_paths"]

_NODE = re.compile(r"(?:/dev/video)?(\d{1,3})")
_PICAMERA = re.compile(r"picamera2(?::(\d{1,3}))?")
_STREAMS = ("rtsp://", "rtsps://")
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


def is_live(text: str) -> bool:
    """Whether `text` names a camera, which may come and go, and no file."""
    return bool(_NODE.fullmatch(text) or _PICAMERA.fullmatch(text) or text.lower().startswith(_STREAMS))


def open_live(text: str, clock: Clock, options: CameraOptions = _USUAL) -> LiveCamera:
    """The camera that `text` names, filming. Raises CameraUnavailable."""
    if node := _NODE.fullmatch(text):
        return open_v4l2(Path(f"/dev/video{node[1]}"), clock, options)
    if module := _PICAMERA.fullmatch(text):
        return open_picamera(int(module[1] or 0), clock, options)
    return open_rtsp(text, clock, options)
