"""What is allowed to stand in the file and yet is hardly meant."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from edgeface.access.parts import ALL, EVERYONE, PERSON_ID, Right, SecondFactor
from edgeface.access.rules import Rules, rights
from edgeface.access.schedule import OnHolidays, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at."""

    path: str
    """Where in the file."""
    said: str


def findings(rules: Rules, enrolled: Collection[str] | None, today: date | None) -> tuple[Finding, ...]:
    """What looks like a mistake. `enrolled`: ids in the gallery, None if it was not asked; `today`: None if unknown."""
    found = [*_rights(rules, today), *_schedules(rules), *_doors(rules), *_factors(rules)]
    found += _strangers(rules, enrolled) if enrolled is not None else ()
    return tuple(Finding(path=path, said=said) for path, said in found)


def _rights(rules: Rules, today: date | None) -> Iterator[tuple[str, str]]:
    seen: list[tuple[str, Right]] = []
    for path, right in rights(rules):
        if today and right.valid_until and right.valid_until < today:
            yield path, f"has expired on {right.valid_until.isoformat()}"
        empty = [name for name in right.who if name in rules.groups and not rules.groups[name].members]
        if empty and len(empty) == len(right.who):
            yield path, "applies to nobody: its groups are empty"
        for former_path, former in seen:
            if former_path[:6] == path[:6] and _within(right, former):
                yield path, f"says nothing that {former.name or former_path} does not say"
                break
        barring = [(p, deny) for p, deny in rights(rules) if p.startswith("denies") and deny.timeless]
        if path.startswith("grants") and (bar := next((p for p, deny in barring if _within(right, deny)), None)):
            yield path, f"never applies: {bar} denies all of it"
        seen.append((path, right))


def _within(inner: Right, outer: Right) -> bool:
    """Whether a right says nothing that another does not say."""
    who = EVERYONE in outer.who or set(inner.who) <= set(outer.who)
    doors = ALL in outer.doors or set(inner.doors) <= set(outer.doors)
    hours = outer.schedule in ("always", inner.schedule)
    early = outer.valid_from is None or (inner.valid_from is not None and inner.valid_from >= outer.valid_from)
    late = outer.valid_until is None or (inner.valid_until is not None and inner.valid_until <= outer.valid_until)
    return who and doors and hours and early and late


def _schedules(rules: Rules) -> Iterator[tuple[str, str]]:
    used = {right.schedule for _, right in rights(rules)} | {door.face_alone for door in rules.doors.values()}
    for name, schedule in rules.schedules.items():
        if name not in used:
            yield f"schedules.{name}", "is used by no rule"
        if _never(rules, schedule):
            yield f"schedules.{name}", "never applies: it has no hours"


def _never(rules: Rules, schedule: Schedule) -> bool:
    closed = schedule.holidays is OnHolidays.CLOSED and (rules.holidays.dates or rules.holidays.yearly)
    return not schedule.hours and not (closed and schedule.holiday_hours)


def _doors(rules: Rules) -> Iterator[tuple[str, str]]:
    for name, door in rules.doors.items():
        if not any(name in right.doors or ALL in right.doors for right in rules.grants):
            yield f"doors.{name}", "nobody has a right here: it opens for no one"
        shared = [other for other in rules.doors.values() if door.interlock and other.interlock == door.interlock]
        if len(shared) == 1:
            yield f"doors.{name}.interlock", "no other door shares this lock"
    for name in rules.areas:
        ways = {door.direction.value for door in rules.doors.values() if door.area == name}
        if lacking := {"in", "out"} - ways:
            yield f"areas.{name}", f"has no door that leads {' and '.join(sorted(lacking))}"


def _factors(rules: Rules) -> Iterator[tuple[str, str]]:
    asked = {door.second_factor for door in rules.doors.values()}
    pins, cards = asked & {SecondFactor.PIN, SecondFactor.EITHER}, asked & {SecondFactor.CARD, SecondFactor.EITHER}
    for person_id, entry in rules.people.items():
        if (entry.pin or entry.duress_pin) and not pins:
            yield f"people.{person_id}.pin", "no door asks for a PIN"
        if entry.duress_pin and not entry.pin:
            yield f"people.{person_id}.duress_pin", "stands without a PIN: whoever knows that sees what it is"
        if entry.cards and not cards:
            yield f"people.{person_id}.cards", "no door asks for a card"


def _strangers(rules: Rules, enrolled: Collection[str]) -> Iterator[tuple[str, str]]:
    named = [(f"people.{person_id}", person_id) for person_id in rules.people]
    named += [(f"groups.{name}.members", member) for name, group in rules.groups.items() for member in group.members]
    named += [(f"{path}.who", who) for path, right in rights(rules) for who in right.who if PERSON_ID.fullmatch(who)]
    named += [("lockdown.may_pass", who) for who in rules.lockdown.may_pass if PERSON_ID.fullmatch(who)]
    for path, person_id in named:
        if person_id not in enrolled:
            yield path, f"{person_id} is not enrolled"
