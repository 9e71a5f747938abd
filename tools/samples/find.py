"""The teacher that finds faces, and what knows a picture again."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeface import detect

Pixels = NDArray[np.uint8]
Rows = NDArray[np.float32]

CERTAIN, DOUBTFUL = 0.7, 0.4
"""Teacher scores: at or above the first a face is a label, between the two the region is left out of the loss."""
GREY = (127, 127, 127)
FACE, BOX_ONLY, UNCLEAR = 0, 1, 2
"""First column of a label: full label; box without landmarks or pose; region to be left out of the loss."""


class Finder:
    """YuNet, at any size of picture."""

    def __init__(self, yunet: Path) -> None:
        self.yunet = cv2.FaceDetectorYN.create(str(yunet), "", (320, 320), DOUBTFUL, 0.3, 500)

    def __call__(self, image: Pixels, long_side_px: int, canvas_px: int) -> Rows:
        """(n, 15) boxes, landmarks, score; the picture is scaled to `long_side_px` and centred on a grey canvas."""
        scale = long_side_px / max(image.shape[:2])
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=method)
        height, width = small.shape[:2]
        below, right = max(0, canvas_px - height), max(0, canvas_px - width)
        top, left = below // 2, right // 2
        padded = cv2.copyMakeBorder(small, top, below - top, left, right - left, cv2.BORDER_CONSTANT, value=GREY)
        self.yunet.setInputSize((padded.shape[1], padded.shape[0]))
        _, found = self.yunet.detect(padded)
        if found is None:
            return np.zeros((0, 15), np.float32)
        found[:, [0, 4, 6, 8, 10, 12]] -= left
        found[:, [1, 5, 7, 9, 11, 13]] -= top
        found[:, :14] /= scale
        return found


def overlap(boxes: Rows, others: Rows) -> Rows:
    """Intersection over union of rows that begin with x, y, w, h: (n, m)."""
    shares = [detect.overlap(box[:4], others[:, :4]) for box in boxes]
    return np.array(shares, np.float32).reshape(len(boxes), len(others))


def merge(found: Rows) -> Rows:
    """Best-scored first, each face once."""
    found = found[np.argsort(-found[:, 14])]
    kept: list[int] = []
    for index in range(len(found)):
        if not kept or overlap(found[index : index + 1], found[kept]).max() < 0.35:
            kept.append(index)
    return found[kept]


def fingerprint(image: Pixels) -> int:
    """64-bit difference hash, to drop copies of pictures."""
    tiny = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(int)
    return int("".join("1" if bit else "0" for bit in (tiny[:, 1:] > tiny[:, :-1]).ravel()), 2)


def read(path: Path) -> Pixels | None:
    """A picture, BGR; None if it is tiny or broken."""
    image = cv2.imread(str(path))
    return None if image is None or min(image.shape[:2]) < 48 else np.asarray(image, np.uint8)
