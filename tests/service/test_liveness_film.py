"""A door that wants living faces, with the shipped models: who stands there comes in, who is too far away does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from edgeface import decide, liveness, match
from edgeface.decide import Decision, Outcome
from edgeface.embed import to_template
from edgeface.enrol import Portrait, portrait
from edgeface.frame import Frame, Pixels
from edgeface.image import resize
from edgeface.liveness import Check, Unjudged
from edgeface.match import Gallery
from edgeface.pipeline import Options, Scene, Sighting, judge, recognise
from edgeface.service.bootstrap import Loaded
from fakes import level
from heads import head
from portraits import at, film
from tools.attacks.motion import Moment

LIVING = Options(decide=decide.Options(unknown_shots=6), liveness=liveness.Options(require=(Check.PICTURE,)))


@pytest.fixture(scope="module")
def people(loaded: Loaded, astronaut: Pixels) -> Gallery:
    found = portrait(astronaut, loaded.models, LIVING)
    assert isinstance(found, Portrait)
    template = to_template(found.embedding.vector)
    return match.freeze(template[None], ("p_eileen",), loaded.embedder.identity, 1, len(template))


def visit(
    loaded: Loaded, people: Gallery, frames: Iterable[Frame], options: Options = LIVING
) -> tuple[list[Sighting], Decision]:
    """What was seen until the first decision, and that."""
    scene, seen, numbers = Scene(), list[Sighting](), count()
    floor = loaded.live_floor(options.liveness.min_score)
    for frame in frames:
        scene, sightings = recognise(frame, scene, loaded.models, people, options)
        seen += sightings
        now = frame.captured_at
        scene, made = judge(
            scene, people, level(people, loaded.floor), floor, options, now, lambda: f"id{next(numbers)}"
        )
        if made:
            return seen, made[0]
    pytest.fail("nothing was decided")


def far_away(face: Pixels) -> Iterator[Frame]:
    """Somebody at the end of the room, whose face is some 55 px high."""
    small = resize(face, 97, 110)
    for index in range(10):
        room = np.full((480, 640, 3), (126, 130, 134), np.uint8)
        room[200:310, 250 + index : 347 + index] = small
        yield Frame(pixels=room, camera="film", sequence=index, captured_at=at(index / 10))


def test_who_stands_there_comes_in_by_the_mean_of_what_was_seen(
    loaded: Loaded, people: Gallery, astronaut: Pixels
) -> None:
    seen, decision = visit(loaded, people, film(astronaut))
    scores = [shot.liveness.score for shot in seen if shot.liveness is not None]
    assert (decision.outcome, decision.rule, decision.person_id) == (Outcome.GRANT, "known_person", "p_eileen")
    assert len(scores) == decision.shots == 3
    assert decision.liveness == pytest.approx(np.mean(scores))
    assert 0 < decision.liveness < 1


def test_a_face_too_small_to_judge_is_not_let_in_and_told_why(
    loaded: Loaded, people: Gallery, astronaut: Pixels
) -> None:
    seen, decision = visit(loaded, people, far_away(astronaut))
    assert (decision.outcome, decision.rule) == (Outcome.INSUFFICIENT_QUALITY, "liveness_unjudged")
    assert {shot.liveness.unjudged for shot in seen if shot.liveness is not None} == {Unjudged.TOO_SMALL}
    assert (decision.liveness, decision.person_id) == (None, None)
    assert "too far away" in decision.reason
    plain = replace(LIVING, liveness=liveness.Options())
    assert visit(loaded, people, far_away(astronaut), plain)[1].outcome is Outcome.GRANT


def test_a_door_without_the_model_lets_nobody_in(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    choice = replace(loaded.choice, liveness=None)
    bare = replace(loaded, choice=choice, models=replace(loaded.models, liveness=None))
    _, decision = visit(bare, people, film(astronaut))
    assert (decision.outcome, decision.rule, decision.liveness) == (Outcome.SPOOF, "no_liveness_model", None)


MOVING = Options(liveness=liveness.Options(require=(Check.MOTION,)))


def wave(reach: float) -> Callable[[float], float]:
    return lambda seconds: reach * float(np.sin(2 * np.pi * 0.6 * seconds))


def test_a_head_that_turns_opens_a_door_that_wants_motion(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    shown = head(astronaut, lambda seconds: Moment(head_deg=(wave(18)(seconds), 0.0)))
    _, decision = visit(loaded, people, shown, MOVING)
    assert (decision.outcome, decision.person_id) == (Outcome.GRANT, "p_eileen")


@pytest.mark.parametrize(
    "turn",
    [
        lambda seconds: Moment(shift=(0.1 * wave(1)(seconds), 0.0), roll_deg=wave(6)(seconds)),
        lambda seconds: Moment(tilt_deg=(wave(30)(seconds), 0.0)),
    ],
    ids=["shaken", "tilted"],
)
def test_a_moving_print_does_not_open_it(
    loaded: Loaded, people: Gallery, astronaut: Pixels, turn: Callable[[float], Moment]
) -> None:
    _, decision = visit(loaded, people, head(astronaut, turn), MOVING)
    assert decision.outcome in (Outcome.SPOOF, Outcome.INSUFFICIENT_QUALITY)
    assert decision.rule in ("flat_motion", "motion_undecided")
    assert decision.person_id is None


def test_a_head_that_never_moves_is_told_to(loaded: Loaded, people: Gallery, astronaut: Pixels) -> None:
    seen, decision = visit(loaded, people, film(astronaut, 5.0), MOVING)
    assert (decision.outcome, decision.rule) == (Outcome.INSUFFICIENT_QUALITY, "motion_undecided")
    assert "please move your head" in decision.reason
    assert len(seen) >= 10 * MOVING.liveness.motion.patience_s
