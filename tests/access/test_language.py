"""Any rules that the language can say, and any order of visits, PINs, cards, lockdowns and waiting: the judge answers
as a second, simpler book does.

Rules are generated whole: people with dates, groups, doors of every kind, areas, schedules with holidays in four time
zones over the days on which the clocks change, grants, denies, lockdown, rate limits. Each book of them is first
written as TOML and read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import pytest
from any_rules import BEGINS, BOOKS, SALT, STEPS, VERIFIERS, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rulebook import ADA, BOB
from second_book import Book

from edgeface.access import (
    Code,
    Contact,
    Factor,
    FactorKind,
    Request,
    Rules,
    State,
    Verdict,
    authorise,
    explain,
    factors,
    let_in,
    lock,
    present,
    unlock,
)
from edgeface.access.parts import Area, Direction, Door, Passback, PersonRules, RateLimit, Right, SecondFactor, Site
from edgeface.access.schedule import Schedule
from edgeface.config import parse
from edgeface.frame import Instant

RIGHTS = ("no_right", "outside_schedule", "not_valid_now")
"""One answer to the book: that no right holds."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow hashes are the real ones, asked once for each secret."""
    for name, remembered in QUICK.items():
        monkeypatch.setattr(factors, name, remembered)


QUICK = {name: lru_cache(maxsize=None)(getattr(factors, name)) for name in ("verify_pin", "hash_card")}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(*BOOKS, st.lists(STEPS, min_size=10, max_size=40))
def test_the_judge_answers_as_the_book_does(
    rules: Rules, begin: datetime, trusted: bool, script: list[tuple[Any, ...]]
) -> None:
    assert parse("\n".join(written(rules, "")), Rules) == rules, (
        "whatever the language says, it can be written and read"
    )
    play(rules, begin, trusted, script)


def play(rules: Rules, begin: datetime, trusted: bool, script: list[tuple[Any, ...]]) -> list[str]:
    """Let both answer, and compare; the answers."""
    state, book, said = State(), Book(rules, begin, trusted), []
    for step in script:
        ns = round(book.now_s * 1e9)
        now = Instant(monotonic_ns=10**12 + ns, wall_ns=round(begin.timestamp()) * 10**9 + ns, wall_trusted=trusted)
        match step:
            case ("comes", who, door, seen):
                request = Request(person_id=who, door=door, contacts=seen)
                steps = explain(state, rules, request, now)
                state, ruling = authorise(state, rules, request, now)
                told = "no_right" if ruling.code in RIGHTS else ruling.code.value
                assert (told, ruling.duress, ruling.passback) == book.comes(who, door, seen), step
                assert (ruling.verdict is Verdict.PERMIT) == (told == "permitted")
                assert ruling.rule and ruling.reason, "every decision names the rule and the reason"
                no = next((one for one in steps if not one.passed), None)
                assert (ruling.code, ruling.rule, ruling.reason) == (
                    (no.code, no.rule, no.reason) if no else (Code.PERMITTED, ruling.rule, ruling.reason)
                ), "and `access test` says the same"
                said.append(told)
            case ("types", who, door, pin):
                factor = Factor(door=door, kind=FactorKind.PIN, secret=pin, at=now, person_id=who)
                state, answer = present(state, rules, factor, now)
                assert answer.reply is book.types(who, door, pin), step
                said.append(answer.reply.value)
            case ("holds up", door, number):
                factor = Factor(door=door, kind=FactorKind.CARD, secret=number, at=now)
                state, answer = present(state, rules, factor, now)
                assert answer.reply is book.holds_up(door, number), step
                said.append(answer.reply.value)
            case ("waits", seconds):
                book.now_s += seconds
            case ("locks", door):
                state = lock(state, door, now)
                book.locked.add(door)
                book.first = {} if door == "all" else {n: w for n, w in book.first.items() if n != door}
            case ("unlocks", door):
                state = unlock(state, door)
                book.locked.discard(door)
            case ("opens from afar", door, seen):
                state, last = let_in(state, rules, Request(person_id=None, door=door, contacts=seen), now)
                shut = bool({door, "all"} & book.locked) or book.between(door, seen)
                assert last.passed is not shut, step
                if not shut and rules.doors[door].interlock:
                    book.opened[door] = book.now_s
            case _:
                raise AssertionError(step)
    return said


