"""Weekly hours, holidays and days, told by the wall clock of a place.

A time is in a schedule if the clock on the wall there says so. So an hour that a change to summer time leaves out never
comes, and one that is gone through twice counts both times. Hours over midnight belong to the day they begin on: with a
holiday on Friday, Friday's 22:00-06:00 falls away and Thursday's still runs into the holiday's morning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60


class OnHolidays(StrEnum):
    """What becomes of a schedule's hours on a holiday."""

    CLOSED = "closed"
    """Only its `holiday_hours` count, if there are any."""
    AS_USUAL = "as_usual"
    """A holiday is a day like every other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """One stretch of time on some days of the week."""

    days: frozenset[int]
    """0 is Monday."""
    start_min: int
    """Minutes since midnight, inclusive."""
    end_min: int
    """Minutes since midnight of the day it began on, exclusive; above 1440 if it runs over midnight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Weekly hours."""

    hours: tuple[str, ...] = ()
    """When: "mon-fri 08:00-18:00", "sat,sun 10:00-16:00", "daily 22:00-06:00" (over midnight)."""
    holidays: OnHolidays = OnHolidays.CLOSED
    """On the site's holidays: closed, or as_usual."""
    holiday_hours: tuple[str, ...] = ()
    """Hours on holidays if it is closed otherwise: "10:00-12:00"."""
    time_zone: str = ""
    """IANA name, such as Europe/Vienna; empty: the site's."""

    def __post_init__(self) -> None:
        for text in self.hours:
            read_hours(text)
        for text in self.holiday_hours:
            read_hours(f"daily {text}")
        if self.holiday_hours and self.holidays is OnHolidays.AS_USUAL:
            raise ValueError('holiday_hours have no effect with holidays = "as_usual"')
        if self.time_zone:
            zone(self.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """Days on which schedules are closed unless they say otherwise."""

    dates: tuple[date, ...] = ()
    """Single days: 2026-04-06."""
    yearly: tuple[str, ...] = ()
    """Days of every year, month and day: "12-25". 02-29 comes in leap years only."""

    def __post_init__(self) -> None:
        for text in self.yearly:
            if re.fullmatch(r"[0-9]{2}-[0-9]{2}", text) is None or not _in_leap_year(text):
                raise ValueError(f'yearly holds {text!r}, which is no day of the year such as "12-25"')

    def include(self, day: date) -> bool:
        """Whether that day is a holiday."""
        return day in self.dates or f"{day.month:02}-{day.day:02}" in self.yearly


def covers(schedule: Schedule, holidays: Holidays, local: datetime) -> bool:
    """Whether a time, told by the schedule's wall clock, is within its hours."""
    minute, today = local.hour * 60 + local.minute, local.date()
    if any(hours.start_min <= minute < hours.end_min for hours in _hours_on(schedule, holidays, today)):
        return True
    night = minute + DAY_MINUTES
    return any(night < hours.end_min for hours in _hours_on(schedule, holidays, today - timedelta(days=1)))


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"time_zone {name!r} is unknown: use an IANA name such as Europe/Vienna or UTC") from None


@lru_cache(maxsize=4096)
def read_hours(text: str) -> Hours:
    """ "mon-fri 08:00-18:00" as Hours. Raises ValueError that says what is wrong with it."""
    found = _HOURS.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f'hours {text!r} are not of the form "mon-fri 08:00-18:00" or "daily 22:00-06:00"')
    start, end = _minutes(found["start"], text), _minutes(found["end"], text)
    if start == end:
        raise ValueError(f"hours {text!r} begin and end at once; the whole day is 00:00-24:00")
    if start == DAY_MINUTES:
        raise ValueError(f"hours {text!r} begin at 24:00: write 00:00 of the next day")
    return Hours(days=_days(found["days"], text), start_min=start, end_min=end if end > start else end + DAY_MINUTES)


_HOURS = re.compile(r"(?P<days>[a-z,\-]+) +(?P<start>[0-9]{2}:[0-9]{2}) ?- ?(?P<end>[0-9]{2}:[0-9]{2})")


def _minutes(text: str, whole: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > DAY_MINUTES:
        raise ValueError(f"hours {whole!r}: there is no time {text}")
    return hour * 60 + minute


def _days(text: str, whole: str) -> frozenset[int]:
    if text == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS or part.endswith("-"):
            raise ValueError(f"hours {whole!r}: {part!r} is no day; days are {', '.join(DAYS)}, or daily")
        begin = DAYS.index(first)
        count = (DAYS.index(last or first) - begin) % 7
        found |= {(begin + step) % 7 for step in range(count + 1)}
    return frozenset(found)


def _hours_on(schedule: Schedule, holidays: Holidays, day: date) -> list[Hours]:
    """The hours that begin on a day."""
    if schedule.holidays is OnHolidays.CLOSED and holidays.include(day):
        return [read_hours(f"daily {text}") for text in schedule.holiday_hours]
    return [hours for hours in map(read_hours, schedule.hours) if day.weekday() in hours.days]


def _in_leap_year(month_and_day: str) -> bool:
    try:
        date.fromisoformat(f"2024-{month_and_day}")
    except ValueError:
        return False
    return True
