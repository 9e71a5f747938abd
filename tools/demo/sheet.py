"""The contact sheet: what the reader saw, with what it made of it, as one picture to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edgeface.decide import Outcome
from edgeface.frame import Pixels
from edgeface.liveness import Liveness
from edgeface.pipeline import Sighting
from edgeface.quality import Quality

TILE_W, TILE_H, GAP, HEADER = 400, 300, 14, 74
INK, PAPER, MUTED = (32, 36, 40), (250, 249, 246), (110, 116, 122)
COLOURS = {
    Outcome.GRANT: (22, 128, 76),
    Outcome.DENY: (38, 84, 168),
    Outcome.UNKNOWN: (190, 48, 44),
    Outcome.SPOOF: (142, 36, 140),
    Outcome.INSUFFICIENT_QUALITY: (176, 118, 12),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """One frame with its sightings."""

    pixels: Pixels
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One scene of the film."""

    title: str
    shots: tuple[Shot, ...]
    """Three, in the order of the film."""
    verdicts: tuple[tuple[Outcome, str], ...]
    """Decisions of the scene, each as a line."""


def draw(rows: list[Row], note: str, path: Path) -> None:
    """Write the sheet as PNG."""
    width = 3 * TILE_W + 4 * GAP
    height = sum(_row_height(row) for row in rows) + 110
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, 18), "edgeface: what the reader saw", fill=INK, font=_font(28, bold=True))
    pen.text((GAP, 58), note, fill=MUTED, font=_font(15))
    top = 96
    for row in rows:
        _draw_row(sheet, pen, row, top)
        top += _row_height(row)
    sheet.save(path)


def _row_height(row: Row) -> int:
    return HEADER + 24 * max(0, len(row.verdicts) - 1) + TILE_H + GAP


def _draw_row(sheet: Image.Image, pen: ImageDraw.ImageDraw, row: Row, top: int) -> None:
    pen.text((GAP, top + 4), row.title, fill=INK, font=_font(20, bold=True))
    lines = row.verdicts or ((None, "no decision"),)
    for index, (outcome, text) in enumerate(lines):
        colour = COLOURS[outcome] if outcome else MUTED
        pen.text((GAP, top + 36 + 24 * index), text, fill=colour, font=_font(16, bold=outcome is not None))
    tiles_top = top + HEADER + 24 * (len(lines) - 1)
    for index, shot in enumerate(row.shots):
        sheet.paste(_tile(shot), (GAP + index * (TILE_W + GAP), tiles_top))


def _tile(shot: Shot) -> Image.Image:
    tile = Image.fromarray(np.asarray(shot.pixels)).resize((TILE_W, TILE_H), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(tile)
    scale = np.array([TILE_W / shot.pixels.shape[1], TILE_H / shot.pixels.shape[0]])
    for sighting in shot.sightings:
        _mark(pen, sighting, scale)
    return tile


def _mark(pen: ImageDraw.ImageDraw, sighting: Sighting, scale: np.ndarray) -> None:
    box, usable = sighting.detection.box, sighting.view.quality if sighting.view else None
    colour = _colour(usable)
    left, top = np.array([box.x, box.y]) * scale
    right, bottom = np.array([box.x + box.w, box.y + box.h]) * scale
    pen.rectangle((left, top, right, bottom), outline=colour, width=3)
    for x, y in sighting.detection.landmarks * scale:
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(255, 255, 255), outline=colour, width=2)
    reasons = ", ".join(dict.fromkeys(refused.refusal.value for refused in usable.refusals)) if usable else ""
    said = f"quality {usable.score:.0f}" if usable else sighting.passed.value if sighting.passed else ""
    _label(pen, (left, bottom + 4), f"track {sighting.track}  {said}", colour)
    if more := reasons or _alive(sighting.liveness):
        _label(pen, (left, bottom + 24), more, colour)


def _colour(usable: Quality | None) -> tuple[int, int, int]:
    """None: the visit is decided already, and the face only followed."""
    if usable is None:
        return MUTED
    return COLOURS[Outcome.GRANT if usable.accepted else Outcome.INSUFFICIENT_QUALITY]


def _alive(live: Liveness | None) -> str:
    if live is None:
        return ""
    return f"alive {live.score:.2f}" if live.unjudged is None else f"alive: {live.unjudged.value}"


def _label(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: tuple[int, int, int]) -> None:
    font = _font(14)
    x = max(2.0, min(place[0], TILE_W - pen.textlength(text, font=font) - 6))
    y = min(place[1], TILE_H - 20)
    pen.rectangle((x - 2, y, x + pen.textlength(text, font=font) + 4, y + 18), fill=colour)
    pen.text((x, y), text, fill=(255, 255, 255), font=font)


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
