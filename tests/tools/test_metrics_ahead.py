"""Differences between two systems on the same trials, and rates over all pairs of a crowd, against plain counting."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.evaluate.boxes import average_precision, precision_recall
from tools.metrics import (
    Pairs,
    match_rates,
    verification,
    verification_ahead,
    wilson,
)


def trials(gap: float, seed: int = 0, n: int = 600) -> Pairs:
    """Mated and other trials of 40 people, `gap` standard deviations apart."""
    random = np.random.default_rng(seed)
    same = np.arange(n) % 2 == 0
    people = tuple((f"n{i % 40}", f"n{i % 40}" if mated else f"n{(i + 7) % 40}") for i, mated in enumerate(same))
    scores = random.normal(0, 1, n) + gap * same
    return Pairs(scores=scores, same=same, fold=np.arange(n) % 5, people=people)


def test_nobody_is_ahead_of_himself() -> None:
    pairs = trials(1.5)
    for figure in verification_ahead(pairs, pairs).values():
        assert (figure.value, figure.low, figure.high) == (0.0, 0.0, 0.0)


def test_ahead_is_the_difference_of_the_figures_and_turns_with_the_order() -> None:
    good, bad = trials(3.0), trials(1.0, seed=1)
    ahead, behind = verification_ahead(good, bad), verification_ahead(bad, good)
    first, second = verification(good), verification(bad)
    for name, figure in ahead.items():
        assert figure.value == pytest.approx(first[name].value - second[name].value)
        assert figure.value == pytest.approx(-behind[name].value)
        assert (figure.low, figure.high) == pytest.approx((-behind[name].high, -behind[name].low))
        assert figure.n == first[name].n
    assert ahead["accuracy"].low > 0


def test_a_pair_of_alike_systems_is_told_apart_better_than_by_their_own_intervals() -> None:
    """One trial in a hundred differs; each system's own interval is wider than that."""
    pairs = trials(2.0)
    worse = pairs.scores.copy()
    worse[pairs.same.nonzero()[0][::50]] = -9
    ahead = verification_ahead(pairs, replace(pairs, scores=worse))["accuracy"]
    own = verification(pairs)["accuracy"]
    assert ahead.high - ahead.low < (own.high - own.low) / 2


@given(
    hits=st.lists(st.booleans(), min_size=1, max_size=30),
    more=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_precision_falls_as_recall_grows_and_its_area_is_the_average_precision(
    hits: list[bool], more: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    scores, found = random.permutation(len(hits)) / 100, np.array(hits)
    wanted = int(found.sum()) + more
    recall, precision = precision_recall(scores, found, wanted)
    assert (np.diff(recall) >= 0).all()
    assert (np.diff(precision) <= 0).all()
    assert recall[-1] == (found.sum() / wanted if wanted else 0)
    area = float((precision * np.diff(recall, prepend=0)).sum())
    assert average_precision(scores, found, wanted) == pytest.approx(area)
    threshold = scores[0]
    strong = scores >= threshold
    counted = found[strong].sum() / strong.sum()
    assert precision[strong.sum() - 1] >= counted - 1e-12  # the envelope never lies below what is counted


@given(
    labels=st.lists(st.sampled_from("abc"), min_size=2, max_size=9),
    chance=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_match_rates_by_counting_every_pair(labels: list[str], chance: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    everybody = list(combinations(range(len(labels)), 2))
    matched = [pair for pair in everybody if random.random() < chance]
    rates = match_rates(np.array(matched, np.intp).reshape(-1, 2), np.array(labels), rounds=20)
    for group, figure in rates.items():
        inside = [
            (i, j)
            for i, j in everybody
            if (labels[i] != labels[j] if group == "across" else labels[i] == labels[j] == group)
        ]
        assert figure.n == len(inside)
        hits = len(set(inside) & set(matched))
        assert figure.value == pytest.approx(hits / len(inside) if inside and hits else 0.0)
        assert figure.low <= figure.high


def test_match_rates_are_as_uncertain_as_their_members_are_few() -> None:
    """The same share of matching pairs, once among 12 people and once among 120."""

    def rate(people: int) -> tuple[float, float, float]:
        pairs = np.array([(i, j) for i, j in combinations(range(people), 2) if (i + j) % 4 == 0])
        figure = match_rates(pairs, np.full(people, "all"))["all"]
        return figure.value, figure.low, figure.high

    few, many = rate(12), rate(120)
    assert few[1] < few[0] < few[2]
    assert few[2] - few[1] > 2 * (many[2] - many[1])


def test_no_match_at_all_is_bounded_by_the_number_of_people() -> None:
    rates = match_rates(np.empty((0, 2), np.intp), np.array(["a"] * 10 + ["b"] * 30))
    assert (rates["a"].value, rates["a"].high) == (0.0, wilson(0, 10).high)
    assert rates["b"].high == wilson(0, 30).high
    assert rates["across"].n == 300
