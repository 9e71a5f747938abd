"""Scaling pictures to a model's size and cutting faces out of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.frame import Pixels

Points = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterbox:
    """How a picture lies on a model's canvas: at the top left, scaled, the rest filled."""

    scale: float
    """Picture pixels a canvas pixel is wide."""
    stretch: float = 1.0
    """Height of a canvas pixel over its width, in picture pixels: 1 but for rounding the picture to whole pixels."""

    def to_picture(self, points: npt.ArrayLike) -> Points:
        """Points (x, y) of the canvas, shape (..., 2), as points of the picture, float32."""
        return np.multiply(points, (self.scale, self.scale * self.stretch)).astype(np.float32)


def letterbox(pixels: Pixels, long_side_px: int, multiple: int = 32, fill: int = 127) -> tuple[Pixels, Letterbox]:
    """Scales a picture so that its longer side is `long_side_px`, and pads right and below to whole `multiple`s.

    Returns the canvas, uint8 (1, height, width, 3) RGB, and the way back to the picture.
    """
    height_px, width_px = pixels.shape[:2]
    factor = long_side_px / max(height_px, width_px)
    content = max(1, round(width_px * factor)), max(1, round(height_px * factor))
    canvas_width_px, canvas_height_px = (-(-side // multiple) * multiple for side in content)
    return _lay(pixels, content, canvas_width_px, canvas_height_px, fill)


def fit_to(pixels: Pixels, width_px: int, height_px: int, fill: int = 127) -> tuple[Pixels, Letterbox]:
    """Scales a picture to just fit a model's fixed size, and pads right or below.

    Returns the canvas, uint8 (1, height_px, width_px, 3) RGB, and the way back to the picture.
    """
    factor = min(width_px / pixels.shape[1], height_px / pixels.shape[0])
    content = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    return _lay(pixels, content, width_px, height_px, fill)


def mirrored(pixels: Pixels) -> Pixels:
    """Left and right exchanged."""
    return np.asarray(cv2.flip(pixels, 1), np.uint8)  # a sixth of the time of numpy's


def resize(pixels: Pixels, width_px: int, height_px: int) -> Pixels:
    """The same picture at another size: by area where it shrinks, which does not alias, else linear."""
    if pixels.shape[:2] == (height_px, width_px):
        return pixels
    while _halves(pixels.shape[1], width_px) and _halves(pixels.shape[0], height_px):
        # OpenCV halves three times as fast as it shrinks by any other factor; the result differs by rounding only.
        pixels = np.asarray(cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    shrinks = width_px * height_px < pixels.shape[1] * pixels.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width_px, height_px), interpolation=method), np.uint8)


def _halves(length_px: int, wanted_px: int) -> bool:
    """Whether a side can be halved exactly, and enough is left to be scaled down properly afterwards."""
    return length_px % 2 == 0 and length_px >= 4 * wanted_px


def warp(pixels: Pixels, matrix: Matrix, width_px: int, height_px: int) -> Pixels:
    """Cuts out a chip, uint8 (height_px, width_px, 3): `matrix` (2, 3) takes picture points (x, y) to chip points.

    Points count from the centre of the first pixel, as in cv2.warpAffine. Linear; where the chip is less than half the
    size of what it shows, the picture is first scaled down by area, so that fine detail does not alias. Black outside;
    all black if the matrix shrinks the picture to a line or a point. Raises ValueError if the matrix is not finite.
    """
    forward = np.vstack([np.asarray(matrix, np.float64), (0.0, 0.0, 1.0)])
    if not np.isfinite(forward).all():
        raise ValueError(f"a picture cannot be warped by {forward[:2].tolist()}")
    determinant = forward[0, 0] * forward[1, 1] - forward[0, 1] * forward[1, 0]
    region = None
    if abs(determinant) > _MIN_DETERMINANT:
        region = _source_region(np.linalg.inv(forward), width_px, height_px, pixels.shape[1], pixels.shape[0])
    if region is None:
        return np.zeros((height_px, width_px, 3), np.uint8)
    left, top, right, bottom = region
    source, to_picture = _shrunk(pixels[top:bottom, left:right], abs(determinant) ** 0.5)
    to_picture[:2, 2] += (left, top)
    combined = (forward @ to_picture)[:2]
    return np.asarray(cv2.warpAffine(source, combined, (width_px, height_px), flags=cv2.INTER_LINEAR), np.uint8)


_MIN_DETERMINANT = 1e-9
"""A chip pixel would cover 30,000 picture pixels a side."""


def _lay(
    pixels: Pixels, content: tuple[int, int], width_px: int, height_px: int, fill: int
) -> tuple[Pixels, Letterbox]:
    canvas = np.full((1, height_px, width_px, 3), fill, np.uint8)
    canvas[0, : content[1], : content[0]] = resize(pixels, *content)
    scale = pixels.shape[1] / content[0]
    return canvas, Letterbox(scale=scale, stretch=pixels.shape[0] / content[1] / scale)


def _source_region(
    backward: Matrix, width_px: int, height_px: int, picture_width_px: int, picture_height_px: int
) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the part of the picture that a chip shows, with a margin; None if it shows none.

    OpenCV cannot warp pictures beyond 32,767 pixels a side, and need not touch the rest of one.
    """
    corners = np.array([(-1, width_px, -1, width_px), (-1, -1, height_px, height_px), (1, 1, 1, 1)], np.float64)
    x, y, _ = backward @ corners
    margin = _MARGIN_PX * max(1.0, float(np.abs(backward[:2, :2]).max()))
    left, right = np.clip((x.min() - margin, x.max() + margin), 0, picture_width_px).astype(int)
    top, bottom = np.clip((y.min() - margin, y.max() + margin), 0, picture_height_px).astype(int)
    return None if right <= left or bottom <= top else (left, top, right, bottom)


_MARGIN_PX = 2
"""Linear interpolation looks one pixel ahead."""


def _shrunk(pixels: Pixels, scale: float) -> tuple[Pixels, Matrix]:
    """The picture scaled down by a whole factor if `scale` asks for more than 2, and the matrix back (3, 3)."""
    factor = int(1 / scale) if scale < 0.5 else 1
    height_px, width_px = pixels.shape[:2]
    small = resize(pixels, -(-width_px // factor), -(-height_px // factor))
    x_ratio, y_ratio = width_px / small.shape[1], height_px / small.shape[0]
    back = np.array([(x_ratio, 0, (x_ratio - 1) / 2), (0, y_ratio, (y_ratio - 1) / 2), (0, 0, 1)], np.float64)
    return small, back
