"""Nothing passes without every condition met, and every answer names its rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rulebook import ADA, BOB, EVE, book, moment

from edgeface.access import Code, Contact, Request, State, Verdict, authorise, explain, lock, unlock
from edgeface.access.parts import Right
from edgeface.access.rules import Rules
from edgeface.config import parse
from edgeface.frame import Instant

MAIN = "[[grants]]\nwho = ['everyone']\ndoors = ['main']\n"
TWO = "[doors.main]\ntwo_people_within_s = 30\n" + MAIN

TABLE = [
    ("in hours", ADA, "main", "2026-03-03T12:00", Verdict.PERMIT, Code.PERMITTED, "staff-hours"),
    ("first minute", ADA, "main", "2026-03-03T07:00", Verdict.PERMIT, Code.PERMITTED, "staff-hours"),
    ("before it", ADA, "main", "2026-03-03T06:59", Verdict.DENY, Code.OUTSIDE_SCHEDULE, "staff-hours"),
    ("last minute", ADA, "main", "2026-03-03T16:59", Verdict.PERMIT, Code.PERMITTED, "staff-hours"),
    ("after it", ADA, "main", "2026-03-03T17:00", Verdict.DENY, Code.OUTSIDE_SCHEDULE, "staff-hours"),
    ("summer time", ADA, "main", "2026-07-07T06:00", Verdict.PERMIT, Code.PERMITTED, "staff-hours"),
    ("Sunday", ADA, "main", "2026-03-01T12:00", Verdict.DENY, Code.OUTSIDE_SCHEDULE, "staff-hours"),
    ("holiday", ADA, "main", "2026-12-25T12:00", Verdict.DENY, Code.OUTSIDE_SCHEDULE, "staff-hours"),
    ("first day", EVE, "main", "2026-02-28T23:00", Verdict.PERMIT, Code.PERMITTED, "grants[1]"),
    ("the day before", EVE, "main", "2026-02-28T22:59", Verdict.DENY, Code.NOT_VALID_NOW, "grants[1]"),
    ("last day", EVE, "main", "2026-03-31T21:59", Verdict.PERMIT, Code.PERMITTED, "grants[1]"),
    ("the day after", EVE, "main", "2026-03-31T22:00", Verdict.DENY, Code.NOT_VALID_NOW, "grants[1]"),
    ("no right", EVE, "lab-in", "2026-03-03T12:00", Verdict.DENY, Code.NO_RIGHT, "no_right"),
    ("nobody", None, "main", "2026-03-03T12:00", Verdict.DENY, Code.NOBODY, "nobody"),
    ("no such door", ADA, "cellar", "2026-03-03T12:00", Verdict.DENY, Code.UNKNOWN_DOOR, "unknown_door"),
    ("1970", ADA, "main", "1970-01-01T12:00", Verdict.DENY, Code.CLOCK_UNTRUSTED, "staff-hours"),
    ("1970, always", ADA, "lab-in", "1970-01-01T12:00", Verdict.PERMIT, Code.PERMITTED, "always-lab"),
]


@pytest.mark.parametrize(("name", "who", "door", "at", "verdict", "code", "rule"), TABLE, ids=[row[0] for row in TABLE])
def test_the_table(name: str, who: str | None, door: str, at: str, verdict: Verdict, code: Code, rule: str) -> None:
    request = Request(person_id=who, door=door)
    _, ruling = authorise(State(), book(), request, moment(at))
    assert (ruling.verdict, ruling.code, ruling.rule) == (verdict, code, rule)
    assert ruling.reason and not any(word in ruling.reason for word in (ADA, BOB, EVE))
    steps = explain(State(), book(), request, moment(at))
    assert all(step.passed for step in steps) == (verdict is Verdict.PERMIT)
    if verdict is not Verdict.PERMIT:
        first = next(step for step in steps if not step.passed)
        assert (first.code, first.rule, first.reason) == (code, rule, ruling.reason)


def ask(state: State, rules: Rules, who: str | None, door: str, now: Instant, **more: object) -> tuple[State, Code]:
    state, ruling = authorise(state, rules, Request(person_id=who, door=door, **more), now)  # type: ignore[arg-type]
    assert (ruling.verdict is Verdict.PERMIT) == (ruling.code is Code.PERMITTED)
    return state, ruling.code


def test_a_deny_wins() -> None:
    rules = book(f"[[denies]]\nname = 'out'\nwho = ['{BOB}']\ndoors = ['all']\n")
    assert ask(State(), rules, BOB, "lab-in", moment())[1] is Code.EXPLICIT_DENY
    assert ask(State(), rules, ADA, "lab-in", moment())[1] is Code.PERMITTED


def test_a_deny_with_hours_holds_while_the_time_is_unknown() -> None:
    rules = book("[[denies]]\nwho = ['staff']\ndoors = ['lab-in']\nschedule = 'office'\n")
    assert ask(State(), rules, ADA, "lab-in", moment("2026-03-03T22:00"))[1] is Code.PERMITTED
    assert ask(State(), rules, ADA, "lab-in", moment("2026-03-03T22:00", trusted=False))[1] is Code.EXPLICIT_DENY


def test_an_untrusted_clock_takes_away_what_depends_on_time() -> None:
    now = moment(trusted=False)
    assert ask(State(), book(), ADA, "main", now)[1] is Code.CLOCK_UNTRUSTED
    assert ask(State(), book(), ADA, "lab-in", now)[1] is Code.PERMITTED
    dated = book(f"[people.{ADA}]\nvalid_until = 2030-01-01\n")
    assert ask(State(), dated, ADA, "lab-in", now)[1] is Code.CLOCK_UNTRUSTED
    strict = replace(book(), site=parse("[site]\nuntrusted_clock = 'deny'", Rules).site)
    assert ask(State(), strict, ADA, "lab-in", now)[1] is Code.CLOCK_UNTRUSTED


@pytest.mark.parametrize("jump_s", [3600, -3600, 10 * 365 * 86400, -86400 * 200])
def test_a_clock_that_jumps_is_not_believed_until_it_jumps_back(jump_s: int) -> None:
    rules = book()
    state, code = ask(State(), rules, ADA, "main", moment("2026-03-03T10:00"))
    assert code is Code.PERMITTED
    honest = moment("2026-03-03T10:00", 60)
    jumped = replace(honest, wall_ns=honest.wall_ns + jump_s * 10**9)
    assert ask(state, rules, ADA, "main", jumped)[1] is Code.CLOCK_UNTRUSTED
    assert ask(state, rules, ADA, "lab-in", jumped)[1] is Code.PERMITTED
    assert ask(state, rules, ADA, "main", honest)[1] is Code.PERMITTED


def test_hard_passback() -> None:
    rules, state = book(), State()
    state, code = ask(state, rules, ADA, "lab-in", moment())
    assert code is Code.PERMITTED
    assert ask(state, rules, ADA, "lab-in", moment(seconds=9))[1] is Code.PERMITTED, "missed the door: once more"
    state, code = ask(state, rules, ADA, "lab-in", moment(seconds=11))
    assert code is Code.PASSBACK
    assert ask(state, rules, BOB, "lab-in", moment(seconds=12))[1] is Code.PERMITTED
    state, code = ask(state, rules, ADA, "lab-out", moment(seconds=13))
    assert code is Code.PERMITTED
    assert ask(state, rules, ADA, "lab-in", moment(seconds=40))[1] is Code.PERMITTED


def test_nobody_is_locked_in_and_soft_passback_is_noted() -> None:
    rules = book()
    state, _ = ask(State(), rules, ADA, "lab-out", moment())
    _, ruling = authorise(state, rules, Request(person_id=ADA, door="lab-out"), moment(seconds=60))
    assert ruling.verdict is Verdict.PERMIT and ruling.passback
    soft = replace(rules, areas=parse("[areas.lab]\npassback = 'soft'", Rules).areas)
    state, _ = ask(State(), soft, ADA, "lab-in", moment())
    _, ruling = authorise(state, soft, Request(person_id=ADA, door="lab-in"), moment(seconds=60))
    assert ruling.verdict is Verdict.PERMIT and ruling.passback


def test_timed_passback_ends() -> None:
    rules = replace(book(), areas=parse("[areas.lab]\npassback = 'timed'\npassback_s = 100", Rules).areas)
    state, _ = ask(State(), rules, ADA, "lab-in", moment())
    assert ask(state, rules, ADA, "lab-in", moment(seconds=100))[1] is Code.PASSBACK
    assert ask(state, rules, ADA, "lab-in", moment(seconds=101))[1] is Code.PERMITTED


def test_two_different_people_are_needed() -> None:
    rules = parse(TWO, Rules)
    state, code = ask(State(), rules, ADA, "main", moment())
    assert code is Code.SECOND_PERSON_NEEDED
    assert ask(state, rules, ADA, "main", moment(seconds=5))[1] is Code.SECOND_PERSON_NEEDED
    assert ask(state, rules, BOB, "main", moment(seconds=31))[1] is Code.SECOND_PERSON_NEEDED
    _, ruling = authorise(state, rules, Request(person_id=BOB, door="main"), moment(seconds=30))
    assert (ruling.verdict, ruling.with_person) == (Verdict.PERMIT, ADA)
    barred = parse(TWO + f"[[denies]]\nwho = ['{ADA}']\ndoors = ['main']\n", Rules)
    assert ask(state, barred, BOB, "main", moment(seconds=5))[1] is Code.SECOND_PERSON_NEEDED
    after, _ = authorise(state, rules, Request(person_id=BOB, door="main"), moment(seconds=30))
    assert ask(after, rules, EVE, "main", moment(seconds=31))[1] is Code.SECOND_PERSON_NEEDED


def test_one_door_of_an_airlock_at_a_time() -> None:
    rules = parse(f"[doors.main]\ninterlock = 'a'\n[doors.inner]\ninterlock = 'a'\n{MAIN}", Rules)
    for contact, code in ((Contact.CLOSED, Code.PERMITTED), (Contact.OPEN, Code.INTERLOCK), (None, Code.INTERLOCK)):
        contacts = {} if contact is None else {"inner": contact}
        assert ask(State(), rules, ADA, "main", moment(), contacts=contacts)[1] is code
    both = replace(rules, grants=(*rules.grants, Right(who=("everyone",), doors=("inner",))))
    state, _ = ask(State(), both, ADA, "main", moment(), contacts={"inner": Contact.CLOSED})
    closed = {"main": Contact.CLOSED}
    assert ask(state, both, BOB, "inner", moment(seconds=4), contacts=closed)[1] is Code.INTERLOCK
    assert ask(state, both, BOB, "inner", moment(seconds=6), contacts=closed)[1] is Code.PERMITTED


def test_lockdown() -> None:
    rules = replace(book(), lockdown=parse(f"[lockdown]\nmay_pass = ['{BOB}']", Rules).lockdown)
    for scope in ("lab-in", "all"):
        state = lock(State(), scope, moment())
        assert ask(state, rules, ADA, "lab-in", moment())[1] is Code.LOCKDOWN
        assert ask(state, rules, BOB, "lab-in", moment())[1] is Code.PERMITTED
        assert ask(unlock(state, scope), rules, ADA, "lab-in", moment())[1] is Code.PERMITTED
    assert ask(lock(State(), "main", moment()), rules, ADA, "lab-in", moment())[1] is Code.PERMITTED
    lost = State(lost="row 3 is damaged")
    assert ask(lost, rules, ADA, "lab-in", moment())[1] is Code.STATE_LOST
    assert ask(lost, rules, BOB, "lab-in", moment())[1] is Code.PERMITTED


def test_pauses_after_refusals_grow_and_end() -> None:
    rules, state = book(), State()
    for second in range(5):
        state, code = ask(state, rules, EVE, "lab-in", moment(seconds=second))
        assert code is Code.NO_RIGHT
    assert ask(state, rules, EVE, "main", moment(seconds=33))[1] is Code.RATE_LIMITED
    assert ask(state, rules, ADA, "main", moment(seconds=33))[1] is Code.PERMITTED
    assert ask(state, rules, EVE, "main", moment(seconds=35))[1] is Code.PERMITTED
    for second in range(35, 40):
        state, code = ask(state, rules, EVE, "lab-in", moment(seconds=second))
    assert ask(state, rules, EVE, "main", moment(seconds=98))[1] is Code.RATE_LIMITED
    assert ask(state, rules, EVE, "main", moment(seconds=100))[1] is Code.PERMITTED


WHO = st.lists(st.sampled_from([ADA, BOB, "staff", "everyone"]), min_size=1, max_size=2).map(tuple)
DOORS = st.lists(st.sampled_from(["main", "lab-in", "all"]), min_size=1, max_size=2).map(tuple)
RIGHTS = st.builds(Right, who=WHO, doors=DOORS, schedule=st.sampled_from(["always", "office"]))
NOWS = st.builds(
    lambda hour, trusted: moment(f"2026-03-0{1 + hour // 24}T{hour % 24:02}:30", trusted=trusted),
    st.integers(0, 71),
    st.booleans(),
)


@given(
    st.lists(RIGHTS, max_size=4), st.lists(RIGHTS, max_size=2), RIGHTS, st.sampled_from([ADA, BOB, EVE]),
    st.sampled_from(["main", "lab-in"]), NOWS, st.integers(0, 3),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_more_denies_and_fewer_grants_never_open(
    grants: list[Right], denies: list[Right], deny: Right, who: str, door: str, now: Instant, gone: int
) -> None:
    rules = replace(book(), grants=tuple(grants), denies=tuple(denies))
    request = Request(person_id=who, door=door)
    if authorise(State(), rules, request, now)[1].verdict is Verdict.PERMIT:
        assert any(rules.includes(right.who, who) and {door, "all"} & set(right.doors) for right in grants)
        assert not any(right.timeless and rules.includes(right.who, who) and {door, "all"} & set(right.doors)
                       for right in denies)  # fmt: skip
        return
    harder = replace(rules, denies=(*rules.denies, deny))
    fewer = replace(rules, grants=rules.grants[:gone] + rules.grants[gone + 1 :])
    for other in (harder, fewer):
        assert authorise(State(), other, request, now)[1].verdict is not Verdict.PERMIT
