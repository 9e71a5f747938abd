"""From scores to likelihood ratios, and how good those are. Pure.

Cllr: cost of the log likelihood ratio in bits (Brümmer and du Preez, Application-independent evaluation of speaker
detection, Computer Speech and Language, 2006): 0 is perfect, 1 says nothing. Its minimum over all rising functions of
the score (pool adjacent violators) is what the scores could give; the difference is the loss by calibration.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize

from edgeface.calibration import Calibration, log_likelihood_ratio
from tools.comparisons import Comparisons
from tools.metrics import Flags, Floats

CORNERS = 9
BEYOND = 30
"""Comparisons of the rarer kind that must lie beyond either end of the line: past these the scores say nothing more."""
BIN = 0.001
"""Scores this near are one when the line is fitted."""


def cllr(logs: Floats, same: Flags, weights: Floats | None = None) -> float:
    """Cost of log10 likelihood ratios in bits; `weights`: how often each trial counts."""
    bits = np.logaddexp(0, np.where(same, -logs, logs) * np.log(10)) / np.log(2)
    return _balanced(bits, same, np.ones(len(bits)) if weights is None else weights)


def min_cllr(scores: Floats, same: Flags, weights: Floats | None = None) -> float:
    """The lowest cost that any rising function of the scores gives on these very trials."""
    counts = _equalised(same, np.ones(len(scores)) if weights is None else weights)
    place = np.unique(scores, return_inverse=True)[1]
    total, mated = np.bincount(place, counts), np.bincount(place, counts * same)
    drawn = total > 0
    share = isotonic_regression(mated[drawn] / total[drawn], weights=total[drawn]).x
    missed = total[drawn] - mated[drawn]
    with np.errstate(divide="ignore"):
        bits = np.where(mated[drawn] > 0, -np.log2(share), 0) * mated[drawn]
        bits += np.where(missed > 0, -np.log2(1 - share), 0) * missed
    return float(bits.sum() / 2)


def read_off(scores: Floats, line: Calibration) -> Floats:
    """log10 likelihood ratios of many scores, as `edgeface.calibration` gives one."""
    return np.array([log_likelihood_ratio(score, line) for score in scores.tolist()])


def fit(trials: Comparisons) -> Calibration:
    """The rising line with the lowest Cllr: corners (cosine, log10 likelihood ratio), level beyond its ends.

    Both kinds of trial count the same in all, which makes the log odds of a logistic regression a likelihood ratio; the
    line's rises are its coefficients, none below 0.
    """
    ends = _ends(trials)
    edges = np.arange(-1, 1 + 2 * BIN, BIN)
    counts = _equalised(trials.same, np.ones(len(trials.scores)))
    mated = np.histogram(trials.scores, edges, weights=counts * trials.same)[0]
    others = np.histogram(trials.scores, edges, weights=counts * ~trials.same)[0]
    cosines = np.linspace(*ends, CORNERS)
    shape = _parts(edges[:-1] + BIN / 2, cosines)

    def loss(rises: Floats) -> tuple[float, Floats]:
        odds = shape @ rises
        cost = mated @ np.logaddexp(0, -odds) + others @ np.logaddexp(0, odds)
        slope = (mated + others) / (1 + np.exp(-odds)) - mated
        return float(cost), shape.T @ slope

    free = [(None, None)] + [(0, None)] * (CORNERS - 1)
    start = np.concatenate([[-2.0], np.full(CORNERS - 1, 1.0)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=free, options={"maxiter": 1000, "ftol": 1e-12})
    logs = np.cumsum(found.x) / np.log(10)
    return tuple((round(float(x), 4), round(float(y), 3)) for x, y in zip(cosines, logs, strict=True))


def _ends(trials: Comparisons) -> tuple[float, float]:
    """Where the line begins and ends: cosines beyond which only BEYOND trials of the rarer kind lie."""
    mated, others = np.sort(trials.scores[trials.same]), np.sort(trials.scores[~trials.same])
    low, high = float(mated[min(BEYOND, len(mated) - 1)]), float(others[-min(BEYOND + 1, len(others))])
    if not low < high:
        raise ValueError("the scores of one person and of two do not overlap: too few trials to calibrate with")
    return low, high


def _parts(scores: Floats, cosines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much of the first value and of each rise there is at a score: (n, corners), 0..1."""
    rises = np.clip((scores[:, None] - cosines[:-1]) / np.diff(cosines), 0, 1)
    return np.hstack([np.ones((len(scores), 1)), rises])


def _equalised(same: Flags, weights: Floats) -> Floats:
    """The weights scaled so that either kind sums to 1."""
    sums = np.where(same, weights[same].sum(), weights[~same].sum())
    equalised: Floats = weights / sums
    return equalised


def _balanced(bits: Floats, same: Flags, weights: Floats) -> float:
    """Mean of the means of both kinds."""
    return float(_equalised(same, weights) @ bits / 2)
