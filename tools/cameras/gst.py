"""A network camera that others wrote: GStreamer's RTSP server, H.264. `make test-cameras` installs it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from edgeface import image
from tools.broker import free_port
from tools.cameras.hardware import FPS, Stage

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("gst_server.py")
SHOTS = 28


class GstCamera:
    """As `tools.cameras.rtsp.RtspCamera`, and it can hang."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """Films what `filmed` has left in a folder."""
        self.port = port or free_port()
        command = [PYTHON, str(SERVER), str(self.port), str(folder), str(SHOTS), str(round(FPS))]
        self._process = subprocess.Popen(command)
        for _ in range(1000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.01)
        raise TimeoutError("GStreamer's server does not answer")

    def hang(self) -> None:
        """Nothing is sent any more, and no connection ends."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """After `hang`."""
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """As if its plug were pulled."""
        self._process.kill()
        self._process.wait()


def filmed(folder: Path, stage: Stage) -> None:
    """The film, as files."""
    folder.mkdir()
    for number in range(SHOTS):
        (folder / f"{number:02}.jpg").write_bytes(image.encode_jpeg(stage.picture()))
