"""What is told of a film is what the reader did with it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from edgeface import decide, embed, liveness, match
from edgeface.align import chip
from edgeface.decide import Outcome
from edgeface.detect import detect
from edgeface.explain import MOST_PICTURES, Account, Diary, gates
from edgeface.frame import Frame, Pixels
from edgeface.liveness import Check
from edgeface.match import Gallery
from edgeface.pipeline import Options, Scene, judge, recognise
from edgeface.service.bootstrap import Loaded
from fakes import level
from portraits import at, blurred, empty, film, shot

OPTIONS = Options(liveness=liveness.Options(require=(Check.PICTURE,)), decide=decide.Options(unknown_shots=5))


def known(loaded: Loaded, portrait: Pixels) -> Gallery:
    """One person, enrolled by one picture."""
    (face,) = detect(portrait, loaded.models.detector, OPTIONS.detect)
    spec = loaded.models.embedder.spec
    vector = embed.embed(chip(portrait, face.landmarks, spec), loaded.models.embedder).vector
    return match.freeze(embed.to_template(vector), ("p_ada",), loaded.models.embedder.identity, 1, spec.dimensions)


def watched(loaded: Loaded, people: Gallery, frames: list[Frame]) -> tuple[Account, ...]:
    ids = count()
    diary = Diary(
        models=loaded.models,
        gallery=people,
        bar=replace(level(people, 0.5), calibration=loaded.models.embedder.spec.visit_calibration),
        live_floor=0.05,
        options=OPTIONS,
        identify=lambda: str(next(ids)),
    )
    for frame in frames:
        diary.note(frame)
    return diary.finish()


@pytest.fixture(scope="module")
def spoilt(astronaut: Pixels) -> list[Frame]:
    """Out of focus at first, then sharp; then nobody for a second."""
    frames = [
        Frame(
            pixels=blurred(shot(astronaut, index), 7.0) if index < 2 else shot(astronaut, index),
            camera="film",
            sequence=index,
            captured_at=at(index / 10),
        )
        for index in range(8)
    ]
    return [*frames, *empty(1.0, start_s=0.8)]


def test_the_account_ends_as_the_reader_decides(loaded: Loaded, astronaut: Pixels, spoilt: list[Frame]) -> None:
    people, scene = known(loaded, astronaut), Scene()
    made = []
    for frame in spoilt:
        scene, _ = recognise(frame, scene, loaded.models, people, OPTIONS)
        scene, decisions = judge(scene, people, level(people, 0.5), 0.05, OPTIONS, frame.captured_at, lambda: "x")
        made += [(frame.sequence, one.outcome, one.score, one.reason) for one in decisions]
    (account,) = watched(loaded, people, spoilt)
    told = [(s.frame, s.decision.outcome, s.decision.score, s.decision.reason) for s in account.steps if s.decision]
    assert told == made
    assert [outcome for _, outcome, _, _ in told] == [Outcome.GRANT]


def test_every_gate_says_what_it_made_of_the_face(loaded: Loaded, astronaut: Pixels, spoilt: list[Frame]) -> None:
    (account,) = watched(loaded, known(loaded, astronaut), spoilt)
    first, decided, last = account.steps[0], account.telling, account.steps[-1]
    broken = {limit.measure for limit in first.limits if not limit.kept}
    assert first.quality is not None
    assert broken == {refused.measure for refused in first.quality.refusals} >= {"sharpness"}
    assert all((limit.off_by > 0) != limit.kept for limit in first.limits)
    assert first.nearest is None
    assert decided.nearest is not None
    assert decided.nearest[0].person_id == "p_ada"
    assert decided.standing is not None
    assert (decided.standing.shots, decided.standing.doubt) == (3, None)
    strength = decided.nearest[0].strength
    assert strength is not None
    assert strength > 3
    (alike,) = (gate for gate in gates(decided, ()) if gate.name == "alike")
    assert alike.said.endswith("; 8,600 times likelier of one person than of two")
    assert decided.decision is not None
    assert decided.decision.strength == decided.standing.strength
    assert {gate.name: gate.passed for gate in gates(decided, OPTIONS.liveness.require)} == {
        "detected": True, "quality": True, "alive: picture": True, "alive: motion": None, "alive: challenge": None,
        "alike": True, "evidence": True,
    }  # fmt: skip
    assert last.quality is None  # decided: it is followed only
    assert [gate.passed for gate in gates(last, ())] == [True, None]


def test_few_pictures_are_kept_however_long_somebody_stays(loaded: Loaded, astronaut: Pixels) -> None:
    frames = list(film(astronaut, 4.0))
    (account,) = watched(loaded, known(loaded, astronaut), frames)
    assert len(account.steps) == len(frames)
    assert set(account.pictures) == {"first", "best", "worst", "decided", "last"}
    assert len(account.pictures) <= MOST_PICTURES
    assert account.pictures["first"].frame == 0
    assert account.pictures["last"].frame == frames[-1].sequence


def test_without_anybody_enrolled_faces_are_judged_up_to_the_comparison(loaded: Loaded, astronaut: Pixels) -> None:
    spec = loaded.models.embedder.spec
    nobody = match.freeze(np.zeros((0, 1), np.int8), (), loaded.models.embedder.identity, 0, spec.dimensions)
    (account,) = watched(loaded, nobody, list(film(astronaut, 0.4)))
    step = account.telling
    assert step.nearest == ()
    assert step.standing is not None
    assert step.standing.doubt == "nobody is enrolled to compare with"
    assert [one.outcome for one in account.decisions] == [Outcome.UNKNOWN]  # the film is over: the visit is judged
    assert account.late


def test_no_frame_no_visitor(loaded: Loaded, astronaut: Pixels) -> None:
    assert watched(loaded, known(loaded, astronaut), []) == ()
