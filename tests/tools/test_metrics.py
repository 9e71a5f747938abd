"""Error rates against plain counting, and intervals that hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.evaluate.boxes import average_precision
from tools.metrics import (
    Pairs,
    Searches,
    accuracy,
    best_threshold,
    bootstrap_mean,
    by_person,
    det,
    fnir,
    fpir,
    pool,
    rate_by_person,
    search,
    tar_at_fmr,
    threshold_at_fmr,
    verification,
    wilson,
)

scores = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=2, max_size=40)


def trials(seed: int, n: int = 200, gap: float = 1.0, folds: int = 5) -> Pairs:
    """Mated and other trials of 40 people, `gap` standard deviations apart."""
    random = np.random.default_rng(seed)
    same = np.arange(n) % 2 == 0
    values = random.normal(0, 1, n) + gap * same
    names = [f"n{index}" for index in range(40)]
    people = tuple(
        (names[i % 40], names[i % 40] if mated else names[(i + 7) % 40]) for i, mated in enumerate(same.tolist())
    )
    return Pairs(scores=values, same=same, fold=np.arange(n) % folds, people=people)


@given(values=scores, data=st.data())
def test_no_threshold_beats_the_best(values: list[float], data: st.DataObject) -> None:
    same = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    array = np.array(values)
    best = best_threshold(array, same)
    right = int(((array >= best) == same).sum())
    candidates = [*np.unique(array), array.max() + 1]
    most = max(int(((array >= candidate) == same).sum()) for candidate in candidates)
    ties = len(set(values)) < len(values)
    assert right == most or ties


def test_the_best_threshold_lies_in_the_middle_of_its_gap() -> None:
    assert best_threshold(np.array([0.1, 0.2, 0.6, 0.8]), np.array([False, False, True, True])) == pytest.approx(0.4)


def test_between_neighbouring_numbers_the_best_threshold_is_the_upper_one() -> None:
    lower, upper = -1.0, float(np.nextafter(-1.0, 0.0))
    assert best_threshold(np.array([lower, upper]), np.array([False, True])) == upper


def test_accuracy_judges_each_fold_by_the_others() -> None:
    """Over all seven, 0.65 would be best and err nowhere; the second fold must be judged at the first one's 0.5."""
    pairs = Pairs(
        scores=np.array([0.1, 0.3, 0.7, 0.9, 0.52, 0.55, 0.6]),
        same=np.array([False, False, True, True, False, False, False]),
        fold=np.array([0, 0, 0, 0, 1, 1, 1]),
        people=(("a", "b"),) * 7,
    )
    right = accuracy(pairs)
    assert right[4:].tolist() == [False, False, False]
    assert right.dtype == bool


@given(values=scores, fmr=st.floats(0, 1))
def test_a_threshold_lets_at_most_so_many_strangers_match(values: list[float], fmr: float) -> None:
    array = np.array(values)
    threshold = threshold_at_fmr(array, fmr)
    assert (array >= threshold).sum() <= math.floor(fmr * len(array))
    lower = array[array < threshold]
    if lower.size:  # and is the lowest that does
        assert (array >= lower.max()).sum() > math.floor(fmr * len(array))


def test_tar_by_counting() -> None:
    impostors = np.linspace(0, 0.99, 100)
    mated = np.array([0.5, 0.98, 0.985, 0.995])
    pairs = Pairs(
        scores=np.concatenate([impostors, mated]),
        same=np.array([False] * 100 + [True] * 4),
        fold=np.zeros(104, np.int64),
        people=(("a", "b"),) * 104,
    )
    assert tar_at_fmr(pairs, 0.01) == 0.5  # above the second-highest impostor, 0.98
    assert tar_at_fmr(pairs, 0.10) == 0.75
    assert tar_at_fmr(pairs, 0.001) == 0.25


@pytest.mark.parametrize("gap", [0.5, 2.0])
def test_tar_agrees_with_its_threshold(gap: float) -> None:
    pairs = trials(3, 2000, gap)
    threshold = threshold_at_fmr(pairs.scores[~pairs.same], 0.01)
    counted = (pairs.scores[pairs.same] >= threshold).mean()
    assert tar_at_fmr(pairs, 0.01) == pytest.approx(counted, abs=0.002)


