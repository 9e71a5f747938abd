"""What `edgeface calibrate --plot` draws: both errors over the bar, and who is too alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edgeface.adapters import paper
from edgeface.adapters.paper import Colour, Paper
from edgeface.bar import SPAN, Bar, Rates
from edgeface.frame import Pixels

Curve = Callable[[Bar], Rates | None]

WIDE, LEFT, RIGHT, HIGH = 1100, 110, 40, 250
(FROM, TO), STEPS = SPAN, 120
RAREST = 1e-6
"""Lowest rate drawn."""
MOST_PAIRS = 12
"""Look-alikes that are named."""


def draw(
    bar: Bar, strangers: Curve, misses: Curve, names: Mapping[str, str], others: Mapping[str, Bar], dial: str | None
) -> Pixels:
    """The picture, uint8 (height, width, 3). The curves tell the rates at a bar."""
    pairs = bar.too_alike[:MOST_PAIRS]
    sheet = Paper(WIDE, 744 + (60 + 22 * len(pairs) if pairs else 0), paper.CARD)
    sheet.text(LEFT, 18, "What this door asks of a visitor, and how often it errs", size=22, bold=True)
    people = len(bar.people)
    said = f"{people} {'person' if people == 1 else 'people'} enrolled; dial: {dial or 'not set'}. {bar.reason}."
    sheet.text(LEFT, 50, said, size=14, colour=paper.MUTED, most=WIDE - LEFT - RIGHT)
    top, below = 110, 110 + HIGH + 70
    _panel(sheet, top, "Strangers' visits let in (at most)", [10.0**power for power in range(-6, 1)], _log)
    _curve(sheet, top, bar, strangers, _log, paper.RED, paper.PALE_RED)
    _panel(sheet, below, "Visits of people enrolled turned away", [0, 0.25, 0.5, 0.75, 1], lambda rate: rate)
    _curve(sheet, below, bar, misses, lambda rate: rate, paper.BLUE, (214, 224, 242))
    _marks(sheet, bar, others, top, below)
    foot = (
        "Grey: what other dials ask for. The red line ends level where no lower rate was checked. Misses are those of "
        "visits simulated of LFW, one old picture enrolled."
    )
    sheet.text(LEFT, below + HIGH + 36, foot, size=12, colour=paper.MUTED, most=WIDE - LEFT - RIGHT)
    _pairs(sheet, pairs, names, len(bar.too_alike), below + HIGH + 72)
    return sheet.pixels()


def _log(rate: float) -> float:
    return 1 - math.log10(max(rate, RAREST)) / math.log10(RAREST)


def _across(cosine: float) -> float:
    return LEFT + (WIDE - LEFT - RIGHT) * min(1.0, max(0.0, (cosine - FROM) / (TO - FROM)))


def _panel(sheet: Paper, top: float, title: str, levels: Sequence[float], place: Callable[[float], float]) -> None:
    sheet.text(LEFT, top - 26, title, size=16, bold=True)
    for rate in levels:
        y = top + HIGH * (1 - place(rate))
        sheet.line([(LEFT, y), (WIDE - RIGHT, y)], paper.LINE)
        said = f"{rate:.0%}" if rate >= 0.01 or rate == 0 else f"1 in {1 / rate:,.0f}"
        sheet.text(LEFT - 10, y, said, size=12, colour=paper.MUTED, anchor="rm")
    for tenth in range(math.ceil(FROM * 10), math.floor(TO * 10) + 1):
        sheet.line([(_across(tenth / 10), top + HIGH), (_across(tenth / 10), top + HIGH + 5)], paper.MUTED)
        sheet.text(_across(tenth / 10), top + HIGH + 8, f"{tenth / 10:.1f}", size=12, colour=paper.MUTED, anchor="ma")


def _curve(
    sheet: Paper, top: float, bar: Bar, told: Curve, place: Callable[[float], float], strong: Colour, pale: Colour
) -> None:
    points = [FROM + (TO - FROM) * step / STEPS for step in range(STEPS + 1)]
    rates = [(cosine, told(replace(bar, threshold=cosine))) for cosine in points]
    known = [(cosine, found) for cosine, found in rates if found is not None]
    if not known:
        sheet.text(
            LEFT + 20, top + HIGH / 2, "this embedder comes without the measurement", size=14, colour=paper.MUTED
        )
        return
    wide = (WIDE - LEFT - RIGHT) / STEPS + 1
    for cosine, (_, low, high) in known:
        upper, lower = (top + HIGH * (1 - place(rate)) for rate in (high, low))
        sheet.box(_across(cosine) - wide / 2, upper, wide, max(1.0, lower - upper), fill=pale)
    sheet.line([(_across(cosine), top + HIGH * (1 - place(value))) for cosine, (value, _, _) in known], strong, 3)


def _marks(sheet: Paper, bar: Bar, others: Mapping[str, Bar], top: float, below: float) -> None:
    """The bar in use, the other dials, and a tick for each pair of look-alikes."""
    for index, (name, other) in enumerate(others.items()):
        if other.problem is None:
            x = _across(other.threshold)
            for y in (top, below):
                sheet.line([(x, y), (x, y + HIGH)], paper.LINE, 2)
            sheet.text(x - 6, below + 14 + 16 * index, name, size=12, colour=paper.MUTED, anchor="ra")
    x = _across(bar.threshold)
    for y in (top, below):
        sheet.line([(x, y - 4), (x, y + HIGH)], paper.GREEN, 3)
    sheet.text(x + 6, top - 2, f"bar {bar.threshold:.3f}", size=13, colour=paper.GREEN, bold=True)
    for _, _, cosine in bar.too_alike:
        sheet.dot(_across(cosine), top + HIGH, 6, paper.AMBER)


def _pairs(
    sheet: Paper, pairs: Sequence[tuple[str, str, float]], names: Mapping[str, str], many: int, y: float
) -> None:
    if not pairs:
        return
    more = f" (the {len(pairs)} most alike of {many})" if many > len(pairs) else ""
    sheet.dot(LEFT + 6, y + 10, 6, paper.AMBER)
    title = f"Too alike: each of the two needs more than the bar{more}"
    sheet.text(LEFT + 20, y, title, size=15, bold=True)
    for index, (first, second, cosine) in enumerate(pairs):
        said = f"{cosine:.2f}   {names.get(first, '?')} and {names.get(second, '?')}"
        sheet.text(LEFT + 20, y + 28 + 22 * index, said, size=14, most=WIDE - LEFT - RIGHT)
