"""Two processes that want one gallery at the same moment: the first start of all included."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edgeface.errors import GalleryInUse
from edgeface.store import database as module
from edgeface.store.database import open_database
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory


def two_processes(n: int, seed: int, before: Callable[[], None] = lambda: None) -> Result:
    """Never do both get it; whoever does not is told. Every second time there is no gallery yet."""
    dice, wrong, neither = random.Random(seed), [], 0
    for trial in range(n):
        with folder_in_memory() as folder:
            path = folder / "gallery.db"
            if trial % 2:
                open_database(path).close()
            waits = dice.uniform(0, 0.004), dice.uniform(0, 0.004)
            held, release = os.pipe()
            children = [_child(path, wait_s, before, held, release) for wait_s in waits]
            os.close(held)
            answers = sorted(os.read(heard, 300).decode() for _, heard in children)
            os.close(release)  # only now may whoever has it give it back
            for child, heard in children:
                os.close(heard)
                os.waitpid(child, 0)
        neither += answers == ["in use", "in use"]  # each had begun; systemd tries again
        if answers not in (["in use", "open"], ["in use", "in use"]):
            wrong.append(f"try {trial}: {' and '.join(answers)}")
    return Result(
        fault="two processes, one gallery",
        n=n,
        failures=wrong,
        seed=seed,
        acknowledged=n,
        note=f"{neither} times neither got it",
    )


def shared(n: int, seed: int) -> Result:
    """The control: SQLite's usual locks, with which two writers take turns."""

    def usual() -> None:
        module._SETTINGS = tuple(one for one in module._SETTINGS if "locking_mode" not in one)

    return two_processes(n, seed, usual)


def _child(path: Path, wait_s: float, before: Callable[[], None], held: int, release: int) -> tuple[int, int]:
    """Its pid, and where it says what came of it. It keeps what it has until the other end of `held` is closed."""
    heard, said = os.pipe()
    child = os.fork()
    if child:
        os.close(said)
        return child, heard
    try:
        os.close(release)
        before()
        time.sleep(wait_s)
        with closing(open_database(path)):
            os.write(said, b"open")
            os.read(held, 1)
    except GalleryInUse:
        os.write(said, b"in use")
    except BaseException as error:
        os.write(said, f"{type(error).__name__}: {error}"[:300].encode())
    finally:
        os._exit(0)
