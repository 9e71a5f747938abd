"""Cameras that OpenCV drives: V4L2 (USB) and RTSP (network)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from edgeface.adapters.camera.options import CameraOptions
from edgeface.adapters.clock import asleep_ns
from edgeface.errors import CameraLost, CameraUnavailable
from edgeface.frame import Instant, Pixels, shifted
from edgeface.service.ports import Clock

# FFmpeg would print addresses, and with them passwords, to stderr. OpenCV reads this when it first opens a stream.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_FFMPEG = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_STREAMS = ("rtsp_transport;tcp|analyzeduration;500000|fpsprobesize;2", "rtsp_transport;tcp")
"""How FFmpeg opens a stream, the second if the first way fails. Left alone it watches one for a second or two, for a
rate that nobody asks for; hurried, 0.2 s of JPEG and 0.7 s of H.264 were enough."""

_MAX_BROKEN = 30
"""Pictures in a row that arrive damaged before a camera counts as lost: one or two seconds of them."""

_OLDEST_NS = 10_000_000_000
"""A stamp that is older is of another clock: no driver keeps a picture for so long."""

_OPENING_NS = 300_000_000
"""Pictures that come so soon after the first have waited. A choice: those of 5 s of 640x480 were through in 0.1 s."""

_DRIFT = 200e-6
"""How fast a camera's clock may run behind ours, as a part: twice what two bad quartzes make."""


def open_v4l2(node: Path, clock: Clock, options: CameraOptions) -> OpenCvDevice:
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
    return OpenCvDevice(capture, clock, since_capture, options.name or str(node))


def open_rtsp(url: str, clock: Clock, options: CameraOptions) -> OpenCvDevice:
    """A network camera. Its address is never repeated beyond host and port, since the rest may hold a password.

    Raises CameraUnavailable.
    """
    name = options.name or _host_of(url)
    timeouts = [
        (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, options.first_frame_s),
        (cv2.CAP_PROP_READ_TIMEOUT_MSEC, options.stall_s),
    ]
    settings = [number for key, seconds in timeouts for number in (key, round(1000 * seconds))]
    capture = _stream(url, settings)
    if capture is None:
        advice = "check that it is on, and the address, user and password (an address ends in its stream's path)"
        raise CameraUnavailable(f"{name} sends no video; {advice}")
    return OpenCvDevice(capture, clock, Backlog(), name)


def _stream(url: str, settings: list[int]) -> cv2.VideoCapture | None:
    """An open stream; what somebody set in the environment counts before our own ways. None if there is none."""
    own = os.environ.get(_FFMPEG)
    for way in _STREAMS if own is None else (own,):
        os.environ[_FFMPEG] = way
        try:
            capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, settings)
        finally:
            if own is None:
                del os.environ[_FFMPEG]
        if capture.isOpened():
            return capture
    return None


Age = Callable[[Instant, float], int | None]
"""How old a picture is, nanoseconds, that came at a moment and bears a time of its driver's, milliseconds; None: nobody
knows, and it must not be used."""


def since_capture(came: Instant, stamp_ms: float) -> int:
    """Of V4L2: the kernel stamps buffers by the monotonic clock, as they are filled. Another clock's says nothing."""
    age_ns = came.monotonic_ns - asleep_ns() - round(1e6 * stamp_ms) if math.isfinite(stamp_ms) else 0
    return age_ns if 0 <= age_ns <= _OLDEST_NS else 0


class Backlog:
    """Of a stream: how much later a picture came than the most punctual of those before it.

    What waits in sockets, here or on the way, does not show in the moment of arrival: after a pause of three seconds
    the pictures of three seconds come at once. The delay that all of them share cannot be seen from here, and the first
    ones, which waited while the stream was opened, are left out.
    """

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._least_ns: int | None = None
        self._last: tuple[int, float] | None = None

    def __call__(self, came: Instant, stamp_ms: float) -> int | None:
        last, self._last = self._last, (came.monotonic_ns, stamp_ms)
        self._first_ns = came.monotonic_ns if self._first_ns is None else self._first_ns
        age_ns = self._behind_ns(came, stamp_ms, last)
        return None if came.monotonic_ns - self._first_ns < _OPENING_NS else age_ns

    def _behind_ns(self, came: Instant, stamp_ms: float, last: tuple[int, float] | None) -> int:
        if not math.isfinite(stamp_ms) or last is None or stamp_ms == last[1]:  # a stream without times
            return 0
        offset_ns = came.monotonic_ns - round(1e6 * stamp_ms)
        drifted_ns = round(_DRIFT * (came.monotonic_ns - last[0]))
        self._least_ns = offset_ns if self._least_ns is None else min(self._least_ns + drifted_ns, offset_ns)
        return offset_ns - self._least_ns


class OpenCvDevice:
    """A cv2.VideoCapture as a `Device`."""

    def __init__(self, capture: cv2.VideoCapture, clock: Clock, age: Age, name: str) -> None:
        self._capture = capture
        self._clock = clock
        self._age = age
        self.name = name

    def read(self) -> tuple[Pixels, Instant]:
        """The next picture that is whole, stamped when it was taken, as far as its driver tells."""
        broken = 0
        while broken < _MAX_BROKEN:
            if not self._capture.grab():
                raise CameraLost(f"{self.name} stopped filming; check its cable and power")
            came = self._clock.now()
            age_ns = self._age(came, self._capture.get(cv2.CAP_PROP_POS_MSEC))
            if age_ns is None:
                continue
            pixels = retrieve(self._capture)
            if pixels is not None:
                return pixels, shifted(came, -age_ns)
            broken += 1
        raise CameraLost(f"{self.name} sends damaged pictures only; try another cable or a smaller size")

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
