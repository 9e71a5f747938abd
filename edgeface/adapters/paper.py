"""A sheet to draw on, for pictures that people look at. Pillow draws; what comes from outside it never decodes."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edgeface.frame import Pixels

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

INK, SHEET, CARD, MUTED, LINE = (32, 36, 40), (244, 242, 237), (255, 255, 255), (116, 122, 128), (222, 220, 214)
GREEN, RED, AMBER, BLUE, PURPLE = (22, 128, 76), (190, 48, 44), (176, 118, 12), (38, 84, 168), (142, 36, 140)
PALE_GREEN, PALE_RED, PALE_GREY = (206, 232, 216), (246, 212, 208), (236, 235, 231)


class Paper:
    """Coordinates are pixels from the top left corner."""

    def __init__(self, width: int, height: int, colour: Colour = SHEET) -> None:
        self._image = Image.new("RGB", (width, height), colour)
        self._pen = ImageDraw.Draw(self._image)

    def pixels(self) -> Pixels:
        """What is on it: uint8 (height, width, 3)."""
        return np.array(self._image, np.uint8)

    def text(
        self,
        x: float,
        y: float,
        said: str,
        *,
        size: int = 14,
        colour: Colour = INK,
        bold: bool = False,
        anchor: str = "la",
        most: float | None = None,
    ) -> float:
        """A line of text with its top left at (x, y), or as `anchor` says in Pillow's letters; cut off with dots where
        it is wider than `most`. Returns its width."""
        font, real = _font(size, bold)
        told = said if real else _plain(said)
        if most is not None and self._pen.textlength(told, font) > most:
            while told and self._pen.textlength(told + "...", font) > most:
                told = told[:-1]
            told = told.rstrip() + "..."
        self._pen.text((x, y), told, fill=colour, font=font, anchor=anchor)
        if bold and not real:  # the built-in letters come in one weight
            self._pen.text((x + 0.6, y), told, fill=colour, font=font, anchor=anchor)
        return float(self._pen.textlength(told, font))

    def block(
        self, x: float, y: float, said: str, *, most: float, lines: int, size: int = 12, colour: Colour = INK
    ) -> None:
        """Text in at most so many lines, none wider than `most`; what does not fit ends in dots."""
        font, real = _font(size, False)
        words, rows = said.split(), [""]
        for word in words:
            longer = f"{rows[-1]} {word}".strip()
            fits = self._pen.textlength(longer if real else _plain(longer), font) <= most
            if fits or not rows[-1] or len(rows) == lines:
                rows[-1] = longer
            else:
                rows.append(word)
        for index, row in enumerate(rows):
            self.text(x, y + index * round(1.3 * size), row, size=size, colour=colour, most=most)

    def box(
        self, x: float, y: float, w: float, h: float, *, fill: Colour | None = None, line: Colour | None = None,
        radius: float = 0, thick: int = 1,
    ) -> None:  # fmt: skip
        """A rectangle, with round corners if wanted."""
        if w > 0 and h > 0:
            self._pen.rounded_rectangle((x, y, x + w - 1, y + h - 1), radius, fill=fill, outline=line, width=thick)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, thick: int = 1) -> None:
        """From point to point."""
        if len(points) > 1:
            self._pen.line(list(points), fill=colour, width=thick, joint="curve")

    def dashes(self, x: float, y: float, length: float, colour: Colour, thick: int = 1) -> None:
        """A dashed line to the right."""
        for step in range(0, int(length), 9):
            self._pen.line([(x + step, y), (x + min(step + 5, length), y)], fill=colour, width=thick)

    def dot(self, x: float, y: float, radius: float, colour: Colour, *, hollow: bool = False) -> None:
        """A small disc, or a ring."""
        fill, edge = (CARD, colour) if hollow else (colour, CARD)
        self._pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=edge, width=1)

    def picture(self, x: int, y: int, pixels: Pixels) -> None:
        """Pixels, as they are."""
        self._image.paste(Image.fromarray(np.asarray(pixels)), (x, y))


@cache
def _font(size: int, bold: bool) -> tuple[Font, bool]:
    """The letters, and whether they know more than ASCII. A bare system has no font; Pillow brings a plain one."""
    for name in ("DejaVuSans-Bold.ttf",) if bold else ("DejaVuSans.ttf",):
        try:
            return ImageFont.truetype(name, size), True
        except OSError:
            continue
    return ImageFont.load_default(size), False


def _plain(said: str) -> str:
    """In ASCII, letters without their accents; what has none becomes a question mark."""
    bare = (c for c in unicodedata.normalize("NFKD", said) if not unicodedata.combining(c))
    return "".join(c if c.isascii() else "?" for c in bare)
