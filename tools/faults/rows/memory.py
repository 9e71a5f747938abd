"""A process that runs out of memory while it decides or enrols: as kill -9, but from within, at the worst places."""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edgeface.store.database import open_database
from tools.faults.deeds import DEEDS, Deed, Known, check, too_early
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

BALLAST_BYTES = 64 * 1024
"""Taken with each thing that is done, and never given back."""


def out_of_memory(n: int, seed: int, deeds: Callable[[str], Deed] = DEEDS.__getitem__) -> Result:
    """A limit on address space (RLIMIT_AS) a little above what the process has: so much is left for the deed."""
    dice, wrong, told_in_all, ended = random.Random(seed), [], 0, 0
    for trial in range(n):
        name = ("decide", "enrol")[trial % 2]
        with folder_in_memory() as folder:
            path, known = folder / "gallery.db", Known()
            open_database(path).close()
            told, failed = _starved(path, deeds(name), dice.randrange(1 << 18, 1 << 22))
            known.told, told_in_all, ended = told, told_in_all + len(told), ended + failed
            wrong += [f"try {trial}: {problem}" for problem in check(path, deeds(name), known)][:2]
    return Result(fault="no more memory", n=n, failures=wrong, seed=seed, acknowledged=told_in_all,
                  note=f"{ended} ended by it")  # fmt: skip


def hasty_out_of_memory(n: int, seed: int) -> Result:
    """The control: says so first, in batches."""
    return out_of_memory(n, seed, lambda name: too_early(20))


def _starved(path: Path, deed: Deed, left: int) -> tuple[list[str], bool]:
    """What a process said before memory ended, and whether it did end by that."""
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _do(path, deed, said, left)
        except BaseException:
            code = 3
        finally:
            os._exit(code)
    os.close(said)
    with os.fdopen(heard, "rb") as pipe:
        whole = pipe.read().rpartition(b"\n")[0]
    _, status = os.waitpid(child, 0)
    return whole.decode().split("\n") if whole else [], os.waitstatus_to_exitcode(status) == 3


def _do(path: Path, deed: Deed, said: int, left: int) -> None:
    ballast = []

    def tell(what: str) -> None:
        os.write(said, f"{what}\n".encode())
        ballast.append(bytearray(BALLAST_BYTES))

    with closing(open_database(path)) as database:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + left
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        deed.run(database, tell)
