"""Verbs about hours: schedules, and who could open which door when."""

from __future__ import annotations

from datetime import UTC, date, datetime

from edgeface import access
from edgeface.access import Rules
from edgeface.access.schedule import zone
from edgeface.access.survey import entitled
from edgeface.commands import words_doors
from edgeface.commands.words_doors import Entitled, WeekCells, WhoCould
from edgeface.errors import ConfigError
from edgeface.frame import Instant
from edgeface.service.desk.doors import moment_of
from edgeface.service.desk.place import Desk

MOST_PEOPLE = 200


def week(desk: Desk, ask: words_doors.WeekWanted) -> WeekCells:
    """How many people a door would let in, cell by cell."""
    book = desk.rules()
    rules = book.rules()
    _expect_door(rules, ask.door)
    people = list(desk.names()) if ask.who is None else [book.find(ask.who)]
    first = _local(rules, desk.now()).date() if ask.first is None else _day(ask.first)
    found = access.week(rules, ask.door, people, first, ask.step_min)
    return WeekCells(
        door=ask.door,
        first=first.isoformat(),
        step_min=ask.step_min,
        people=len(people),
        cells=found.cells,
        time_zone=rules.site.time_zone,
    )


def who(desk: Desk, ask: words_doors.WhoWanted) -> WhoCould:
    """Those who could open a door at a moment."""
    rules = desk.rules().rules()
    _expect_door(rules, ask.door)
    at = moment_of(rules, ask.at, desk.now())
    moment = datetime.fromtimestamp(at.wall_ns / 1e9, UTC)
    found = [
        Entitled(id=person, name=name)
        for person, name in desk.names().items()
        if entitled(rules, ask.door, person, moment)
    ]
    told = _local(rules, at).strftime("%Y-%m-%dT%H:%M")
    return WhoCould(people=tuple(found[:MOST_PEOPLE]), total=len(found), at=told)


def _expect_door(rules: Rules, door: str) -> None:
    if door not in rules.doors:
        raise ConfigError(f"no door {door[:80]!r} stands in the rules; they know {', '.join(rules.doors) or 'none'}")


def _local(rules: Rules, now: Instant) -> datetime:
    return datetime.fromtimestamp(now.wall_ns / 1e9, UTC).astimezone(zone(rules.site.time_zone))


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigError("use a day such as 2026-12-21") from None
    if not 1970 <= day.year <= 9000:
        raise ConfigError("use a day of this age")
    return day
