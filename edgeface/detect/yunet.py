"""YuNet (Wu, Peng and Yu, Machine Intelligence Research 2023): four maps at each of the strides 8, 16 and 32."""

from __future__ import annotations

import numpy as np

from edgeface.detect.face import Candidates, sizes_of
from edgeface.errors import ModelError
from edgeface.model import Tensor

STRIDES = (8, 16, 32)
LARGEST_LOG = 5.0
"""A side of more than 148 strides is no face, nor is one of less than a 148th: keeps the sides finite and above 0."""


def decode(outputs: tuple[Tensor, ...], floor: float) -> Candidates:
    """Maps (1, rows, columns, channels) -> faces on the canvas, as cv2.FaceDetectorYN computes them.

    Maps are told apart by their channels: two of 1 (class and objectness, 0..1), one of 4 (box), one of 10 (landmarks);
    levels by their size. Raises ModelError if they are others.
    """
    singles, boxes, points = (
        sorted((o for o in outputs if o.ndim == 4 and o.shape[-1] == channels), key=lambda o: -o.shape[1])
        for channels in (1, 4, 10)
    )
    first, second = singles[::2], singles[1::2]
    grids = [[maps.shape[:3] for maps in kind] for kind in (first, second, boxes, points)]
    if len(boxes) != len(STRIDES) or any(kind != grids[0] for kind in grids):
        raise ModelError(f"the detector gives {sizes_of(outputs)}, not YuNet's four maps at three strides")
    levels = [_level(*level, floor) for level in zip(STRIDES, first, second, boxes, points, strict=True)]
    return Candidates(
        boxes=np.concatenate([level.boxes for level in levels]),
        landmarks=np.concatenate([level.landmarks for level in levels]),
        scores=np.concatenate([level.scores for level in levels]),
        angles_deg=None,
    )


def _level(stride: int, first: Tensor, second: Tensor, box: Tensor, points: Tensor, floor: float) -> Candidates:
    """One stride. The score is symmetric in both probabilities: which map is which need not be known."""
    score = np.sqrt(np.clip(first, 0, 1) * np.clip(second, 0, 1))[0, :, :, 0]
    rows, columns = np.nonzero(score >= floor)
    corner = np.stack([columns, rows], axis=1).astype(np.float32)
    values = box[0, rows, columns]
    middle = (corner + values[:, :2]) * stride
    size = np.exp(np.clip(values[:, 2:], -LARGEST_LOG, LARGEST_LOG)) * stride
    landmarks = (corner[:, None] + points[0, rows, columns].reshape(-1, 5, 2)) * stride
    return Candidates(
        boxes=np.concatenate([middle - size / 2, size], axis=1).astype(np.float32),
        landmarks=landmarks.astype(np.float32),
        scores=score[rows, columns].astype(np.float32),
        angles_deg=None,
    )
