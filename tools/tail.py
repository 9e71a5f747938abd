"""How near strangers come, beyond what was seen: a generalised Pareto fit to the highest scores of different people.

Peaks over threshold (Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, ch. 4), by maximum
likelihood in one parameter (Grimshaw, Technometrics, 1993). Intervals are 95 %, drawing people with replacement, as the
pairs of one person are not independent. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from edgeface import calibration
from edgeface.model import ImpostorTail
from tools.comparisons import Comparisons
from tools.metrics import Floats, draws

RATE = 0.01
"""Share of the impostor scores that is called the tail. Of 2, 1 and 0.5 %, all three gave the same shape on LFW-dev."""
RATES = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)
"""False match rates at which promises are compared with what happens."""
KEPT = 2.0
"""A promise counts as kept if strangers match at most so many times as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A false match rate asked for on one half of the people, and what it came to on the other half."""

    promised: float
    observed: float
    """Mean over the splits."""
    low: float
    """2.5th percentile of the splits."""
    high: float
    """97.5th percentile of the splits."""
    pairs: int
    """Comparisons of different people in a half, in the mean."""


def pareto(excesses: Floats, weights: Floats) -> tuple[float, float]:
    """(shape, scale) of the likeliest generalised Pareto distribution of weighted excesses above 0."""
    share, mean = weights / weights.sum(), float(np.average(excesses, weights=weights))

    def shape_at(slope: float) -> float:
        return float(share @ np.log1p(slope * excesses))

    def surprise(slope: float) -> float:
        shape = shape_at(slope)
        return shape + math.log(shape / slope if abs(slope) > 1e-9 else mean)

    steepest = -(1 - 1e-6) / float(excesses.max())
    found = minimize_scalar(surprise, bounds=(steepest, 2 / mean), method="bounded", options={"xatol": 1e-6})
    slope = float(found.x)
    shape = shape_at(slope)
    return (shape, shape / slope) if abs(slope) > 1e-9 else (0.0, mean)


def fit(impostors: Comparisons, *, rounds: int, lowest_fmr: float, seed: int = 0) -> ImpostorTail:
    """The tail of comparisons of different people, with intervals of its two parameters."""
    tail = fit_once(impostors, lowest_fmr)
    high = impostors.only(impostors.scores > tail.above)
    drawn = (high.weights(counts) for counts in draws(impostors.people, rounds, seed))
    again = np.array([pareto((high.scores - tail.above)[w > 0], w[w > 0]) for w in drawn])
    (shape_low, scale_low), (shape_high, scale_high) = np.percentile(again, [2.5, 97.5], axis=0).tolist()
    return replace(
        tail,
        shape_interval=(round(shape_low, 4), round(shape_high, 4)),
        scale_interval=(round(scale_low, 5), round(scale_high, 5)),
    )


def fit_once(impostors: Comparisons, lowest_fmr: float) -> ImpostorTail:
    """Without intervals. Rounded as it is written down, so that what is checked is what is used."""
    above = round(float(np.quantile(impostors.scores, 1 - RATE)), 4)
    excesses = impostors.scores[impostors.scores > above] - above
    shape, scale = (round(value, 5) for value in pareto(excesses, np.ones(len(excesses))))
    return ImpostorTail(
        above=above,
        rate=float(f"{len(excesses) / len(impostors.scores):.4g}"),
        shape=shape,
        scale=scale,
        shape_interval=(shape, shape),
        scale_interval=(scale, scale),
        exceedances=len(excesses),
        pairs=len(impostors.scores),
        lowest_fmr=lowest_fmr,
    )


def extrapolate(impostors: Comparisons, *, splits: int, seed: int = 0) -> list[Promise]:
    """Fit on half of the people, ask for thresholds, and count on the other half; many times."""
    random = np.random.default_rng(seed)
    observed, sizes = [], []
    for _ in range(splits):
        mine = random.permutation(impostors.people) < impostors.people // 2
        first, second = mine[impostors.first], mine[impostors.second]
        tail = fit_once(impostors.only(first & second), min(RATES))
        scores = np.sort(impostors.scores[~first & ~second])
        thresholds = [calibration.threshold_for(rate, tail) for rate in RATES]
        observed.append(1 - np.searchsorted(scores, thresholds) / len(scores))
        sizes.append(len(scores))
    table, pairs = np.array(observed), int(np.mean(sizes))
    lows, highs = np.percentile(table, [2.5, 97.5], axis=0)
    rows = zip(RATES, table.mean(axis=0).tolist(), lows.tolist(), highs.tolist(), strict=True)
    return [Promise(promised=rate, observed=mean, low=low, high=high, pairs=pairs) for rate, mean, low, high in rows]


def lowest_kept(promises: Sequence[Promise]) -> float:
    """The lowest rate down to which every promise was kept. Raises ValueError if not even the first was."""
    kept = 0
    while kept < len(promises) and promises[kept].observed <= KEPT * promises[kept].promised:
        kept += 1
    if kept == 0:
        raise ValueError("the tail does not even keep its first promise: too few people, or scores of another kind")
    return promises[kept - 1].promised


def quantiles(impostors: Comparisons, tail: ImpostorTail) -> tuple[Floats, Floats]:
    """(expected, found) scores of the tail, rising: on one line if the fit is good."""
    found = np.sort(impostors.scores[impostors.scores > tail.above])
    rarity = (len(found) - np.arange(len(found)) - 0.5) / len(found) * tail.rate
    whole = replace(tail, lowest_fmr=min(rarity))
    return np.array([calibration.threshold_for(float(rate), whole) for rate in rarity]), found
