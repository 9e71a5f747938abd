"""Everybody's pictures against everybody's: the scores that calibration and thresholds are measured on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.match import priced
from edgeface.model import Tensor
from tools.metrics import Flags, Floats, weigh

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparisons:
    """Pairs of pictures."""

    scores: Floats
    """Cosine, shape (n,)."""
    first: Places
    """Who is on either picture, shape (n,): index below `people`."""
    second: Places
    people: int

    @property
    def same(self) -> Flags:
        """Whether both pictures show one person."""
        return np.equal(self.first, self.second)

    def only(self, wanted: Flags) -> Comparisons:
        """Some of them; the people keep their places."""
        return Comparisons(
            scores=self.scores[wanted], first=self.first[wanted], second=self.second[wanted], people=self.people
        )

    def weights(self, drawn: Floats) -> Floats:
        """How often each counts if each person was drawn so often: once for each of the people in it."""
        return weigh(self.first, self.second, drawn)


def every(vectors: npt.NDArray[np.float32], owners: Sequence[str], price: Tensor | None = None) -> Comparisons:
    """All pairs of different pictures; `vectors` are (n, d), of length 1, `price`: what each counts by as a
    template (`Gallery.price`); of each pair the latter picture is the template."""
    names, who = np.unique(np.array(owners), return_inverse=True)
    upper = np.triu_indices(len(who), 1)
    scores = priced(vectors @ vectors.T, price)[upper].astype(np.float64)
    return Comparisons(scores=scores, first=who[upper[0]], second=who[upper[1]], people=len(names))
