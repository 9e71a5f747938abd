"""How crowded the space around a template is: strangers come nearer to some people than to others.

    shifts(rows, crowd) -> what is added to the cosines of each row

One bar for all would let more strangers in as those who look like many (the lambs of Doddington et al., ICSLP 1998),
and keep out others without need. So each template's cosines are lessened by the density of faces around it, that of an
average face taken as nothing: score normalisation as in speaker recognition (Auckenthaler et al., Digital Signal
Processing 2000), with a smooth density, a mean of von Mises-Fisher kernels (Mardia and Jupp, Directional Statistics,
2000), in the place of a cohort, so that nobody's template has to be shipped. Pure.
"""

from __future__ import annotations

import numpy as np

from edgeface.model import Crowd, Tensor


def shifts(rows: Tensor, crowd: Crowd) -> Tensor:
    """Templates (n, d), of length 1 -> float32 (n,), in cosine: below 0 in a crowd, above 0 apart from it."""
    return np.asarray(crowd.weight * (crowd.level - density(rows, crowd)), np.float32)


def density(rows: Tensor, crowd: Crowd) -> Tensor:
    """Templates (n, d), of length 1 -> float32 (n,), in cosine: how near faces come to them, by a smooth maximum."""
    spread = np.frombuffer(crowd.directions, np.int8).reshape(-1, rows.shape[1]).astype(np.float32)
    spread /= np.maximum(np.linalg.norm(spread, axis=1, keepdims=True), 1e-9)
    near = np.exp(np.float32(crowd.sharpness) * (rows @ spread.T)).mean(axis=1)
    return np.asarray(np.log(near) / np.float32(crowd.sharpness), np.float32)
