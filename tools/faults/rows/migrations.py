"""A gallery of an older version is opened by today's code, which is killed, or whose power goes, while it migrates."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from edgeface.errors import EdgefaceError
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore
from edgeface.store.migrations import migrations
from edgeface.store.verify import verify_gallery
from tools.faults.deeds import MODEL, Tell
from tools.faults.kill import killed
from tools.faults.result import Result
from tools.faults.rows.disk import content, laid
from tools.faults.rows.older import SEALED, STEPS, Older, older
from tools.faults.vfs import Event, Tape, Told, disk_after, recording

CUTS = 40
"""Ends that are tried of one gallery."""


def killed_migrating(n: int, seed: int, hasty: bool = False) -> Result:
    """A process that opens such a gallery is killed at a moment by chance, n times."""
    dice, wrong, opened, between = random.Random(seed), list[str](), 0, 0
    for trial in range(n):
        if trial % CUTS == 0:
            left = {steps: older(steps, dice, key=dice.random() < 0.5) for steps in range(1, len(STEPS))}
            takes_s = _takes_s(left[1])
        was = left[dice.choice(sorted(left))]
        with laid(was.disk) as path:
            told = killed(path, lambda path, tell: _opens(path, tell, hasty), dice.uniform(0, 1.2 * takes_s))
            opened += bool(told)
            found, problems = _after(content(path.parent), was)
        between += was.steps < found < len(STEPS)
        if told and found < len(STEPS):
            problems.append("it was open, and is of an older version")
        wrong += [f"kill {trial}, from {STEPS[was.steps - 1]}: {problem}" for problem in problems[:2]]
    return Result(fault="kill -9 during a migration", n=n, failures=wrong, seed=seed, acknowledged=opened,
                  note=f"{between} killed between two steps")  # fmt: skip


def cut_migrating(n: int, seed: int, hasty: bool = False) -> Result:
    """The process dies, or every second time the power goes, between any two calls of the system."""
    dice, wrong, opened, between, done = random.Random(seed), list[str](), 0, 0, 0
    while done < n:
        was = older(dice.randrange(1, len(STEPS)), dice, key=True)
        events = _taped(was, hasty)
        for _ in range(min(CUTS, n - done)):
            cut = dice.randrange(len(events) + 1)
            opened += any(isinstance(event, Told) for event in events[:cut])
            found, problems = _after(disk_after(was.disk, events[:cut], dice if done % 2 else None), was)
            between += was.steps < found < len(STEPS)
            wrong += [f"cut {done}, from {STEPS[was.steps - 1]}: {problem}" for problem in problems[:2]]
            done += 1
    return Result(fault="killed, or the power cut, at each write and sync of a migration", n=n, failures=wrong,
                  seed=seed, acknowledged=opened, note=f"{between} ended between two steps")  # fmt: skip


def hasty_killed(n: int, seed: int) -> Result:
    """The control: what a step does is committed statement by statement."""
    return killed_migrating(n, seed, hasty=True)


def hasty_cut(n: int, seed: int) -> Result:
    """The control: the same."""
    return cut_migrating(n, seed, hasty=True)


@contextmanager
def _in_parts(hasty: bool) -> Iterator[None]:
    steps = migrations._migrations if hasty else []
    for step in steps:
        step.transactional = False
    try:
        yield
    finally:
        for step in steps:
            step.transactional = True


def _opens(path: Path, tell: Tell, hasty: bool) -> None:
    with _in_parts(hasty):
        open_database(path)
    tell("open")


def _takes_s(was: Older) -> float:
    """How long opening takes, if nobody kills it."""
    with laid(was.disk) as path:
        begun = time.monotonic()
        open_database(path).close()
        return time.monotonic() - begun


def _taped(was: Older, hasty: bool) -> list[Event]:
    tape = Tape()
    with laid(was.disk) as path, recording(tape), _in_parts(hasty), closing(open_database(path)):
        tape.events.append(Told("open"))
        return list(tape.events)


def _after(disk: dict[str, bytes], was: Older) -> tuple[int, list[str]]:
    """How many steps a gallery that was left has seen, and what is wrong with it."""
    with laid(disk) as path:
        found, wrong = _version(path)
    if found < was.steps:
        return found, [*wrong, "it is older than it was"]
    with laid(disk) as path:
        try:
            with closing(open_database(path)) as database:
                wrong += _whole(database, was)
        except EdgefaceError as error:
            return found, [*wrong, f"the gallery does not open: {error}"]
        if was.steps <= SEALED:
            wrong += _plain(path.parent, was)
    return found, wrong


def _version(path: Path) -> tuple[int, list[str]]:
    """How many steps it says that it has seen; and whether its tables are those of a gallery that has."""
    with closing(sqlite3.connect(path)) as looked:
        done = [row[0] for row in looked.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
        if done != list(STEPS[: len(done)]):
            return len(done), [f"it has seen {done}"]
        if _schema(looked) != _schema_of(len(done)):
            return len(done), ["it is half one version and half another"]
    return len(done), []


def _schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    version = connection.execute("PRAGMA user_version").fetchone()
    return [version, *connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")]


@cache
def _schema_of(steps: int) -> list[tuple[str, ...]]:
    made = older(min(steps, len(STEPS) - 1), random.Random(steps), key=True)
    with laid(made.disk) as path:
        if steps == len(STEPS):
            open_database(path).close()
        with closing(sqlite3.connect(path)) as looked:
            return _schema(looked)


def _whole(database: Database, was: Older) -> list[str]:
    """Whoever and whatever was in it is."""
    broken = verify_gallery(database, ()).broken
    wrong = [] if broken is None else [f"the audit log does not hold: row {broken.seq}: {broken.says}"]
    store = GalleryStore(database)
    if {person.id: person.name for person in store.people()} != was.names:
        wrong.append("people are others")
    loaded = store.load(MODEL, 128)
    vectors = [(who, vector.tobytes()) for who, vector in zip(loaded.person_ids, loaded.vectors, strict=True)]
    if sorted(vectors) != sorted(was.vectors):
        wrong.append("templates are others")
    for table, (query, rows) in was.tables.items():
        if [tuple(row.values()) for row in database.read(query)] != rows:
            wrong.append(f"{table}: rows are others")
    return wrong


def _plain(folder: Path, was: Older) -> list[str]:
    """What of somebody who was there in plain text can still be read."""
    left = b"".join(content(folder).values())
    wrong = [f"the name of {who} is in plain text" for who, name in was.names.items() if name.encode() in left]
    return wrong + [f"a template of {who} is in plain text" for who, vector in was.vectors if vector in left]