def test_weights_count_trials_twice() -> None:
    pairs = trials(4, 400, 1.0)
    doubled = Pairs(
        scores=np.repeat(pairs.scores, 2),
        same=np.repeat(pairs.same, 2),
        fold=np.repeat(pairs.fold, 2),
        people=tuple(pair for pair in pairs.people for _ in range(2)),
    )
    assert tar_at_fmr(pairs, 0.05, np.full(400, 2.0)) == tar_at_fmr(pairs, 0.05) == tar_at_fmr(doubled, 0.05)


def test_an_interval_over_people_holds_the_value_and_repeats() -> None:
    pairs = trials(5, 800, 1.5)
    right = accuracy(pairs).astype(float)
    low, high = by_person(pairs, lambda weights: float(np.average(right, weights=weights)), rounds=200)
    assert low < right.mean() < high
    assert high - low < 0.2
    assert (low, high) == by_person(pairs, lambda weights: float(np.average(right, weights=weights)), rounds=200)


def test_verification_tells_n_and_intervals() -> None:
    figures = verification(trials(6, 400, 2.0))
    assert set(figures) == {"accuracy", "tar_at_far_1e-2", "tar_at_far_1e-3"}
    assert figures["accuracy"].n == 400
    assert figures["tar_at_far_1e-2"].n == 200
    for figure in figures.values():
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert figures["tar_at_far_1e-2"].value >= figures["tar_at_far_1e-3"].value


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962), (8, 10, 0.4902, 0.9433)],
)
def test_wilson_against_published_values(successes: int, n: int, low: float, high: float) -> None:
    figure = wilson(successes, n)
    assert (figure.value, figure.n) == (successes / n, n)
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=1e-4)


def test_wilson_of_nothing() -> None:
    figure = wilson(0, 0)
    assert math.isnan(figure.value)
    assert (figure.low, figure.high, figure.n) == (0.0, 1.0, 0)


def test_bootstrap_of_a_mean() -> None:
    figure = bootstrap_mean(np.random.default_rng(0).normal(5, 1, 400).tolist())
    assert figure.low < 5.0 < figure.high
    assert figure.high - figure.low == pytest.approx(2 * 1.96 / 20, rel=0.25)
    assert str(bootstrap_mean([1.0, 1.0])) == "1.0000 [1.0000, 1.0000] (n = 2)"


@pytest.mark.parametrize(
    ("hits", "wanted", "expected"),
    [
        ([True, True], 2, 1.0),
        ([True, True], 4, 0.5),
        ([False, True], 1, 0.5),
        ([True, False, True], 2, (1 + 2 / 3) / 2),
        ([False, True, True, True], 3, 0.75),  # the envelope: precision never falls to the right of a better one
        ([], 3, 0.0),
        ([True], 0, 0.0),
    ],
)
def test_average_precision_by_hand(hits: list[bool], wanted: int, expected: float) -> None:
    ranked = np.linspace(1, 0.1, len(hits))
    assert average_precision(ranked, np.array(hits, bool), wanted) == pytest.approx(expected)
    shuffled = np.random.default_rng(1).permutation(len(hits))
    again = average_precision(ranked[shuffled], np.array(hits, bool)[shuffled], wanted)
    assert again == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 9, 10, 69, 101])
def test_wilson_reaches_none_and_all_exactly(n: int) -> None:
    assert wilson(0, n).low == 0.0
    assert wilson(n, n).high == 1.0


@given(mated=scores, others=scores, lost=st.integers(0, 3))
def test_det_trades_one_error_for_the_other(mated: list[float], others: list[float], lost: int) -> None:
    curve = det(np.array([*mated, *[-math.inf] * lost]), np.array(others))
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.false_match) <= 0).all()
    assert (np.diff(curve.false_non_match) >= 0).all()
    assert (curve.false_match[0], curve.false_match[-1]) == (1.0, 0.0)
    assert (curve.false_non_match[0], curve.false_non_match[-1]) == (lost / (len(mated) + lost), 1.0)


