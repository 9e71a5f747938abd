"""Every required check must pass; what could not be made has failed, and the gravest fault is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import liveness
from edgeface.liveness import Check, Kind, Liveness, Options, Record, Unjudged
from fakes import record
from test_liveness_motion import seen, swing, turned

FLOOR = 0.5
PICTURE = Options(require=(Check.PICTURE,))
MOTION = Options(require=(Check.MOTION,))
nan = float("nan")

TABLE: list[tuple[str, Record, float | None, Kind | None, str]] = [
    ("alive", record(), FLOOR, None, ""),
    ("just alive", record(score_sum=1.5, newest=0.5), FLOOR, None, ""),
    ("a picture", record(score_sum=1.49), FLOOR, Kind.ATTACK, "presentation_attack"),
    ("the newest shot is a picture", record(newest=0.49), FLOOR, Kind.ATTACK, "presentation_attack"),
    ("nothing seen", Record(), FLOOR, Kind.NOT_JUDGED, "liveness_unjudged"),
    ("never judged", record(judged=0, score_sum=0.0, newest=None), FLOOR, Kind.NOT_JUDGED, "liveness_unjudged"),
    ("mostly not judged", record(judged=1, score_sum=0.9), FLOOR, Kind.NOT_JUDGED, "liveness_unjudged"),
    ("the newest shot not judged", record(newest=None), FLOOR, Kind.NOT_JUDGED, "liveness_unjudged"),
    ("no model", record(), None, Kind.NO_MEANS, "no_liveness_model"),
    ("the mean is no number", record(score_sum=nan), FLOOR, Kind.ATTACK, "presentation_attack"),
    ("the newest is no number", record(newest=nan), FLOOR, Kind.ATTACK, "presentation_attack"),
    ("the floor is no number", record(), nan, Kind.ATTACK, "presentation_attack"),
]


@pytest.mark.parametrize(("name", "shown", "floor", "kind", "rule"), TABLE, ids=[row[0] for row in TABLE])
def test_the_picture_check(name: str, shown: Record, floor: float | None, kind: Kind | None, rule: str) -> None:
    found = liveness.fault(shown, PICTURE, floor)
    assert (found.kind if found else None) == kind
    if found is not None:
        assert (found.check, found.rule) == (Check.PICTURE, rule)
        assert found.reason


@pytest.mark.parametrize("shown", [row[1] for row in TABLE])
def test_a_door_that_requires_nothing_finds_no_fault(shown: Record) -> None:
    assert liveness.fault(shown, Options(), None) is None


def test_a_check_is_required_once() -> None:
    with pytest.raises(ValueError, match="require names a check twice"):
        Options(require=(Check.PICTURE, Check.PICTURE))


def moving(shape: Callable[[float], np.ndarray]) -> Record:
    """Somebody alive by the picture, and a face that moved like this."""
    return replace(record(), motion=seen([shape(angle) for angle in swing(30)], noise=0.01))


STILL, SHEET, HEAD = (
    moving(shape)
    for shape in (
        lambda angle: turned(0.0),
        lambda angle: turned(0.0) * (np.cos(np.radians(1.3 * angle)), 1.0),
        lambda angle: turned(0.7 * angle),
    )
)
MOTIONS: list[tuple[str, Record, Kind | None, str]] = [
    ("a head that turns", HEAD, None, ""),
    ("a head that keeps still", STILL, Kind.NOT_JUDGED, "please move your head"),
    ("a sheet that turns", SHEET, Kind.ATTACK, "flat motion"),
    ("nothing seen", Record(), Kind.NOT_JUDGED, "please move your head"),
]


@pytest.mark.parametrize(("name", "moved", "kind", "reason"), MOTIONS, ids=[row[0] for row in MOTIONS])
def test_the_motion_check(name: str, moved: Record, kind: Kind | None, reason: str) -> None:
    found = liveness.fault(moved, MOTION, None)
    assert (found.kind if found else None) == kind
    if found is not None:
        assert found.check is Check.MOTION
        assert reason in found.reason
        assert found.patience_s == MOTION.motion.patience_s


@pytest.mark.parametrize("alive", [row[1:4] for row in TABLE], ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("moved", [row[1:3] for row in MOTIONS], ids=[row[0] for row in MOTIONS])
@pytest.mark.parametrize("order", [(Check.PICTURE, Check.MOTION), (Check.MOTION, Check.PICTURE)])
def test_the_gravest_fault_of_both_is_told(
    alive: tuple[Record, float | None, Kind | None], moved: tuple[Record, Kind | None], order: tuple[Check, ...]
) -> None:
    both = replace(alive[0], motion=moved[0].motion)
    found = liveness.fault(both, Options(require=order), alive[1])
    kinds = [kind for kind in (alive[2], moved[1]) if kind is not None]
    severity = (Kind.ATTACK, Kind.NO_MEANS, Kind.NOT_JUDGED)
    assert (found.kind if found else None) == min(kinds, key=severity.index, default=None)


said = st.one_of(
    st.none(),
    st.floats(0, 1).map(lambda score: Liveness(score=score, live=score >= FLOOR)),
    st.sampled_from(Unjudged).map(lambda why: Liveness(score=0.0, live=False, unjudged=why)),
)


@given(
    shots=st.lists(said, max_size=12),
    moved=st.sampled_from((Record(), STILL, SHEET, HEAD)),
    floor=st.one_of(st.none(), st.floats(0.01, 0.99)),
    order=st.permutations(tuple(Check)),
)
def test_no_further_check_turns_a_refusal_into_a_pass(
    shots: list[Liveness | None], moved: Record, floor: float | None, order: list[Check]
) -> None:
    shown = Record(motion=moved.motion)
    for one in shots:
        shown = liveness.shot(shown, one)
    for more in range(len(order)):
        fewer, all_of = (Options(require=tuple(order[:count])) for count in (more, more + 1))
        if (known := liveness.fault(shown, fewer, floor)) is not None:
            further = liveness.fault(shown, all_of, floor)
            assert further is not None
            assert further.kind is Kind.ATTACK or known.kind is not Kind.ATTACK


@given(shots=st.lists(said, min_size=1, max_size=12), floor=st.floats(0.01, 0.99))
def test_a_pass_means_that_the_mean_and_the_newest_reach_the_floor(shots: list[Liveness | None], floor: float) -> None:
    shown = Record()
    for one in shots:
        shown = liveness.shot(shown, one)
    scores = [one.score if one is not None and one.unjudged is None else None for one in shots]
    mean = sum(score or 0.0 for score in scores) / len(scores)
    passed = mean >= floor and scores[-1] is not None and scores[-1] >= floor
    assert (liveness.fault(shown, PICTURE, floor) is None) == passed
