"""A whole reader that learns: the same decisions, and what they teach only once they are on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface import learn, snapshot, strangers
from edgeface.adapters.clock import SystemClock
from edgeface.decide import Decision, Outcome
from edgeface.embed import to_template
from edgeface.enrol import Portrait, portrait
from edgeface.errors import ConfigError, EnrolmentError
from edgeface.frame import Frame, Instant, Pixels
from edgeface.image import decode
from edgeface.pipeline import Options
from edgeface.service import bootstrap
from edgeface.service.bootstrap import Loaded, freeze_gallery, open_station
from edgeface.service.enrolment import Registrar, Shot, Wish
from edgeface.service.settings import Config
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.lessons import LessonStore, TaughtBy
from edgeface.store.snapshots import SnapshotStore
from edgeface.store.strangers import StrangerStore
from portraits import film

EAGER = Config(
    learn=learn.Options(enabled=True, min_quality=0.0, most_alike=1.0, rest_hours=0.0),
    strangers=strangers.Options(enabled=True),
)


class SetClock(SystemClock):
    """This machine's clock, as if it had been set."""

    def now(self) -> Instant:
        return replace(super().now(), wall_trusted=True)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "SystemClock", SetClock)


@pytest.fixture
def database(loaded: Loaded, tmp_path: Path, astronaut: Pixels) -> Iterator[Database]:
    found = portrait(astronaut, loaded.models, Options())
    assert isinstance(found, Portrait)
    template = NewTemplate(
        model_sha256=loaded.embedder.identity,
        vector=to_template(found.embedding.vector),
        quality=found.quality.score,
        pose=found.pose,
        source="test",
    )
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        GalleryStore(opened).enrol("Eileen", [template], SetClock().now())
        yield opened


def now(portrait: Pixels) -> Iterator[Frame]:
    """A film as a camera would show it, at this moment."""
    for frame in film(portrait):
        yield replace(frame, captured_at=SetClock().now())


def watched(config: Config, loaded: Loaded, database: Database, visitor: Pixels) -> list[Decision]:
    with open_station(config, loaded, database, film_time=False) as station:
        steps = list(station.reader.watch(now(visitor)))
        assert station.parts["idle"]()
    return [recorded.decision for step in steps for recorded in step.decisions]


def test_a_visit_teaches_after_its_decision(loaded: Loaded, database: Database, astronaut: Pixels) -> None:
    (without,) = watched(Config(), loaded, database, astronaut)
    (granted,) = watched(EAGER, loaded, database, astronaut)
    assert granted.outcome is Outcome.GRANT
    assert (granted.score, granted.threshold, granted.shots) == (without.score, without.threshold, without.shots)
    lessons = LessonStore(database, "b")
    heard = [one.decision_id for one in (*lessons.learned(), *lessons.questions())]
    assert heard == [granted.id]
    kinds = [row["kind"] for row in database.read("SELECT kind FROM audit WHERE kind <> 'enrol' ORDER BY seq")]
    assert kinds[:5] == ["start", "decision", "config", "start", "decision"]


def test_learning_switched_off_is_the_enrolment_again(loaded: Loaded, database: Database, astronaut: Pixels) -> None:
    everybody = replace(EAGER, learn=replace(EAGER.learn, min_lead=0.0))
    watched(everybody, loaded, database, astronaut)
    lessons = LessonStore(database, "b")
    for question in lessons.questions():
        lessons.confirm(question.id, SetClock().now(), EAGER.learn)
    assert len(lessons.learned()) == 1
    store, embedder = GalleryStore(database), loaded.models.embedder
    assert list(freeze_gallery(store, embedder).learned) == [False, True]
    assert list(freeze_gallery(store, embedder, learned=False).learned) == [False]
    with open_station(Config(), loaded, database, film_time=False) as station:
        assert list(station.gallery.learned) == [False]
    with open_station(EAGER, loaded, database, film_time=False) as station:
        assert list(station.gallery.learned) == [False, True]
        assert station.bar.chances == 2


