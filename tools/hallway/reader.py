"""`edgeface run` in a process of its own, with a film in the camera driver's place and a wall clock that can be moved.

    python -m tools.hallway.reader SOCKET OFFSET [edgeface's own words...]

Everything but these two is the reader as it ships. OFFSET is a file of 9 bytes: nanoseconds to add to the wall clock,
and whether it is to be trusted.
"""

from __future__ import annotations

import mmap
import socket
import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import edgeface.cli.run as run
from edgeface.adapters.camera.options import CameraOptions
from edgeface.adapters.clock import SystemClock
from edgeface.cli.main import main
from edgeface.errors import CameraLost, CameraUnavailable
from edgeface.frame import Instant, Pixels
from edgeface.service.newest import NewestFrame
from edgeface.service.ports import Clock
from tools.hallway.camera import HEAD, HEIGHT_PX, WIDTH_PX

CLOCK = struct.Struct("<q?")
"""What OFFSET holds."""

PATIENCE_S = 10.0
"""How long V4L2 in OpenCV waits for a picture before it gives up."""


class FilmDevice:
    """The other end of `tools.hallway.camera`, as a driver."""

    name = "film"

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._link = socket.socket(socket.AF_UNIX)
        self._link.settimeout(PATIENCE_S)
        try:
            self._link.connect(str(path))
        except OSError as error:
            self._link.close()
            raise CameraUnavailable(f"there is no camera at {path.name}; plug it in") from error

    def read(self) -> tuple[Pixels, Instant]:
        """The next picture, stamped with the moment at which it was taken."""
        try:
            (taken_ns,) = HEAD.unpack(self._take(HEAD.size))
            content = self._take(WIDTH_PX * HEIGHT_PX * 3)
        except OSError as error:
            raise CameraLost("the camera stopped filming; check its cable and power") from error
        now = self._clock.now()
        ago_ns = now.monotonic_ns - taken_ns
        stamp = replace(now, monotonic_ns=taken_ns, wall_ns=now.wall_ns - ago_ns)
        return np.frombuffer(content, np.uint8).reshape(HEIGHT_PX, WIDTH_PX, 3), stamp

    def close(self) -> None:
        self._link.close()

    def _take(self, count: int) -> bytearray:
        content, got = bytearray(count), 0
        view = memoryview(content)
        while got < count:
            more = self._link.recv_into(view[got:])
            if not more:
                raise OSError("the link has ended")
            got += more
        return content


def install(camera: Path, offset: Path) -> None:
    """Put the film and the clock in their places."""

    def opened(source: str, clock: Clock, options: CameraOptions) -> NewestFrame:
        return NewestFrame(FilmDevice(camera, clock), options)

    with offset.open("r+b") as file:
        moved = mmap.mmap(file.fileno(), CLOCK.size)
    true_now = SystemClock.now

    def now(clock: SystemClock) -> Instant:
        told = true_now(clock)
        offset_ns, trusted = CLOCK.unpack(moved[:])
        return replace(told, wall_ns=max(0, told.wall_ns + offset_ns), wall_trusted=trusted)

    run.open_live = opened
    SystemClock.now = now  # type: ignore[method-assign]


if __name__ == "__main__":
    install(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.argv = ["edgeface", *sys.argv[3:]]
    main()
