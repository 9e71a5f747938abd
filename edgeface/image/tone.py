"""Brightness, for the measures of quality."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.frame import Pixels

Grey = npt.NDArray[np.uint8]
"""uint8, shape (height, width): brightness, 0 black to 255 white."""


def luminance(pixels: Pixels) -> Grey:
    """How bright each pixel looks: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
