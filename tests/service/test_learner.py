"""After the decision, off the hot path: what visits teach, and that nobody creeps in by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeface import learn, match, strangers
from edgeface.decide import Decision, Outcome
from edgeface.embed import to_template
from edgeface.errors import GalleryError
from edgeface.frame import Frame, Instant
from edgeface.learn import Pupil
from edgeface.liveness import Liveness, Unjudged
from edgeface.match import LIFT, Gallery, Match
from edgeface.model import ImpostorTail, Tensor
from edgeface.scene import Passed, Sighting, View
from edgeface.service.idle import MOST_WAITING, Idle
from edgeface.service.learner import Learner, Options
from edgeface.service.loop import Recorded, Step
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.lessons import LessonStore
from edgeface.store.strangers import StrangerStore
from fakes import FRONTAL, axis, detection, quality
from portraits import at
from samples import decision

MODEL = "m" * 64
GRANT, TEACH = 0.48, 0.55
TAIL = ImpostorTail(
    above=0.3, rate=0.01, shape=0.0, scale=0.05, shape_interval=(0, 0), scale_interval=(0, 0), exceedances=100,
    pairs=10_000, lowest_fmr=0.01 * np.exp(-(TEACH - 0.3) / 0.05),
)  # fmt: skip
DAY_NS = 24 * 3600 * 10**9
ALIVE = Liveness(score=0.9, live=True)


class Door:
    """A gallery with Ada in it, a learner that studies at once, and a scale for whoever comes."""

    def __init__(self, database: Database, *, room: bool = True, enabled: bool = True) -> None:
        made = NewTemplate(model_sha256=MODEL, vector=to_template(axis(1.0)), quality=80.0, pose=FRONTAL, source="x")
        self.store = GalleryStore(database)
        self.ada = self.store.enrol("Ada", [made], at(0)).id
        self.lessons, self.strangers = LessonStore(database, "b"), StrangerStore(database, MODEL)
        self.idle = Idle()  # not started: what is submitted waits
        self.day = 0
        self.room, self.told = room, 0
        self.renew()
        self.learner = Learner(
            lessons=self.lessons,
            strangers=self.strangers,
            gallery=lambda: self.gallery,
            tail=TAIL,
            room=lambda: self.room,
            learned=self.renew,
            options=Options(
                learn=learn.Options(enabled=enabled, min_quality=0.0), strangers=strangers.Options(enabled=enabled)
            ),
            idle=self.idle,
        )

    def renew(self) -> None:
        enrolled = self.store.load(MODEL, 128)
        self.gallery: Gallery = match.freeze(
            enrolled.vectors, enrolled.person_ids, MODEL, enrolled.revision, 128, enrolled.learned
        )
        self.told += 1

    def score(self, vector: Tensor) -> float:
        return float(match.likeness(vector, self.gallery)[0])

    def visit(self, vector: Tensor, live: Liveness | None = ALIVE) -> bool:
        """Somebody comes, once a day; whether the door opens. Then what the visit teaches is learned."""
        self.day += 1
        granted = self.score(vector) >= GRANT
        made = self.decision(granted, self.score(vector))
        for shot in range(3):
            self.learner.take(step([sighting(self.gallery, near(vector, shot), live)]))
        self.learner.take(step([], made))
        while not self.idle._jobs.empty():
            job = self.idle._jobs.get_nowait()
            assert job is not None
            job()
        return granted

    def decision(self, granted: bool, score: float) -> Decision:
        outcome = Outcome.GRANT if granted else Outcome.UNKNOWN
        now = Instant(monotonic_ns=self.day * DAY_NS, wall_ns=self.day * DAY_NS, wall_trusted=True)
        who = self.ada if granted else None
        return decision(
            outcome=outcome, person_id=who, score=score, threshold=GRANT, track=7, decided_at=now, captured_at=now
        )


def near(vector: Tensor, shot: int) -> Tensor:
    """The same face in another frame: a little noise, or the shots would count as one."""
    noise = np.random.default_rng(shot).normal(size=128).astype(np.float32)
    noise -= vector * (noise @ vector)
    return np.asarray(vector * 0.999 + noise / np.linalg.norm(noise) * np.sqrt(1 - 0.999**2), np.float32)


def sighting(gallery: Gallery, vector: Tensor, live: Liveness | None = ALIVE, track: int = 7) -> Sighting:
    found = Match(scores=match.likeness(vector, gallery), probe=vector, revision=gallery.revision)
    view = View(pose=FRONTAL, quality=quality(), chip=np.zeros((80, 80, 3), np.uint8))
    return Sighting(track=track, detection=detection(), view=view, liveness=live, match=found)


def step(sightings: list[Sighting], *decided: Decision) -> Step:
    frame = Frame(pixels=np.zeros((8, 8, 3), np.uint8), camera="front", sequence=0, captured_at=at(0))
    recorded = tuple(Recorded(seq=1, decision=one) for one in decided)
    return Step(frame=frame, sightings=tuple(sightings), decisions=recorded, stale=False, took_ms=1.0)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


@pytest.fixture
def door(database: Database) -> Door:
    return Door(database)


def test_a_visit_beyond_doubt_is_learned_and_counts(door: Door) -> None:
    beard = axis(0.6, 0.8)
    before = door.score(axis(0.45, 0.89))
    assert door.visit(beard)
    (lesson,) = door.lessons.learned(door.ada)
    assert lesson.taught_at_wall_ns == DAY_NS
    assert door.told == 2, "the gallery is made afresh"
    assert door.score(axis(0.45, 0.89)) == pytest.approx(before + LIFT, abs=0.01)
    assert door.lessons.questions() == ()


def test_a_doubtful_visit_becomes_a_question(door: Door) -> None:
    assert door.visit(axis(0.5, 0.86))
    (question,) = door.lessons.questions()
    assert "0.55 needed" in question.why
    assert door.lessons.learned() == ()


@pytest.mark.parametrize(
    "live", [None, Liveness(score=0.1, live=False), replace(ALIVE, live=False, unjudged=Unjudged.TOO_SMALL)]
)
def test_what_was_not_seen_alive_teaches_nothing_by_itself(door: Door, live: Liveness | None) -> None:
    door.visit(axis(0.6, 0.8), live)
    assert door.lessons.learned() == ()
    assert [question.why for question in door.lessons.questions()] == ["not every shot was seen to be alive"]


def test_a_stranger_is_met_and_met_again(door: Door) -> None:
    assert [door.visit(axis(0.0, 0.0, 1.0)) for _ in range(3)] == [False] * 3
    (stranger,) = door.strangers.all()
    assert stranger.visits == 3
    assert door.lessons.learned() == ()


def test_a_stranger_is_a_rival(door: Door) -> None:
    """Who looks like a recurring stranger teaches Ada's templates nothing by himself."""
    twin = axis(0.47, 0.88)
    door.visit(twin)
    assert len(door.strangers.all()) == 1
    door.visit(axis(0.6, 0.8))
    assert door.lessons.learned() == ()
    assert "somebody else is nearly as alike" in door.lessons.questions()[0].why