def a_book(door: Mapping[str, Any] | None = None, **changes: Any) -> Rules:
    """Everybody may pass everything, but for what is changed; `door`: of the vault."""
    plain: dict[str, Any] = {
        "site": Site(card_salt=SALT),
        "people": {who: PersonRules(pin=pin, duress_pin=duress) for who, (pin, duress) in VERIFIERS.items()},
        "doors": {
            "in": Door(area="house", direction=Direction.IN),
            "out": Door(area="house", direction=Direction.OUT),
            "main": Door(interlock="lock"),
            "vault": Door(**(door or {})),
        },
        "areas": {"house": Area(passback=Passback.HARD, grace_s=0.0)},
        "schedules": {"never": Schedule()},
        "grants": (Right(who=("everyone",), doors=("all",)),),
        "rate_limit": RateLimit(per_person=2, wrong_factors=1),
    }
    return Rules(**{**plain, **changes})


def at(door: str, who: str | None = ADA, seen: Mapping[str, Contact] = MappingProxyType({})) -> tuple[Any, ...]:
    return ("comes", who, door, seen)


PIN = {"second_factor": SecondFactor.PIN}
NEVER = (Right(who=("everyone",), doors=("all",), schedule="never"),)
REACHED: list[tuple[str, Rules, list[tuple[Any, ...]]]] = [
    ("permitted", a_book(), [at("vault")]),
    ("nobody", a_book(), [at("vault", None)]),
    ("lockdown", a_book(), [("locks", "all"), at("vault")]),
    ("clock_untrusted", a_book(grants=NEVER), [at("vault")]),
    ("no_right", a_book(grants=()), [at("vault")]),
    ("explicit_deny", a_book(denies=(Right(who=(ADA,), doors=("all",)),)), [at("vault")]),
    ("rate_limited", a_book(grants=()), [at("vault"), at("vault"), at("vault")]),
    ("passback", a_book(), [at("in"), ("waits", 1.0), at("in")]),
    ("second_factor_needed", a_book(PIN), [at("vault")]),
    ("second_person_needed", a_book({"two_people_within_s": 20.0}), [at("vault")]),
    ("permitted", a_book({"two_people_within_s": 20.0}), [at("vault"), at("vault", BOB)]),
    ("interlock", a_book({"interlock": "lock"}), [at("vault")]),
    ("permitted", a_book({"interlock": "lock"}), [at("vault", ADA, {"main": Contact.CLOSED})]),
    ("accepted", a_book(PIN), [("types", ADA, "vault", "1111")]),
    ("permitted", a_book(PIN), [("types", ADA, "vault", "9111"), at("vault")]),
    ("wrong", a_book(PIN), [("types", ADA, "vault", "0000")]),
    ("paused", a_book(PIN), [("types", ADA, "vault", "0000"), ("types", ADA, "vault", "1111")]),
    ("nobody", a_book(PIN), [("types", None, "vault", "1111")]),
    ("not_asked", a_book(), [("holds up", "vault", "AA11")]),
]


@pytest.mark.parametrize(("answer", "rules", "script"), REACHED, ids=[f"{i} {row[0]}" for i, row in enumerate(REACHED)])
def test_every_answer_is_reached(answer: str, rules: Rules, script: list[tuple[Any, ...]]) -> None:
    """Two books that agree prove nothing if they only ever say one thing."""
    assert play(rules, BEGINS[4], answer != "clock_untrusted", script)[-1] == answer
