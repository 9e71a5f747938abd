"""BlazeFace (Bazarevsky et al., 2019, arXiv:1907.05047): 896 anchors, six keypoints."""

from __future__ import annotations

from functools import cache

import numpy as np

from edgeface.detect.face import Candidates, sigmoid, sizes_of
from edgeface.errors import ModelError
from edgeface.model import ModelSpec, Tensor


def decode(outputs: tuple[Tensor, ...], floor: float, spec: ModelSpec) -> Candidates:
    """MediaPipe's detector. Its mouth centre becomes two corners, 0.83 eye distances apart as on a mean face."""
    cells = _anchors(spec.width_px, spec.height_px)
    by_shape = {o.shape: o[0] for o in outputs}
    try:
        values, logits = by_shape[1, len(cells), 16], by_shape[1, len(cells), 1]
    except KeyError:
        raise ModelError(
            f"{spec.name} gives {sizes_of(outputs)}, not {len(cells)} anchors of 16 values and 1"
        ) from None
    strong = logits[:, 0] >= np.log(floor / (1 - floor))
    side = np.array([spec.width_px, spec.height_px], np.float32)
    anchors, values = cells[strong] * side, values[strong]
    points = values[:, 4:].reshape(-1, 6, 2) + anchors[:, None]
    half_mouth = 0.415 * (points[:, 1] - points[:, 0])
    size = np.maximum(values[:, 2:4], 1)  # of no or negative size is no face, but must not divide by 0 later
    return Candidates(
        boxes=np.concatenate([anchors + values[:, :2] - size / 2, size], axis=1).astype(np.float32),
        landmarks=np.stack(
            [points[:, 0], points[:, 1], points[:, 2], points[:, 3] - half_mouth, points[:, 3] + half_mouth], axis=1
        ).astype(np.float32),
        scores=sigmoid(logits[strong, 0]),
        angles_deg=None,
    )


@cache
def _anchors(width_px: int, height_px: int) -> Tensor:
    """Cell centres as fractions: two anchors a cell at stride 8, six at stride 16."""
    levels = []
    for stride, repeats in ((8, 2), (16, 6)):
        x, y = ((np.arange(n, dtype=np.float32) + 0.5) / n for n in (width_px // stride, height_px // stride))
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        levels.append(np.repeat(grid, repeats, axis=0))
    return np.concatenate(levels)