def test_a_grant_that_came_too_late_is_no_stranger(door: Door) -> None:
    """Unknown because the last shot was old, though the face is known: nothing is kept of that."""
    for shot in range(3):
        door.learner.take(step([sighting(door.gallery, near(axis(0.9, 0.43), shot))]))
    door.learner.take(step([], replace(door.decision(False, 0.9))))
    assert door.idle._jobs.empty()


def test_off_means_off(database: Database) -> None:
    door = Door(database, enabled=False)
    door.visit(axis(0.6, 0.8))
    door.visit(axis(0.0, 1.0))
    assert door.lessons.learned() == door.lessons.questions() == door.strangers.all() == ()


def test_nothing_is_learned_that_the_dial_has_no_room_for(database: Database) -> None:
    door = Door(database, room=False)
    door.visit(axis(0.6, 0.8))
    assert door.lessons.learned() == ()


def test_a_no_keeps_the_same_visitor_from_asking_again(door: Door) -> None:
    door.visit(axis(0.5, 0.86))
    door.lessons.deny(door.lessons.questions()[0].id)
    door.visit(axis(0.5, 0.86))
    assert door.lessons.questions() == ()
    door.visit(axis(0.6, 0.8))
    assert door.lessons.learned() == (), "nor does whoever is like that teach"


def creep(door: Door, steps: int = 60) -> bool:
    """Somebody comes day after day, a little less like Ada each time, and at last as himself: does it open?"""
    for angle in np.linspace(np.arccos(0.95), np.arccos(0.2), steps):
        door.visit(axis(float(np.cos(angle)), float(np.sin(angle))))
    return door.visit(axis(0.2, float(np.sqrt(1 - 0.04))))


def test_an_impostor_who_creeps_never_gets_in(door: Door) -> None:
    assert not creep(door)
    assert len(door.lessons.learned()) == 1, "the visits did teach, or this shows nothing"


