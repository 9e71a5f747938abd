"""A gallery that has been lived in, as a disk; and whether what is left of it lies without a word."""

from __future__ import annotations

import random
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeface.errors import EdgefaceError
from edgeface.store import chain
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore
from edgeface.store.heads import Head
from edgeface.store.journal import Journal
from edgeface.store.verify import verify_gallery
from tools.faults.deeds import MODEL, decision, enrol
from tools.faults.rows.disk import folder_in_memory, laid

Disk = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a gallery holds that a door or a judge relies on."""

    people: dict[str, str]
    vectors: list[tuple[str, bytes]]
    audit: list[Any]
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One gallery at one time: its files, write-ahead log included, and what is in it."""

    disk: Disk
    truth: Truth


def live(dice: random.Random, moments: int = 3) -> list[Moment]:
    """The same gallery at a few times, oldest first. Some changes are in the log alone, some in the file."""
    found = []
    with folder_in_memory() as folder, closing(open_database(folder / "gallery.db")) as database:
        journal = Journal(database, "b")
        for number in range(moments):
            enrol(database, f"person {number}")
            for _ in range(dice.randrange(2, 12)):
                journal.record(decision())
            if dice.random() < 0.5:
                database.erase_traces()
                journal.record(decision())
            found.append(Moment(disk=_copied(folder), truth=truth(database)))
    return found


def truth(database: Database) -> Truth:
    """What it holds. Raises EdgefaceError."""
    store = GalleryStore(database)
    loaded = store.load(MODEL, 128)
    with database.transaction() as tables:
        rows = [tuple(sorted(row.items())) for row in chain.rows(tables)]
        link = chain.last(tables)
    return Truth(
        people={person.id: person.name for person in store.people()},
        vectors=sorted((who, vector.tobytes()) for who, vector in zip(loaded.person_ids, loaded.vectors, strict=True)),
        audit=rows,
        head=Head(origin="x", link=link, time="then"),
    )


def silent(disk: Mapping[str, bytes], before: Truth, *, witness: bool = True) -> str | None:
    """What the gallery says that is not so, and does not notice; None if it is right, or says what is wrong with it.

    Raises what no user would understand: that is a failure too.
    """
    with laid(disk) as path:
        try:
            with closing(open_database(path)) as database:
                if verify_gallery(database, (before.head,) if witness else ()).broken is not None:
                    return None
                after = truth(database)
        except EdgefaceError:
            return None
    for name in ("people", "vectors", "audit"):
        if getattr(after, name) != getattr(before, name):
            return f"{name} are others"
    return None


def naive(disk: Mapping[str, bytes], before: Truth) -> str | None:
    """The control: reads the audit rows as any program would, and believes them."""
    with folder_in_memory() as folder:
        for name, content in disk.items():
            (folder / name).write_bytes(content)
        try:
            with closing(sqlite3.connect(folder / "gallery.db")) as connection:
                found = connection.execute("SELECT seq, payload FROM audit ORDER BY seq").fetchall()
        except (sqlite3.Error, UnicodeDecodeError):
            return None
    wanted = [(dict(row)["seq"], dict(row)["payload"]) for row in before.audit]
    return None if found == wanted else "audit rows are others"


def _copied(folder: Path) -> Disk:
    """By another process, as closing a second descriptor of the file here would give SQLite's lock away."""
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    return {name: subprocess.run(["cat", str(folder / name)], capture_output=True, check=True).stdout for name in names}
