"""Models on trial: what confirms them, and what throws them out."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from edgeface.trial import Evidence, Options, Verdict, accident, judge

LONG = Evidence(ran_s=3600.0, frames=5000, before=(180, 200), since=(18, 20))


def verdict(**changes: Any) -> Verdict:
    values = {"ran_s": LONG.ran_s, "frames": LONG.frames, "before": LONG.before, "since": LONG.since, **changes}
    return judge(Evidence(**values), Options())[0]


def test_long_enough_and_people_are_known_as_before() -> None:
    assert verdict() is Verdict.CONFIRM


@pytest.mark.parametrize("lacking", [{"ran_s": 1799.0}, {"frames": 999}, {"since": (9, 9)}])
def test_too_little_is_waited_for(lacking: dict[str, Any]) -> None:
    assert verdict(**lacking) is Verdict.WAIT


def test_a_door_that_nobody_comes_to_is_not_waited_for_without_end() -> None:
    assert verdict(since=(0, 0), ran_s=72 * 3600.0 - 1) is Verdict.WAIT
    assert verdict(since=(0, 0), ran_s=72 * 3600.0) is Verdict.CONFIRM


def test_nobody_is_known_any_more() -> None:
    assert verdict(since=(0, 3)) is Verdict.WAIT  # three strangers may come in a row
    assert verdict(since=(0, 5), ran_s=60.0, frames=100) is Verdict.RETURN
    found, why = judge(Evidence(ran_s=60, frames=9, before=(180, 200), since=(0, 12)), Options())
    assert (found, why) == (
        Verdict.RETURN, "too few visits end with somebody known: 0 of 12 visits recognised, before 180 of 200",
    )  # fmt: skip


def test_a_reader_without_a_past_is_not_compared() -> None:
    assert verdict(before=(0, 0), since=(0, 50)) is Verdict.CONFIRM
    assert verdict(before=(0, 100), since=(0, 50)) is Verdict.CONFIRM


visits = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (pair[0], sum(pair)))


@given(visits, visits)
def test_chance_is_that_of_fishers_exact_test(before: tuple[int, int], since: tuple[int, int]) -> None:
    known, whole, knowns = since[0], before[1] + since[1], before[0] + since[0]
    expected = hypergeom.cdf(known, whole, knowns, since[1]) if whole else 1.0
    assert math.isclose(accident(before, since), expected, rel_tol=1e-6, abs_tol=1e-12)


@pytest.mark.parametrize("name", ["most_starts", "health_min", "frames", "visits", "longest_h", "chance"])
def test_settings_out_of_range_are_refused(name: str) -> None:
    for value in (-1, 10**9):
        with pytest.raises(ValueError, match=name):
            Options(**{name: value})
