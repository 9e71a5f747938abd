"""Brightness, for the measures of quality, and values looked up in a table."""

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


def looked_up(pixels: Pixels, table: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """`table[pixels]` of a picture or several, uint8 (..., height, width, 3): `table` holds 256 values of one byte.

    Same shape, the table's dtype; half of the time of numpy's own.
    """
    plain = np.ascontiguousarray(pixels)
    return np.asarray(cv2.LUT(plain.reshape(-1, *plain.shape[-2:]), table), table.dtype).reshape(plain.shape)
