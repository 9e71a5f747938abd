"""A table of numbers as a picture: a row a day, a column a stretch of it, the darker the more."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edgeface.frame import Pixels

_LEFT, _TOP, _WIDE, _HIGH = 172, 64, 16, 44
_EMPTY, _FULL, _LINE, _INK = (241, 243, 245), (18, 97, 128), (206, 212, 218), (33, 37, 41)
_NEVER = (173, 181, 189)


def table_picture(title: str, rows: Sequence[str], cells: Sequence[Sequence[int]], most: int, note: str) -> Pixels:
    """uint8 (height, width, 3) RGB. `cells` are counts 0..`most`, one sequence a row, over 24 hours; -1 is no time."""
    columns = len(cells[0])
    wide = _WIDE * 48 // columns
    canvas = np.full((_TOP + _HIGH * len(rows) + 56, _LEFT + wide * columns + 24, 3), 255, np.uint8)
    for index, (row, counts) in enumerate(zip(rows, cells, strict=True)):
        top = _TOP + index * _HIGH
        _write(canvas, row, 14, top + 28)
        for column, count in enumerate(counts):
            left = _LEFT + column * wide
            canvas[top + 4 : top + _HIGH - 4, left : left + wide] = _colour(count, most)
    for hour in range(0, 25, 3):
        left = _LEFT + hour * columns * wide // 24
        canvas[_TOP : _TOP + _HIGH * len(rows), min(left, canvas.shape[1] - 1)] = _LINE
        _write(canvas, f"{hour:02}", left - 9, _TOP - 8)
    _write(canvas, title, 14, 26, 0.6)
    _write(canvas, note, 14, canvas.shape[0] - 20)
    return canvas


def _colour(count: int, most: int) -> tuple[int, ...]:
    if count < 0:
        return _NEVER
    share = 0.0 if count == 0 else 0.25 + 0.75 * min(1.0, count / max(1, most))
    return tuple(round(empty + share * (full - empty)) for empty, full in zip(_EMPTY, _FULL, strict=True))


def _write(canvas: Pixels, text: str, left: int, bottom: int, scale: float = 0.5) -> None:
    cv2.putText(canvas, text, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)
