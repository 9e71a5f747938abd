"""What stands before a camera and what the camera makes of it: patches over faces, light, blur, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def occlude(canvas: Pixels, boxes: Floats, random: np.random.Generator) -> None:
    """A plain or patterned patch over a part of some faces (boxes (n, 4): x, y, w, h): hands, scarves, door frames."""
    for x, y, w, h in boxes[random.random(len(boxes)) < 0.6]:
        size = np.array([w, h]) * random.uniform((0.2, 0.15), (1.1, 0.45))
        corner = np.array([x, y]) + random.uniform(-0.2, 0.9, 2) * (w, h)
        left, top = np.maximum(corner, 0).astype(int)
        right, bottom = np.maximum(corner + size, 0).astype(int)
        patch = canvas[top:bottom, left:right]
        if random.random() < 0.5 or not patch.size:
            patch[:] = random.integers(0, 256, 3)
        else:
            patch[:] = canvas[: patch.shape[0], : patch.shape[1]].copy()


def weather(canvas: Pixels, random: np.random.Generator) -> Pixels:
    """Light, colour, blur, noise and compression of a cheap camera."""
    canvas = _relight(canvas, random)
    side = canvas.shape[0]
    if random.random() < 0.15:
        small = int(side * random.uniform(0.35, 0.8))
        shrunk = cv2.resize(canvas, (small, small), interpolation=cv2.INTER_AREA)
        canvas = np.asarray(cv2.resize(shrunk, (side, side)), np.uint8)
    elif random.random() < 0.1:
        canvas = np.asarray(cv2.blur(canvas, (int(random.integers(1, 6)), int(random.integers(1, 6)))), np.uint8)
    if random.random() < 0.2:
        canvas = _add_noise(canvas, random.uniform(2, 16))
    if random.random() < 0.12:
        _, stream = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(12, 60))])
        canvas = np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR), np.uint8)
    return canvas


def _add_noise(canvas: Pixels, strength: float) -> Pixels:
    """OpenCV's generator, because numpy's takes longer than the rest of a sample; `cv2.setRNGSeed` repeats it."""
    noise = np.empty(canvas.shape, np.int16)
    # As arrays: a plain number would be read as (number, 0, 0, 0) and leave green and red clean.
    cv2.randn(noise, np.zeros(3), np.full(3, strength))
    noisy: Pixels = np.clip(canvas + noise, 0, 255).astype(np.uint8)
    return noisy


def _relight(canvas: Pixels, random: np.random.Generator) -> Pixels:
    if random.random() < 0.12:
        canvas = np.asarray(cv2.cvtColor(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
    dark = random.uniform(0.15, 0.6) if random.random() < 0.12 else 1.0
    gain = np.exp(random.normal(0, 0.2) + random.normal(0, 0.06, 3)) * dark
    curve = (np.linspace(0, 1, 256)[:, None] ** np.exp(random.normal(0, 0.25))) * gain + random.normal(0, 0.05)
    table = (np.clip(curve, 0, 1) * 255).astype(np.uint8).reshape(256, 1, 3)
    return np.asarray(cv2.LUT(canvas, table), np.uint8)
