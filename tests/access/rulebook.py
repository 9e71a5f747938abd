"""A small site for tests of its rules: two people of the staff, an area with two doors, an airlock."""

from __future__ import annotations

from datetime import UTC, datetime

from edgeface.access import Rules
from edgeface.config import parse
from edgeface.frame import Instant

ADA, BOB, EVE = "p_000000000000000a", "p_000000000000000b", "p_000000000000000e"

TEXT = f"""
[site]
time_zone = "Europe/Vienna"
[groups.staff]
members = ["{ADA}", "{BOB}"]
[doors.main]
[doors.lab-in]
area = "lab"
direction = "in"
[doors.lab-out]
area = "lab"
direction = "out"
[areas.lab]
passback = "hard"
[schedules.office]
hours = ["mon-fri 08:00-18:00", "sat 09:00-13:00"]
[holidays]
yearly = ["12-25"]
[[grants]]
name = "staff-hours"
who = ["staff"]
doors = ["main"]
schedule = "office"
[[grants]]
who = ["{EVE}"]
doors = ["main"]
valid_from = 2026-03-01
valid_until = 2026-03-31
[[grants]]
name = "always-lab"
who = ["staff"]
doors = ["lab-in", "lab-out"]
"""


def book(more: str = "") -> Rules:
    """The small site, with more rules."""
    return parse(TEXT + more, Rules)


def moment(text: str = "2026-03-03T12:00", seconds: float = 0.0, *, trusted: bool = True) -> Instant:
    """A UTC time, and so many seconds more by both clocks. Times of one minute have one monotonic start."""
    wall_ns = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9
    ns = round(seconds * 1e9)
    return Instant(monotonic_ns=10**12 + ns, wall_ns=wall_ns + ns, wall_trusted=trusted)
