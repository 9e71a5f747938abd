"""Error versus discard: what is left of the false non-matches once the pictures of least quality are thrown away. Pure.

The characteristic (EDC, also ERC) is that of Grother and Tabassi (PAMI 2007) and of ISO/IEC 29794-1:2024: the threshold
of the comparison stays where it was. Trials of equal quality go together: the curve is then what throwing them away in
any order gives on average, so that a score of few steps is neither favoured nor punished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tools.metrics import Figure, Flags, Floats, draws

STEP = 0.005
"""Of the discarded share, between two points of a curve."""


class Order:
    """The order in which a quality measure throws trials away: the lowest first."""

    def __init__(self, qualities: Floats, missed: Flags) -> None:
        """`qualities`, shape (n,), the higher the better; `missed`, whether each mated trial fails."""
        self._order = np.argsort(qualities, kind="stable")
        ranked = qualities[self._order]
        self._ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        self._missed = missed[self._order].astype(np.float64)

    def curve(self, shares: Floats, weights: Floats | None = None) -> Floats:
        """FNMR of what is left, at each discarded share (0 <= share < 1) of the trials' weight."""
        mass = np.ones(len(self._order)) if weights is None else weights[self._order]
        kept, errors = (np.cumsum(values) for values in (mass, mass * self._missed))
        gone, gone_missed = (np.concatenate([[0.0], sums[self._ends]]) for sums in (kept, errors))
        total = gone[-1]
        thrown = np.interp(shares * total, gone, gone_missed)
        return np.asarray((gone_missed[-1] - thrown) / (total * (1 - shares)), np.float64)

    def areas(self, most: Sequence[float], weights: Floats | None = None) -> Floats:
        """Mean FNMR while 0 to each of `most` of the trials are thrown away."""
        values = self.curve(np.arange(0, max(most) + STEP / 2, STEP), weights)
        sums = np.concatenate([[0.0], np.cumsum((values[1:] + values[:-1]) / 2)])
        steps = np.rint(np.array(most) / STEP).astype(np.intp)
        return np.asarray(sums[steps] / steps, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trials:
    """Mated comparisons with the quality that each measure gives them."""

    missed: Flags
    """Whether the comparison fails, shape (n,)."""
    people: tuple[str, ...]
    """Whose pictures each compares."""
    qualities: Mapping[str, Floats]
    """By measure; of a comparison, the lower of its two pictures'."""

    def orders(self) -> dict[str, Order]:
        """By measure, the order in which it throws these trials away."""
        return {name: Order(values, self.missed) for name, values in self.qualities.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Areas:
    """Areas under the curves of all measures, with what the same draws of people make of each."""

    most: tuple[float, ...]
    """Largest discarded shares."""
    drawn: Mapping[str, Floats]
    """By measure, shape (1 + draws, len(most)): first the trials as they are."""
    n: int
    """Trials."""

    def of(self, name: str, most: float) -> Figure:
        """Mean FNMR of one measure."""
        return _figure(self.drawn[name][:, self.most.index(most)], self.n)

    def difference(self, first: str, second: str, most: float) -> Figure:
        """Area of `first` minus that of `second`, both on the same draws: below 0, the first is the better."""
        return _figure((self.drawn[first] - self.drawn[second])[:, self.most.index(most)], self.n)


def areas(trials: Trials, most: Sequence[float], *, rounds: int = 500, seed: int = 0) -> Areas:
    """Every measure's areas, by bootstrap over people: each person's comparisons are drawn together."""
    weights = _weights(trials.people, rounds, seed)
    drawn = {name: np.stack([order.areas(most, one) for one in weights]) for name, order in trials.orders().items()}
    return Areas(most=tuple(most), drawn=drawn, n=len(trials.missed))


def fall(trials: Trials, kept: Flags, missed: Flags, *, rounds: int = 500, seed: int = 0) -> Figure:
    """By what part the FNMR falls when only the `kept` comparisons are made, of which those in `missed` fail, 0..1.

    `missed` may be by another threshold than `trials.missed`: throwing pictures away also changes the false matches.
    """
    weights = _weights(trials.people, rounds, seed)
    before, after = weights @ trials.missed / weights.sum(axis=1), weights @ (kept & missed) / (weights @ kept)
    left = np.divide(after, before, out=np.ones_like(before), where=before > 0)  # nothing missed: nothing to save
    return _figure(1 - left, len(kept))


def _weights(people: Sequence[str], rounds: int, seed: int) -> Floats:
    """How often each comparison counts, (1 + rounds, n): as it is, then with people drawn with replacement."""
    names, places = np.unique(np.array(people), return_inverse=True)
    return np.stack([np.ones(len(names)), *draws(len(names), rounds, seed)])[:, places]


def _figure(drawn: Floats, n: int) -> Figure:
    low, high = np.percentile(drawn[1:], [2.5, 97.5])
    return Figure(value=float(drawn[0]), low=float(low), high=float(high), n=n)
