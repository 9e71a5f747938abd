"""Which troubles are worth a row in the journal: when they begin and when they end, and never without end. Pure.

A plug that is loose comes and goes all day. A row says how often, and after so many rows the day has no more for that
trouble: what an auditor reads stays true, and the disk stays free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edgeface.frame import Instant
from edgeface.health import Sign, Trouble

SETTLE_S = 2.0
"""A trouble must have come, or gone, for so long. A choice: a broker that is reached at the first try is no alarm."""

ROWS_A_DAY = 48
"""Of each trouble; as many may come at once. A choice: all troubles together then fill less than 0.3 MB a day."""

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A trouble has begun, or ended."""

    trouble: Trouble
    began: bool
    """False: it has ended."""
    says: str
    """What was said of it last, and what to do about it; without names of people."""
    shuts: bool
    """Whether nobody can be let in because of it; of one that ended, whether nobody could."""
    for_s: float
    """How long it has been so, seconds, 0 or more."""
    times: int
    """How often it came since the last row about it, 0 or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How one trouble went on so far."""

    sign: Sign | None = None
    """What was last seen of it; None if nothing ever was."""
    there: bool = False
    since: Instant
    """Since when it is there, or not."""
    told: bool = False
    """Whether the newest row says that it is there."""
    times: int = 0
    """How often it came since that row."""
    rows: float = ROWS_A_DAY
    """Rows that may be written now."""
    counted_at: Instant
    """When `rows` was right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """The course of every trouble that was ever seen."""

    courses: Mapping[Trouble, Course] = field(default_factory=dict)


def follow(alarms: Alarms, found: tuple[Sign, ...], now: Instant) -> tuple[Alarms, tuple[Alarm, ...]]:
    """What is known once these signs were seen, and the rows to write."""
    seen = {sign.trouble: sign for sign in found}
    courses, rows = dict(alarms.courses), []
    for trouble in Trouble:
        former = courses.get(trouble)
        if former is None and trouble not in seen:
            continue
        course = _moved(former or Course(since=now, counted_at=now), seen.get(trouble), now)
        if _due(course, now):
            rows.append(_row(trouble, course, now))
            course = replace(course, told=course.there, times=0, rows=course.rows - 1)
        courses[trouble] = course
    return Alarms(courses=courses), tuple(rows)


def _moved(course: Course, sign: Sign | None, now: Instant) -> Course:
    there = sign is not None
    grown = course.rows + ROWS_A_DAY / _DAY_S * now.seconds_since(course.counted_at)
    course = replace(course, sign=sign or course.sign, rows=min(float(ROWS_A_DAY), grown), counted_at=now)
    if there is course.there:
        return course
    return replace(course, there=there, since=now, times=course.times + there)


def _due(course: Course, now: Instant) -> bool:
    return course.there is not course.told and course.rows >= 1 and now.seconds_since(course.since) >= SETTLE_S


def _row(trouble: Trouble, course: Course, now: Instant) -> Alarm:
    return Alarm(
        trouble=trouble,
        began=course.there,
        says=course.sign.says if course.sign else "",
        shuts=course.sign is not None and course.sign.shuts,
        for_s=round(now.seconds_since(course.since), 1),
        times=course.times,
    )
