"""What is forgotten, or has had its time, in an order by chance: none of it may be left in the gallery's files."""

from __future__ import annotations

import random
import subprocess
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np

from edgeface import snapshot, strangers
from edgeface.embed import unit
from edgeface.errors import GalleryError
from edgeface.frame import Instant
from edgeface.store import erasure
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.lessons import LessonStore
from edgeface.store.search import holds_piece, pieces_of
from edgeface.store.snapshots import DAY_NS, SnapshotStore
from edgeface.store.strangers import StrangerStore
from tools.faults.deeds import MODEL, enrol, now
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

MOST = 12
"""People at one time."""
GALLERY_FOR = 60
"""People who are forgotten, or times that something expires, in one gallery."""

KEPT = "SELECT picture FROM snapshots", "SELECT vector FROM questions", "SELECT wrapped_key, total FROM strangers"
"""What has its time."""
PICTURES, KEEP_DAYS = snapshot.Options(enabled=True, keep_days=1, most=200), 1.0
VISITORS = strangers.Options(enabled=True, keep_days=1)
FACES = 40
"""Strangers who come again and again."""

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
        needles = erasure.needles(tables, who)
    try:
        forget(database, who)
    except GalleryError as error:
        return [str(error)]
    left = _content(database)
    found = holds_piece(left, pieces_of(needles.sealed)) or any(one in left for one in needles.plain)
    return ["bytes of a person who was forgotten are left"] if found else []


def nothing_kept(n: int, seed: int, expire: Callable[[Database, Instant], object] | None = None) -> Result:
    """Visits leave snapshots, questions and strangers, older and younger ones; each time something of them expires."""
    dice, wrong, gone, done = random.Random(seed), [], 0, 0
    while done < n:
        with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database:
            people = [enrol(database, uuid.uuid4().hex) for _ in range(MOST)]
            ever: dict[str, set[bytes]] = {}
            for _ in range(min(GALLERY_FOR, n - done)):
                try:
                    for _ in range(dice.randrange(1, 12)):
                        _visited(database, dice.choice(people), dice, ever)
                    values, problems = _expired(database, expire or _by_time, ever)
                except GalleryError as error:
                    values, problems = 0, [str(error)]
                gone, done = gone + values, done + 1
                wrong += [f"try {done}: {problem}" for problem in problems]
    return Result(fault="expired: bytes left in the files", n=n, failures=wrong, seed=seed, acknowledged=gone)


def plain_expiry(n: int, seed: int) -> Result:
    """The control: what is past its time is deleted, as SQLite does it by itself."""

    def expire(database: Database, at: Instant) -> None:
        database._connection.execute("PRAGMA secure_delete = OFF")
        oldest_ns = at.wall_ns - DAY_NS
        database._connection.execute("DELETE FROM snapshots WHERE taken_at_wall_ns < ?", (oldest_ns,))
        database._connection.execute("DELETE FROM questions WHERE asked_at_wall_ns < ?", (oldest_ns,))
        database._connection.execute("DELETE FROM strangers WHERE last_seen_wall_ns < ?", (oldest_ns,))

    return nothing_kept(n, seed, expire)


def _by_time(database: Database, at: Instant) -> None:
    SnapshotStore(database, PICTURES).expire(at)
    StrangerStore(database, MODEL).expire(at, VISITORS)
    LessonStore(database, "b").expire(at, KEEP_DAYS)


def _visited(database: Database, who: str, dice: random.Random, ever: dict[str, set[bytes]]) -> None:
    """One visit of somebody known and one of a stranger, up to two days ago. `ever`: all that was sealed of whom."""
    at = replace(now(), wall_ns=now().wall_ns - dice.randrange(2 * DAY_NS))
    SnapshotStore(database, PICTURES).keep(who, uuid.uuid4().hex, dice.randbytes(dice.randrange(1500, 2000)), at)
    vector = np.frombuffer(dice.randbytes(128), np.int8)
    shot = NewTemplate(model_sha256=MODEL, vector=vector, quality=1.0, pose=None, source="x")
    LessonStore(database, "b").ask(who, shot, "why", uuid.uuid4().hex, at)
    face = unit(np.random.default_rng(dice.randrange(FACES)).normal(size=128).astype(np.float32))
    StrangerStore(database, MODEL).meet(face, at, VISITORS)
    for row in database.read("SELECT id, wrapped_key, total FROM strangers"):
        ever.setdefault(row["id"], set()).update((row["wrapped_key"], row["total"]))


def _expired(
    database: Database, expire: Callable[[Database, Instant], object], ever: dict[str, set[bytes]]
) -> tuple[int, list[str]]:
    """How many values were deleted, and what is wrong after that."""
    before = _kept(database)
    expire(database, now())
    gone = before - _kept(database)
    known = {row["id"] for row in database.read("SELECT id FROM strangers")}
    for identity in ever.keys() - known:
        gone |= ever.pop(identity)
    found = holds_piece(_content(database), pieces_of(sorted(gone)))
    return len(gone), ["bytes that are past their time are left"] if found else []


def _kept(database: Database) -> set[bytes]:
    return {value for words in KEPT for row in database.read(words) for value in row.values()}


def _content(database: Database) -> bytes:
    """By another process, as closing a second descriptor of the file in this one would give SQLite's lock away."""
    files = [str(database.path), str(database.path.with_name(database.path.name + "-wal"))]
    return subprocess.run(["cat", *files], capture_output=True, check=False).stdout
