"""What a similarity says: always a number, never more certain than what was measured, and never falling."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.adapters import manifest
from edgeface.calibration import Calibration, false_match_rate, in_words, log_likelihood_ratio, threshold_for
from edgeface.model import ImpostorTail, Task

LINE: Calibration = ((0.1, -2.0), (0.3, 0.5), (0.6, 4.5))
TAIL = ImpostorTail(
    above=0.3,
    rate=0.01,
    shape=-0.1,
    scale=0.05,
    shape_interval=(-0.12, -0.08),
    scale_interval=(0.04, 0.06),
    exceedances=1000,
    pairs=100_000,
    lowest_fmr=1e-5,
)
cosines = st.floats(-1.5, 1.5)
tails = st.builds(
    replace,
    st.just(TAIL),
    above=st.floats(-0.5, 0.9),
    rate=st.floats(1e-3, 0.1),
    shape=st.floats(-0.9, 0.9) | st.floats(-1e-5, 1e-5) | st.just(0.0),
    scale=st.floats(1e-3, 1),
    lowest_fmr=st.floats(1e-9, 1e-3),
)


@st.composite
def lines(draw: st.DrawFn) -> Calibration:
    scores = sorted(draw(st.lists(st.floats(-1, 1), min_size=2, max_size=9, unique=True)))
    logs = sorted(draw(st.lists(st.floats(-6, 6), min_size=len(scores), max_size=len(scores))))
    return tuple(zip(scores, logs, strict=True))


@given(line=lines(), low=cosines, high=cosines)
def test_a_higher_similarity_never_says_less(line: Calibration, low: float, high: float) -> None:
    low, high = sorted((low, high))
    first, second = log_likelihood_ratio(low, line), log_likelihood_ratio(high, line)
    assert line[0][1] <= first <= second + 1e-9 <= line[-1][1] + 2e-9


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [(-1.0, -2.0), (0.1, -2.0), (0.2, -0.75), (0.3, 0.5), (0.45, 2.5), (0.6, 4.5), (1.0, 4.5)],
)
def test_straight_between_the_corners_and_level_beyond(similarity: float, expected: float) -> None:
    assert log_likelihood_ratio(similarity, LINE) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("log10", "words"),
    [
        (3.903, "8,000 times likelier of one person than of two"),
        (2.051, "110 times likelier of one person than of two"),
        (0.3, "2.0 times likelier of one person than of two"),
        (0.0, "1.0 times likelier of one person than of two"),
        (-1.104, "13 times likelier of two people than of one"),
    ],
)
def test_a_ratio_in_words(log10: float, words: str) -> None:
    assert in_words(log10) == words


@given(tail=tails, low=cosines, high=cosines)
def test_strangers_never_come_nearer_more_often(tail: ImpostorTail, low: float, high: float) -> None:
    low, high = sorted((low, high))
    near, nearer = false_match_rate(low, tail), false_match_rate(high, tail)
    assert tail.lowest_fmr <= nearer <= near <= 1


@given(tail=tails, share=st.floats(0, 1))
def test_a_threshold_keeps_the_rate_it_is_asked_for(tail: ImpostorTail, share: float) -> None:
    fmr = tail.lowest_fmr * (tail.rate / tail.lowest_fmr) ** share
    fmr = min(max(fmr, tail.lowest_fmr), tail.rate)
    threshold = threshold_for(fmr, tail)
    assert math.isfinite(threshold)
    assert threshold >= tail.above
    assert false_match_rate(threshold, tail) == pytest.approx(fmr, rel=1e-3)


@given(tail=tails, first=st.floats(0, 1), second=st.floats(0, 1))
def test_a_rarer_mistake_needs_no_lower_a_threshold(tail: ImpostorTail, first: float, second: float) -> None:
    rare, often = sorted(max(tail.lowest_fmr, value) for value in (first, second))
    assert threshold_for(rare, tail) >= threshold_for(often, tail)


def test_the_tail_by_hand() -> None:
    assert false_match_rate(0.2999, TAIL) == 1.0  # nothing is known below
    assert false_match_rate(0.3, TAIL) == pytest.approx(0.01)
    assert false_match_rate(0.4, TAIL) == pytest.approx(0.01 * 0.8**10)
    assert threshold_for(0.01 * 0.8**10, TAIL) == pytest.approx(0.4)
    assert threshold_for(1e-3, replace(TAIL, shape=0.0)) == pytest.approx(0.3 + 0.05 * math.log(10))
    assert false_match_rate(0.9, TAIL) == 1e-5  # beyond the end of the distribution, and still no certainty
    assert threshold_for(0.5, TAIL) == 0.3


@pytest.mark.parametrize("fmr", [0.0, 9e-6, 1e-9, -1.0, 1.1, math.nan])
def test_no_threshold_is_promised_for_a_rate_that_was_not_measured(fmr: float) -> None:
    with pytest.raises(ValueError, match="was not measured: 1e-05 is the lowest"):
        threshold_for(fmr, TAIL)


def test_the_shipped_embedder_is_calibrated_and_its_threshold_is_the_tails() -> None:
    """The card's threshold is that of a false match rate of 1 in 10,000; the fit says the same within 0.01."""
    (spec,) = (e.spec for e in manifest.read(manifest.shipped()).values() if e.spec.task is Task.EMBEDDER)
    assert spec.impostor_tail is not None
    assert threshold_for(1e-4, spec.impostor_tail) == pytest.approx(spec.thresholds["grant"], abs=0.01)
    for line in (spec.calibration, spec.visit_calibration):
        assert log_likelihood_ratio(spec.thresholds["grant"], line) > 2
        assert log_likelihood_ratio(0.0, line) < -1
