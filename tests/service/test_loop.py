"""Frame after frame: nothing old decides, nothing unrecorded is announced, nobody is forgotten at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface import match, pace
from edgeface.access import Factor, FactorKind, Reply, Rules, State, default_text, hash_pin
from edgeface.config import parse
from edgeface.decide import Decision, Outcome
from edgeface.embed import to_template
from edgeface.enrol import Portrait, portrait
from edgeface.errors import CameraLost, GalleryError
from edgeface.frame import Frame, Instant, Pixels
from edgeface.match import Gallery
from edgeface.pipeline import Options
from edgeface.service.bootstrap import Loaded
from edgeface.service.guard import Guard
from edgeface.service.loop import Reader, Recorded, Step
from edgeface.store import audit
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from fakes import level
from portraits import at, empty, film


class Log:
    """Journal and announcer in one list, so that their order shows."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.announced: list[Recorded] = []
        self.full = False

    def record(self, decision: Decision, change: object) -> int:
        if self.full:
            raise GalleryError("the disk is full")
        self.entries.append(f"stored {decision.id}")
        return len(self.entries)

    def remember(self, change: object) -> None:
        self.entries.append("remembered")

    def clock(self, before: Instant, now: Instant) -> None:
        self.entries.append(f"clock set after {before.monotonic_ns}")

    def announce(self, recorded: Recorded) -> None:
        self.entries.append(f"announced {recorded.decision.id}")
        self.announced.append(recorded)


class Watch:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> Instant:
        return at(self.seconds)


