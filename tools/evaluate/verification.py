"""Is it the same person? LFW's pairs, by the method of Huang et al. (LFW, 2007), View 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from edgeface.service.bootstrap import Loaded
from tools import metrics
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Report, Value, Vectors, person_of, similarity, stored, vectors_of
from tools.metrics import Figure, Floats, Pairs


def lfw(data: Path, loaded: Loaded) -> Report:
    """Verification on LFW's pairs, and the thresholds that all impostor pairs of the set give."""
    archive = Archive(data / "lfw-dev.tar")
    rows = list(archive.rows("pairs.csv"))
    names = sorted({row[side] for row in rows for side in ("file_a", "file_b")})
    found = vectors_of(archive, [f"images/{name}" for name in names], loaded.models, "LFW-dev")
    floats = {name: found[f"images/{name}"] for name in names}
    templates = {name: stored(vector) for name, vector in floats.items()}
    pairs = lfw_pairs(rows, templates)
    lost = sum(vector is None for vector in templates.values())
    figures = {
        **metrics.verification(pairs),
        "failure_to_acquire": metrics.wilson(lost, len(names)),
        **_thresholds(templates, pairs),
        "template_minus_float": _cost(pairs, lfw_pairs(rows, floats)),
    }
    return Report(figures=figures, draw=partial(plots.verification, pairs, loaded.floor))


def lfw_pairs(rows: Sequence[Mapping[str, str]], vectors: Vectors, seconds: Vectors | None = None) -> Pairs:
    """The rows of LFW's pairs.csv with the similarity of their two pictures.

    `seconds`: other vectors for the second pictures, made after something was done to them.
    """
    others = vectors if seconds is None else seconds
    return Pairs(
        scores=np.array([similarity(vectors[row["file_a"]], others[row["file_b"]]) for row in rows]),
        same=np.array([row["same"] == "1" for row in rows]),
        fold=np.array([int(row["fold"]) for row in rows]),
        people=tuple((person_of(row["file_a"]), person_of(row["file_b"])) for row in rows),
    )


def _thresholds(vectors: Vectors, pairs: Pairs) -> dict[str, Value]:
    """Cosine thresholds at false match rates over every pair of different people, and what they cost the right ones."""
    kept = {name: vector for name, vector in vectors.items() if vector is not None}
    matrix, owners = np.stack(list(kept.values())), np.array([person_of(name) for name in kept])
    upper = np.triu(owners[:, None] != owners[None, :])
    impostors = (matrix @ matrix.T)[upper].astype(np.float64)
    mated = pairs.scores[pairs.same]
    found: dict[str, Value] = {"impostor_pairs": float(len(impostors))}
    for text, fmr in (("1e-3", 1e-3), ("1e-4", 1e-4), ("1e-5", 1e-5)):
        threshold = metrics.threshold_at_fmr(impostors, fmr)
        found[f"threshold_at_fmr_{text}"] = threshold
        found[f"fnmr_at_fmr_{text}"] = metrics.wilson(int((mated < threshold).sum()), len(mated))
    return found


def _cost(templates: Pairs, floats: Pairs) -> Figure:
    """Accuracy with templates minus accuracy with the vectors they were made of, on the same pairs."""
    gained = metrics.accuracy(templates).astype(np.float64) - metrics.accuracy(floats)

    def mean(weights: Floats) -> float:
        return float(np.average(gained, weights=weights))

    low, high = metrics.by_person(templates, mean)
    return Figure(value=float(gained.mean()), low=low, high=high, n=len(gained))
