"""Our layout: three maps at each of the strides 8, 16 and 32, without anchors."""

from __future__ import annotations

import numpy as np

from edgeface.detect.face import Candidates, sigmoid, sizes_of
from edgeface.errors import ModelError
from edgeface.model import Tensor

CELL_UNIT = 3.0
"""Distances in the grid layout are in units of 3 strides: 24, 48 and 96 px, mid-range of each map's faces."""


LARGEST_LOG = 4.0
"""A side of more than 55 units is no face, nor is one of less than a 55th: it keeps the sides finite and above 0."""


def decode(outputs: tuple[Tensor, ...], floor: float) -> Candidates:
    """Our layout. Maps are told apart by their channels (1 score, 14 shape, 3 pose), levels by their size."""
    scores, shapes, poses = (
        sorted((o for o in outputs if o.ndim == 4 and o.shape[-1] == channels), key=lambda o: -o.shape[1])
        for channels in (1, 14, 3)
    )
    grids = [[maps.shape[:3] for maps in kind] for kind in (scores, shapes, poses)]
    if len(scores) != 3 or not grids[0] == grids[1] == grids[2]:
        raise ModelError(f"the detector gives {sizes_of(outputs)}, not score, shape and pose maps at three strides")
    levels = [_decode_level(*level, floor) for level in zip((8, 16, 32), scores, shapes, poses, strict=True)]
    return Candidates(
        boxes=np.concatenate([level.boxes for level in levels]),
        landmarks=np.concatenate([level.landmarks for level in levels]),
        scores=np.concatenate([level.scores for level in levels]),
        angles_deg=np.concatenate([level.angles_deg for level in levels if level.angles_deg is not None]),
    )


def _decode_level(stride: int, score: Tensor, shape: Tensor, pose: Tensor, floor: float) -> Candidates:
    rows, columns = np.nonzero(score[0, :, :, 0] >= np.log(floor / (1 - floor)))
    centre = (np.stack([columns, rows], axis=1).astype(np.float32) + 0.5) * stride
    values, unit = shape[0, rows, columns], np.float32(CELL_UNIT * stride)
    middle = centre + values[:, :2] * unit
    size = np.exp(np.clip(values[:, 2:4], -LARGEST_LOG, LARGEST_LOG)) * unit
    return Candidates(
        boxes=np.concatenate([middle - size / 2, size], axis=1).astype(np.float32),
        landmarks=(centre[:, None] + values[:, 4:].reshape(-1, 5, 2) * unit).astype(np.float32),
        scores=sigmoid(score[0, rows, columns, 0]),
        angles_deg=pose[0, rows, columns] * np.float32(90),
    )