class SlowWatch(Watch):
    """Told thrice a frame: when it comes, when it is judged, and when that is done. Looking takes 0.6 s."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def now(self) -> Instant:
        self.asked += 1
        return at(self.seconds + (0.0 if self.asked % 3 == 1 else 0.6))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def people(loaded: Loaded, astronaut: Pixels) -> Gallery:
    found = portrait(astronaut, loaded.models, Options())
    assert isinstance(found, Portrait)
    template = to_template(found.embedding.vector)
    return match.freeze(template[None], ("p_eileen",), loaded.embedder.identity, 1, len(template))


EVERYONE = parse(default_text("main"), Rules)


def reader(
    loaded: Loaded, gallery: Gallery, log: Log, watch: Watch, *, film_time: bool = False, rules: Rules = EVERYONE,
    pacing: pace.Options = pace.EVERY_FRAME,
) -> Reader:  # fmt: skip
    return Reader(
        models=loaded.models,
        gallery=gallery,
        bar=level(gallery, loaded.floor),
        live_floor=None,
        options=Options(),
        guard=Guard(rules, State(), "boot"),
        journal=log,  # type: ignore[arg-type]
        announce=log.announce,
        now=watch.now,
        pacing=pacing,
        film_time=film_time,
    )


def played(frames: Iterator[Frame], watch: Watch, late_s: float = 0.0) -> Iterator[Frame]:
    """Frames that arrive so long after they were taken."""
    for frame in frames:
        watch.seconds = frame.captured_at.seconds_since(at(0)) + late_s
        yield frame


def decisions(steps: list[Step]) -> list[Decision]:
    return [recorded.decision for step in steps for recorded in step.decisions]


@pytest.mark.parametrize(
    ("jump_s", "trusted", "told"), [(0.0, True, False), (1.0, True, False), (-3600.0, True, True), (0.0, False, True)]
)
def test_a_clock_that_was_set_is_told_once(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels, monkeypatch: pytest.MonkeyPatch,
    jump_s: float, trusted: bool, told: bool,
) -> None:  # fmt: skip
    made = reader(loaded, people, log, watch)
    frames = list(film(astronaut))[:3]
    for count, frame in enumerate(frames):
        moment = replace(frame.captured_at, wall_ns=frame.captured_at.wall_ns + int(jump_s * 1e9), wall_trusted=trusted)
        monkeypatch.setattr(made, "_now", lambda: moment if count else frame.captured_at)  # noqa: B023
        made.step(frame)
    noted = [entry for entry in log.entries if entry.startswith("clock")]
    assert noted == ([f"clock set after {frames[0].captured_at.monotonic_ns}"] if told else [])


def test_a_decision_is_stored_then_announced(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    steps = list(reader(loaded, people, log, watch).watch(played(film(astronaut), watch)))
    (decision,) = decisions(steps)
    assert (decision.outcome, decision.person_id) == (Outcome.GRANT, "p_eileen")
    assert log.entries == [f"stored {decision.id}", f"announced {decision.id}"]
    assert log.announced[0].seq == 1
    assert len(decision.id) == 32
    assert int(decision.id, 16) >= 0
    assert not any(step.stale for step in steps)
    assert sum(bool(step.sightings) for step in steps) > 10


def test_what_cannot_be_stored_is_not_announced(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    log.full = True
    with pytest.raises(GalleryError, match="disk is full"):
        list(reader(loaded, people, log, watch).watch(played(film(astronaut), watch)))
    assert log.announced == []


def test_a_journal_that_lost_its_database_stops_the_reader(
    loaded: Loaded, people: Gallery, watch: Watch, astronaut: Pixels, tmp_path: Path
) -> None:
    """With the real journal: the audit table refuses a row, and nothing goes out."""
    heard: list[Recorded] = []
    with closing(open_database(tmp_path / "gallery.db")) as database:
        made = reader_on(database, loaded, people, watch, heard)
        with database.transaction() as tables:
            tables.execute("DROP TABLE outbox")
        with pytest.raises(GalleryError):
            list(made.watch(played(film(astronaut), watch)))
        assert heard == []
        assert audit.last_seq(database) == 0


def test_announced_seqs_are_those_of_the_audit(
    loaded: Loaded, people: Gallery, watch: Watch, hopper: Pixels, tmp_path: Path
) -> None:
    heard: list[Recorded] = []
    with closing(open_database(tmp_path / "gallery.db")) as database:
        list(reader_on(database, loaded, people, watch, heard).watch(played(film(hopper), watch)))
        rows = database.read("SELECT seq, decision_id FROM audit")
    assert [(entry.seq, entry.decision.id) for entry in heard] == [(row["seq"], row["decision_id"]) for row in rows]
    assert len(heard) == 1


def reader_on(database: Database, loaded: Loaded, people: Gallery, watch: Watch, heard: list[Recorded]) -> Reader:
    return Reader(
        models=loaded.models,
        gallery=people,
        bar=level(people, loaded.floor),
        live_floor=None,
        options=Options(),
        guard=Guard(EVERYONE, State(), "boot"),
        journal=Journal(database, "boot"),
        announce=heard.append,
        now=watch.now,
    )


def test_frames_are_left_out_while_nobody_comes_and_the_decision_is_no_later(
    loaded: Loaded, people: Gallery, watch: Watch, astronaut: Pixels
) -> None:
    told, steps = list[Decision](), list[Step]()
    for pacing in (pace.EVERY_FRAME, pace.Options()):
        frames = [*empty(1.3, start_s=0.0), *film(astronaut, 1.2, start_s=1.3)]
        made = reader(loaded, people, Log(), watch, film_time=True, pacing=pacing)
        steps = list(made.watch(played(iter(frames), watch)))
        told += decisions(steps)
    every, paced = told
    assert (paced.outcome, paced.captured_at, paced.score) == (every.outcome, every.captured_at, every.score)
    assert [step.rested for step in steps[:13]] == [index % 5 != 0 for index in range(13)]
    assert not any(step.rested for step in steps[13:16])  # somebody is there, and not decided yet
    assert any(step.rested for step in steps[16:])  # the answer stands: a few frames a second are enough
    assert not any(step.sightings or step.decisions for step in steps if step.rested)


def test_old_frames_are_not_even_looked_at(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    steps = list(reader(loaded, people, log, watch).watch(played(film(astronaut), watch, late_s=0.51)))
    assert len(steps) == 15
    assert all(step.stale and step.sightings == () and step.decisions == () for step in steps)
    assert log.entries == []


def test_frames_just_young_enough_are(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    steps = list(reader(loaded, people, log, watch).watch(played(film(astronaut), watch, late_s=0.49)))
    assert [decision.outcome for decision in decisions(steps)] == [Outcome.GRANT]


def test_a_reader_that_takes_too_long_opens_nothing(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    """Each frame is young when it comes and old when it has been looked at."""
    slow = SlowWatch()
    steps = list(reader(loaded, people, log, slow).watch(played(film(astronaut, 0.5), slow)))
    assert not any(step.stale for step in steps[:-1])
    assert Outcome.GRANT not in [decision.outcome for decision in decisions(steps)]
    assert steps[0].took_ms == pytest.approx(600)


def test_films_played_fast_are_judged_by_their_own_time(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    watch.seconds = 1000.0
    steps = list(reader(loaded, people, log, watch, film_time=True).watch(film(astronaut)))
    (decision,) = decisions(steps)
    assert decision.outcome is Outcome.GRANT
    assert decision.decided_at == decision.captured_at


def test_visits_still_open_at_the_end_are_judged(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, hopper: Pixels
) -> None:
    steps = list(reader(loaded, people, log, watch).watch(played(film(hopper, 0.5), watch)))
    assert [len(step.decisions) for step in steps] == [0, 0, 0, 0, 0, 1]
    (decision,) = decisions(steps)
    assert decision.outcome is Outcome.UNKNOWN
    assert 3 <= decision.shots <= 5


def test_the_end_of_a_film_lets_nobody_in(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    """Two shots of a known face, then the camera is gone."""
    list(reader(loaded, people, log, watch).watch(played(film(astronaut, 0.2), watch)))
    assert Outcome.GRANT not in [recorded.decision.outcome for recorded in log.announced]


def test_a_source_without_frames_decides_nothing(loaded: Loaded, people: Gallery, log: Log, watch: Watch) -> None:
    assert list(reader(loaded, people, log, watch).watch(iter(()))) == []


def test_a_lost_camera_is_told_and_not_judged(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, hopper: Pixels
) -> None:
    def frames() -> Iterator[Frame]:
        yield from played(film(hopper, 0.4), watch)
        raise CameraLost("the cable was pulled")

    with pytest.raises(CameraLost):
        list(reader(loaded, people, log, watch).watch(frames()))
    assert log.entries == []


def test_when_the_camera_sees_nothing_any_more_visits_end_as_they_stand(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    """Two shots of a known face, a hand on the lens for two seconds, then one shot more: nobody is let in."""

    def frames() -> Iterator[Frame | None]:
        yield from played(film(astronaut, 0.2), watch)
        for _ in range(10):
            watch.seconds += 0.2
            yield None
        later = next(film(astronaut, 0.1))
        watch.seconds += 0.1
        yield replace(later, captured_at=at(watch.seconds))

    steps = list(reader(loaded, people, log, watch).watch(frames()))
    assert Outcome.GRANT not in [decision.outcome for decision in decisions(steps)]
    assert sum(step.frame is None for step in steps) == 11


def test_the_time_told_is_the_time_spent(loaded: Loaded, people: Gallery, log: Log, watch: Watch) -> None:
    wall = Frame(pixels=np.full((48, 64, 3), 127, np.uint8), camera="front", sequence=0, captured_at=at(0))
    (step, _) = reader(loaded, people, log, watch).watch(iter([wall]))
    assert step.took_ms == 0.0
    assert step.frame is wall


PIN = f"""
[people.p_0123456789abcdef]
pin = "{hash_pin("1234", bytes(16))}"
[doors.main]
second_factor = "pin"
[[grants]]
who = ["everyone"]
doors = ["main"]
"""


def test_who_is_kept_out_by_a_rule_is_judged_again_and_the_right_pin_opens_at_once(
    loaded: Loaded, people: Gallery, log: Log, watch: Watch, astronaut: Pixels
) -> None:
    ada = replace(people, people=("p_0123456789abcdef",))
    made = reader(loaded, ada, log, watch, rules=parse(PIN, Rules))
    frames = film(astronaut, 2.5)
    told = []
    for frame in played(frames, watch):
        told += made.step(frame).decisions
        if told:
            break
    assert [(one.decision.outcome, one.decision.rule) for one in told] == [(Outcome.DENY, "doors.main.second_factor")]
    denied_at = watch.seconds
    wrong = Factor(door="main", kind=FactorKind.PIN, secret="0000", at=watch.now())
    assert made.present(wrong).reply is Reply.WRONG
    assert made.present(replace(wrong, secret="1234")).reply is Reply.ACCEPTED
    for frame in played(frames, watch):
        told += made.step(frame).decisions
        if len(told) > 1:
            break
    assert told[-1].decision.outcome is Outcome.GRANT
    assert watch.seconds - denied_at < Options().decide.retry_s


def test_a_bar_made_by_the_dial_before_is_not_adopted(loaded: Loaded, people: Gallery, log: Log, watch: Watch) -> None:
    made, bar = reader(loaded, people, log, watch), level(people, loaded.floor)
    assert made.adopt(people, bar)
    made.renew(people, replace(bar, dial="1 in 100"))
    assert made.dial == "1 in 100"
    assert not made.adopt(people, bar)
    assert made.dial == "1 in 100"
    assert not made.adopt(replace(people, revision=people.revision - 1), replace(bar, dial="1 in 100"))
    assert made.adopt(people, replace(bar, dial="1 in 100"))
