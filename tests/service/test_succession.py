"""After another embedder: people stay known by what the former one made of them, until visits have taught them anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from test_learner import GRANT, MODEL, Door

from edgeface import learn
from edgeface.bridge import Bridge
from edgeface.embed import Embedder, to_template
from edgeface.match import Gallery
from edgeface.service.bootstrap import freeze_gallery
from edgeface.store import audit
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import NewTemplate
from fakes import FRONTAL, axis, embedder_spec
from portraits import at

FORMER = "f" * 64
ADA = axis(1.0)


def embedder(*, bridged: bool = True) -> Embedder:
    """In use now; what the former one made is carried over as it is, at a price."""
    bridge = Bridge(
        former=FORMER, matrix=np.eye(128, dtype=np.float32), offset=np.zeros(128, np.float32), scale=0.9, shift=0.0,
        measured="",
    )  # fmt: skip
    return Embedder(spec=embedder_spec(), infer=lambda _: (), identity=MODEL, bridges=(bridge,) if bridged else ())


class AfterUpdate(Door):
    """The same door, where Ada was enrolled with the former embedder."""

    model, learned = MODEL, True

    def __init__(self, database: Database, *, enabled: bool) -> None:
        self.embedder, self.learned = embedder(), enabled
        super().__init__(database, enabled=enabled)
        made = NewTemplate(model_sha256=FORMER, vector=to_template(ADA), quality=80.0, pose=FRONTAL, source="x")
        self.store.forget(self.ada, at(0))
        self.ada = self.store.enrol("Ada", [made], at(0)).id
        self.database = database
        self.renew()

    def renew(self) -> None:
        self.gallery: Gallery = freeze_gallery(self.store, self.embedder, learned=self.learned)
        self.told += 1

    def carried(self) -> bool:
        """Whether what the former embedder made still stands for Ada."""
        return self.gallery.carried is not None and bool(self.gallery.carried.any())

    def lessons_told(self) -> list[str]:
        entries = audit.newest_entries(self.database, 99, None, self.ada)
        return [entry.kind for entry in entries if entry.kind in ("learned", "unlearned")]


@pytest.fixture(params=[False, True], ids=["learning off", "learning on"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AfterUpdate]:
    with closing(open_database(tmp_path / "gallery.db")) as database:
        yield AfterUpdate(database, enabled=request.param)


def test_whoever_was_enrolled_before_gets_in_at_the_price(door: AfterUpdate) -> None:
    assert door.carried()
    assert np.isclose(door.score(ADA), 0.9, atol=1e-3)
    assert door.store.lacking(*door.embedder.understood) == ()
    assert len(door.store.lacking(MODEL)) == 1


def test_two_visits_on_two_days_take_the_place_of_what_was_carried_over(door: AfterUpdate) -> None:
    looks = [axis(0.75, rest=1), axis(0.75, rest=2)]
    assert door.visit(looks[0])
    door.renew()
    assert door.carried()
    assert door.visit(looks[1])
    door.renew()
    assert not door.carried()
    assert door.gallery.learned.tolist() == [False, False]
    assert door.lessons_told() == ["learned", "learned"]
    assert np.isclose(door.score(looks[0]), 1, atol=2e-3)


def test_lessons_can_be_taken_back_and_what_was_carried_over_is_there_again(door: AfterUpdate) -> None:
    for look in (axis(0.75, rest=1), axis(0.75, rest=2)):
        door.visit(look)
        door.renew()
    door.lessons.drop(door.ada, at(0))
    door.renew()
    assert door.carried()
    assert np.isclose(door.score(ADA), 0.9, atol=1e-3)


def test_a_single_lesson_vouches_for_nobody(door: AfterUpdate) -> None:
    door.visit(axis(0.75, rest=1))
    door.renew()
    other = axis(0.0, rest=1)
    assert door.score(other) < GRANT


def test_whoever_only_just_gets_in_teaches_nothing(door: AfterUpdate) -> None:
    assert door.visit(axis(0.57, rest=1))  # 0.51, priced: over the door's bar, under the lesson's
    assert door.lessons_told() == []


def test_what_does_not_look_alive_teaches_nothing(door: AfterUpdate) -> None:
    assert door.visit(axis(0.75, rest=1), live=None)
    assert door.lessons_told() == []


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "gallery.db")) as database:
        door = AfterUpdate(database, enabled=False)
        door.learner._options = type(door.learner._options)(
            learn=learn.Options(renew=False), strangers=door.learner._options.strangers
        )
        assert door.visit(axis(0.75, rest=1))
        assert door.lessons_told() == []


def test_enrolled_anew_nothing_is_carried_over(door: AfterUpdate) -> None:
    made = NewTemplate(model_sha256=MODEL, vector=to_template(ADA), quality=80.0, pose=FRONTAL, source="x")
    door.store.add(door.ada, [made], at(0))
    door.renew()
    assert not door.carried()
    assert np.isclose(door.score(ADA), 1, atol=2e-3)


def test_who_was_taught_anew_stays_known_without_the_map(door: AfterUpdate) -> None:
    """A later bundle need not bring it along."""
    for look in (axis(0.75, rest=1), axis(0.75, rest=2)):
        door.visit(look)
        door.renew()
    door.embedder = embedder(bridged=False)
    door.renew()
    assert np.isclose(door.score(axis(0.75, rest=1)), 1, atol=2e-3)


def test_to_go_back_is_to_carry_nothing(door: AfterUpdate) -> None:
    for look in (axis(0.75, rest=1), axis(0.75, rest=2)):
        door.visit(look)
    former = Embedder(spec=embedder_spec(), infer=lambda _: (), identity=FORMER)
    gallery = freeze_gallery(door.store, former, learned=False)
    assert (gallery.people, len(gallery.vectors), gallery.carried) == ((door.ada,), 1, None)
