"""The process that holds the relay's line: python -m edgeface.adapters.holder LINE high|low

It locks when it is told to, when the time it was given is over, when whoever tells it is gone (by `kill -9` as well:
the pipe then ends), and when it is asked to stop. The kernel of a Pi may leave a line as it is when its owner dies, so
the one who holds it must not be the one who may crash.

Commands, a line each: "release MS", "lock". Answers, a line each: "released", "locked", or "failed WHY".
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

from edgeface.adapters.gpio import Level, Output, open_output
from edgeface.errors import DoorError

LONGEST_MS = 30_000
"""That of `edgeface.door`: a command for longer is a mistake, and locks."""


def main(line: str, active: str) -> int:
    """Hold the line until the commands end. The exit code is 0, or 1 if the line cannot be had or driven."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the reader then tells what to do
    try:
        output = open_output(line, Level(active))
    except DoorError as error:
        _say(f"failed {error}")
        return 1
    try:
        _say("locked")
        return _obey(output)
    except KeyboardInterrupt:
        return 0
    finally:
        output.close()


def _obey(output: Output) -> int:
    unread, until_s = b"", None
    while True:
        left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
        if not select.select([0], [], [], left_s)[0]:
            output.set(False)
            until_s = None
            continue
        arrived = os.read(0, 4096)
        if not arrived:
            return 0
        *commands, unread = (unread + arrived).split(b"\n")
        for command in commands:
            until_s = _act(output, command.decode("ascii", errors="replace"))


def _act(output: Output, command: str) -> float | None:
    """Do it, answer, and tell when to lock; anything that is no release locks."""
    verb, _, number = command.partition(" ")
    release = verb == "release" and number.isdecimal() and 0 < int(number) <= LONGEST_MS
    try:
        output.set(release)
    except OSError as error:
        _say(f"failed {error}")
        raise SystemExit(1) from error
    _say("released" if release else "locked")
    return time.monotonic() + int(number) / 1000 if release else None


def _say(text: str) -> None:
    os.write(1, (" ".join(text.split()) + "\n").encode())


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:3]))
