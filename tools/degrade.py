"""One fault of a picture at a stated strength: what a bad camera, bad light, a mask or a loose landmark does to a face.

Where `tools.samples.weather` and `tools.samples.faces` draw faults at random for training, these are for measuring:
each takes its strength as an argument, in pixels, grey levels (0..255) or parts of one. Pictures are uint8 (h, w, 3),
RGB or BGR alike; landmarks are float32 (5, 2) in the order of `edgeface.detect.Points`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
Colour = tuple[int, int, int]

MASK = ((-0.54, 0.0), (0.0, -0.35), (0.54, 0.0), (0.46, 0.95), (0.0, 1.25), (-0.46, 0.95))
"""Outline of a mask around the nose: cheek, bridge, cheek, jaw, chin, jaw; see `cover` for the units."""
BAND = ((-0.62, -0.28), (0.62, -0.28), (0.62, 0.28), (-0.62, 0.28))
"""Outline of a bar around the middle of the eyes."""


def shrink(pixels: Pixels, scale: float) -> Pixels:
    """The picture taken from farther away: `scale` 0..1 of its size, at least one pixel, averaged by area."""
    return np.asarray(cv2.resize(pixels, _scaled(pixels, scale), interpolation=cv2.INTER_AREA), np.uint8)


def defocus(pixels: Pixels, sigma_px: float) -> Pixels:
    """A lens out of focus, as a Gaussian; 0 px leaves the picture as it is."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.uint8) if sigma_px else pixels


def smear(pixels: Pixels, length_px: int, angle_rad: float = 0.0) -> Pixels:
    """Motion during the exposure along a straight line, 0 radians being level; 1 px leaves the picture as it is."""
    middle = (length_px - 1) / 2
    reach = np.array([np.cos(angle_rad), np.sin(angle_rad)]) * middle
    start, end = ((int(x), int(y)) for x, y in (np.round(middle - reach), np.round(middle + reach)))
    kernel = np.zeros((length_px, length_px), np.float32)
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)


def add_noise(pixels: Pixels, deviation: float, random: np.random.Generator) -> Pixels:
    """A noisy sensor: independent Gaussian noise of `deviation` grey levels on every value."""
    noise = random.standard_normal(pixels.shape, dtype=np.float32) * np.float32(deviation)
    return _grey_levels(pixels + noise)


def expose(pixels: Pixels, gain: float) -> Pixels:
    """`gain` times the light: below 1 darker, above 1 burnt out where the sensor is full."""
    return _grey_levels(pixels * np.float32(gain))


def flatten(pixels: Pixels, contrast: float) -> Pixels:
    """Haze or a dirty lens: `contrast` 0..1 of the distance from middle grey."""
    return _grey_levels(128 + (pixels.astype(np.float32) - 128) * np.float32(contrast))


def light_from_side(pixels: Pixels, middle_px: float, width_px: float, least: float) -> Pixels:
    """A lamp at one side of a face `width_px` wide around the column `middle_px`: full light there, `least` 0..1 of it
    at the other side and beyond. A negative width is a lamp at the left of the picture."""
    across = (np.arange(pixels.shape[1], dtype=np.float32) + 0.5 - middle_px) / np.float32(width_px) + 0.5
    return _grey_levels(pixels * (least + (1 - least) * np.clip(across, 0, 1)).astype(np.float32)[None, :, None])


def compress(pixels: Pixels, quality: int) -> Pixels:
    """A JPEG of `quality` 1..100 and back."""
    _, stream = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR), np.uint8)


def wear_mask(pixels: Pixels, landmarks: Points, colour: Colour) -> Pixels:
    """A plain mask over nose, mouth and chin."""
    return cover(pixels, landmarks, landmarks[2], MASK, colour)


def bar_eyes(pixels: Pixels, landmarks: Points, colour: Colour) -> Pixels:
    """A bar over both eyes, brows included, as dark glasses or a censor would lay it."""
    return cover(pixels, landmarks, landmarks[:2].mean(axis=0), BAND, colour)


def cover(
    pixels: Pixels, landmarks: Points, centre: Points, outline: Sequence[tuple[float, float]], colour: Colour
) -> Pixels:
    """A filled polygon that turns and grows with the face.

    `outline` counts from `centre`: across in distances between outer cheeks (two eye distances), along the face in
    distances from the eyes to the mouth.
    """
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    axes = np.stack([2 * (landmarks[1] - landmarks[0]), mouth - eyes])
    corners = np.round(centre + np.array(outline) @ axes).astype(np.int32)
    return np.asarray(cv2.fillPoly(pixels.copy(), [corners], colour, lineType=cv2.LINE_AA), np.uint8)


def loosen(landmarks: Points, deviation_px: float, random: np.random.Generator) -> Points:
    """Landmarks of a detector that errs: Gaussian noise of `deviation_px` on each coordinate."""
    return np.asarray(landmarks + random.normal(0, deviation_px, landmarks.shape), np.float32)


def _scaled(pixels: Pixels, scale: float) -> tuple[int, int]:
    return max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))


def _grey_levels(values: npt.NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
