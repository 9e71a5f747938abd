"""The language of access rules, as records; `edgeface.config` reads them from TOML.

Names are letters, digits, `-` and `_`. People stand under their opaque ids. What a rule refers to must be there: a
right that names no door, group or schedule of this file is an error, not a right that never applies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edgeface.access.parts import (
    ALL,
    ALWAYS,
    EVERYONE,
    PERSON_ID,
    Area,
    Door,
    Group,
    Lockdown,
    PersonRules,
    RateLimit,
    Right,
    Site,
)
from edgeface.access.schedule import Holidays, Schedule

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

MOST_DOORS = 256
"""Doors of one file: what one site has, and what bounds the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that access.toml can say."""

    site: Site = field(default_factory=Site)
    people: Mapping[str, PersonRules] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    doors: Mapping[str, Door] = field(default_factory=dict)
    areas: Mapping[str, Area] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    holidays: Holidays = field(default_factory=Holidays)
    grants: tuple[Right, ...] = ()
    """Rights; any one that applies is enough."""
    denies: tuple[Right, ...] = ()
    """Each wins over every grant."""
    lockdown: Lockdown = field(default_factory=Lockdown)
    rate_limit: RateLimit = field(default_factory=RateLimit)

    def __post_init__(self) -> None:
        _check_names(self)
        _check_doors(self)
        names = [right.name for right in (*self.grants, *self.denies) if right.name]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two rules have the name {min(twice)!r}")
        for path, right in rights(self):
            _check_right(self, path, right)
        _check_who(self, "lockdown.may_pass", self.lockdown.may_pass, everyone=False)
        if not self.site.card_salt and any(person.cards for person in self.people.values()):
            raise ValueError("site.card_salt is missing: the hashes of the cards cannot be compared without it")

    def includes(self, who: tuple[str, ...], person_id: str) -> bool:
        """Whether people, groups or "everyone" include a person."""
        if EVERYONE in who or person_id in who:
            return True
        return any(name in self.groups and person_id in self.groups[name].members for name in who)


def rights(rules: Rules) -> Iterator[tuple[str, Right]]:
    """Every grant and deny with its place in the file: ("grants[0]", right)."""
    yield from ((f"grants[{index}]", right) for index, right in enumerate(rules.grants))
    yield from ((f"denies[{index}]", right) for index, right in enumerate(rules.denies))


def default_text(door: str) -> str:
    """The rules in force where there is no access.toml, as a file to start from."""
    return DEFAULT.replace("DOOR", door)


DEFAULT = """\
# Whoever is enrolled may pass this reader's door at all times. To change it, save it as access.toml in the home folder
# and edit it there, or use the commands: edgeface access --help.

[site]
time_zone = "UTC"                       # such as Europe/Vienna
untrusted_clock = "always-rights-only"  # or "deny": nobody passes until the clock has been set

[doors.DOOR]

[[grants]]
name = "known_person"
who = ["everyone"]
doors = ["DOOR"]

# [groups.staff]
# members = ["p_0123456789abcdef"]
#
# [schedules.office]
# hours = ["mon-fri 08:00-18:00", "sat 09:00-13:00"]
#
# [holidays]
# dates = [2027-03-29]
# yearly = ["01-01", "12-25"]
#
# [[grants]]
# name = "staff-hours"
# who = ["staff"]
# doors = ["all"]
# schedule = "office"
# valid_until = 2027-12-31
"""


def _check_names(rules: Rules) -> None:
    for table in ("groups", "doors", "areas", "schedules"):
        for name in getattr(rules, table):
            if _NAME.fullmatch(name) is None or name in (EVERYONE, ALL, ALWAYS) or PERSON_ID.fullmatch(name):
                raise ValueError(f"{table}.{name[:80]}: a name is 1 to 64 letters, digits, - and _, and none of ours")
    for person_id in rules.people:
        if PERSON_ID.fullmatch(person_id) is None:
            raise ValueError(f"people.{person_id[:80]}: people stand under their ids, such as p_0123456789abcdef")
    if len(rules.doors) > MOST_DOORS:
        raise ValueError(f"doors: {len(rules.doors)} are too many, {MOST_DOORS} is the most")


def _check_doors(rules: Rules) -> None:
    for name, door in rules.doors.items():
        if door.area and door.area not in rules.areas:
            raise ValueError(f"doors.{name}.area: there is no [areas.{door.area}]")
        if door.face_alone and door.face_alone not in rules.schedules:
            raise ValueError(f"doors.{name}.face_alone: there is no [schedules.{door.face_alone}]")


def _check_right(rules: Rules, path: str, right: Right) -> None:
    _check_who(rules, f"{path}.who", right.who, everyone=True)
    for door in right.doors:
        if door != ALL and door not in rules.doors:
            raise ValueError(f"{path}.doors: there is no [doors.{door}]")
    if right.schedule != ALWAYS and right.schedule not in rules.schedules:
        raise ValueError(f"{path}.schedule: there is no [schedules.{right.schedule}]")


def _check_who(rules: Rules, path: str, who: tuple[str, ...], *, everyone: bool) -> None:
    for name in who:
        known = name in rules.groups or PERSON_ID.fullmatch(name) or (everyone and name == EVERYONE)
        if not known:
            raise ValueError(f"{path}: {name!r} is no group of this file and no person's id")