@given(mated=scores, others=scores, place=st.floats(0, 1))
def test_det_agrees_with_counting(mated: list[float], others: list[float], place: float) -> None:
    curve = det(np.array(mated), np.array(others))
    index = min(int(place * len(curve.thresholds)), len(curve.thresholds) - 1)
    threshold = curve.thresholds[index]
    assert curve.false_match[index] == pytest.approx(sum(score >= threshold for score in others) / len(others))
    assert curve.false_non_match[index] == pytest.approx(sum(score < threshold for score in mated) / len(mated))


PLANTED = search(
    np.array(
        [
            [0.9, 0.1, 0.2],  # ann, known
            [0.6, 0.5, 0.1],  # bob, whom ann resembles more: missed at any threshold
            [0.1, 0.2, 0.4],  # cem, weak
            [0.3, 0.7, 0.2],  # a stranger like bob
            [0.2, 0.1, 0.3],  # a stranger like nobody
            [-np.inf, -np.inf, -np.inf],  # a stranger without a face
            [-np.inf, -np.inf, -np.inf],  # ann without a face
        ]
    ),
    ["ann", "bob", "cem", "dan", "eve", "fay", "ann"],
    ["ann", "bob", "cem"],
)


@pytest.mark.parametrize(
    ("threshold", "false_positives", "false_negatives"),
    [(-1.0, 2, 2), (0.3, 2, 2), (0.31, 1, 2), (0.4, 1, 2), (0.41, 1, 3), (0.7, 1, 3), (0.71, 0, 3), (0.91, 0, 4)],
)
def test_planted_searches_fail_as_planted(threshold: float, false_positives: int, false_negatives: int) -> None:
    strangers, enrolled = fpir(PLANTED, threshold), fnir(PLANTED, threshold)
    assert (strangers.value, strangers.n) == (false_positives / 3, 3)
    assert (enrolled.value, enrolled.n) == (false_negatives / 4, 4)


def test_a_search_keeps_whose_probe_it_was() -> None:
    assert PLANTED.mated_people == ("ann", "bob", "cem", "ann")
    assert PLANTED.stranger_people == ("dan", "eve", "fay")
    assert PLANTED.mates.tolist() == [0.9, -math.inf, 0.4, -math.inf]


def test_pooled_searches_err_by_the_mean_of_their_rates() -> None:
    other = Searches(
        mates=np.array([0.8, 0.8, 0.8, 0.8]),
        mated_people=("gus", "hal", "ida", "joe"),
        strangers=np.array([0.1, 0.2, 0.9]),
        stranger_people=("kim", "lee", "may"),
    )
    both = pool([PLANTED, other])
    assert fnir(both, 0.5).value == pytest.approx((3 / 4 + 0) / 2)
    assert fpir(both, 0.5).value == pytest.approx((1 / 3 + 1 / 3) / 2)
    assert len(both.stranger_people) == len(both.strangers) == 6


def test_a_rate_by_person_is_as_wide_as_its_people_are_few() -> None:
    """A thousand trials of ten people know no more than ten people do."""
    happened = np.repeat(np.arange(10) < 3, 100)
    few = rate_by_person(happened, [(f"n{i // 100}",) * 2 for i in range(1000)])
    many = rate_by_person(happened, [(f"n{i}",) * 2 for i in range(1000)])
    assert few.value == many.value == 0.3
    assert few.n == many.n == 1000
    assert few.high - few.low > 0.4
    assert many.high - many.low < 0.07
    assert few.low < 0.3 < few.high


@pytest.mark.parametrize("always", [False, True])
def test_what_never_happened_is_bounded_by_the_number_of_people(always: bool) -> None:
    figure = rate_by_person(np.full(90, always), [(f"n{i % 10}", f"n{(i + 1) % 10}") for i in range(90)])
    expected = wilson(10 * always, 10)
    assert (figure.value, figure.low, figure.high, figure.n) == (float(always), expected.low, expected.high, 90)


def test_a_rate_of_pairs_has_the_interval_of_their_people() -> None:
    pairs = trials(7, 400, 1.0)
    low, high = by_person(pairs, lambda weights: float(np.average(pairs.scores > 0.5, weights=weights)))
    figure = rate_by_person(pairs.scores > 0.5, pairs.people)
    assert (figure.low, figure.high) == pytest.approx((low, high))
