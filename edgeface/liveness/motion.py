"""Does what moves have depth? A head that turns shows its nose before its eyes and mouth; a sheet or a screen cannot.

    note(trace, detection, inside, captured_at, options) -> Trace       one more frame
    judge(trace, options) -> Motion                                     flat, solid or undecided

A flat picture, however it is turned, keeps its five landmarks on an affine map of one another (its own perspective adds
a little). So each frame's landmarks are mapped to a mean head by the affine map that fits best, and what the map cannot
explain, along the mean head's depth, is kept: the *parallax*, in eye distances. Of a flat picture it stays what it was;
a head changes it by 0.42 times the sine of its turn. A screen that plays a turning head shows real parallax: this check
cannot tell it from a person, and neither a mask that is worn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from edgeface.detect import Detection, PixelBox
from edgeface.frame import Instant
from edgeface.pose import HEAD

Vector = npt.NDArray[np.float64]

KEPT = 16
"""Glimpses kept: a visit of a second and a half, so that the record does not grow."""
BORDER = 0.87
"""Part of the face's box that must lie in the picture, as for quality."""
LEAP = 0.6
"""A face that moves this far between glimpses, in sides of its box, or changes its size so much, is another face: a
choice, three times what a walking head moves at ten frames a second."""
SLIP = 0.15
"""So does a face whose parallax changes this much between glimpses: two pictures shown in turn. A choice: a head that
swings by 25 degrees to either side, once in two seconds, changes it by half as much."""

AWAY_S = 1.0
"""A face that was away for so long may be another one."""

_PLANE = np.column_stack([HEAD[:, :2], np.ones(5)])
_TO_PLANE = np.linalg.pinv(_PLANE)
_DEPTH = HEAD[:, 2] - _PLANE @ (_TO_PLANE @ HEAD[:, 2])
_OUT = _DEPTH / np.linalg.norm(_DEPTH)
"""How a mean head's depth shifts its landmarks, less what an affine map can explain: (5,), of length 1."""


class Noted(StrEnum):
    """What became of the newest frame."""

    TAKEN = "taken"
    TOO_SOON = "too_soon"
    """Less than `interval_s` after the last glimpse: frames between are skipped."""
    NOT_NEWER = "not_newer"
    """Taken at the same time as the last glimpse, or before it."""
    REPEATED = "repeated"
    """The very landmarks of the last glimpse: the same picture once more."""
    NO_NUMBER = "no_number"
    """Landmarks that are no numbers, or lie on a line."""
    TOO_SMALL = "too_small"
    CUT_OFF = "cut_off"
    """At the border of the picture, where landmarks are guessed."""
    JUMPED = "jumped"
    """So far from the last glimpse, or so long after it, that all begins anew."""


