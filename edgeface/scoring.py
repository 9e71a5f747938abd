"""How alike a probe and a template count as: what a camera takes from a face is guessed back, crowds are thinned out.

    probes(vectors, scoring), templates(vectors, scoring) -> what each would be without its faults
    shifts(templates, scoring) -> what is added to the cosines of each template

A door's camera spoils all pictures of a visit alike, so that no adding up of them helps. What the embedder's teachers
would have said of the clean picture is therefore guessed by a linear map, of least squares as in Tikhonov and Arsenin,
Solutions of Ill-Posed Problems (1977): one for probes, learnt from faces spoilt as a door spoils them, one for
templates, learnt from good ones.

One bar for all would let more strangers in as those who look like many (the lambs of Doddington et al., ICSLP 1998),
and keep out others without need. So each template's cosines are lessened by the density of faces around it: score
normalisation as in speaker recognition (Auckenthaler et al., Digital Signal Processing 2000), with a smooth density, a
mean of von Mises-Fisher kernels (Mardia and Jupp, Directional Statistics, 2000), in the place of a cohort, so that
nobody's template has to be shipped. How much of it counts as nothing is chosen so that scores go on meaning what
cosines meant (`tools/train/scoring.py`). Pure.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from edgeface.model import Scoring, Tensor

BLOCK = 256
"""Templates that are held against all directions at once: 10,000 would take 80 MB."""
_NOTHING = 1e-9


class _Unpacked(NamedTuple):
    probe: Tensor
    template: Tensor
    directions: Tensor


def probes(vectors: Tensor, scoring: Scoring | None) -> Tensor:
    """Embeddings of visitors (..., d) -> float32 (..., d), of length 1; as they are without `scoring`."""
    return vectors if scoring is None else _unit(vectors @ _unpacked(scoring).probe)


def templates(vectors: Tensor, scoring: Scoring | None) -> Tensor:
    """Embeddings of enrolled pictures (..., d) -> float32 (..., d), of length 1; as they are without `scoring`."""
    return vectors if scoring is None else _unit(vectors @ _unpacked(scoring).template)


def shifts(rows: Tensor, scoring: Scoring) -> Tensor:
    """What `templates` gave (n, d) -> float32 (n,), in cosine: below 0 in a crowd, above 0 apart from it."""
    return np.asarray(scoring.weight * (scoring.level - density(rows, scoring)), np.float32)


def density(rows: Tensor, scoring: Scoring) -> Tensor:
    """What `templates` gave (n, d) -> float32 (n,), in cosine: how near faces come to them, by a smooth maximum."""
    directions, sharpness = _unpacked(scoring).directions.T, np.float32(scoring.sharpness)
    parts = [rows[first : first + BLOCK] for first in range(0, len(rows), BLOCK)]
    near = [np.exp(sharpness * (part @ directions)).mean(axis=1) for part in parts]
    return np.asarray(np.log(np.concatenate(near)) / sharpness if near else np.zeros(0), np.float32)


@lru_cache(maxsize=8)
def _unpacked(scoring: Scoring) -> _Unpacked:
    size = scoring.dimensions
    probe, template = (
        np.frombuffer(one, "<f2").reshape(size, size).astype(np.float32) for one in (scoring.probe, scoring.template)
    )
    directions = np.frombuffer(scoring.directions, np.int8).reshape(-1, size).astype(np.float32)
    return _Unpacked(probe=probe, template=template, directions=_unit(directions))


def _unit(rows: Tensor) -> Tensor:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), _NOTHING), np.float32)
