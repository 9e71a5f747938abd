"""Everybody's pictures against everybody's: the scores that calibration and thresholds are measured on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.match import Gallery, compared, price_of
from edgeface.model import Scoring, Tensor
from edgeface.scoring import templates
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


def gallery_of(rows: Tensor, scoring: Scoring | None = None) -> Gallery:
    """Templates (n, d), of length 1 -> a gallery of as many people, one each."""
    counted, people = templates(rows, scoring), tuple(str(place) for place in range(len(rows)))
    return Gallery(
        model_sha256="",
        vectors=rows,
        counted=counted,
        owners=np.arange(len(rows)),
        people=people,
        learned=np.zeros(len(rows), np.bool_),
        revision=0,
        price=None if scoring is None else price_of(counted, scoring),
        scoring=scoring,
    )


def every(vectors: Tensor, owners: Sequence[str], scoring: Scoring | None = None) -> Comparisons:
    """All pairs of different pictures; `vectors` are (n, d), of length 1. Of each pair the latter picture is the
    template."""
    names, who = np.unique(np.array(owners), return_inverse=True)
    upper = np.triu_indices(len(who), 1)
    scores = compared(vectors, gallery_of(vectors, scoring))[upper].astype(np.float64)
    return Comparisons(scores=scores, first=who[upper[0]], second=who[upper[1]], people=len(names))
