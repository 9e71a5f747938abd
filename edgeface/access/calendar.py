"""Whether a right holds at a moment."""

from __future__ import annotations

from datetime import date, datetime

from edgeface.access.parts import ALWAYS, Right
from edgeface.access.rules import Rules
from edgeface.access.schedule import covers, zone


def fits(rules: Rules, right: Right, moment: datetime) -> bool:
    """Whether its hours and dates hold at a moment (UTC)."""
    return right_problem(rules, right, moment) is None


def right_problem(rules: Rules, right: Right, moment: datetime | None) -> str | None:
    """Why a right does not hold at a moment (UTC; None: nobody knows it): "hours", or a sentence; None if it does."""
    if (problem := day_problem(rules, right.valid_from, right.valid_until, moment)) is not None:
        return problem
    if right.schedule == ALWAYS:
        return None
    if moment is None:
        return "nobody knows the time"
    schedule = rules.schedules[right.schedule]
    local = moment.astimezone(zone(schedule.time_zone or rules.site.time_zone))
    return None if covers(schedule, rules.holidays, local) else "hours"


def day_problem(rules: Rules, first: date | None, last: date | None, moment: datetime | None) -> str | None:
    """Why a day is not within two others, inclusive, by the site's wall clock; None if it is."""
    if first is None and last is None:
        return None
    if moment is None:
        return "nobody knows the date"
    today = moment.astimezone(zone(rules.site.time_zone)).date()
    if first is not None and today < first:
        return f"not before {first.isoformat()}"
    if last is not None and today > last:
        return f"not after {last.isoformat()}"
    return None