def test_a_stranger_is_known_again_and_gone_when_it_is_switched_off(
    loaded: Loaded, database: Database, hopper: Pixels
) -> None:
    for _ in range(2):
        assert [one.outcome for one in watched(EAGER, loaded, database, hopper)] == [Outcome.UNKNOWN]
    store = StrangerStore(database, loaded.embedder.identity)
    assert [one.visits for one in store.all()] == [2]
    watched(Config(), loaded, database, hopper)
    assert store.all() == ()


def test_without_a_measured_tail_nothing_may_be_learned(loaded: Loaded, database: Database) -> None:
    embedder = replace(loaded.models.embedder, spec=replace(loaded.models.embedder.spec, impostor_tail=None))
    bare = replace(loaded, models=replace(loaded.models, embedder=embedder))
    with pytest.raises(ConfigError, match=r"learn\.enabled"), open_station(EAGER, bare, database, film_time=False):
        pass


def test_another_gallery_is_taken_between_visits(loaded: Loaded, database: Database, astronaut: Pixels) -> None:
    """In the middle of a visit the one in use stays."""
    with open_station(EAGER, loaded, database, film_time=False) as station:
        reader, newer = station.reader, replace(station.gallery, revision=99)
        frames = now(astronaut)
        reader.step(next(frames))
        reader.step(next(frames))
        assert reader._scene.beliefs, "a visit is open"
        reader.adopt(newer, replace(station.bar, revision=99))
        reader.step(next(frames))
        assert reader.gallery.revision == station.gallery.revision
        for frame in frames:
            reader.step(frame)
        assert reader.gallery is newer


def test_a_batch_goes_on_in_a_gallery_that_learned(loaded: Loaded, database: Database, hopper: Pixels) -> None:
    """What a registrar knows of everybody grows in all its parts: the second question is answered like the first."""
    (eileen,) = GalleryStore(database).people()
    own = NewTemplate(
        model_sha256=loaded.embedder.identity, vector=np.ones(128, np.int8), quality=80.0, pose=None, source="x"
    )
    LessonStore(database, "b").learn(eileen.id, own, "0" * 32, TaughtBy.VISIT, SetClock().now(), EAGER.learn)
    registrar = Registrar(database, loaded.models.embedder)
    found = portrait(hopper, loaded.models, Options())
    assert isinstance(found, Portrait)
    registrar.admit(Wish(name="Grace"), [Shot(source="x", portrait=found)], None, SetClock().now())
    with pytest.raises(EnrolmentError, match="already enrolled as Grace"):
        registrar.admit(Wish(name="Eve"), [Shot(source="x", portrait=found)], None, SetClock().now())


def test_a_picture_is_kept_of_who_was_let_in_and_of_nobody_else(
    loaded: Loaded, database: Database, astronaut: Pixels, hopper: Pixels
) -> None:
    config = Config(snapshots=snapshot.Options(enabled=True))
    (eileen,) = GalleryStore(database).people()
    store = SnapshotStore(database, config.snapshots)
    watched(config, loaded, database, hopper)
    rules = database.path.parent / "access.toml"
    rules.write_text("[doors.main]\n")
    assert [one.outcome for one in watched(config, loaded, database, astronaut)] == [Outcome.DENY]
    assert database.read("SELECT count(*) AS n FROM snapshots") == [{"n": 0}]
    rules.unlink()
    (granted,) = watched(config, loaded, database, astronaut)
    (kept,) = store.of(eileen.id)
    assert kept.decision_id == granted.id
    assert len(kept.picture) <= config.snapshots.max_bytes
    enrolled, shown = (portrait(one, loaded.models, Options()) for one in (astronaut, decode(kept.picture)))
    assert isinstance(enrolled, Portrait)
    assert isinstance(shown, Portrait)
    assert float(enrolled.embedding.vector @ shown.embedding.vector) > loaded.floor
    watched(Config(), loaded, database, hopper)
    assert store.of(eileen.id) == (), "switched off, nothing is kept"
