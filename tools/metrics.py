"""Error rates as ISO/IEC 19795-1 names them, with intervals. Pure.

FMR: false match rate, FNMR: false non-match rate, TAR = 1 - FNMR at a stated FMR (often called FAR in papers).
Intervals are 95 %, by bootstrap over people, because two pairs of one person are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
RATES = {"tar_at_far_1e-2": 1e-2, "tar_at_far_1e-3": 1e-3}
"""Names of the true accept rates of `verification`, and the false match rate of each."""


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
    below, above = edges[place], edges[place + 1]
    # Between two neighbouring numbers there is no middle: it would round down, and let the lower one pass.
    return float(max((below + above) / 2, np.nextafter(below, above)))


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
    values = [statistic(weights) for weights in _drawn_weights(pairs.people, rounds, seed)]
    return float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5))


def rate_by_person(happened: Flags, people: Sequence[tuple[str, str]], *, rounds: int = 500, seed: int = 0) -> Figure:
    """How often something happened, and its 95 % interval, drawing people with replacement.

    `people` names who is in each trial; one person alone stands twice. Where it never or always happened, drawing again
    cannot tell more: then the interval is Wilson's, as if every person had been tried once.
    """
    place = {pair: index for index, pair in enumerate(dict.fromkeys(people))}
    rate, count = float(happened.mean()), len({name for pair in place for name in pair})
    if rate in (0.0, 1.0):
        bound = wilson(int(rate) * count, count)
        return Figure(value=rate, low=bound.low, high=bound.high, n=len(happened))
    which = np.fromiter((place[pair] for pair in people), np.intp)
    hits, trials = np.bincount(which, happened), np.bincount(which)
    values = [
        float(weights @ hits / total)
        for weights in _drawn_weights(list(place), rounds, seed)
        if (total := float(weights @ trials))
    ]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(value=rate, low=float(low), high=float(high), n=len(happened))


def match_rates(
    matched: npt.NDArray[np.intp], labels: npt.NDArray[np.str_], *, rounds: int = 500, seed: int = 0
) -> dict[str, Figure]:
    """Share of the pairs within each group that match, and of those of two groups ("across"), drawing members anew.

    `matched` (k, 2): places of the two of every pair that matches, each pair once. `labels` (n,): everybody's group. As
    in `rate_by_person`, a rate of zero has Wilson's bound, as if every member had been tried once.
    """
    weights = np.stack([np.ones(len(labels)), *draws(len(labels), rounds, seed)])
    both = weights[:, matched[:, 0]] * weights[:, matched[:, 1]]
    first, second = labels[matched[:, 0]], labels[matched[:, 1]]
    figures, within = {}, np.zeros(rounds + 1)
    for label in np.unique(labels):
        pairs = _pairs(weights[:, labels == label])
        within += pairs
        hits = both[:, (first == label) & (second == label)].sum(axis=1)
        figures[str(label)] = _drawn_rate(hits, pairs, int((labels == label).sum()))
    figures["across"] = _drawn_rate(both[:, first != second].sum(axis=1), _pairs(weights) - within, len(labels))
    return figures


def _pairs(weights: Floats) -> Floats:
    """How many pairs of two there are, by draw: (rounds, members) -> (rounds,)."""
    return np.asarray((weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)) / 2)


def _drawn_rate(hits: Floats, trials: Floats, members: int) -> Figure:
    """A rate and its interval; the first draw is the data as they are."""
    if hits[0] == 0:
        bound = wilson(0, members)
        return Figure(value=0.0, low=0.0, high=bound.high, n=int(trials[0]))
    low, high = np.percentile(hits[1:] / np.maximum(trials[1:], 1), [2.5, 97.5])
    return Figure(value=float(hits[0] / trials[0]), low=float(low), high=float(high), n=int(trials[0]))


def _drawn_weights(people: Sequence[tuple[str, str]], rounds: int, seed: int) -> Iterator[Floats]:
    """How often each trial counts when people are drawn with replacement: once for each of the people in it."""
    names, places = np.unique(np.array(people), return_inverse=True)
    first, second = places.reshape(-1, 2).T
    for drawn in draws(len(names), rounds, seed):
        yield weigh(first, second, drawn)


def draws(people: int, rounds: int, seed: int) -> Iterator[Floats]:
    """For each round, how often each person is drawn with replacement."""
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.bincount(random.integers(0, people, people), minlength=people).astype(np.float64)


def weigh(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp], drawn: Floats) -> Floats:
    """How often each trial counts if each person was drawn so often; `first` and `second` are who is in it."""
    return np.where(first == second, drawn[first], drawn[first] * drawn[second])


def verification(pairs: Pairs) -> dict[str, Figure]:
    """Accuracy over folds, and TAR at two false match rates."""
    right = accuracy(pairs).astype(np.float64)
    return _verified(pairs, right, lambda fmr, weights: tar_at_fmr(pairs, fmr, weights))


def verification_ahead(first: Pairs, second: Pairs) -> dict[str, Figure]:
    """What `verification` gives for the first minus what it gives for the second, both on the same trials.

    The interval is that of the difference: both are weighed anew with the same people at every draw. One that holds 0
    cannot tell the two apart.
    """

    def gain(fmr: float, weights: Floats) -> float:
        return tar_at_fmr(first, fmr, weights) - tar_at_fmr(second, fmr, weights)

    return _verified(first, accuracy(first).astype(np.float64) - accuracy(second), gain)


def _verified(pairs: Pairs, right: Floats, tar: Callable[[float, Floats], float]) -> dict[str, Figure]:
    """`right` by trial, and `tar` of a false match rate and weights, with their intervals; `pairs` says who is who."""
    low, high = by_person(pairs, lambda weights: float(np.average(right, weights=weights)))
    figures = {"accuracy": Figure(value=float(right.mean()), low=low, high=high, n=len(right))}
    for name, fmr in RATES.items():
        low, high = by_person(pairs, partial(tar, fmr))
        value = tar(fmr, np.ones(len(pairs.scores)))
        figures[name] = Figure(value=value, low=low, high=high, n=int(pairs.same.sum()))
    return figures


def wilson(successes: int, n: int) -> Figure:
    """A proportion of independent trials with its Wilson 95 % interval."""
    if n == 0:
        return Figure(value=float("nan"), low=0.0, high=1.0, n=0)
    z, p = 1.959964, successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = float(centre - half) if successes else 0.0, float(centre + half) if successes < n else 1.0
    return Figure(value=p, low=low, high=high, n=n)


def bootstrap_mean(values: Sequence[float], *, rounds: int = 500, seed: int = 0) -> Figure:
    """A mean of independent values with its bootstrap 95 % interval."""
    data = np.asarray(values, np.float64)
    random = np.random.default_rng(seed)
    means = [float(data[random.integers(0, len(data), len(data))].mean()) for _ in range(rounds)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Figure(value=float(data.mean()), low=float(low), high=float(high), n=len(data))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Det:
    """Detection error trade-off: two error rates over the threshold, from low to high."""

    thresholds: Floats
    """shape (k,), rising; a trial matches at or above."""
    false_match: Floats
    """shape (k,), 0..1, never rises: FMR, or FPIR of searches."""
    false_non_match: Floats
    """shape (k,), 0..1, never falls: FNMR, or FNIR of searches."""


def det(mated: Floats, others: Floats) -> Det:
    """Both error rates at every score that occurs and just above the highest; -inf is a mate never found."""
    scores = np.unique(np.concatenate([mated, others]))
    finite = scores[np.isfinite(scores)]
    thresholds = np.append(finite, np.nextafter(finite[-1], np.inf)) if finite.size else finite
    return Det(
        thresholds=thresholds,
        false_match=1 - np.searchsorted(np.sort(others), thresholds, side="left") / max(1, len(others)),
        false_non_match=np.searchsorted(np.sort(mated), thresholds, side="left") / max(1, len(mated)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Searches:
    """Open-set searches of a gallery (ISO/IEC 19795-1:2021, identification)."""

    mates: Floats
    """For each probe of an enrolled person: the score of its mate if that ranks first, else -inf."""
    mated_people: tuple[str, ...]
    """Whose probe each is."""
    strangers: Floats
    """For each probe of nobody enrolled: the best score in the gallery, -inf if the probe shows no face."""
    stranger_people: tuple[str, ...]


def search(similarity: Floats, probe_people: Sequence[str], gallery_people: Sequence[str]) -> Searches:
    """Every probe against everybody enrolled; `similarity` is (probes, people), a template each, -inf without face."""
    probes, enrolled = np.array(probe_people), np.array(gallery_people)
    best, first = similarity.max(axis=1), enrolled[similarity.argmax(axis=1)]
    known = np.isin(probes, enrolled)
    return Searches(
        mates=np.where(first == probes, best, -np.inf)[known],
        mated_people=tuple(probes[known].tolist()),
        strangers=best[~known],
        stranger_people=tuple(probes[~known].tolist()),
    )


def pool(searches: Sequence[Searches]) -> Searches:
    """The searches of several galleries as one set."""
    return Searches(
        mates=np.concatenate([one.mates for one in searches]),
        mated_people=tuple(name for one in searches for name in one.mated_people),
        strangers=np.concatenate([one.strangers for one in searches]),
        stranger_people=tuple(name for one in searches for name in one.stranger_people),
    )


def fpir(searches: Searches, threshold: float) -> Figure:
    """False positive identification rate: strangers for whom somebody enrolled scores at or above the threshold."""
    return rate_by_person(searches.strangers >= threshold, [(name, name) for name in searches.stranger_people])


def fnir(searches: Searches, threshold: float) -> Figure:
    """False negative identification rate: enrolled people who are not first, or are below the threshold."""
    return rate_by_person(searches.mates < threshold, [(name, name) for name in searches.mated_people])
