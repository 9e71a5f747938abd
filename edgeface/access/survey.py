"""Who could open which door when, over a week."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from edgeface.access.calendar import day_problem, fits
from edgeface.access.parts import ALL, Right
from edgeface.access.rules import Rules, rights
from edgeface.access.schedule import zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """How many people a door would let in, cell by cell."""

    door: str
    first: date
    """The first day, by the site's wall clock."""
    step_min: int
    """Minutes a cell stands for."""
    cells: tuple[tuple[int, ...], ...]
    """7 days of 1440 / step_min counts; an hour that summer time leaves out has -1."""


def week(rules: Rules, door: str, people: Collection[str], first: date, step_min: int = 30) -> Week:
    """The rights of these people at a door from a day on: without passback, lockdown and pauses."""
    place = zone(rules.site.time_zone)
    rows = []
    for day in range(7):
        row = []
        for minute in range(0, 24 * 60, step_min):
            local = datetime.combine(first + timedelta(days=day), datetime.min.time(), place) + timedelta(
                minutes=minute
            )
            moment = local.astimezone(UTC)
            there = moment.astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None)
            row.append(sum(entitled(rules, door, person, moment) for person in people) if there else -1)
        rows.append(tuple(row))
    return Week(door=door, first=first, step_min=step_min, cells=tuple(rows))


def entitled(rules: Rules, door: str, person_id: str, moment: datetime) -> bool:
    """Whether somebody has a right at a door at a moment (UTC), told by a clock that is trusted."""
    entry = rules.people.get(person_id)
    if entry and day_problem(rules, entry.valid_from, entry.valid_until, moment) is not None:
        return False

    def holds(right: Right) -> bool:
        there = door in right.doors or ALL in right.doors
        return there and rules.includes(right.who, person_id) and fits(rules, right, moment)

    if any(holds(right) for path, right in rights(rules) if path.startswith("denies")):
        return False
    return any(holds(right) for path, right in rights(rules) if path.startswith("grants"))
