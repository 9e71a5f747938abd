"""Many small pictures on one sheet, each with a title and a few words below it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edgeface.frame import Pixels
from edgeface.image.geometry import resize

_SIDE, _GAP, _WORDS, _TOP, _COLUMNS = 168, 16, 84, 56, 6
_LINES, _LETTERS = 4, 28
"""Of the words below a picture."""
_PAPER, _NOTHING, _INK, _SOFT, _TITLE = (255, 255, 255), (233, 236, 239), (33, 37, 41), (90, 98, 106), (176, 42, 55)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """One picture of a sheet."""

    pixels: Pixels | None
    """None if there is nothing to show."""
    title: str
    words: str


def sheet_picture(tiles: Sequence[Tile], heading: str) -> Pixels:
    """uint8 (height, width, 3) RGB, six tiles a row."""
    rows = max(1, -(-len(tiles) // _COLUMNS))
    across, down = _SIDE + _GAP, _SIDE + _WORDS + _GAP
    sheet = np.full((_TOP + rows * down, _GAP + _COLUMNS * across, 3), _PAPER, np.uint8)
    _write(sheet, heading, (_GAP, 34), 0.6, _INK)
    for place, tile in enumerate(tiles):
        left, top = _GAP + place % _COLUMNS * across, _TOP + place // _COLUMNS * down
        _lay(sheet, tile, left, top)
    return sheet


def _lay(sheet: Pixels, tile: Tile, left: int, top: int) -> None:
    sheet[top : top + _SIDE, left : left + _SIDE] = _NOTHING
    if tile.pixels is None:
        _write(sheet, "no picture", (left + 44, top + _SIDE // 2), 0.42, _SOFT)
    else:
        height, width = tile.pixels.shape[:2]
        scale = _SIDE / max(height, width)
        small = resize(tile.pixels, max(1, round(width * scale)), max(1, round(height * scale)))
        y, x = top + (_SIDE - small.shape[0]) // 2, left + (_SIDE - small.shape[1]) // 2
        sheet[y : y + small.shape[0], x : x + small.shape[1]] = small
    _write(sheet, tile.title[:_LETTERS], (left, top + _SIDE + 16), 0.42, _TITLE)
    lines = textwrap.wrap(tile.words, _LETTERS, max_lines=_LINES, placeholder=" ...")
    for number, line in enumerate(lines):
        _write(sheet, line, (left, top + _SIDE + 32 + 14 * number), 0.34, _INK)


def _write(sheet: Pixels, text: str, at: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    """OpenCV's letters are ASCII."""
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(sheet, plain, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
