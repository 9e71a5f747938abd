"""The face of a visit as a small picture that is still the same face to the embedder. Pure.

    fitted(cut(pixels, detection), 2000) -> a JPEG of at most so many bytes

The bytes go to the face: what is around it is cut away or out of focus, which also shows less of the place, and of the
JPEGs that fit the best one is taken. How alike the embedding stays is in models/snapshots.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeface import image
from edgeface.detect import Detection
from edgeface.frame import Pixels

SIDE_PX = 112
"""Side of a snapshot; more pixels at the same bytes are worth no more (models/snapshots.md)."""

AROUND = 1.6
"""Side of what it shows, in longer sides of the face's box: the detector finds it again. A choice."""

SHARP = 1.2
"""Width of what is in focus, in longer sides of the face's box; it is TALL times as high. A choice."""
TALL = 1.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Whether a picture of a visit that was granted is kept. It is sealed under the person's key."""

    enabled: bool = False
    """Off: no picture is ever kept."""
    max_bytes: int = 2000
    """Of one snapshot: half of them stay alike to their picture by a cosine of 0.95 (models/snapshots.md)."""
    keep_days: float = 7.0
    """Then it is deleted. A choice: long enough to answer who came, and no archive."""
    most: int = 20
    """Snapshots of one person; the oldest goes first."""

    def __post_init__(self) -> None:
        if not 1500 <= self.max_bytes <= 20_000:
            raise ValueError("max_bytes must be 1500 to 20000: with fewer a face is nobody's any more")
        if not 0 < self.keep_days <= 90:
            raise ValueError("keep_days must be above 0 and at most 90")
        if not 1 <= self.most <= 200:
            raise ValueError("most must be 1 to 200")


def cut(pixels: Pixels, detection: Detection) -> Pixels:
    """The face, with a little around it out of focus: uint8 (SIDE_PX, SIDE_PX, 3), RGB; black beyond the picture."""
    box = detection.box
    scale = SIDE_PX / (AROUND * max(box.w, box.h, 1.0))
    left, top = SIDE_PX / 2 - scale * (box.x + box.w / 2), SIDE_PX / 2 - scale * (box.y + box.h / 2)
    shift = scale / 2 - 0.5  # `warp` counts from the centre of the first pixel
    matrix = np.array([[scale, 0, left + shift], [0, scale, top + shift]])
    sharp_px = SHARP / AROUND * SIDE_PX
    return image.soften_around(image.warp(pixels, matrix, SIDE_PX, SIDE_PX), sharp_px, TALL * sharp_px)


def fitted(face: Pixels, max_bytes: int) -> bytes | None:
    """The best JPEG of a picture that takes at most so many bytes; None if even the worst takes more."""
    low, high, best = 1, 95, None
    while low <= high:
        quality = (low + high) // 2
        made = image.encode_jpeg(face, quality=quality, small=True)
        if len(made) <= max_bytes:
            low, best = quality + 1, made
        else:
            high = quality - 1
    return best
