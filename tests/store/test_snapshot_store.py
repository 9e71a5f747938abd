"""Snapshots are sealed under the person's key, few, short-lived, and gone with the person to the last byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface.errors import GalleryCorrupt, UnknownPerson
from edgeface.snapshot import Options
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.snapshots import DAY_NS, SnapshotStore
from samples import instant

PICTURE = bytes(range(256)) * 8
ON = Options(enabled=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> SnapshotStore:
    return SnapshotStore(database, ON)


def enrol(database: Database, name: str) -> str:
    vector = np.frombuffer(name.ljust(128).encode(), np.int8)
    made = NewTemplate(model_sha256="a" * 64, vector=vector, quality=80.0, pose=None, source="x")
    return GalleryStore(database).enrol(name, [made], instant()).id


@pytest.fixture
def ada(database: Database) -> str:
    return enrol(database, "Ada")


def visit(number: int) -> str:
    return f"{number:032x}"


def traces(folder: Path, needle: bytes) -> list[str]:
    return [file.name for file in folder.iterdir() if needle in file.read_bytes()]


def test_it_comes_back_as_it_was_and_is_not_on_the_disk_in_plain(
    store: SnapshotStore, ada: str, tmp_path: Path
) -> None:
    now = instant()
    store.keep(ada, visit(1), PICTURE, now)
    store.keep(ada, visit(1), b"another of the same visit", now)
    (found,) = store.of(ada)
    assert (found.decision_id, found.picture, found.taken_at_wall_ns) == (visit(1), PICTURE, now.wall_ns)
    assert traces(tmp_path, PICTURE[:64]) == []
    assert traces(tmp_path, visit(1).encode()), "the test looks in the right place"


def test_the_oldest_of_a_person_makes_room(database: Database, ada: str) -> None:
    store, eve = SnapshotStore(database, replace(ON, most=2)), enrol(database, "Eve")
    store.keep(eve, visit(99), PICTURE, instant())
    for number in range(4):
        store.keep(ada, visit(number), PICTURE, instant())
    assert [one.decision_id for one in store.of(ada)] == [visit(2), visit(3)]
    assert len(store.of(eve)) == 1


def test_its_time_ends(store: SnapshotStore, database: Database, ada: str, tmp_path: Path) -> None:
    now = instant()
    store.keep(ada, visit(1), PICTURE, now)
    (row,) = database.read("SELECT picture FROM snapshots")
    later = replace(now, wall_ns=now.wall_ns + int((ON.keep_days + 0.1) * DAY_NS))
    assert store.expire(replace(later, wall_trusted=False)) == 0
    assert store.expire(now) == 0
    assert traces(tmp_path, row["picture"])
    assert store.expire(later) == 1
    assert traces(tmp_path, row["picture"]) == []


def test_switched_off_means_gone_whatever_the_clock(store: SnapshotStore, database: Database, ada: str) -> None:
    store.keep(ada, visit(1), PICTURE, instant())
    assert SnapshotStore(database, Options()).expire(replace(instant(), wall_trusted=False)) == 1
    assert store.of(ada) == ()


def test_it_goes_with_the_person_and_is_looked_for(
    store: SnapshotStore, database: Database, ada: str, tmp_path: Path
) -> None:
    store.keep(ada, visit(1), PICTURE, instant())
    (row,) = database.read("SELECT picture FROM snapshots")
    (tmp_path / "printed.jpg").write_bytes(PICTURE)
    receipt = GalleryStore(database).forget(ada, instant())
    assert receipt.remains == ("printed.jpg",), "a picture that was written out is found by its bytes"
    assert traces(tmp_path, row["picture"]) == []
    with pytest.raises(UnknownPerson):
        store.keep(ada, visit(2), PICTURE, instant())


def test_moved_to_another_visit_it_does_not_open(store: SnapshotStore, database: Database, ada: str) -> None:
    store.keep(ada, visit(1), PICTURE, instant())
    with database.transaction() as tables:
        tables.execute("UPDATE snapshots SET decision_id = ?", (visit(2),))
    with pytest.raises(GalleryCorrupt, match="snapshot 0"):
        store.of(ada)


def test_deleted_by_hand(store: SnapshotStore, ada: str) -> None:
    store.keep(ada, visit(1), PICTURE, instant())
    assert store.delete(ada) == 1
    assert store.delete(ada) == 0
    for attempt in (store.of, store.delete):
        with pytest.raises(UnknownPerson):
            attempt("p_0")
