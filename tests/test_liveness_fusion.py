"""Every required check must pass; what could not be made has failed, and the gravest fault is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import liveness
from edgeface.liveness import Check, Kind, Liveness, Options, Record, Unjudged
from fakes import record

FLOOR = 0.5
PICTURE = Options(require=(Check.PICTURE,))
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


@pytest.mark.parametrize(("name", "seen", "floor", "kind", "rule"), TABLE, ids=[row[0] for row in TABLE])
def test_the_picture_check(name: str, seen: Record, floor: float | None, kind: Kind | None, rule: str) -> None:
    found = liveness.fault(seen, PICTURE, floor)
    assert (found.kind if found else None) == kind
    if found is not None:
        assert (found.check, found.rule) == (Check.PICTURE, rule)
        assert found.reason


@pytest.mark.parametrize("seen", [row[1] for row in TABLE])
def test_a_door_that_requires_nothing_finds_no_fault(seen: Record) -> None:
    assert liveness.fault(seen, Options(), None) is None


def test_a_check_is_required_once() -> None:
    with pytest.raises(ValueError, match="require names a check twice"):
        Options(require=(Check.PICTURE, Check.PICTURE))


said = st.one_of(
    st.none(),
    st.floats(0, 1).map(lambda score: Liveness(score=score, live=score >= FLOOR)),
    st.sampled_from(Unjudged).map(lambda why: Liveness(score=0.0, live=False, unjudged=why)),
)


@given(shots=st.lists(said, max_size=12), floor=st.one_of(st.none(), st.floats(0.01, 0.99)))
def test_no_further_check_turns_a_refusal_into_a_pass(shots: list[Liveness | None], floor: float | None) -> None:
    seen = Record()
    for one in shots:
        seen = liveness.shot(seen, one)
    order = tuple(Check)
    for more in range(len(order)):
        fewer, all_of = (Options(require=order[:count]) for count in (more, more + 1))
        if liveness.fault(seen, fewer, floor) is not None:
            assert liveness.fault(seen, all_of, floor) is not None


@given(shots=st.lists(said, min_size=1, max_size=12), floor=st.floats(0.01, 0.99))
def test_a_pass_means_that_the_mean_and_the_newest_reach_the_floor(shots: list[Liveness | None], floor: float) -> None:
    seen = Record()
    for one in shots:
        seen = liveness.shot(seen, one)
    scores = [one.score if one is not None and one.unjudged is None else None for one in shots]
    mean = sum(score or 0.0 for score in scores) / len(scores)
    passed = mean >= floor and scores[-1] is not None and scores[-1] >= floor
    assert (liveness.fault(seen, PICTURE, floor) is None) == passed
