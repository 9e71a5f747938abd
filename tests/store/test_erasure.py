"""What was deleted is gone, also from between the rows, where SQLite leaves bytes of rows that it moved elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from edgeface import learn, snapshot, strangers
from edgeface.errors import GalleryError
from edgeface.frame import Instant
from edgeface.store import erasure
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.lessons import LessonStore, TaughtBy
from edgeface.store.search import holds_piece, pieces_of
from edgeface.store.snapshots import DAY_NS, SnapshotStore
from edgeface.store.strangers import StrangerStore
from fakes import axis
from residue import plant
from samples import instant

MODEL = "a" * 64
KEPT = snapshot.Options(enabled=True, most=1)
NOTICED = strangers.Options(enabled=True)


def template(seed: int) -> NewTemplate:
    vector = np.random.default_rng(seed).integers(-127, 127, 128).astype(np.int8)
    return NewTemplate(model_sha256=MODEL, vector=vector, quality=80.0, pose=None, source="x")


def visit(number: int) -> str:
    return f"{number:032x}"


def later(days: float) -> Instant:
    return replace(instant(), wall_ns=instant().wall_ns + int(days * DAY_NS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that is deleted."""

    table: str
    sealed: str
    """The column."""
    make: Callable[[Database, str], object]
    delete: Callable[[Database, str], object]


def lessons(database: Database) -> LessonStore:
    return LessonStore(database, "b")


def seen(number: int) -> Callable[[Database, str], object]:
    return lambda database, ada: SnapshotStore(database, KEPT).keep(ada, visit(number), bytes(1800), instant())


def met(database: Database, ada: str) -> object:
    return StrangerStore(database, MODEL).meet(axis(1.0), instant(), NOTICED)


def asked(database: Database, ada: str) -> object:
    return lessons(database).ask(ada, template(5), "why", visit(1), instant())


def taught(database: Database, ada: str) -> object:
    return lessons(database).learn(ada, template(6), visit(1), TaughtBy.VISIT, instant(), learn.Options())


