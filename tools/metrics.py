"""Error rates as ISO/IEC 19795-1 names them, with intervals. Pure.

FMR: false match rate, FNMR: false non-match rate, TAR = 1 - FNMR at a stated FMR (often called FAR in papers).
Intervals are 95 %, by bootstrap over people, because two pairs of one person are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured rate."""

    value: float
    low: float
    """Lower end of the 95 % interval."""
    high: float
    n: int
    """Trials."""

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] (n = {self.n})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Verification trials."""

    scores: Floats
    """Similarity, higher is more alike."""
    same: Flags
    """Whether both pictures show one person."""
    fold: npt.NDArray[np.int64]
    people: tuple[tuple[str, str], ...]
    """Who is on either picture."""


def accuracy(pairs: Pairs) -> Flags:
    """Which trials are judged rightly, each fold at the threshold that is best on the others."""
    right = np.zeros(len(pairs.scores), bool)
    for fold in np.unique(pairs.fold):
        inside = pairs.fold == fold
        threshold = best_threshold(pairs.scores[~inside], pairs.same[~inside])
        right[inside] = (pairs.scores[inside] >= threshold) == pairs.same[inside]
    return right


def best_threshold(scores: Floats, same: Flags) -> float:
    """The threshold with the most right answers; the middle of the gap it lies in."""
    order = np.argsort(scores)
    ranked, mated = scores[order], same[order]
    errors = np.concatenate([[0], np.cumsum(mated)]) + np.concatenate([np.cumsum(~mated[::-1])[::-1], [0]])
    place = int(np.argmin(errors))
    edges = np.concatenate([[ranked[0] - 1e-6], ranked, [ranked[-1] + 1e-6]])
    return float((edges[place] + edges[place + 1]) / 2)


def threshold_at_fmr(impostors: Floats, fmr: float) -> float:
    """The lowest threshold at which at most `fmr` of the impostor scores match."""
    allowed = int(np.floor(fmr * len(impostors)))
    return float(np.nextafter(np.sort(impostors)[::-1][allowed], np.inf)) if allowed < len(impostors) else -1.0


def tar_at_fmr(pairs: Pairs, fmr: float, weights: Floats | None = None) -> float:
    """Share of the mated trials accepted at the threshold that lets `fmr` of the others pass."""
    weights = np.ones(len(pairs.scores)) if weights is None else weights
    impostors, mass = pairs.scores[~pairs.same], weights[~pairs.same]
    order = np.argsort(-impostors)
    passed = np.cumsum(mass[order]) > fmr * mass.sum()
    threshold = impostors[order][int(np.argmax(passed))]
    mated = weights[pairs.same]
    return float(mated[pairs.scores[pairs.same] > threshold].sum() / mated.sum())


def by_person(
    pairs: Pairs, statistic: Callable[[Floats], float], *, rounds: int = 500, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a statistic of trial weights, drawing people with replacement."""
    names = sorted({name for pair in pairs.people for name in pair})
    place = {name: index for index, name in enumerate(names)}
    first, second = (np.array([place[pair[side]] for pair in pairs.people]) for side in (0, 1))
    random = np.random.default_rng(seed)
    values = []
    for _ in range(rounds):
        drawn = np.bincount(random.integers(0, len(names), len(names)), minlength=len(names)).astype(np.float64)
        weights = np.where(pairs.same, drawn[first], drawn[first] * drawn[second])
        values.append(statistic(weights))
    return float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5))


def verification(pairs: Pairs) -> dict[str, Figure]:
    """Accuracy over folds, and TAR at two false match rates."""
    right = accuracy(pairs).astype(np.float64)
    low, high = by_person(pairs, lambda weights: float(np.average(right, weights=weights)))
    figures = {"accuracy": Figure(value=float(right.mean()), low=low, high=high, n=len(right))}
    for name, fmr in (("tar_at_far_1e-2", 1e-2), ("tar_at_far_1e-3", 1e-3)):
        low, high = by_person(pairs, lambda weights, fmr=fmr: tar_at_fmr(pairs, fmr, weights))  # type: ignore[misc]
        figures[name] = Figure(value=tar_at_fmr(pairs, fmr), low=low, high=high, n=int(pairs.same.sum()))
    return figures


def wilson(successes: int, n: int) -> Figure:
    """A proportion of independent trials with its Wilson 95 % interval."""
    if n == 0:
        return Figure(value=float("nan"), low=0.0, high=1.0, n=0)
    z, p = 1.959964, successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Figure(value=p, low=float(max(0, centre - half)), high=float(min(1, centre + half)), n=n)


def bootstrap_mean(values: Sequence[float], *, rounds: int = 500, seed: int = 0) -> Figure:
    """A mean of independent values with its bootstrap 95 % interval."""
    data = np.asarray(values, np.float64)
    random = np.random.default_rng(seed)
    means = [float(data[random.integers(0, len(data), len(data))].mean()) for _ in range(rounds)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Figure(value=float(data.mean()), low=float(low), high=float(high), n=len(data))


def average_precision(scores: Floats, hits: Flags, wanted: int) -> float:
    """Area under precision over recall, all points, of detections with their hits; `wanted` faces exist."""
    order = np.argsort(-scores, kind="stable")
    hit = hits[order]
    precision = np.cumsum(hit) / (np.arange(len(hit)) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * hit).sum() / wanted) if wanted else 0.0
