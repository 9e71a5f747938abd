"""A picture whose middle alone is in focus: what is around it costs few bytes, and shows little of the place."""

from __future__ import annotations

import cv2
import numpy as np

from edgeface.frame import Pixels


def soften_around(pixels: Pixels, width_px: float, height_px: float) -> Pixels:
    """Out of focus beyond an ellipse of these axes in the middle of the picture, with a soft edge."""
    height, width = pixels.shape[:2]
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / np.float32(width_px / 2)
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) / np.float32(height_px / 2)
    inside = (x[None] ** 2 + y[:, None] ** 2 <= 1).astype(np.float32)
    edge = cv2.GaussianBlur(inside, (0, 0), max(height, width) / 40)[..., None]
    blurred = cv2.GaussianBlur(pixels, (0, 0), max(height, width) / 12)
    return np.asarray(pixels * edge + blurred * (1 - edge), np.uint8)