def newest(database: Database, table: str) -> dict[str, object]:
    return database.read(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1")[0]


CASES = {
    "a snapshot had its time": Case(
        table="snapshots", sealed="picture", make=seen(1),
        delete=lambda database, ada: SnapshotStore(database, KEPT).expire(later(8)),
    ),
    "a snapshot made room": Case(table="snapshots", sealed="picture", make=seen(1), delete=seen(2)),
    "snapshots were deleted": Case(
        table="snapshots", sealed="picture", make=seen(1),
        delete=lambda database, ada: SnapshotStore(database, KEPT).delete(ada),
    ),
    "a stranger had his time": Case(
        table="strangers", sealed="total", make=met,
        delete=lambda database, ada: StrangerStore(database, MODEL).expire(later(8), NOTICED),
    ),
    "a stranger's key": Case(
        table="strangers", sealed="wrapped_key", make=met,
        delete=lambda database, ada: StrangerStore(database, MODEL).expire(later(8), NOTICED),
    ),
    "a stranger made room": Case(
        table="strangers", sealed="total", make=met,
        delete=lambda database, ada: StrangerStore(database, MODEL).meet(
            axis(0, 1.0), later(1), replace(NOTICED, most=1)
        ),
    ),
    "a stranger was forgotten": Case(
        table="strangers", sealed="total", make=met,
        delete=lambda database, ada: StrangerStore(database, MODEL).forget(str(newest(database, "strangers")["id"])),
    ),
    "a stranger was enrolled": Case(
        table="strangers", sealed="total", make=met,
        delete=lambda database, ada: GalleryStore(database).enrol(
            "Pat", [template(9)], instant(), stranger=str(newest(database, "strangers")["id"])
        ),
    ),
    "a question had its time": Case(
        table="questions", sealed="vector", make=asked,
        delete=lambda database, ada: lessons(database).expire(later(100), 30),
    ),
    "a question was answered": Case(
        table="questions", sealed="vector", make=asked,
        delete=lambda database, ada: lessons(database).confirm(
            str(newest(database, "questions")["id"]), instant(), learn.Options()
        ),
    ),
    "a lesson was taken back": Case(
        table="templates", sealed="vector", make=taught,
        delete=lambda database, ada: lessons(database).drop(ada, instant()),
    ),
    "a name was changed": Case(
        table="people", sealed="sealed_name", make=lambda database, ada: None,
        delete=lambda database, ada: GalleryStore(database).rename(ada, "Countess Lovelace", instant()),
    ),
}  # fmt: skip


def traces(folder: Path, needle: bytes) -> list[str]:
    return [file.name for file in folder.iterdir() if needle in file.read_bytes()]


@pytest.mark.parametrize("what", CASES)
def test_a_piece_that_was_left_between_the_rows_goes_with_it(what: str, tmp_path: Path) -> None:
    case, path = CASES[what], tmp_path / "gallery.db"
    with closing(open_database(path)) as database:
        ada = GalleryStore(database).enrol("Ada Lovelace", [template(1)], instant()).id
        case.make(database, ada)
        sealed = newest(database, case.table)[case.sealed]
        assert isinstance(sealed, bytes)
    piece = sealed[16:40]
    plant(path, case.table, piece)
    with closing(open_database(path)) as database:
        case.delete(database, ada)
        assert traces(tmp_path, sealed[16:40]) == []
        assert database.read("PRAGMA foreign_key_check") == []
        assert GalleryStore(database).load(MODEL, 128).person_ids.count(ada) >= 1, "who stays is whole"


def test_what_waits_for_a_transaction_is_erased_when_it_is_stored_and_not_if_it_is_undone(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "gallery.db")) as database:
        ada = GalleryStore(database).enrol("Ada", [template(1)], instant()).id
        seen(1)(database, ada)
        (row,) = database.read("SELECT picture FROM snapshots")
        with pytest.raises(KeyError), database.transaction():
            SnapshotStore(database, KEPT).delete(ada)
            raise KeyError
        assert traces(tmp_path, row["picture"][:24]), "all of it was undone"
        with database.transaction(), pytest.raises(KeyError), database.transaction():
            SnapshotStore(database, KEPT).delete(ada)
            raise KeyError
        assert len(SnapshotStore(database, KEPT).of(ada)) == 1, "a part was undone, and nothing was looked for"
        with database.transaction():
            SnapshotStore(database, KEPT).delete(ada)
        assert traces(tmp_path, row["picture"][:24]) == []


def test_what_cannot_be_erased_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_database(tmp_path / "gallery.db")) as database:
        ada = GalleryStore(database).enrol("Ada", [template(1)], instant()).id
        seen(1)(database, ada)
        monkeypatch.setattr(erasure, "search", lambda *_: (1, ("gallery.db",)))
        with pytest.raises(GalleryError, match=r"gallery\.db still holds what was deleted"):
            SnapshotStore(database, KEPT).delete(ada)


@pytest.mark.parametrize("length", [0, 7, 8, 9, 100, 3_000_000])
def test_pieces_are_found_at_every_place(length: int) -> None:
    dice = np.random.default_rng(length)
    content, sealed = dice.bytes(length), [dice.bytes(21), dice.bytes(300)]
    pieces = pieces_of(sealed)
    assert len(pieces) == 2 + 37
    assert not holds_piece(content, pieces)
    for place in {0, 1, 7, length // 2, length}:
        for piece in (sealed[0][8:16], sealed[1][-12:-4]):
            assert holds_piece(content[:place] + piece + content[place:], pieces), (place, piece)
    assert not holds_piece(content, pieces_of([])) and not holds_piece(sealed[1], pieces_of([b"short"]))


def test_a_stranger_keeps_the_key_of_the_first_visit(tmp_path: Path) -> None:
    """Else what was sealed at earlier visits could be opened with a key that nobody looks for."""
    with closing(open_database(tmp_path / "gallery.db")) as database:
        met(database, "")
        (first,) = database.read("SELECT wrapped_key, total FROM strangers")
        met(database, "")
        (second,) = database.read("SELECT wrapped_key, total FROM strangers")
    assert first["wrapped_key"] == second["wrapped_key"] and first["total"] != second["total"]
