"""The lock at a relay.

The line is held by a process of its own (`edgeface.adapters.holder`), which locks when the reader dies or hangs.
"""

from __future__ import annotations

import select
import subprocess
import sys
import time
from contextlib import suppress

from edgeface.adapters.gpio import Options
from edgeface.errors import DoorError

ANSWER_S = 5.0
"""For the first answer: a process must start. Later ones come in microseconds."""


class Relay:
    """Releases the lock for a while; locked whenever it is not known to be anything else."""

    def __init__(self, options: Options) -> None:
        """Raises DoorError if the line cannot be had."""
        self._words = [options.relay, options.relay_active.value]
        self._process = self._begin()

    def release(self, for_s: float) -> None:
        """Unlock now, for so long from now. Raises DoorError: then it is locked, as far as anybody can tell."""
        self._tell(f"release {int(1000 * for_s)}", "released")

    def lock(self) -> None:
        """Lock now. Raises DoorError."""
        self._tell("lock", "locked")

    @property
    def alive(self) -> bool:
        """Whether somebody holds the line."""
        return self._process.poll() is None

    def restart(self) -> None:
        """Take the line anew, locked, after its holder died. Raises DoorError."""
        self.close()
        self._process = self._begin()

    def close(self) -> None:
        """Lock, and give the line back."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        try:
            self._process.wait(ANSWER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _begin(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "edgeface.adapters.holder", *self._words]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._process = process
        try:
            self._expect("locked")
        except DoorError:
            self.close()
            raise
        return process

    def _tell(self, command: str, answer: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command.encode("ascii") + b"\n")
        except OSError as error:
            raise DoorError(f"nobody holds the line of the relay any more: {error}") from error
        self._expect(answer)

    def _expect(self, answer: str) -> None:
        assert self._process.stdout is not None
        found, end_s = b"", time.monotonic() + ANSWER_S
        while not found.endswith(b"\n"):
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not select.select([self._process.stdout], [], [], left_s)[0]:
                raise DoorError("the relay does not answer")
            if not (arrived := self._process.stdout.read(256)):
                raise DoorError("nobody holds the line of the relay any more")
            found += arrived
        if found != answer.encode("ascii") + b"\n":
            why = found.decode(errors="replace").strip().removeprefix("failed ")
            raise DoorError(why)
