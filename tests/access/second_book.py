"""A second, simpler book beside the judge: what happened at the doors, and what follows of it by the rules.

It shares nothing with the judge but the records of the language, and asks its questions in one plain function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from any_rules import CARDS, PINS

from edgeface.access import Contact, Reply, Rules
from edgeface.access.parts import Direction, Passback, PersonRules, Right, SecondFactor, UntrustedClock
from edgeface.access.schedule import OnHolidays

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass
class Strikes:
    count: int = 0
    newest_s: float = 0.0
    pauses: int = 0
    until_s: float = 0.0


@dataclass
class Book:
    """What happened, and what follows from the rules of it."""

    rules: Rules
    begin: datetime
    trusted: bool
    now_s: float = 0.0
    inside: dict[str, tuple[bool, str, float]] = field(default_factory=dict)
    proved: dict[tuple[str, str], tuple[str, float, bool]] = field(default_factory=dict)
    first: dict[str, tuple[str, float]] = field(default_factory=dict)
    awaited: dict[str, tuple[str, float]] = field(default_factory=dict)
    strikes: dict[str, Strikes] = field(default_factory=dict)
    opened: dict[str, float] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)

    @property
    def moment(self) -> datetime | None:
        return self.begin + timedelta(seconds=self.now_s) if self.trusted else None

    def paused(self, *keys: str) -> bool:
        return any(key in self.strikes and self.strikes[key].until_s > self.now_s for key in keys)

    def strike(self, key: str, most: int) -> None:
        limit = self.rules.rate_limit
        if most == 0:
            return
        held = self.strikes.get(key)
        if held is None or self.now_s - max(held.newest_s, held.until_s) > limit.within_s:
            held = self.strikes[key] = Strikes()
        held.count += 1
        held.newest_s = self.now_s
        if held.count >= most:
            held.until_s = self.now_s + min(limit.longest_pause_s, limit.pause_s * 2**held.pauses)
            held.pauses += 1
            held.count = 0

    def among(self, who: tuple[str, ...], person: str) -> bool:
        groups = {name for name, group in self.rules.groups.items() if person in group.members}
        return bool({person, "everyone", *groups} & set(who))

    def on_day(self, first: date | None, last: date | None) -> bool:
        assert self.moment is not None
        today = self.moment.astimezone(ZoneInfo(self.rules.site.time_zone)).date()
        return (first or date.min) <= today <= (last or date.max)

    def within(self, name: str) -> bool:
        """Whether the clock on the wall says that a schedule holds."""
        assert self.moment is not None
        schedule = self.rules.schedules[name]
        local = self.moment.astimezone(ZoneInfo(schedule.time_zone or self.rules.site.time_zone)).replace(tzinfo=None)
        for ago in (0, 1):
            midnight = datetime.combine(local.date() - timedelta(days=ago), datetime.min.time())
            holiday = midnight.date() in self.rules.holidays.dates or f"{midnight:%m-%d}" in self.rules.holidays.yearly
            special = holiday and schedule.holidays is OnHolidays.CLOSED
            texts = [f"daily {text}" for text in schedule.holiday_hours] if special else schedule.hours
            for text in texts:
                which, start, end = re.split(r"[ ]|(?<=\d)-(?=\d)", text)
                begin, until = midnight + clock(start), midnight + clock(end)
                until += timedelta(days=1) if until <= begin else timedelta()
                if names_day(which, midnight.weekday()) and begin <= local < until:
                    return True
        return False

    def holds(self, right: Right) -> bool:
        dated = right.valid_from is not None or right.valid_until is not None
        if self.moment is None:
            return right.schedule == "always" and not dated
        return self.on_day(right.valid_from, right.valid_until) and (
            right.schedule == "always" or self.within(right.schedule)
        )

    def misplaced(self, door: str, person: str) -> bool:
        told, area = self.rules.doors[door], self.rules.areas["house"]
        if not told.area or area.passback is Passback.OFF or person not in self.inside:
            return False
        inside, by, at_s = self.inside[person]
        since_s = self.now_s - at_s
        if inside is not (told.direction is Direction.IN) or (by == door and since_s < area.grace_s):
            return False
        return not (told.direction is Direction.IN and area.passback is Passback.TIMED and since_s > area.passback_s)

    def entitled(self, door: str, person: str) -> str | None:
        """Why not; None if so."""
        rules = self.rules
        if self.paused(f"person/{person}", f"door/{door}"):
            return "rate_limited"
        if {door, "all"} & self.locked and not self.among(rules.lockdown.may_pass, person):
            return "lockdown"
        if self.moment is None and rules.site.untrusted_clock is UntrustedClock.DENY:
            return "clock_untrusted"
        own = rules.people.get(person, PersonRules())
        if own.valid_from or own.valid_until:
            if self.moment is None:
                return "clock_untrusted"
            if not self.on_day(own.valid_from, own.valid_until):
                return "person_not_valid"

        def about(right: Right) -> bool:
            return bool({door, "all"} & set(right.doors)) and self.among(right.who, person)

        if any(about(deny) and (self.moment is None or self.holds(deny)) for deny in rules.denies):
            return "explicit_deny"
        ours = [grant for grant in rules.grants if about(grant)]
        if not any(map(self.holds, ours)):
            return "clock_untrusted" if ours and self.moment is None else "no_right"
        hard = rules.doors[door].direction is not Direction.OUT and rules.areas["house"].passback is not Passback.SOFT
        return "passback" if hard and self.misplaced(door, person) else None

    def missing(self, door: str, person: str, seen: Mapping[str, Contact]) -> str | None:
        """What else is needed here, of somebody who is entitled."""
        told = self.rules.doors[door]
        alone = told.face_alone and self.moment is not None and self.within(told.face_alone)
        if told.second_factor is not SecondFactor.NONE and not alone:
            kind, at_s, _ = self.proved.get((door, person), ("", -1e9, False))
            if kind not in told.second_factor.value.split("-or-") or self.now_s - at_s > told.second_factor_within_s:
                return "second_factor_needed"
        if self.between(door, seen):
            return "interlock"
        if told.two_people_within_s:
            other, at_s = self.first.get(door, ("", -1e9))
            there = self.now_s - at_s <= told.two_people_within_s and other != person
            if not there or self.entitled(door, other) is not None:
                return "second_person_needed"
        return None

    def between(self, door: str, seen: Mapping[str, Contact]) -> bool:
        word = self.rules.doors[door].interlock
        return any(
            other != door
            and told.interlock == word != ""
            and (seen.get(other) is not Contact.CLOSED or self.now_s - self.opened.get(other, -1e9) <= 5)
            for other, told in self.rules.doors.items()
        )

    def comes(self, person: str | None, door: str, seen: Mapping[str, Contact]) -> tuple[str, bool, bool]:
        """The answer; whether it raises the silent alarm; whether somebody should not be where he is."""
        if self.paused(f"person/{person}", f"door/{door}"):
            return "rate_limited", False, False
        why = "nobody" if person is None else self.entitled(door, person) or self.missing(door, person, seen)
        if person is None or why is not None:
            if why in ("nobody", "person_not_valid", "explicit_deny", "no_right", "passback"):
                if person is not None:
                    self.strike(f"person/{person}", self.rules.rate_limit.per_person)
                self.strike(f"door/{door}", self.rules.rate_limit.per_door)
            elif why in ("second_factor_needed", "second_person_needed"):
                waiting = self.awaited if why == "second_factor_needed" else self.first
                waiting[door] = (str(person), self.now_s)
            return str(why), False, False
        return "permitted", *self.goes(door, person)

    def goes(self, door: str, person: str) -> tuple[bool, bool]:
        told = self.rules.doors[door]
        people = [person]
        if told.two_people_within_s:
            people.append(self.first[door][0])
        alarm = any(self.proved.get((door, one), ("", 0.0, False))[2] for one in people)
        odd = any(self.misplaced(door, one) for one in people)
        for one in people:
            self.strikes.pop(f"person/{one}", None)
            self.proved.pop((door, one), None)
            if told.area and self.rules.areas["house"].passback is not Passback.OFF:
                self.inside[one] = (told.direction is Direction.IN, door, self.now_s)
        self.first.pop(door, None)
        self.awaited.pop(door, None)
        if told.interlock:
            self.opened[door] = self.now_s
        return alarm, odd

    def types(self, claimed: str | None, door: str, pin: str) -> Reply:
        told = self.rules.doors[door]
        if "pin" not in told.second_factor.value.split("-or-"):
            return Reply.NOT_ASKED
        waiting, at_s = self.awaited.get(door, (None, 0.0))
        who = claimed or (waiting if self.now_s - at_s <= told.second_factor_within_s else None)
        if who is None:
            return Reply.NOBODY
        if self.paused(f"pin/{who}", f"factor/{door}"):
            return Reply.PAUSED
        has = bool(self.rules.people.get(who, PersonRules()).pin)
        right, duress = (pin == one and has for one in PINS.get(who, ("", "")))
        if not (right or duress):
            self.strike(f"factor/{door}", 4 * self.rules.rate_limit.wrong_factors)
            self.strike(f"pin/{who}", self.rules.rate_limit.wrong_factors)
            return Reply.WRONG
        return self.proves(door, who, "pin", duress)

    def holds_up(self, door: str, number: str) -> Reply:
        if "card" not in self.rules.doors[door].second_factor.value.split("-or-"):
            return Reply.NOT_ASKED
        if self.paused(f"factor/{door}"):
            return Reply.PAUSED
        people = self.rules.people.items()
        owner = next((who for who, own in people if own.cards and CARDS[who] == number), None)
        if owner is None:
            self.strike(f"factor/{door}", 4 * self.rules.rate_limit.wrong_factors)
            return Reply.WRONG
        return self.proves(door, owner, "card", False)

    def proves(self, door: str, who: str, kind: str, duress: bool) -> Reply:
        self.strikes.pop(f"pin/{who}", None)
        before = self.proved.get((door, who), ("", -1e9, False))[2]
        self.proved = {key: kept for key, kept in self.proved.items() if self.now_s - kept[1] < 300}
        self.proved[door, who] = (kind, self.now_s, duress or before)
        return Reply.ACCEPTED


def clock(text: str) -> timedelta:
    hour, minute = map(int, text.split(":"))
    return timedelta(hours=hour, minutes=minute)


def names_day(text: str, weekday: int) -> bool:
    if text == "daily":
        return True
    for part in text.split(","):
        first, last = (DAYS.index(day) for day in (part.split("-") * 2)[:2])
        span = range(first, last + 1) if first <= last else [*range(first, 7), *range(last + 1)]
        if weekday in span:
            return True
    return False
