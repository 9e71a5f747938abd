"""Does the camera still see? Told from its pictures alone, frame after frame.

A cable that is out, a driver that repeats its last buffer, a lens under a hand: a reader that does not notice stands
beside a door and lets nobody in, or judges a picture of the past. None of these may decide anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeface.frame import Frame, Instant, Pixels

_ROWS, _COLUMNS = 18, 32
"""Fields of the coarse picture: over a dozen pixels are averaged into each, so that noise is no structure."""

_STEP = 4
"""Every fourth pixel each way is enough: with all of them the look would cost 15 times as much."""


class Fault(StrEnum):
    """What is wrong with a camera, the worst first."""

    LOST = "lost"
    """No picture comes."""
    FROZEN = "frozen"
    """The same picture comes again and again; a sensor that films is never without noise."""
    LATE = "late"
    """Pictures are old when they come: a network or a program that cannot keep up has queued them."""
    DARK = "dark"
    """Nothing is lit: no light, a lens cap, a dead infrared lamp."""
    COVERED = "covered"
    """Light, but nothing in it has an edge: a hand, tape, paint or fog on the lens."""
    SLOW = "slow"
    """Too few pictures a second to judge a visit by."""
    COLOURS = "colours"
    """Faces are bluer than red: red and blue have changed places."""


ADVICE: Mapping[Fault, str] = {
    Fault.LOST: "no picture comes; check the camera's cable and power",
    Fault.FROZEN: "the camera repeats one picture; it is opened anew, else switch it off and on",
    Fault.LATE: "pictures come too late to decide on; a faster network or a smaller size",
    Fault.DARK: "the picture is black; switch a light on, or take the lens cap off",
    Fault.COVERED: "the lens is covered or fogged; clean it",
    Fault.SLOW: "too few pictures a second; more light, a smaller size or a faster network",
    Fault.COLOURS: "faces look blue; red and blue of this camera are exchanged",
}
"""What each means and what to do about it."""

BLINDING = frozenset({Fault.LOST, Fault.FROZEN, Fault.LATE, Fault.DARK, Fault.COVERED})
"""Faults with which nobody can be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """When a camera counts as faulty. `models/cameras.md` has the measurements behind the figures."""

    after_s: float = 0.7
    """Seconds that a fault must last before it counts, 0.1..10: said within a second, but no alarm for a blink."""
    dark_below: float = 12.0
    """Grey level, 0..255, that the brightest twentieth of the picture stays below in the dark."""
    flat_below: float = 3.0
    """Grey levels, 0..255, by which a field differs from its neighbours where nine tenths of a picture show nothing."""
    slow_fps: float = 4.0
    """Pictures a second, 0.1..60, below which a camera is slow: three good shots of a visitor then take a second."""
    blue_by: float = 12.0
    """Grey levels, 0..255, by which the middle of a face is bluer than red if the two have changed places."""
    blue_faces: int = 3
    """Faces in a row, 1..100, that must say so: as many as a visitor who is let in shows."""

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} must be {low:g} to {high:g}, not {value}")


