"""Strangers are sealed, told apart, and gone when their time is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface.embed import to_template, unit
from edgeface.errors import GalleryCorrupt, UnknownStranger
from edgeface.frame import Instant
from edgeface.model import Tensor
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.strangers import StrangerStore
from edgeface.strangers import DAY_NS, Options
from fakes import axis
from samples import instant

MODEL, OTHER = "a" * 64, "b" * 64
ON = Options(enabled=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> StrangerStore:
    return StrangerStore(database, MODEL)


def days_later(now: Instant, days: float) -> Instant:
    return replace(now, wall_ns=now.wall_ns + int(days * DAY_NS))


def traces(folder: Path, needle: bytes) -> list[str]:
    return [file.name for file in folder.iterdir() if needle in file.read_bytes()]


def enrol(database: Database, vector: Tensor, model: str = MODEL) -> str:
    made = NewTemplate(model_sha256=model, vector=to_template(vector), quality=80.0, pose=None, source="x")
    return GalleryStore(database).enrol("Ada", [made], instant()).id


def test_who_comes_again_is_the_same_stranger(store: StrangerStore) -> None:
    now = instant()
    postman = store.meet(axis(1.0), now, ON)
    other = store.meet(axis(0, 1.0), days_later(now, 1), ON)
    assert store.meet(axis(0.9, 0.1), days_later(now, 2), ON) == postman != other
    found = store.find(str(postman))
    assert (found.visits, found.last_seen_wall_ns) == (2, days_later(now, 2).wall_ns)
    assert float(unit(found.total) @ axis(1.0)) > 0.9
    assert [one.id for one in store.all()] == [other, postman]


def test_off_means_nothing_is_kept(store: StrangerStore, database: Database) -> None:
    assert store.meet(axis(1.0), instant(), Options()) is None
    store.meet(axis(1.0), instant(), ON)
    assert store.expire(instant(), Options()) == 1
    assert database.read("SELECT count(*) AS n FROM strangers") == [{"n": 0}]


def test_nothing_is_kept_past_its_time(store: StrangerStore, database: Database, tmp_path: Path) -> None:
    now = instant()
    store.meet(axis(1.0), now, ON)
    StrangerStore(database, OTHER).meet(axis(1.0), now, ON)
    sealed = [row["total"] for row in database.read("SELECT total FROM strangers")]
    assert all(traces(tmp_path, secret) for secret in sealed)
    later = days_later(now, ON.keep_days + 0.01)
    assert store.expire(days_later(now, ON.keep_days - 0.01), ON) == 0
    assert store.expire(replace(later, wall_trusted=False), ON) == 0, "a clock that is not set counts no days"
    assert store.expire(later, ON) == 2, "of the other embedder as well"
    assert [traces(tmp_path, secret) for secret in sealed] == [[], []]


def test_the_longest_unseen_makes_room(store: StrangerStore) -> None:
    few, now = replace(ON, most=2), instant()
    ids = [store.meet(axis(*np.eye(3)[place]), days_later(now, place / 10), few) for place in range(3)]
    assert [one.id for one in store.all()] == ids[1:]


def test_ignored_and_forgotten(store: StrangerStore, database: Database, tmp_path: Path) -> None:
    postman = str(store.meet(axis(1.0), instant(), ON))
    store.ignore(postman)
    assert store.find(postman).ignored
    store.meet(axis(1.0), instant(), ON)
    assert store.find(postman).ignored, "also after the next visit"
    store.ignore(postman, ignored=False)
    assert not store.find(postman).ignored
    (row,) = database.read("SELECT wrapped_key, total FROM strangers")
    store.forget(postman)
    assert [traces(tmp_path, secret) for secret in row.values()] == [[], []]
    for attempt in (store.find, store.ignore, store.forget):
        with pytest.raises(UnknownStranger):
            attempt(postman)


def test_nothing_of_a_stranger_is_on_the_disk_in_plain(store: StrangerStore, tmp_path: Path) -> None:
    vector = unit(np.random.default_rng(0).normal(size=128).astype(np.float32))
    identity = str(store.meet(vector, instant(), ON))
    assert traces(tmp_path, vector.tobytes()) == []
    assert traces(tmp_path, identity.encode()), "the test looks in the right place"


def test_a_stranger_that_was_moved_does_not_open(store: StrangerStore, database: Database) -> None:
    store.meet(axis(1.0), instant(), ON)
    store.meet(axis(0, 1.0), instant(), ON)
    with database.transaction() as tables:
        tables.execute("UPDATE strangers SET total = (SELECT total FROM strangers ORDER BY id LIMIT 1)")
    with pytest.raises(GalleryCorrupt, match="stranger s_"):
        store.all()


def test_who_is_enrolled_is_no_stranger_any_more(store: StrangerStore, database: Database, tmp_path: Path) -> None:
    postman = str(store.meet(axis(1.0), instant(), ON))
    (row,) = database.read("SELECT wrapped_key, total FROM strangers")
    made = NewTemplate(model_sha256=MODEL, vector=to_template(axis(1.0)), quality=0.0, pose=None, source="visits")
    GalleryStore(database).enrol("Pat", [made], instant(), stranger=postman)
    assert store.all() == ()
    assert [traces(tmp_path, secret) for secret in row.values()] == [[], []]


def test_who_is_forgotten_is_forgotten_as_a_stranger_too(store: StrangerStore, database: Database) -> None:
    """Ada was once not recognised, and filed as somebody whom nobody knows."""
    ada = enrol(database, axis(1.0))
    store.meet(axis(0.6), instant(), ON)
    other = store.meet(axis(0, 1.0), instant(), ON)
    GalleryStore(database).forget(ada, instant())
    assert [one.id for one in store.all()] == [other]
