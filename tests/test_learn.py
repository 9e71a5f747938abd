"""What visits may teach: only what the first enrolment vouches for, little, and late."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import learn
from edgeface.embed import unit
from edgeface.frame import Instant
from edgeface.learn import HOUR_NS, Bars, Lesson, Nothing, Options, Pupil, Question, Shot
from edgeface.model import ImpostorTail, Tensor
from edgeface.pose import Pose
from fakes import FRONTAL

ON = Options(enabled=True)
BARS = Bars(grant=0.48, teach=0.55)
NONE = np.zeros((0, 8), np.float32)


def towards(cosine: float, axis: int = 1) -> Tensor:
    """A direction of 8 numbers at that cosine to the first axis, the rest along another."""
    vector = np.zeros(8, np.float32)
    vector[0], vector[axis] = cosine, np.sqrt(1 - cosine**2)
    return vector


ADA = towards(1.0)[None]


def at(hours: float, *, trusted: bool = True) -> Instant:
    return Instant(monotonic_ns=0, wall_ns=int(hours * HOUR_NS), wall_trusted=trusted)


def shot(cosine: float, *, axis: int = 1, quality: float = 80, live: bool | None = True, pose: Pose = FRONTAL) -> Shot:
    return Shot(vector=towards(cosine, axis), quality=quality, pose=pose, live=live)


def pupil(*, learned: Tensor = NONE, others: Tensor = NONE, taught_at: float | None = None) -> Pupil:
    taught_at_wall_ns = None if taught_at is None else int(taught_at * HOUR_NS)
    return Pupil(originals=ADA, learned=learned, others=others, taught_at_wall_ns=taught_at_wall_ns)


GOOD = (shot(0.7), shot(0.6), shot(0.65))


def why(outcome: Lesson | Question | Nothing) -> str:
    assert not isinstance(outcome, Lesson)
    return outcome.why


def test_a_visit_beyond_doubt_teaches_its_newest_look() -> None:
    outcome = learn.consider(GOOD, pupil(), BARS, ON, at(100))
    assert isinstance(outcome, Lesson)
    assert outcome.shot is GOOD[1], "the shot least like what is known says most"


def test_learning_is_off_unless_asked_for() -> None:
    assert why(learn.consider(GOOD, pupil(), BARS, Options(), at(100))) == "learning is off"


@pytest.mark.parametrize(
    ("shots", "known", "said"),
    [
        (GOOD[:2], pupil(), "too few good shots"),
        (GOOD, pupil(learned=np.stack([towards(0.5, axis) for axis in (2, 3, 4)])), "as much is learned as may be"),
        (GOOD, pupil(taught_at=90), "the last lesson is too recent"),
        ((shot(0.3, axis=2), *GOOD[1:]), pupil(learned=towards(0.3, axis=2)[None]), None),
        ((shot(0.3), shot(0.3), shot(0.3)), pupil(), "the first enrolment alone does not recognise this visit"),
        ((shot(0.9), shot(0.85), shot(0.95)), pupil(), "no good shot shows anything new"),
        (tuple(replace(one, quality=49.0) for one in GOOD), pupil(), "no good shot shows anything new"),
        ((shot(0.7), shot(float("nan")), shot(0.7)), pupil(), "a shot is no number"),
        (GOOD, replace(pupil(), originals=NONE), "nothing was enrolled with this model"),
    ],
)
def test_what_teaches_nothing_says_why(shots: tuple[Shot, ...], known: Pupil, said: str | None) -> None:
    outcome = learn.consider(shots, known, BARS, ON, at(100))
    if said is None:
        assert isinstance(outcome, Question)
    else:
        assert isinstance(outcome, Nothing)
        assert outcome.why == said


def test_a_clock_that_is_not_set_teaches_nothing() -> None:
    assert why(learn.consider(GOOD, pupil(), BARS, ON, at(100, trusted=False))) == "the clock is not set"


@pytest.mark.parametrize("live", [False, None])
def test_what_was_not_seen_alive_is_asked_about(live: bool | None) -> None:
    outcome = learn.consider((*GOOD, shot(0.7, live=live)), pupil(), BARS, ON, at(100))
    assert isinstance(outcome, Question)
    assert "alive" in outcome.why


def test_no_more_questions_than_can_be_answered() -> None:
    doubtful = (*GOOD, shot(0.54))
    few, many = (replace(pupil(), questions=n) for n in (ON.most_questions - 1, ON.most_questions))
    assert isinstance(learn.consider(doubtful, few, BARS, ON, at(100)), Question)
    assert why(learn.consider(doubtful, many, BARS, ON, at(100))) == "as many questions wait as may be"
    assert isinstance(learn.consider(GOOD, many, BARS, ON, at(100)), Lesson), "what is certain needs no answer"


def test_what_a_person_denied_is_not_asked_again() -> None:
    denied = replace(pupil(), denied=towards(0.6)[None])
    outcome = learn.consider((shot(0.6), shot(0.7), shot(0.7)), denied, BARS, ON, at(100))
    assert why(outcome) == "a person has said that this is somebody else"


def test_one_shot_below_the_bar_is_asked_about() -> None:
    outcome = learn.consider((*GOOD, shot(0.54)), pupil(), BARS, ON, at(100))
    assert isinstance(outcome, Question)
    assert outcome.why == "a shot is alike by 0.54, 0.55 needed"


def test_a_look_alike_makes_a_question_of_a_lesson() -> None:
    rival = unit(towards(0.65) + towards(0.65, axis=2))[None]
    outcome = learn.consider(GOOD, pupil(others=rival), BARS, ON, at(100))
    assert isinstance(outcome, Question)
    assert "somebody else is nearly as alike" in outcome.why


def test_one_shot_near_somebody_else_is_enough_to_ask() -> None:
    outcome = learn.consider((*GOOD, shot(0.7, axis=2)), pupil(others=towards(0.1, axis=2)[None]), BARS, ON, at(100))
    assert isinstance(outcome, Question)
    assert outcome.why.startswith("somebody else is nearly as alike: lead -0.0")


def test_what_was_learned_never_vouches() -> None:
    """The visit is the learned template's own: recognised for certain, but not by what a person enrolled."""
    learned = towards(0.3)[None]
    outcome = learn.consider((shot(0.3), shot(0.3), shot(0.3)), pupil(learned=learned), BARS, ON, at(100))
    assert why(outcome) == "the first enrolment alone does not recognise this visit"