_RANGES = (
    ("after_s", 0.1, 10),
    ("dark_below", 0, 255),
    ("flat_below", 0, 255),
    ("slow_fps", 0.1, 60),
    ("blue_by", 0, 255),
    ("blue_faces", 1, 100),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one picture says about the camera that took it."""

    print: int
    """Equal for equal pictures; 64 bits."""
    brightest: float
    """Grey level, 0..255, of the brightest twentieth."""
    structure: float
    """Grey levels by which the most structured tenth differs from its neighbours, 0 or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """What is remembered of a camera's pictures."""

    last: Look | None = None
    last_at: Instant | None = None
    """When the newest picture came; None before the first, and again once the camera is lost."""
    since: Mapping[Fault, Instant] = field(default_factory=dict)
    """Since when each fault has been seen without a break."""
    pace_s: float | None = None
    """Seconds between pictures, smoothed over about five."""
    arrivals: tuple[Instant, ...] = ()
    """When the newest pictures came, oldest first: as many as a camera that is just fast enough sends in about
    `after_s`."""
    blue: int = 0
    """Faces in a row that were bluer than red."""


def look(pixels: Pixels) -> Look:
    """Look at a picture: uint8 (height, width, 3) RGB."""
    grey = pixels[::_STEP, ::_STEP, 1]
    fields = _fields(grey)
    return Look(
        print=hash(np.ascontiguousarray(pixels[::_STEP, ::_STEP]).tobytes()),
        brightest=float(np.percentile(fields, 95)),
        structure=float(np.percentile(_edges(fields), 90)),
    )


def observe(
    footage: Footage, frame: Frame, seen: Look, options: Options, *, came: Instant | None = None, late: bool = False
) -> Footage:
    """One more picture, looked at, which `came` just now (None: as soon as it was taken), `late` if that was too old to
    decide on."""
    now, before = came or frame.captured_at, footage.last_at
    pace_s = footage.pace_s
    if before is not None:
        gap_s = now.seconds_since(before)
        pace_s = gap_s if pace_s is None else 0.8 * pace_s + 0.2 * gap_s
    dark = seen.brightest < options.dark_below
    there = {
        Fault.FROZEN: footage.last is not None and seen.print == footage.last.print and not dark,
        Fault.LATE: late,
        Fault.DARK: dark,
        Fault.COVERED: not dark and seen.structure < options.flat_below,
        Fault.SLOW: _overdue(footage, now, options),
    }
    start = before if before is not None else now
    since = {
        fault: footage.since.get(fault, start if fault is Fault.FROZEN else now)
        for fault, present in there.items()
        if present
    }
    arrivals = (*footage.arrivals, now)[-_enough(options) :]
    return replace(footage, last=seen, last_at=now, since=since, pace_s=pace_s, arrivals=arrivals)


def meet(footage: Footage, face: Pixels, options: Options) -> Footage:
    """One more face, aligned: uint8 (height, width, 3) RGB. Grey pictures, as infrared cameras take, say nothing."""
    height, width = face.shape[:2]
    middle = face[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
    red, blue = (float(np.median(middle[:, :, channel])) for channel in (0, 2))
    return replace(footage, blue=footage.blue + 1 if blue - red > options.blue_by else 0)


def lose(footage: Footage, now: Instant) -> Footage:
    """The camera is gone: what was seen before says nothing about what comes after."""
    return Footage(since={Fault.LOST: footage.since.get(Fault.LOST, now)})


def faults(footage: Footage, now: Instant, options: Options) -> tuple[Fault, ...]:
    """What is wrong at the moment `now`, the worst first. A camera that is silent for `after_s` is lost."""
    lasting = {fault for fault, began in footage.since.items() if now.seconds_since(began) >= options.after_s}
    if Fault.SLOW in footage.since or _slow(footage, now, options):  # which has been measured over that time
        lasting.add(Fault.SLOW)
    if Fault.LOST in footage.since:
        lasting = {Fault.LOST}
    elif footage.last_at is not None and now.seconds_since(footage.last_at) >= options.after_s:
        lasting = {*lasting - {Fault.SLOW}, Fault.LOST}
    if footage.blue >= options.blue_faces:
        lasting.add(Fault.COLOURS)
    return tuple(fault for fault in Fault if fault in lasting)


def _slow(footage: Footage, now: Instant, options: Options) -> bool:
    """Whether too few pictures came by now. A gap that is open for long is silence and not slowness."""
    last = footage.last_at
    return last is not None and now.seconds_since(last) <= 2 / options.slow_fps and _overdue(footage, now, options)


def _overdue(footage: Footage, now: Instant, options: Options) -> bool:
    """Whether the oldest picture kept is older than it would be if enough of them had come."""
    return bool(footage.arrivals) and now.seconds_since(footage.arrivals[0]) > _enough(options) / options.slow_fps


def _enough(options: Options) -> int:
    """How many pictures a camera that is just fast enough takes in `after_s`."""
    return max(1, round(options.after_s * options.slow_fps))


def _fields(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """A coarse picture of means, float64 (rows, columns), at most 18 x 32."""
    rows, columns = min(_ROWS, grey.shape[0]), min(_COLUMNS, grey.shape[1])
    high, wide = grey.shape[0] // rows, grey.shape[1] // columns
    cut: npt.NDArray[Any] = grey[: rows * high, : columns * wide].reshape(rows, high, columns, wide)
    return np.asarray(cut.mean(axis=(1, 3)), np.float64)


def _edges(fields: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each field is from the mean of the two beside it or above and below it: a vignette, being smooth, has
    none of this."""
    if min(fields.shape) < 3:
        return np.zeros(1)
    across = np.abs(fields[:, 1:-1] - (fields[:, :-2] + fields[:, 2:]) / 2)[1:-1]
    along = np.abs(fields[1:-1] - (fields[:-2] + fields[2:]) / 2)[:, 1:-1]
    return np.maximum(across, along)
