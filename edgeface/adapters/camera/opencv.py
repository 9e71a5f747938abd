"""Cameras that OpenCV drives: V4L2 (USB) and RTSP (network)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from edgeface.adapters.camera.live import NewestFrame
from edgeface.adapters.camera.options import CameraOptions
from edgeface.errors import CameraLost, CameraUnavailable
from edgeface.frame import Instant, Pixels
from edgeface.service.ports import Clock

# FFmpeg would print addresses, and with them passwords, to stderr. OpenCV reads this when it first opens a stream.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_MAX_BROKEN = 30
"""Pictures in a row that arrive damaged before a camera counts as lost: one or two seconds of them."""


def open_v4l2(node: Path, clock: Clock, options: CameraOptions) -> NewestFrame:
    """A camera at a device node such as /dev/video0, asked for MJPEG, which alone fits full size through USB 2.

    Raises CameraUnavailable.
    """
    if not node.exists():
        raise CameraUnavailable(f"there is no {node}; plug the camera in, or list cameras: v4l2-ctl --list-devices")
    if not os.access(node, os.R_OK | os.W_OK):
        advice = "add the user to group video (sudo usermod -aG video $USER) and log in again"
        raise CameraUnavailable(f"{node} may not be opened by this user; {advice}")
    capture = cv2.VideoCapture(str(node), cv2.CAP_V4L2)
    if not capture.isOpened():
        advice = f"close the program that uses it (fuser -v {node}), or try the next number"
        raise CameraUnavailable(f"{node} does not film; {advice}")
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, options.width_px)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, options.height_px)
    capture.set(cv2.CAP_PROP_FPS, options.fps)
    return _start(capture, clock, replace(options, name=options.name or str(node)))


def open_rtsp(url: str, clock: Clock, options: CameraOptions) -> NewestFrame:
    """A network camera. Its address is never repeated beyond host and port, since the rest may hold a password.

    Raises CameraUnavailable.
    """
    name = options.name or _host_of(url)
    timeouts = [
        (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, options.first_frame_s),
        (cv2.CAP_PROP_READ_TIMEOUT_MSEC, options.stall_s),
    ]
    settings = [number for key, seconds in timeouts for number in (key, round(1000 * seconds))]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, settings)
    if not capture.isOpened():
        advice = "check that it is on, and the address, user and password (an address ends in its stream's path)"
        raise CameraUnavailable(f"{name} sends no video; {advice}")
    return _start(capture, clock, replace(options, name=name))


def _start(capture: cv2.VideoCapture, clock: Clock, options: CameraOptions) -> NewestFrame:
    return NewestFrame(_OpenCvDevice(capture, clock, options.name), options)


class _OpenCvDevice:
    """A cv2.VideoCapture as a `Device`."""

    def __init__(self, capture: cv2.VideoCapture, clock: Clock, name: str) -> None:
        self._capture = capture
        self._clock = clock
        self._name = name

    def read(self) -> tuple[Pixels, Instant]:
        """The next picture that is whole, stamped when the driver handed it over, before it is decoded."""
        for _ in range(_MAX_BROKEN):
            if not self._capture.grab():
                raise CameraLost(f"{self._name} stopped filming; check its cable and power")
            captured_at = self._clock.now()
            pixels = retrieve(self._capture)
            if pixels is not None:
                return pixels, captured_at
        raise CameraLost(f"{self._name} sends damaged pictures only; try another cable or a smaller size")

    def close(self) -> None:
        self._capture.release()


def retrieve(capture: cv2.VideoCapture) -> Pixels | None:
    """Decodes the picture that was grabbed last, RGB; None if it is damaged."""
    try:
        found, pixels = capture.retrieve()
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8) if found else None
    except cv2.error:
        return None


def _host_of(url: str) -> str:
    """The address without user, password, path and query."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise CameraUnavailable("the rtsp:// address has no valid host; write rtsp://user:password@host:554/path")
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