def test_without_the_guards_he_does(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """What galleries that train themselves do: lessons vouch for lessons, and lift as far as they reach."""
    own = door.lessons.pupil

    def chained(person_id: str, gallery: Gallery, rivals: list[Tensor]) -> Pupil:
        found = own(person_id, gallery)
        return replace(found, originals=np.concatenate([found.originals, found.learned]))

    monkeypatch.setattr(door.lessons, "pupil", chained)
    monkeypatch.setattr(match, "LIFT", 2.0)
    assert creep(door)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    cosines=st.lists(st.floats(0.3, 0.99), min_size=1, max_size=8),
    own=st.floats(-0.5, GRANT - LIFT - 0.01),
)
def test_nobody_gets_in_who_is_not_like_the_enrolment(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cosines: list[float], own: float
) -> None:
    """Whatever visits came before, in whatever order: the enrolment has the last word, by all but LIFT."""
    random = np.random.default_rng(seed)
    with closing(open_database(tmp_path_factory.mktemp("any") / "gallery.db")) as database:
        door = Door(database)
        mallory = towards(own, random)
        for cosine in cosines:
            door.visit(towards(cosine, random, mallory))
        enrolled, *taught = door.gallery.vectors
        assert all(float(lesson @ enrolled) >= TEACH - 0.02 for lesson in taught)
        assert not door.visit(mallory)


def towards(cosine: float, random: np.random.Generator, pull: Tensor | None = None) -> Tensor:
    """A direction at that cosine to Ada's template, otherwise at random, or the way that `pull` leads."""
    rest = random.normal(size=128).astype(np.float32) if pull is None else pull.copy()
    rest[0] = 0
    rest /= np.linalg.norm(rest)
    rest *= np.sqrt(1 - cosine**2)
    rest[0] = cosine
    return rest


def test_repeated_frames_are_one_shot(door: Door) -> None:
    for _ in range(5):
        door.learner.take(step([sighting(door.gallery, axis(0.6, 0.8))]))
    door.learner.take(step([], door.decision(True, 0.6)))
    job = door.idle._jobs.get_nowait()
    assert job is not None
    job()
    assert door.lessons.learned() == door.lessons.questions() == ()


def test_visits_that_are_never_decided_do_not_pile_up(door: Door) -> None:
    for track in range(500):
        door.learner.take(step([sighting(door.gallery, axis(0.6, 0.8), track=track)]))
    assert len(door.learner._visits) <= 64


def waited_for(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not what() and time.monotonic() < until:
        time.sleep(0.005)
    return what()


def test_while_a_visit_is_open_it_is_not_idle(door: Door) -> None:
    """Also while a frame comes that is too old to look at."""
    door.learner.take(step([sighting(door.gallery, axis(0.6, 0.8))]))
    assert not door.idle._quiet.is_set()
    door.learner.take(replace(step([]), stale=True))
    assert not door.idle._quiet.is_set()
    door.learner.take(step([]))
    assert door.idle._quiet.is_set()
    crowd = replace(sighting(door.gallery, axis(0.6, 0.8)), view=None, match=None, passed=Passed.CROWD)
    for passed, quiet in ((Passed.CROWD, False), (Passed.DECIDED, True), (Passed.FAINT, True)):
        door.learner.take(step([replace(crowd, passed=passed)]))
        assert door.idle._quiet.is_set() is quiet


def test_idle_work_waits_while_a_visit_is_open() -> None:
    idle, done = Idle(), threading.Event()
    idle.start()
    idle.busy(True)
    assert idle.submit(done.set)
    assert not done.wait(0.1)
    idle.busy(False)
    assert done.wait(10)
    idle.stop()
    assert not idle.ticks()


def test_a_visit_without_an_end_does_not_keep_work_waiting_for_ever() -> None:
    idle, done = Idle(patience_s=0.05), threading.Event()
    idle.start()
    idle.busy(True)
    idle.submit(done.set)
    assert done.wait(10)
    idle.stop()


def test_idle_work_that_is_too_much_is_not_taken_and_never_blocks() -> None:
    idle = Idle()
    assert [idle.submit(lambda: None) for _ in range(MOST_WAITING + 5)] == [True] * MOST_WAITING + [False] * 5


def test_what_waits_is_done_before_the_end_and_a_failure_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    idle, done = Idle(), []

    def fails() -> None:
        raise GalleryError("the disk is full")

    idle.start()
    idle.busy(True)
    idle.submit(fails)
    idle.submit(lambda: done.append(1))
    idle.stop()
    assert done == [1]
    assert "the disk is full" in caplog.text


def test_chores_come_again() -> None:
    idle, times = Idle(), []
    idle.every(0.01, lambda: times.append(time.monotonic()))
    idle.start()
    assert waited_for(lambda: len(times) >= 3)
    idle.stop()
