"""What the unified score means as a gate: whom it refuses at a limit, and how often a comparison of its score fails."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tools import metrics
from tools.metrics import Figure, Floats

LIMITS = (20, 30, 40, 50)
"""Of the score, 0..100, below which a picture would be refused."""
BANDS = (0, 30, 40, 60, 70, 80, 100)
"""Of the score of a comparison, which is that of its lesser picture."""


def refused(scored: Iterable[tuple[str, float]]) -> dict[str, Figure]:
    """Share of the pictures that score below each limit, by fault; a picture is its fault and its score."""
    by_fault: dict[str, list[float]] = {}
    for fault, score in scored:
        by_fault.setdefault(fault, []).append(score)
    return {
        f"below_{limit}_{fault}": metrics.wilson(sum(score < limit for score in scores), len(scores))
        for limit in LIMITS
        for fault, scores in by_fault.items()
    }


def missed_by_score(scores: Floats, missed: npt.NDArray[np.bool_]) -> dict[str, Figure]:
    """Share of the mated comparisons that fail, by band of the score; bands that hold none are left out."""
    figures = {}
    for low, high in pairwise(BANDS):
        inside = (scores >= low) & ((scores < high) | (high == BANDS[-1]))
        if inside.any():
            figures[f"missed_at_score_{low}_{high}"] = metrics.wilson(int(missed[inside].sum()), int(inside.sum()))
    return figures
