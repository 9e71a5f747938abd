"""People who are forgotten in an order by chance: not one byte of them may be left in the gallery's files."""

from __future__ import annotations

import random
import subprocess
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edgeface.errors import GalleryError
from edgeface.store import erasure
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore
from tools.faults.deeds import enrol, now
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

MOST = 12
"""People at one time."""
GALLERY_FOR = 60
"""People who are forgotten in one gallery."""

Forget = Callable[[Database, str], None]


def nothing_left(n: int, seed: int, forget: Forget | None = None) -> Result:
    """Sealed names and templates, their plain forms and the keys are looked for in every file."""
    dice, wrong, done = random.Random(seed), [], 0
    while done < n:
        with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database:
            people: list[str] = []
            for _ in range(min(GALLERY_FOR, n - done)):
                while len(people) < MOST:
                    people.append(enrol(database, uuid.uuid4().hex))
                who = people.pop(dice.randrange(len(people)))
                wrong += [f"try {done}: {problem}" for problem in _forgotten(database, who, forget or _by_us)]
                done += 1
    return Result(fault="forgotten: bytes left in the files", n=n, failures=wrong, seed=seed, acknowledged=n)


def plain_delete(n: int, seed: int) -> Result:
    """The control: DELETE, as SQLite does it by itself."""

    def forget(database: Database, who: str) -> None:
        database._connection.execute("PRAGMA secure_delete = OFF")
        database._connection.execute("DELETE FROM people WHERE id = ?", (who,))

    return nothing_left(n, seed, forget)


def _by_us(database: Database, who: str) -> None:
    GalleryStore(database).forget(who, now())


def _forgotten(database: Database, who: str, forget: Forget) -> list[str]:
    with database.transaction() as tables:
        patterns = erasure.needles(tables, who).patterns
    try:
        forget(database, who)
    except GalleryError as error:
        return [str(error)]
    left = _content(database.path) + _content(database.path.with_name("gallery.db-wal"))
    return ["bytes of a person who was forgotten are left"] if any(pattern in left for pattern in patterns) else []


def _content(file: Path) -> bytes:
    """By another process, as closing a second descriptor of the file in this one would give SQLite's lock away."""
    return subprocess.run(["cat", str(file)], capture_output=True, check=False).stdout
