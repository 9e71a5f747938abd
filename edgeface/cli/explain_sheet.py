"""What `edgeface explain` draws: a card for each visitor, with pictures, gates, measures, likeness and the course."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edgeface.adapters import paper
from edgeface.adapters.paper import Colour, Paper
from edgeface.bar import Bar
from edgeface.calibration import in_words
from edgeface.decide import Outcome
from edgeface.explain import PICTURE_PX, Account, Gate, Picture, Step, gates
from edgeface.frame import Pixels
from edgeface.pipeline import Options
from edgeface.quality import Limit

WIDE, EDGE, GAP = 1240, 24, 20
INNER = WIDE - 2 * EDGE - 2 * GAP
PANEL_PX, CHIP_PX = 330, 64
MOST = 12
"""Visitors that are drawn; a sheet nobody can scroll through helps nobody."""
OUTCOMES: dict[Outcome, Colour] = {
    Outcome.GRANT: paper.GREEN,
    Outcome.DENY: paper.BLUE,
    Outcome.UNKNOWN: paper.RED,
    Outcome.SPOOF: paper.PURPLE,
    Outcome.INSUFFICIENT_QUALITY: paper.AMBER,
}
CAPTIONS = {"first": "first seen", "worst": "worst", "best": "best", "decided": "decided", "last": "last seen"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """All that there is to tell."""

    source: str
    frames: int
    accounts: tuple[Account, ...]
    names: Mapping[str, str]
    """Of people enrolled, by id."""
    bar: Bar
    options: Options
    detection_floor: float
    live_floor: float | None
    skipped: tuple[str, ...]


def draw(told: Told) -> Pixels:
    """The sheet, uint8 (height, width, 3)."""
    shown = told.accounts[:MOST]
    heights = [_card_height(account) for account in shown]
    sheet = Paper(WIDE, 96 + sum(height + GAP for height in heights) + (60 if not shown else 10))
    sheet.text(EDGE, 20, f"What the reader made of {told.source}", size=26, bold=True, most=WIDE - 2 * EDGE)
    sheet.text(EDGE, 58, _summary(told), size=15, colour=paper.MUTED, most=WIDE - 2 * EDGE)
    top = 96
    for account, height in zip(shown, heights, strict=True):
        _card(sheet, account, told, top, height)
        top += height + GAP
    if not shown:
        said = f"No face was found: none scored {told.detection_floor:.2f} or more."
        sheet.text(EDGE, top + 8, said, size=18)
    return sheet.pixels()


def _summary(told: Told) -> str:
    many, people = len(told.accounts), len(told.bar.people)
    parts = [f"{told.frames} frame{'' if told.frames == 1 else 's'}", f"{many} visitor{'' if many == 1 else 's'}"]
    if many > MOST:
        parts.append(f"the first {MOST} are drawn")
    if told.skipped:
        parts.append(f"{len(told.skipped)} files could not be read")
    enrolled = f"{people} {'person' if people == 1 else 'people'} enrolled" if people else "Nobody enrolled"
    return ", ".join(parts) + f".  {enrolled}; a likeness of {told.bar.threshold:.3f} or more is needed."


def _card_height(account: Account) -> int:
    return 66 + 26 * max(0, len(account.decisions) - 1) + CHIP_PX + 10 + PICTURE_PX + 44 + PANEL_PX + GAP


def _card(sheet: Paper, account: Account, told: Told, top: int, height: int) -> None:
    sheet.box(EDGE, top, WIDE - 2 * EDGE, height, fill=paper.CARD, line=paper.LINE, radius=10)
    left, y = EDGE + GAP, top + 16
    sheet.text(left, y + 2, f"Visitor {account.track}", size=22, bold=True)
    for decision in account.decisions or (None,):
        colour = paper.MUTED if decision is None else OUTCOMES[decision.outcome]
        word = "NO DECISION" if decision is None else decision.outcome.value.replace("_", " ").upper()
        stood = account.telling.standing
        reason = (stood.doubt or "") if decision is None and stood is not None else ""
        who = "" if decision is None or decision.person_id is None else told.names.get(decision.person_id, "?") + ": "
        wide = _pill(sheet, left + 140, y, word, colour)
        said = who + (reason if decision is None else decision.reason)
        sheet.text(left + 152 + wide, y + 5, said, size=16, most=INNER - 152 - wide)
        y += 26 if decision is not (account.decisions or (None,))[-1] else 46
    _gates(sheet, gates(account.telling, told.options.liveness.require), left, y)
    y += CHIP_PX + 10
    _pictures(sheet, account, left, y)
    y += PICTURE_PX + 44
    step = account.telling
    _measures(sheet, step, left, y, 404)
    _likeness(sheet, step, told, left + 432, y, 290)
    _course(sheet, account, left + 750, y, INNER - 750)


def _pill(sheet: Paper, x: float, y: float, word: str, colour: Colour) -> float:
    wide = 11.0 * len(word) + 22
    sheet.box(x, y, wide, 28, fill=colour, radius=14)
    sheet.text(x + wide / 2, y + 14, word, size=15, bold=True, colour=paper.CARD, anchor="mm")
    return wide


def _gates(sheet: Paper, found: tuple[Gate, ...], left: float, y: float) -> None:
    """A row of chips with what each gate said below."""
    wide = INNER / max(len(found), 1)
    for index, gate in enumerate(found):
        x = left + index * wide
        strong = {True: paper.GREEN, False: paper.RED, None: paper.MUTED}[gate.passed]
        pale = {True: paper.PALE_GREEN, False: paper.PALE_RED, None: paper.PALE_GREY}[gate.passed]
        sheet.box(x, y, wide - 8, CHIP_PX, fill=pale, radius=6)
        sheet.box(x, y, 5, CHIP_PX, fill=strong, radius=2)
        sheet.text(x + 14, y + 6, gate.name, size=15, bold=True, colour=strong, most=wide - 28)
        sheet.block(x + 14, y + 27, gate.said, most=wide - 28, lines=2)


def _pictures(sheet: Paper, account: Account, left: float, y: float) -> None:
    by_frame: dict[int, tuple[Picture, list[str]]] = {}
    for name, one in account.pictures.items():
        by_frame.setdefault(one.frame, (one, []))[1].append(CAPTIONS[name])
    steps = {step.frame: step for step in account.steps}
    for index, frame in enumerate(sorted(by_frame)):
        one, names = by_frame[frame]
        step, x = steps[frame], left + index * (PICTURE_PX + 8)
        _picture(sheet, one, step, int(x), int(y))
        said = "the only one" if len(account.steps) == 1 else ", ".join(names)
        sheet.text(x, y + PICTURE_PX + 4, f"{step.second:.1f} s, {said}", size=13, bold=True, most=PICTURE_PX)
        colour, said = _verdict(step)
        sheet.text(x, y + PICTURE_PX + 21, said, size=12, colour=colour, most=PICTURE_PX)


def _picture(sheet: Paper, one: Picture, step: Step, x: int, y: int) -> None:
    sheet.picture(x, y, one.pixels)
    colour, _ = _verdict(step)
    sheet.box(x + one.box.x, y + one.box.y, one.box.w, one.box.h, line=colour, thick=3, radius=4)
    for across, down in one.landmarks:
        sheet.dot(x + across, y + down, 3, colour)


def _verdict(step: Step) -> tuple[Colour, str]:
    if step.quality is None:
        return paper.MUTED, "decided: followed only"
    if step.quality.accepted:
        return paper.GREEN, f"good shot, quality {step.quality.score:.0f}"
    reasons = dict.fromkeys(refused.refusal.value.replace("_", " ") for refused in step.quality.refusals)
    return paper.AMBER, "refused: " + ", ".join(reasons)


def _measures(sheet: Paper, step: Step, left: float, y: float, wide: float) -> None:
    """Each measure as a bar; the limit stands in the middle, and what is good lies on the pale green side."""
    sheet.text(left, y, f"Quality at {step.second:.1f} s", size=16, bold=True)
    sheet.text(left + wide, y + 3, "limit in the middle", size=12, colour=paper.MUTED, anchor="ra")
    for index, one in enumerate(step.limits):
        _measure(sheet, one, left, y + 28 + 19 * index, wide)


def _measure(sheet: Paper, one: Limit, left: float, y: float, wide: float) -> None:
    colour, at, long = paper.GREEN if one.kept else paper.RED, left + 142, 110.0
    sheet.text(left, y, one.measure.replace("_", " "), size=12, colour=paper.INK if one.kept else colour, most=138)
    sheet.box(at, y + 3, long, 10, fill=paper.PALE_GREY, radius=3)
    sheet.box(at + (long / 2 if one.least else 0), y + 3, long / 2, 10, fill=paper.PALE_GREEN, radius=3)
    share = min(1.0, abs(one.value) / (2 * one.limit)) if one.limit else 1.0
    sheet.box(at, y + 5, max(2.0, share * long), 6, fill=colour, radius=3)
    sheet.line([(at + long / 2, y), (at + long / 2, y + 15)], paper.INK)
    word = "least" if one.least else "most"
    said = f"{_short(one.value)}, at {word} {one.limit:g}" + ("" if one.kept else f": off by {one.off_by:.2g}")
    sheet.text(at + long + 10, y, said, size=12, colour=paper.MUTED if one.kept else colour, most=wide - 264)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _likeness(sheet: Paper, step: Step, told: Told, left: float, y: float, wide: float) -> None:
    sheet.text(left, y, "Likeness of this shot", size=16, bold=True)
    y += 28
    needed = told.bar.threshold if step.standing is None else step.standing.needed
    for one in step.nearest or ():
        enough = one.cosine >= needed
        strength = "" if one.strength is None else f"evidence {one.strength:+.1f}   "
        sheet.text(left, y, told.names.get(one.person_id, "?"), size=13, most=wide - 150)
        sheet.text(left + wide, y, f"{strength}{one.cosine:.2f}", size=13, anchor="ra", bold=enough)
        _bar(sheet, left, y + 18, wide, one.cosine, needed, paper.GREEN if enough else paper.MUTED)
        y += 38
    if not step.nearest:
        said = "nobody is enrolled" if step.nearest == () else "not compared: no good shot"
        sheet.text(left, y, said, size=13, colour=paper.MUTED)
        y += 24
    sheet.text(left, y + 6, "All shots of the visit", size=16, bold=True)
    for index, line in enumerate(_evidence(step, told)):
        sheet.block(left, y + 34 + 19 * index, line, size=13, most=wide, lines=2)


def _bar(sheet: Paper, x: float, y: float, wide: float, cosine: float, needed: float, colour: Colour) -> None:
    """From 0 to 1, with a mark at what is needed."""
    sheet.box(x, y, wide, 8, fill=paper.PALE_GREY, radius=3)
    sheet.box(x, y, wide * min(1.0, max(0.0, cosine)), 8, fill=colour, radius=3)
    if math.isfinite(needed):
        mark = x + wide * min(1.0, max(0.0, needed))
        sheet.line([(mark, y - 3), (mark, y + 11)], paper.INK, 2)


def _evidence(step: Step, told: Told) -> list[str]:
    stood = step.standing
    if stood is None:
        return ["decided, or not begun"]
    shots = f"{stood.shots} good, {told.options.decide.min_shots} needed"
    if stood.score is None:
        return [shots, stood.doubt or ""]
    margin = "" if stood.margin is None else f"lead over the next: {stood.margin:.2f}"
    score = f"together {stood.score:.3f}, {stood.needed:.3f} needed"
    strength = "" if stood.strength is None else in_words(stood.strength)
    newest = f"the newest alone {stood.newest_score:.3f}"
    against = f"against a grant: {stood.doubt}" if stood.doubt else ""
    return [line for line in (shots, score, strength, newest, margin, against) if line]


def _course(sheet: Paper, account: Account, left: float, y: float, wide: float) -> None:
    """Scores over seconds, and below each frame how the quality gate found it."""
    sheet.text(left, y, "Over time", size=16, bold=True)
    sheet.text(left + wide, y + 3, "dots: each shot; line: all together", size=12, colour=paper.MUTED, anchor="ra")
    top, bottom, right = y + 34, y + 250, left + wide
    first, last = account.steps[0].second, account.steps[-1].second
    span = max(last - first, 0.5)

    def across(second: float) -> float:
        return left + 26 + (right - left - 34) * (second - first) / span

    def down(score: float) -> float:
        return bottom - (bottom - top) * min(1.0, max(0.0, score))

    for score in (0.0, 0.5, 1.0):
        sheet.line([(left + 26, down(score)), (right, down(score))], paper.LINE)
        sheet.text(left + 20, down(score), f"{score:g}", size=11, colour=paper.MUTED, anchor="rm")
    stood = [(step, step.standing) for step in account.steps if step.standing is not None]
    needed = next((one.needed for _, one in stood if one.score is not None and math.isfinite(one.needed)), None)
    if needed is not None:
        sheet.dashes(left + 26, down(needed), right - left - 26, paper.INK)
        sheet.text(right, down(needed) - 3, f"needed {needed:.2f}", size=11, anchor="rd")
    sheet.line([(across(s.second), down(one.score)) for s, one in stood if one.score is not None], paper.BLUE, 2)
    for step, one in stood:
        if step.nearest and one.newest_score is not None:
            sheet.dot(across(step.second), down(one.newest_score), 4, paper.BLUE)
    for step in account.steps:
        _tick(sheet, step, across(step.second), top, bottom)
    sheet.text(left + 26, bottom + 30, f"{first:.1f} s", size=11, colour=paper.MUTED)
    sheet.text(right, bottom + 30, f"{last:.1f} s", size=11, colour=paper.MUTED, anchor="ra")
    said = "green: good shot; amber: refused; grey: decided, only followed"
    sheet.text(left + 26, bottom + 48, said, size=11, colour=paper.MUTED, most=wide - 26)


def _tick(sheet: Paper, step: Step, x: float, top: float, bottom: float) -> None:
    sheet.box(x - 2, bottom + 10, 4, 14, fill=_verdict(step)[0])
    if step.decision is not None:
        colour = OUTCOMES[step.decision.outcome]
        sheet.line([(x, top - 4), (x, bottom + 8)], colour, 2)
        sheet.text(x + 4, top - 8, step.decision.outcome.value, size=11, colour=colour)
