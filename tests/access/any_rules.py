"""Whatever the language of access rules can say, and whatever may happen at doors, by chance; and how it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st
from rulebook import ADA, BOB, EVE

from edgeface.access import Contact, Rules, hash_card, hash_pin
from edgeface.access.parts import (
    Area,
    Direction,
    Door,
    Group,
    Lockdown,
    Passback,
    PersonRules,
    RateLimit,
    Right,
    SecondFactor,
    Site,
    UntrustedClock,
)
from edgeface.access.schedule import Holidays, OnHolidays, Schedule

PEOPLE = (ADA, BOB, EVE)
ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu")
SALT = "5" * 32
PINS = {ADA: ("1111", "9111"), BOB: ("2222", "9222")}
"""PIN and duress PIN."""
CARDS = {ADA: "AA11", EVE: "EE33"}
BEGINS = (
    datetime(2026, 3, 28, 22, 30, tzinfo=UTC),  # the night in which Vienna leaves an hour out
    datetime(2026, 10, 24, 23, 45, tzinfo=UTC),  # and in which it has one twice
    datetime(2026, 3, 8, 6, 30, tzinfo=UTC),  # New York
    datetime(2026, 12, 24, 22, 50, tzinfo=UTC),  # towards a holiday
    datetime(2026, 5, 5, 9, 0, tzinfo=UTC),
)

VERIFIERS = {who: (hash_pin(pin, b"a" * 16), hash_pin(duress, b"b" * 16)) for who, (pin, duress) in PINS.items()}
HASHES = {who: hash_card(number, SALT) for who, number in CARDS.items()}

clock_times = st.sampled_from([f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)])
spans = st.tuples(clock_times, clock_times).filter(lambda pair: pair[0] != pair[1]).map("-".join)
days = st.sampled_from(["daily", "mon-fri", "sat,sun", "fri-mon", "tue", "thu,sun"])
hours = st.lists(st.tuples(days, spans).map(" ".join), max_size=3).map(tuple)
near_days = st.dates(date(2026, 3, 1), date(2026, 12, 31)) | st.sampled_from([begin.date() for begin in BEGINS])


@st.composite
def dated(draw: st.DrawFn) -> tuple[date | None, date | None]:
    first, last = draw(st.none() | near_days), draw(st.none() | near_days)
    return (last, first) if first and last and first > last else (first, last)


@st.composite
def a_schedule(draw: st.DrawFn) -> Schedule:
    mode = draw(st.sampled_from(OnHolidays))
    special = draw(st.lists(spans, max_size=2).map(tuple)) if mode is OnHolidays.CLOSED else ()
    place = draw(st.sampled_from(["", *ZONES]))
    return Schedule(hours=draw(hours), holidays=mode, holiday_hours=special, time_zone=place)


@st.composite
def a_right(draw: st.DrawFn) -> Right:
    first, last = draw(st.just((None, None)) | dated())
    return Right(
        who=tuple(draw(st.lists(st.sampled_from([*PEOPLE, "staff", "guests", "everyone"]), min_size=1, max_size=3))),
        doors=tuple(draw(st.lists(st.sampled_from(["main", "in", "out", "vault", "all"]), min_size=1, max_size=3))),
        schedule=draw(st.sampled_from(["always", "always", "day", "night"])),
        valid_from=first,
        valid_until=last,
    )


ANYBODY = st.just(Right(who=("everyone",), doors=("all",)))


@st.composite
def a_door(draw: st.DrawFn, direction: Direction) -> Door:
    factor = draw(st.sampled_from([SecondFactor.NONE, *SecondFactor]))
    return Door(
        area="" if direction is Direction.NONE else "house",
        direction=direction,
        interlock=draw(st.sampled_from(["", "lock", "lock"])),
        two_people_within_s=draw(st.sampled_from([0.0, 0.0, 20.0])),
        second_factor=factor,
        second_factor_within_s=draw(st.sampled_from([10.0, 20.0])),
        face_alone="" if factor is SecondFactor.NONE else draw(st.sampled_from(["", "day"])),
    )


@st.composite
def a_person(draw: st.DrawFn, who: str) -> PersonRules:
    first, last = draw(st.sampled_from([(None, None), (None, None), (date(2026, 3, 29), date(2026, 10, 25))]) | dated())
    pin, duress = VERIFIERS.get(who, ("", "")) if draw(st.booleans()) else ("", "")
    cards = (HASHES[who],) if who in HASHES and draw(st.booleans()) else ()
    return PersonRules(valid_from=first, valid_until=last, pin=pin, duress_pin=duress, cards=cards)


@st.composite
def some_rules(draw: st.DrawFn) -> Rules:
    known = draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    members = st.lists(st.sampled_from(PEOPLE), unique=True, max_size=2).map(tuple)
    return Rules(
        site=Site(
            time_zone=draw(st.sampled_from(ZONES)),
            untrusted_clock=draw(st.sampled_from(UntrustedClock)),
            card_salt=SALT,
        ),
        people={who: draw(a_person(who)) for who in known},
        groups={name: Group(members=draw(members)) for name in ("staff", "guests")},
        doors={
            "main": draw(a_door(Direction.NONE)),
            "in": draw(a_door(Direction.IN)),
            "out": draw(a_door(Direction.OUT)),
            "vault": draw(a_door(Direction.NONE)),
        },
        areas={
            "house": Area(
                passback=draw(st.sampled_from([*Passback, Passback.HARD])),
                passback_s=draw(st.sampled_from([30.0, 3600.0])),
                grace_s=draw(st.sampled_from([0.0, 10.0])),
            )
        },
        schedules={name: draw(a_schedule()) for name in ("day", "night")},
        holidays=Holidays(
            dates=tuple(draw(st.lists(near_days, max_size=2))), yearly=tuple(draw(st.lists(yearly, max_size=2)))
        ),
        grants=tuple(draw(st.lists(ANYBODY | a_right(), min_size=1, max_size=4))),
        denies=draw(st.just(()) | st.tuples(a_right())),
        lockdown=Lockdown(may_pass=tuple(draw(st.lists(st.sampled_from([*PEOPLE, "staff"]), max_size=1)))),
        rate_limit=RateLimit(
            per_person=draw(st.sampled_from([0, 2, 5])),
            per_door=draw(st.sampled_from([0, 0, 3])),
            wrong_factors=draw(st.sampled_from([1, 5])),
            within_s=60.0,
            pause_s=draw(st.sampled_from([8.0, 30.0])),
            longest_pause_s=60.0,
        ),
    )


yearly = st.sampled_from(["12-25", "03-29", "10-25", "02-29", "05-05"])
doors = st.sampled_from(["main", "in", "out", "vault"])
contacts = st.dictionaries(doors, st.sampled_from([Contact.CLOSED, Contact.CLOSED, Contact.OPEN, Contact.UNKNOWN]))
CLOSED = st.just(dict.fromkeys(("main", "in", "out", "vault"), Contact.CLOSED))
secrets = st.sampled_from([*(pin for pair in PINS.values() for pin in pair), "0000"])
COMES = st.tuples(st.just("comes"), st.sampled_from(PEOPLE), doors, CLOSED)
STEPS = st.one_of(
    *[COMES] * 6,
    st.tuples(st.just("comes"), st.sampled_from([*PEOPLE, None]), doors, contacts),
    st.tuples(st.just("types"), st.sampled_from([ADA, BOB, None]), doors, secrets),
    st.tuples(st.just("holds up"), doors, st.sampled_from([*CARDS.values(), "FFFF"])),
    st.tuples(st.just("waits"), st.sampled_from([0.5, 3.0, 5.5, 10.0, 20.5, 61.0, 1800.0, 7200.0])),
    st.tuples(st.just("locks"), doors | st.just("all")),
    *[st.tuples(st.just("unlocks"), doors | st.just("all"))] * 2,
    st.tuples(st.just("opens from afar"), doors, CLOSED | contacts),
)
BOOKS = (some_rules(), st.sampled_from(BEGINS), st.sampled_from([True, True, True, False]))


def written(record: Any, path: str) -> Iterator[str]:
    """A record in TOML: its own values, then its tables and lists of tables; what says nothing is left out."""
    values = {one.name: getattr(record, one.name) for one in fields(record)}
    tables = {name: value for name, value in values.items() if is_dataclass(value) or isinstance(value, Mapping)}
    lists = {name: value for name, value in values.items() if name in ("grants", "denies")}
    for name, value in values.items():
        if name not in tables and name not in lists and value is not None:
            yield f"{name} = {literal(value)}"
    for name, value in tables.items():
        for inner, one in value.items() if isinstance(value, Mapping) else [("", value)]:
            where = ".".join(filter(None, (path, name, inner)))
            yield f"[{where}]"
            yield from written(one, where)
    for name, rights in lists.items():
        for right in rights:
            yield f"[[{name}]]"
            yield from written(right, name)


def literal(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)
