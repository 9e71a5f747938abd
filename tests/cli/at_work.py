"""A reader at work in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.frame import Pixels
from portraits import lasting, shot

READY_WITHIN_S = 60


def endless(portrait: Pixels, folder: Path, frames: int = 40) -> Path:
    """Somebody walks up to the camera, again and again, for minutes."""
    return lasting(folder, [shot(portrait, index) for index in range(frames)])


@contextmanager
def reading(home: Path, source: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`edgeface run`, once it answers at its socket."""
    command = [sys.executable, "-m", "edgeface", "--home", str(home), "run", "--json", "--source", str(source), *words]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            end = time.monotonic() + READY_WITHIN_S
            while not answers(home / "edgeface.sock"):
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                assert time.monotonic() < end
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def answers(place: Path) -> bool:
    with ReaderSocket(place) as reader:
        return reader.answers()
