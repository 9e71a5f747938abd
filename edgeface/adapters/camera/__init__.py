"""Where pictures come from: a file, a folder, a video, a camera on USB, the network or the board's own connector.

    open_device("0", clock, options)  ->  read(), close(): one picture after the other, whoever asks waits for it
    replay_path(path, clock, ...)     ->  frames(), close()

With `edgeface.image`, this package alone imports cv2: here for its drivers of devices and videos.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgeface.adapters.camera.files import OnBadPicture, picture_paths, replay_path
from edgeface.adapters.camera.opencv import open_rtsp, open_v4l2
from edgeface.adapters.camera.options import CameraOptions
from edgeface.adapters.camera.picamera import open_picamera
from edgeface.service.ports import Clock, Device

__all__ = ["CameraOptions", "OnBadPicture", "is_live", "open_device", "picture_paths", "replay_path"]

_NODE = re.compile(r"(?:/dev/video)?(\d{1,3})")
_PICAMERA = re.compile(r"picamera2(?::(\d{1,3}))?")
_STREAMS = ("rtsp://", "rtsps://")


def is_live(text: str) -> bool:
    """Whether `text` names a camera, which may come and go, and no file."""
    return bool(_NODE.fullmatch(text) or _PICAMERA.fullmatch(text) or text.lower().startswith(_STREAMS))


def open_device(text: str, clock: Clock, options: CameraOptions) -> Device:
    """The camera that `text` names. Raises CameraUnavailable."""
    if node := _NODE.fullmatch(text):
        return open_v4l2(Path(f"/dev/video{node[1]}"), clock, options)
    if module := _PICAMERA.fullmatch(text):
        return open_picamera(int(module[1] or 0), clock, options)
    return open_rtsp(text, clock, options)
