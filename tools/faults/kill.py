"""Processes killed at random moments, one after another, on one gallery; after each it is looked at as a whole."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edgeface.errors import EdgefaceError
from edgeface.store.database import open_database
from tools.faults.deeds import SOON_S, Deed, Known, Tell, check
from tools.faults.result import Result

FAILED = "failed: "
"""Begins what a process says that could not do its deed."""

Run = Callable[[Path, Tell], None]
"""What a process does with a gallery."""

GALLERY_FOR = 100
"""Kills on one gallery; then a fresh one, as looking at a long log takes long."""


def kill(name: str, deed: Deed, n: int, seed: int, tick: Callable[[], None] = lambda: None) -> Result:
    """Kill n processes that do this, at moments that the seed chooses."""
    dice, wrong, acknowledged, unfinished = random.Random(seed), [], 0, 0
    for begun in range(0, n, GALLERY_FOR):
        with tempfile.TemporaryDirectory(prefix="edgeface-fault-") as folder:
            path, known = Path(folder) / "gallery.db", Known()
            for _ in range(min(GALLERY_FOR, n - begun)):
                with closing(open_database(path)) as database:
                    deed.prepare(database, known)
                told = killed(path, _opened(deed), dice.uniform(0, dice.choice((SOON_S, deed.longest_s))))
                wrong += [f"kill {begun}: {line}" for line in told if line.startswith(FAILED)]
                known.told += (done := [line for line in told if not line.startswith(FAILED)])
                acknowledged += len(done)
                unfinished += not told
                wrong += [f"kill {begun}: {problem}" for problem in check(path, deed, known)][:3]
                tick()
    return Result(fault=f"kill -9 during {name}", n=n, failures=wrong, seed=seed, acknowledged=acknowledged,
                  note=f"{unfinished} killed before the first")  # fmt: skip


def _opened(deed: Deed) -> Run:
    return lambda path, tell: deed.run(open_database(path), tell)


def killed(path: Path, run: Run, after_s: float) -> list[str]:
    """What a process said that it had done before it was killed. Forked, so that starting takes no time."""
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        _do(path, run, said)
    os.close(said)
    try:
        time.sleep(after_s)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with os.fdopen(heard, "rb") as pipe:
        whole = pipe.read().rpartition(b"\n")[0]
    return whole.decode().split("\n") if whole else []


def _do(path: Path, run: Run, said: int) -> None:
    """In the child, until it is killed."""
    try:
        run(path, lambda what: os.write(said, f"{what}\n".encode()) and None)
        time.sleep(60)  # whoever has nothing left to do waits for the end
    except EdgefaceError as error:
        os.write(said, f"{FAILED}{error}\n".encode())
    finally:
        os._exit(1)
