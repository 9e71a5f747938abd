"""A guided enrolment that the reader runs itself: over verbs, with the rules of every other enrolment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commanding import NOON, Bench, at_a_desk, noon
from edgeface import enrol, liveness
from edgeface.commands import Code, Role
from edgeface.enrol import Guided
from edgeface.frame import Frame, Pixels
from edgeface.liveness import Check
from edgeface.pose import Bin
from edgeface.service.bootstrap import Loaded
from edgeface.service.guide import EVERY_S, KEPT_S, Guide
from edgeface.service.loop import Step
from edgeface.service.settings import Config
from edgeface.store.gallery import GalleryStore
from heads import head
from portraits import film
from tools.attacks.motion import Moment

ASKED = Guided(bins=(Bin.FRONTAL, Bin.LEFT, Bin.RIGHT), per_bin=1)
WISH = {"name": "Eileen", "consent_by": "Front desk"}


@dataclass
class Sitting:
    """A desk with a camera."""

    bench: Bench
    guide: Guide

    def begin(self, **more: Any) -> Any:
        answer = self.bench.ask("enrol/begin", {**WISH, **more}, Role.ENROL)
        assert answer["status"] == "ok", answer
        return answer["data"]

    def look(self, wanted: str) -> Any:
        return self.bench.ask("enrol/look", {"id": wanted}, Role.ENROL)["data"]

    def show(self, frames: Iterator[Frame]) -> None:
        for frame in frames:
            self.guide.take(Step(frame=frame, sightings=(), decisions=(), stale=False, took_ms=1.0))


@pytest.fixture
def sitting(home: Path, loaded: Loaded) -> Iterator[Sitting]:
    config = Config(enrol=enrol.Options(guided=ASKED))
    guide = Guide(loaded.models, config.pipeline(), ASKED)
    with at_a_desk(home, loaded, config=config, guide=guide) as bench:
        yield Sitting(bench, guide)


def turning(face: Pixels, later_s: float = 0.0) -> Iterator[Frame]:
    """A head that looks ahead, to its left and to its right, half a second each."""

    def at_second(seconds: float) -> Moment:
        yaw = (0, -40, 40)[min(int(2 * seconds), 2)]
        return Moment(head_deg=(yaw + 10 * (seconds % 0.5), 0), shift=(0.02 * seconds, 0.0))

    for frame in head(face, at_second, 1.5):
        at = frame.captured_at
        yield replace(frame, captured_at=replace(at, monotonic_ns=at.monotonic_ns + round(later_s * 1e9)))


def test_a_turning_head_is_seen_from_all_sides_and_then_stored(sitting: Sitting, astronaut: Pixels) -> None:
    state = sitting.begin()
    assert (state["stage"], state["progress"], state["asked"]) == ("waiting", 0.0, None)
    too_early = sitting.bench.ask("enrol/finish", {"id": state["id"]}, Role.ENROL)
    assert (too_early["code"], "missing" in too_early["error"]) == ("refused", True)
    stages, hints = [], []
    for frame in turning(astronaut):
        sitting.show(iter([frame]))
        seen = sitting.look(state["id"])
        stages.append(seen["stage"])
        hints.append(seen["hint"])
    assert (stages[0], stages[-1]) == ("looking", "done")
    assert any("to your left" in hint for hint in hints)
    assert (seen["progress"], seen["pictures"], [side["share"] for side in seen["sides"]]) == (1.0, 3, [1.0] * 3)
    answer = sitting.bench.ask("enrol/finish", {"id": state["id"]}, Role.ENROL)
    assert answer["data"]["templates"] == 3
    (person,) = GalleryStore(sitting.bench.database).people()
    assert (person.id, person.name) == (answer["data"]["id"], "Eileen")
    assert sitting.bench.code("enrol/look", {"id": state["id"]}) is Code.REFUSED, "it is over"


def test_a_face_that_is_enrolled_already_is_refused_and_may_be_allowed(sitting: Sitting, astronaut: Pixels) -> None:
    for name, later_s in (("Eileen", 0.0), ("Another", 10.0)):
        state = sitting.begin(name=name)
        sitting.show(turning(astronaut, later_s))
        answer = sitting.bench.ask("enrol/finish", {"id": state["id"]}, Role.ENROL)
    assert (answer["code"], "already enrolled as Eileen" in answer["error"]) == ("refused", True)
    allowed = sitting.bench.ask("enrol/finish", {"id": state["id"], "allow_duplicate": True}, Role.ENROL)
    assert allowed["data"]["looks_like"] != []


def test_what_the_door_requires_is_required_here_too(home: Path, loaded: Loaded, astronaut: Pixels) -> None:
    config = Config(enrol=enrol.Options(guided=ASKED), liveness=liveness.Options(require=(Check.CHALLENGE,)))
    guide = Guide(loaded.models, config.pipeline(), ASKED)
    with at_a_desk(home, loaded, config=config, guide=guide) as bench:
        one = Sitting(bench, guide)
        state = one.begin()
        one.show(turning(astronaut))
        seen = one.look(state["id"])
        assert (seen["stage"], seen["progress"], seen["hint"]) != ("done", 1.0, "thank you, that is all")
        answer = bench.ask("enrol/finish", {"id": state["id"]}, Role.ENROL)
        assert (answer["code"], "nobody was enrolled" in answer["error"]) == ("refused", True)
        assert not GalleryStore(bench.database).people()


def test_name_and_consent_come_before_the_camera(sitting: Sitting, astronaut: Pixels) -> None:
    nobody = sitting.bench.ask("enrol/begin", {"name": "Eileen"}, Role.ENROL)
    assert "consent" in nobody["error"]
    assert sitting.bench.code("enrol/begin", {**WISH, "name": " "}) is Code.REFUSED
    assert sitting.bench.code("enrol/begin", {**WISH, "add": True}) is Code.REFUSED, "nobody is called so"
    assert not sitting.guide.busy(noon())


def test_one_at_a_time_and_the_other_is_forgotten(sitting: Sitting, astronaut: Pixels) -> None:
    first = sitting.begin()
    busy = sitting.bench.ask("enrol/begin", {**WISH, "name": "Grace"}, Role.ENROL)
    assert "somebody is being enrolled" in busy["error"]
    second = sitting.begin(name="Grace", instead=True)
    assert sitting.bench.code("enrol/finish", {"id": first["id"]}) is Code.REFUSED
    assert sitting.bench.ask("enrol/abandon", {"id": second["id"]}, Role.ENROL)["status"] == "ok"
    assert sitting.bench.code("enrol/look", {"id": second["id"]}) is Code.REFUSED


def test_whoever_stays_away_is_forgotten(sitting: Sitting, astronaut: Pixels) -> None:
    state = sitting.begin()
    sitting.bench.moment = noon(KEPT_S + 1)
    later = NOON + timedelta(seconds=KEPT_S + 1)
    assert sitting.bench.code("enrol/look", {"id": state["id"]}, issued_at=later) is Code.REFUSED
    assert sitting.bench.ask("enrol/begin", WISH, issued_at=later)["status"] == "ok", "nobody is in the way"


def test_another_person_ends_it(sitting: Sitting, astronaut: Pixels, hopper: Pixels) -> None:
    state = sitting.begin()
    sitting.show(film(astronaut, 0.3))
    sitting.show(film(hopper, 1.5, start_s=1.0, first=100))
    seen = sitting.look(state["id"])
    assert (seen["stage"], "another person" in seen["hint"]) == ("other_person", True)
    assert sitting.bench.code("enrol/finish", {"id": state["id"]}) is Code.REFUSED
    sitting.begin(name="Grace")


def test_frames_in_between_are_left_to_the_door(sitting: Sitting, astronaut: Pixels) -> None:
    sitting.begin()
    looked = []
    for frame in film(astronaut, 1.0):
        sitting.show(iter([frame]))
        held = sitting.guide._sitting
        assert held is not None and held.looked is not None
        looked.append(held.looked.monotonic_ns)
    assert len(set(looked)) == round(1.0 / EVERY_S)


def test_without_a_reader_there_is_no_camera(home: Path, loaded: Loaded) -> None:
    with at_a_desk(home, loaded) as bench:
        assert "no reader is running" in bench.ask("enrol/begin", WISH)["error"]


@pytest.mark.parametrize("role", [Role.VIEW, Role.OPERATE, Role.KEYPAD])
def test_it_takes_the_role_of_whoever_enrols(sitting: Sitting, role: Role) -> None:
    for verb in ("begin", "look", "changed", "finish", "abandon"):
        body = WISH if verb == "begin" else {"id": "0" * 32}
        assert sitting.bench.code(f"enrol/{verb}", body, role) is Code.WRONG_ROLE