class Depth(StrEnum):
    """What the motion of a track says."""

    SOLID = "solid"
    FLAT = "flat"
    """It turned like a sheet: foreshortened, without parallax."""
    UNDECIDED = "undecided"
    """It did not turn enough to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much motion is enough."""

    min_parallax: float = 0.09
    """Change of the parallax, in eye distances, from which a face is solid. Of simulated films (tools/attacks/film.py)
    59 of 60 of heads that turned by 12 to 25 degrees reached it, 0 of 60 of heads that only swayed, and 5 of 540 of
    prints, bent prints and monitors, held still, shaken or tilted; but 106 of 120 of screens that played a turning head
    and 106 of 120 of masks that were worn (tools/evaluate/presence.py)."""
    min_foreshortening: float = 0.08
    """Change of height over width from which a face without parallax has turned like a sheet, parts of one: it names 21
    of those 540, and for a moment 2 of 60 of the heads that turned. Below, it is undecided, which refuses too."""
    min_glimpses: int = 8
    """Frames before anything is said."""
    interval_s: float = 0.09
    """Between glimpses at least: ten a second are enough, and a faster camera costs nothing more."""
    min_face_px: float = 60.0
    """Longer side of the face's box; below, the detector's landmarks are too coarse. A choice."""
    patience_s: float = 4.0
    """How long a visitor may take to move the head. A choice: twice the patience with bad pictures."""

    def __post_init__(self) -> None:
        if not 0 < self.min_parallax < 1:
            raise ValueError("min_parallax must be between 0 and 1")
        if not 0 < self.min_foreshortening < 1:
            raise ValueError("min_foreshortening must be between 0 and 1")
        if not 5 <= self.min_glimpses <= KEPT:
            raise ValueError(f"min_glimpses must be 5 to {KEPT}")
        if not 0 <= self.interval_s <= 0.5:
            raise ValueError("interval_s must be 0 to 0.5")
        if not 16 <= self.min_face_px <= 1000:
            raise ValueError("min_face_px must be 16 to 1000")
        if not 0 < self.patience_s <= 30:
            raise ValueError("patience_s must be above 0 and at most 30")


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What one frame says of the shape of a face."""

    at: Instant
    box: PixelBox
    landmarks: tuple[float, ...]
    """Ten numbers, picture pixels."""
    parallax: tuple[float, float]
    """Across and down the face, eye distances."""
    aspect: float
    """Logarithm of the face's height over its width, as the affine map has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The newest glimpses of one track."""

    glimpses: tuple[Glimpse, ...] = ()
    """At most `KEPT`, oldest first."""
    noted: Noted | None = None
    """What became of the newest frame; None before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """What a trace says."""

    depth: Depth
    parallax: float
    """How much it changed, eye distances; 0 before there are enough glimpses."""
    foreshortening: float
    """How much height over width changed, parts of one."""


def note(trace: Trace, detection: Detection, inside: float, captured_at: Instant, options: Options) -> Trace:
    """The trace after one more frame. `inside`: part of the face's box that lies in the picture, 0..1."""
    last = trace.glimpses[-1] if trace.glimpses else None
    found = _glimpse(detection, inside, captured_at, options)
    if isinstance(found, Noted):
        return replace(trace, noted=found)
    if last is None:
        return Trace(glimpses=(found,), noted=Noted.TAKEN)
    passed = captured_at.seconds_since(last.at)
    if not passed > 0:
        return replace(trace, noted=Noted.NOT_NEWER)
    if passed < options.interval_s:
        return replace(trace, noted=Noted.TOO_SOON)
    if found.landmarks == last.landmarks:
        return replace(trace, noted=Noted.REPEATED)
    if passed > AWAY_S or leapt(last, found):
        return Trace(glimpses=(found,), noted=Noted.JUMPED)
    return Trace(glimpses=(*trace.glimpses, found)[-KEPT:], noted=Noted.TAKEN)


def judge(trace: Trace, options: Options) -> Motion:
    """Whether what moved has depth."""
    if len(trace.glimpses) < options.min_glimpses:
        return Motion(depth=Depth.UNDECIDED, parallax=0.0, foreshortening=0.0)
    across, down = (_spread([one.parallax[axis] for one in trace.glimpses]) for axis in (0, 1))
    parallax = max(across, down)
    foreshortening = 1 - float(np.exp(-_spread([one.aspect for one in trace.glimpses])))
    if parallax >= options.min_parallax:
        depth = Depth.SOLID
    elif foreshortening >= options.min_foreshortening:
        depth = Depth.FLAT
    else:
        depth = Depth.UNDECIDED
    return Motion(depth=depth, parallax=parallax, foreshortening=foreshortening)


def _glimpse(detection: Detection, inside: float, captured_at: Instant, options: Options) -> Glimpse | Noted:
    box, points = detection.box, detection.landmarks.astype(np.float64)
    if not np.isfinite((box.x, box.y, box.w, box.h, inside, *points.ravel())).all():
        return Noted.NO_NUMBER
    if max(box.w, box.h) < options.min_face_px:
        return Noted.TOO_SMALL
    if inside < BORDER:
        return Noted.CUT_OFF
    turn = (_TO_PLANE @ points)[:2].T
    if abs(np.linalg.det(turn)) < 0.05 * float(np.square(turn).sum()):
        return Noted.NO_NUMBER
    across, down = np.linalg.solve(turn, _OUT @ points)
    wide, high = np.linalg.norm(turn, axis=0)
    return Glimpse(
        at=captured_at,
        box=box,
        landmarks=tuple(points.ravel().tolist()),
        parallax=(float(across), float(down)),
        aspect=float(np.log(high / wide)),
    )


def _spread(values: list[float]) -> float:
    """From low to high without the outermost fifth on either side: single slips of the detector say nothing."""
    ordered, cut = sorted(values), len(values) // 5
    return ordered[-1 - cut] - ordered[cut]


def leapt(last: Glimpse, found: Glimpse, slip: float = SLIP) -> bool:
    """Whether this can hardly be the same face, a tenth of a second later."""
    before, after = last.box, found.box
    side = max(before.w, before.h)
    across, down = after.x + after.w / 2 - before.x - before.w / 2, after.y + after.h / 2 - before.y - before.h / 2
    slipped = max(abs(new - old) for new, old in zip(found.parallax, last.parallax, strict=True))
    grown = max(after.w, after.h) / side
    return max(abs(across), abs(down)) > LEAP * side or not 1 / (1 + LEAP) < grown < 1 + LEAP or slipped > slip
