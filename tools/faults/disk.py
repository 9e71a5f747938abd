"""Disks that are full, that take no write any more, or that are read-only from the start: nothing opens without a row.

An unlock stands for whatever a reader does once `Journal.record` has returned. Full and read-only disks are real ones,
mounted in a namespace of this process's own (`unshare -rm`); a disk that fails while it is in use is stood for by a
limit on the size of files (setrlimit(2), RLIMIT_FSIZE), at which every write that would grow one fails.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from edgeface.errors import GalleryError
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from edgeface.store.verify import verify_gallery
from tools.faults.deeds import decision
from tools.faults.result import Result

DISK_BYTES = 3 << 20
AFTERWARDS = 3
"""Attempts that follow the first refusal."""


def namespaced(fault: str, n: int, seed: int) -> Result:
    """Try a fault in a namespace of its own, on a small disk. Raises OSError if this machine allows none."""
    script = f'mount -t tmpfs -o size={DISK_BYTES} none "$1" && exec "$2" -m tools.faults.disk {fault} {n} {seed} "$1"'
    with tempfile.TemporaryDirectory(prefix="edgeface-disk-") as folder:
        words = ["unshare", "-rm", "sh", "-c", script, "sh", folder, sys.executable]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise OSError(f"no disk of its own can be mounted here: {ended.stderr.strip()[-300:]}")
    return Result(**json.loads(ended.stdout))


def full(n: int, seed: int, folder: Path) -> Result:
    """Record until the disk is full, at a moment that chance chooses; then make room, and go on."""
    dice, wrong, unlocked, refused = random.Random(seed), [], 0, 0
    for trial in range(n):
        path, filler = folder / "gallery.db", folder / "filler"
        with closing(open_database(path)) as database:
            _fill(filler, dice.randrange(4096, 200_000))
            opened, failures = _until_refused(database)
            filler.unlink()
            opened.append(_unlock(database))
        refused += failures
        unlocked += len(opened)
        wrong += [f"try {trial}: {problem}" for problem in _missing(path, opened)]
        for file in folder.iterdir():
            file.unlink()
    return Result(fault="disk full while deciding", n=n, failures=wrong, seed=seed, acknowledged=unlocked,
                  note=f"{refused} decisions refused")  # fmt: skip


def failing(n: int, seed: int) -> Result:
    """Record until no write goes through any more; let them through again, and go on."""
    dice, wrong, unlocked, refused = random.Random(seed), [], 0, 0
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    for trial in range(n):
        with tempfile.TemporaryDirectory(prefix="edgeface-fault-") as folder:
            path = Path(folder) / "gallery.db"
            with closing(open_database(path)) as database:
                grown = path.with_name("gallery.db-wal").stat().st_size + dice.randrange(200_000)
                resource.setrlimit(resource.RLIMIT_FSIZE, (grown, former[1]))
                try:
                    opened, failures = _until_refused(database)
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, former)
                opened.append(_unlock(database))
            refused += failures
            unlocked += len(opened)
            wrong += [f"try {trial}: {problem}" for problem in _missing(path, opened)]
    return Result(fault="writes fail while deciding", n=n, failures=wrong, seed=seed, acknowledged=unlocked,
                  note=f"{refused} decisions refused")  # fmt: skip


def read_only(n: int, seed: int, folder: Path) -> Result:
    """Start on a disk that is read-only: nothing may begin to decide."""
    wrong: list[str] = []
    path = folder / "gallery.db"
    with closing(open_database(path)) as database:
        first = _unlock(database)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    for trial in range(n):
        try:
            open_database(path).close()
        except GalleryError:
            continue
        wrong.append(f"try {trial}: a gallery on a read-only disk was opened")
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    wrong += _missing(path, [first])
    return Result(fault="read-only disk at the start", n=n, failures=wrong, seed=seed, acknowledged=1)


def _unlock(database: Database) -> str:
    made = decision()
    Journal(database, "b").record(made)
    return made.id


def _until_refused(database: Database) -> tuple[list[str], int]:
    """What unlocked before the first refusal and in the attempts after it, and how many were refused."""
    opened, refused = [], 0
    while refused < AFTERWARDS:
        try:
            opened.append(_unlock(database))
        except GalleryError:
            refused += 1
    return opened, refused


def _missing(path: Path, opened: list[str]) -> list[str]:
    with closing(open_database(path)) as database:
        rows = {row["decision_id"] for row in database.read("SELECT decision_id FROM audit JOIN outbox USING (seq)")}
        broken = verify_gallery(database, ()).broken
    wrong = [f"unlock {one} has no audit row" for one in opened if one not in rows]
    return wrong + ([] if broken is None else [f"the audit log does not hold: {broken.says}"])


def _fill(filler: Path, left: int) -> None:
    """Take all room of a disk but so many bytes."""
    status = os.statvfs(filler.parent)
    filler.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - left)))


def main() -> None:
    """Within the namespace."""
    fault, n, seed, folder = sys.argv[1:]
    found = {"full": full, "read-only": read_only}[fault](int(n), int(seed), Path(folder))
    sys.stdout.write(json.dumps({name: getattr(found, name) for name in found.__slots__}))


if __name__ == "__main__":
    main()
