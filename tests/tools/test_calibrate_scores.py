"""Fits to made-up scores whose truth is known: likelihood ratios, tails, and what people drawn again do to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface import calibration
from tools import likelihood, tail
from tools.comparisons import Comparisons, every
from tools.likelihood import CORNERS, cllr, min_cllr
from tools.metrics import draws
from tools.tail import Promise, lowest_kept, pareto

APART, SPREAD = 0.5, 0.12
"""Scores are normal, about 0 for two people and about APART for one: the log likelihood ratio is straight."""


def trials(count: int = 40_000, people: int = 200, seed: int = 0) -> Comparisons:
    """One in twenty is of one person."""
    random = np.random.default_rng(seed)
    first, other = random.integers(0, people, count), random.integers(1, people, count)
    second = np.where(random.random(count) < 0.05, first, (first + other) % people)
    scores = random.normal(np.where(first == second, APART, 0.0), SPREAD)
    return Comparisons(scores=scores, first=first, second=second, people=people)


def true_log10(scores: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """log10 of the ratio of the two normal densities."""
    return (scores - APART / 2) * APART / SPREAD**2 / np.log(10)


def test_every_picture_is_compared_with_every_other_once() -> None:
    vectors = np.eye(4, dtype=np.float32)
    vectors[1] = vectors[0]
    made = every(vectors, ["ada", "ada", "bob", "cyd"])
    assert made.scores.tolist() == [1, 0, 0, 0, 0, 0]
    assert made.same.tolist() == [True, False, False, False, False, False]
    assert made.people == 3


def test_people_drawn_again_weigh_their_pairs() -> None:
    made = every(np.eye(4, dtype=np.float32), ["ada", "ada", "bob", "cyd"])
    assert made.weights(np.array([2.0, 3.0, 0.0])).tolist() == [2, 6, 0, 6, 0, 0]
    for drawn in draws(50, 5, 1):
        assert drawn.sum() == 50
        assert drawn.shape == (50,)


def test_cost_by_hand() -> None:
    same = np.array([True, False])
    assert cllr(np.array([0.0, 0.0]), same) == pytest.approx(1)  # says nothing
    assert cllr(np.array([9.0, -9.0]), same) == pytest.approx(0, abs=1e-8)
    assert cllr(np.array([-1.0, 1.0]), same) == pytest.approx(np.log2(11))
    assert cllr(np.array([0.0, 0.0, 9.0]), np.array([True, False, True]), np.array([1.0, 1.0, 0.0])) == pytest.approx(1)


def test_the_least_cost_is_that_of_the_best_rising_function() -> None:
    same = np.array([False, False, True, True])
    assert min_cllr(np.array([0.1, 0.2, 0.3, 0.4]), same) == 0
    assert min_cllr(np.array([0.4, 0.3, 0.2, 0.1]), same) == pytest.approx(1)
    assert min_cllr(np.full(4, 0.5), same) == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), stretch=st.floats(0.2, 3), shift=st.floats(-1, 1))
def test_no_rising_function_costs_less_than_the_least(seed: int, stretch: float, shift: float) -> None:
    made = trials(400, 20, seed)
    least = min_cllr(made.scores, made.same)
    assert least <= cllr(true_log10(made.scores) * stretch + shift, made.same) + 1e-9
    assert min_cllr(np.exp(made.scores), made.same) == pytest.approx(least)  # only the order counts


def test_the_line_finds_the_true_likelihood_ratios() -> None:
    made = trials()
    line = likelihood.fit(made)
    assert len(line) == CORNERS
    cosines, logs = np.array(line).T
    assert (np.diff(cosines) > 0).all()
    assert (np.diff(logs) >= 0).all()
    assert np.abs(logs - true_log10(cosines))[1:-1].max() < 0.35
    fresh = trials(seed=1)
    cost = cllr(likelihood.read_off(fresh.scores, line), fresh.same)
    assert cost < cllr(true_log10(fresh.scores), fresh.same) + 0.03  # its ends are level, the truth's are not


def test_a_line_through_scores_that_mean_nothing_says_nothing() -> None:
    random = np.random.default_rng(3)
    made = replace(trials(), scores=random.normal(0, 0.1, 40_000))
    logs = [log for _, log in likelihood.fit(made)]
    assert all(abs(log) < 0.2 for log in logs[1:-1])
    assert -0.6 < logs[0] <= logs[-1] < 0.6  # thirty trials lie beyond either end


def test_scores_without_overlap_cannot_be_calibrated() -> None:
    made = trials(4000)
    apart = replace(made, scores=np.where(made.same, 0.9, 0.1))
    with pytest.raises(ValueError, match="too few trials to calibrate with"):
        likelihood.fit(apart)


@pytest.mark.parametrize(("shape", "scale"), [(-0.3, 0.05), (-0.08, 0.05), (0.0, 0.02), (0.2, 1.0)])
def test_the_parameters_of_a_tail_are_found_again(shape: float, scale: float) -> None:
    rarity = np.random.default_rng(0).random(40_000)
    excesses = scale * (np.expm1(-shape * np.log(rarity)) / shape if shape else -np.log(rarity))
    found = pareto(excesses, np.ones(len(excesses)))
    assert found == pytest.approx((shape, scale), rel=0.03, abs=0.02)
    twice = pareto(np.concatenate([excesses, excesses]), np.repeat([1.0, 0.0], len(excesses)))
    assert twice == pytest.approx(found, abs=1e-4)  # who is not drawn does not count


def impostors() -> Comparisons:
    """Two hundred people whose directions are drawn alike."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(600, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = every(vectors, [str(place // 3) for place in range(600)])
    return made.only(~made.same)


def test_a_tail_promises_what_happens() -> None:
    made = impostors()
    fitted = tail.fit(made, rounds=20, lowest_fmr=1e-5)
    assert fitted.shape_interval[0] <= fitted.shape <= fitted.shape_interval[1]
    assert fitted.scale_interval[0] <= fitted.scale <= fitted.scale_interval[1]
    assert fitted.exceedances == (made.scores > fitted.above).sum()
    for rate in (3e-3, 1e-3, 1e-4):
        found = float((made.scores >= calibration.threshold_for(rate, fitted)).mean())
        assert found == pytest.approx(rate, rel=0.35)
    expected, seen = tail.quantiles(made, fitted)
    assert (np.diff(expected) > 0).all()
    assert np.abs(expected - seen)[:-5].max() < 0.02


def test_promises_are_kept_on_the_other_half_of_the_people() -> None:
    promises = tail.extrapolate(impostors(), splits=10)
    assert [one.promised for one in promises] == list(tail.RATES)
    first = promises[0]
    assert first.low <= first.observed <= first.high
    assert first.observed == pytest.approx(first.promised, rel=0.3)
    assert 40_000 < first.pairs < 50_000


def test_the_lowest_rate_is_the_last_before_a_promise_was_broken() -> None:
    def promise(promised: float, times: float) -> Promise:
        return Promise(promised=promised, observed=times * promised, low=0, high=1, pairs=1)

    assert lowest_kept([promise(1e-3, 1), promise(1e-4, 1.9), promise(1e-5, 2.1), promise(1e-6, 0)]) == 1e-4
    with pytest.raises(ValueError, match="does not even keep its first promise"):
        lowest_kept([promise(1e-3, 3)])
