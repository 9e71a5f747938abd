"""Likelihood ratios of whole visits: what is told by a line that was fitted to other people, and what is seen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tools import likelihood
from tools.comparisons import Comparisons
from tools.metrics import Figure, Flags, Floats

BANDS = (-9.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0)
"""Of the log10 likelihood ratio that is told."""
NAMES = ("below_-1", "-1_to_0", "0_to_1", "1_to_2", "2_to_3", "3_to_4", "above_4")


def comparisons(scores: Floats, owner: npt.NDArray[np.intp], people: Flags) -> Comparisons:
    """The visits of some people as each of them; `scores` is (visits, people). Visits without enough good shots have no
    score, and are left out."""
    visiting, met = np.flatnonzero(people[owner] & (scores.max(axis=1) > -1)), np.flatnonzero(people)
    first, second = np.meshgrid(owner[visiting], met, indexing="ij")
    told = scores[np.ix_(visiting, met)]
    return Comparisons(scores=told.ravel(), first=first.ravel(), second=second.ravel(), people=len(people))


def strengths(scores: Floats, owner: npt.NDArray[np.intp], *, splits: int) -> dict[str, Figure]:
    """Cost of the ratios in bits, the least that any rising line could have, and the ratio seen in each band of those
    told: mean over halvings of the people, and their 2.5th to 97.5th percentile; n counts a half's visits."""
    random, people = np.random.default_rng(4), scores.shape[1]
    costs, least = list[float](), list[float]()
    bands: dict[str, list[tuple[float, int]]] = {}
    for _ in range(splits):
        mine = random.permutation(people) < people // 2
        line = likelihood.fit(comparisons(scores, owner, mine))
        judged = comparisons(scores, owner, ~mine)
        told = likelihood.read_off(judged.scores, line)
        costs.append(likelihood.cllr(told, judged.same))
        least.append(likelihood.min_cllr(judged.scores, judged.same))
        for name, (low, high) in zip(NAMES, pairwise(BANDS), strict=True):
            inside = (told >= low) & (told < high)
            own, others = int((inside & judged.same).sum()), int((inside & ~judged.same).sum())
            if own and others:
                seen = np.log10(own / judged.same.sum() / (others / (~judged.same).sum()))
                bands.setdefault(name, []).append((float(seen), own))
    figures = {"visit_cllr": _figure(costs, len(owner) // 2), "visit_min_cllr": _figure(least, len(owner) // 2)}
    for name in (name for name in NAMES if name in bands):
        seen = [value for value, _ in bands[name]]
        figures[f"visit_strength_told_{name}"] = _figure(seen, round(np.mean([count for _, count in bands[name]])))
    return figures


def _figure(values: list[float], n: int) -> Figure:
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(value=float(np.mean(values)), low=float(low), high=float(high), n=n)
