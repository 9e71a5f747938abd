"""Photographs of one person each, with the face as the reader finds it: what all simulated pictures are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.detect import Detection
from edgeface.frame import Pixels

Floats = npt.NDArray[np.float32]

STORED_SIDE_PX = 640
"""Long side of a stored photograph: a face on it is about as large as a door camera ever sees one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Photo:
    """One photograph of one person."""

    pixels: Pixels
    """RGB."""
    box: Floats
    """(4,): left, top, width, height of the face, picture pixels."""
    landmarks: Floats
    """(5, 2), picture pixels."""
    source: str
    """The set that it comes from."""

    @property
    def face_px(self) -> float:
        """Longer side of the face's box."""
        return float(self.box[2:].max())


def photo(pixels: Pixels, face: Detection, source: str) -> Photo:
    """A picture and its one face, scaled down to `STORED_SIDE_PX`."""
    scale = min(1.0, STORED_SIDE_PX / max(pixels.shape[:2]))
    box = np.array([face.box.x, face.box.y, face.box.w, face.box.h], np.float32) * np.float32(scale)
    if scale < 1:
        pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    landmarks = (face.landmarks * np.float32(scale)).astype(np.float32)
    return Photo(pixels=pixels, box=box, landmarks=landmarks, source=source)


def save(photos: Sequence[Photo], file: Path) -> None:
    """Keep photographs as JPEGs of quality 97, with their faces."""
    blobs = [cv2.imencode(".jpg", one.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 97])[1].ravel() for one in photos]
    part = file.with_suffix(".part.npz")
    np.savez(
        part,
        jpeg=np.concatenate(blobs),
        offsets=np.cumsum([0, *(len(blob) for blob in blobs)]),
        boxes=np.stack([one.box for one in photos]),
        landmarks=np.stack([one.landmarks for one in photos]),
        source=np.array([one.source for one in photos]),
    )
    part.replace(file)


def load(file: Path) -> list[Photo]:
    """Every photograph of a file that `save` wrote."""
    return list(_read(file))


def _read(file: Path) -> Iterator[Photo]:
    with np.load(file) as data:
        stream, offsets, boxes, points, sources = (
            data[name] for name in ("jpeg", "offsets", "boxes", "landmarks", "source")
        )
    for index, source in enumerate(sources):
        bgr = cv2.imdecode(stream[offsets[index] : offsets[index + 1]], cv2.IMREAD_COLOR)
        pixels = np.ascontiguousarray(np.asarray(bgr, np.uint8)[..., ::-1])
        yield Photo(pixels=pixels, box=boxes[index], landmarks=points[index], source=str(source))