@given(
    cosines=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=6),
    lives=st.lists(st.sampled_from([True, False, None]), min_size=6, max_size=6),
    rival=st.floats(-1, 1, width=32),
)
def test_a_lesson_has_met_every_condition(cosines: list[float], lives: list[bool | None], rival: float) -> None:
    shots = tuple(shot(cosine, live=live) for cosine, live in zip(cosines, lives, strict=False))
    outcome = learn.consider(shots, pupil(others=towards(rival, axis=2)[None]), BARS, ON, at(100))
    if isinstance(outcome, Lesson):
        assert len(shots) >= ON.min_shots
        assert min(cosines) >= BARS.teach - 1e-6
        assert all(one.live is True for one in shots)
        leads = [float(one.vector[0] - one.vector @ towards(rival, axis=2)) for one in shots]
        assert min(leads) >= ON.min_lead - 1e-6
        assert float(outcome.shot.vector[0]) < ON.most_alike


def test_the_bar_for_lessons_is_the_lowest_rate_that_was_seen_to_hold() -> None:
    tail = ImpostorTail(
        above=0.3, rate=0.01, shape=0.0, scale=0.05, shape_interval=(0, 0), scale_interval=(0, 0), exceedances=100,
        pairs=10_000, lowest_fmr=1e-5,
    )  # fmt: skip
    found = learn.bars(0.48, tail)
    assert found.teach == pytest.approx(0.3 + 0.05 * np.log(1000))
    assert learn.bars(0.9, tail).teach == 0.9, "never below the door's"


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_shots": 1},
        {"min_quality": 101.0},
        {"min_lead": 1.0},
        {"most_alike": 0.0},
        {"most_learned": 17},
        {"rest_hours": -1.0},
        {"rest_hours": float("nan")},
    ],
)
def test_settings_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)  # type: ignore[arg-type]
