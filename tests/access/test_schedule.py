"""A schedule holds what the clock on the wall says, minute by minute, through every change of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface.access import week
from edgeface.access.rules import Rules
from edgeface.access.schedule import DAYS, Holidays, Schedule, covers, read_hours
from edgeface.config import parse

CHANGES = [
    ("Europe/Vienna", datetime(2026, 3, 28, 12, tzinfo=UTC)),
    ("Europe/Vienna", datetime(2026, 10, 24, 12, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 7, 17, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 2, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 5, 16, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 5, 1, 12, tzinfo=UTC)),
]
TIMES = st.sampled_from([f"{h:02}:{m:02}" for h in (0, 1, 2, 3, 12, 22, 23) for m in (0, 15, 30, 59)])
HOURS = (
    st.tuples(st.sampled_from([*DAYS, "daily", "fri-mon", "sat,sun"]), TIMES, TIMES)
    .filter(lambda parts: parts[1] != parts[2])
    .map(lambda parts: f"{parts[0]} {parts[1]}-{parts[2]}")
)


@given(st.sampled_from(CHANGES), st.lists(HOURS, min_size=1, max_size=3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_minute_by_minute(change: tuple[str, datetime], hours: list[str], holiday: bool) -> None:
    name, begin = change
    place, schedule = ZoneInfo(name), Schedule(hours=tuple(hours))
    middle = (begin + timedelta(hours=12)).astimezone(place).date()
    holidays = Holidays(dates=(middle,) if holiday else ())
    inside = set()
    for offset in range(-3, 4):  # every label of the wall clock that some stretch covers, one by one
        day = middle + timedelta(days=offset)
        for text in [] if holidays.include(day) else hours:
            found = read_hours(text)
            if day.weekday() in found.days:
                midnight = datetime(day.year, day.month, day.day)
                inside |= {midnight + timedelta(minutes=minute) for minute in range(found.start_min, found.end_min)}
    for minute in range(0, 24 * 60, 7):
        local = (begin + timedelta(minutes=minute)).astimezone(place)
        label = local.replace(tzinfo=None, fold=0)
        assert covers(schedule, holidays, local) == (label in inside), (label, hours)


@pytest.mark.parametrize(
    ("at", "open_"),
    [
        ("2026-12-24T23:30", True),
        ("2026-12-25T05:59", True),
        ("2026-12-25T06:00", False),
        ("2026-12-25T10:30", True),
        ("2026-12-25T23:30", False),
        ("2026-12-26T05:00", False),
        ("2026-12-26T22:00", True),
    ],
)
def test_hours_over_midnight_belong_to_the_day_they_begin_on(at: str, open_: bool) -> None:
    schedule = Schedule(hours=("daily 22:00-06:00",), holiday_hours=("10:00-12:00",))
    assert covers(schedule, Holidays(yearly=("12-25",)), datetime.fromisoformat(at)) is open_


def test_the_week_shows_the_hour_that_is_left_out() -> None:
    rules = parse(
        "[site]\ntime_zone = 'Europe/Vienna'\n[doors.main]\n[schedules.s]\nhours = ['daily 01:00-04:00']\n"
        "[[grants]]\nwho = ['everyone']\ndoors = ['main']\nschedule = 's'\n",
        Rules,
    )
    counted = week(rules, "main", ["p_a", "p_b"], date(2026, 3, 28), 60)
    assert counted.cells[0][:5] == (0, 2, 2, 2, 0)
    assert counted.cells[1][:5] == (0, 2, -1, 2, 0)
