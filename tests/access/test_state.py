"""What doors remember survives a power cut, and what cannot be read shuts them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rulebook import ADA, EVE, book, moment

from edgeface.access import Code, Request, State, authorise, changes, decode, encode, forget, lock, restore
from edgeface.access.state import Anchor, Locked, Opened, Place, Proof, Strikes, Waiting

KEYS = st.text("abp_01-/", min_size=1, max_size=12)
NS = st.integers(0, 2**62)
WORDS = st.text(max_size=8)


def entries(kind: type, /, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEYS, st.builds(kind, **fields), max_size=3)


STATES = st.builds(
    State,
    places=entries(Place, inside=st.booleans(), door=WORDS, at_ns=NS),
    strikes=entries(Strikes, count=NS, newest_ns=NS, pauses=NS, until_ns=NS),
    first=entries(Waiting, person_id=WORDS, at_ns=NS),
    awaited=entries(Waiting, person_id=WORDS, at_ns=NS),
    proofs=entries(Proof, kind=WORDS, at_ns=NS, duress=st.booleans()),
    opened=entries(Opened, at_ns=NS),
    lockdowns=entries(Locked, at_ns=NS),
    clock=entries(Anchor, wall_less_monotonic_ns=NS, newest_wall_ns=NS),
)


@given(STATES, STATES)
@settings(deadline=None)
def test_there_and_back(state: State, former: State) -> None:
    rows, old = encode(state, "boot"), encode(former, "boot")
    assert decode(rows) == (state, "boot")
    assert restore(rows, "boot", moment()) == state
    written, gone = changes(former, state, "boot")
    assert {**{key: text for key, text in old.items() if key not in gone}, **written} == rows


@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(["state", "places/x"]), st.text(max_size=20), max_size=3))
def test_any_rows_are_read_or_refused(rows: dict[str, str]) -> None:
    assert isinstance(restore(rows, "boot", moment()), State)


HEAD = {"state": '{"v": 1, "boot": "b"}'}


@pytest.mark.parametrize(
    "rows",
    [
        {"places/a/p": '{"inside":true,"door":"d","at_ns":1}'},
        {"state": '{"v": 2, "boot": "b"}'},
        {"state": '{"v": true, "boot": "b"}'},
        {**HEAD, "places/a/p": '{"inside":1,"door":"d","at_ns":1}'},
        {**HEAD, "places/a/p": '{"inside":true,"door":"d"}'},
        {**HEAD, "places/a/p": '{"inside":true,"door":"d","at_ns":1e3}'},
        {**HEAD, "opened/d": '{"at_ns":99999999999999999999}'},
        {**HEAD, "opened/d": '{"at_ns":true}'},
        {**HEAD, "other/a": "{}"},
        {**HEAD, "opened/": '{"at_ns":1}'},
        {**HEAD, "opened/d": "["},
    ],
)
def test_what_cannot_be_read_is_lost_and_shuts(rows: dict[str, str]) -> None:
    state = restore(rows, "b", moment())
    assert state.lost
    assert authorise(state, book(), Request(person_id=ADA, door="lab-in"), moment())[1].code is Code.STATE_LOST
    with pytest.raises(ValueError, match="lost"):
        encode(state, "b")


def test_a_new_boot_shortens_no_pause_and_lifts_no_lockdown() -> None:
    rules, state = book(), State()
    for second in range(5):
        state, _ = authorise(state, rules, Request(person_id=EVE, door="lab-in"), moment(seconds=second))
    state = lock(state, "main", moment())
    booted = restore(encode(state, "b1"), "b2", moment(seconds=-900))
    assert booted.lockdowns
    for seconds, code in ((-871, Code.RATE_LIMITED), (-869, Code.NO_RIGHT)):
        asked = Request(person_id=EVE, door="lab-in")
        assert authorise(booted, rules, asked, moment(seconds=seconds))[1].code is code


def test_who_is_forgotten_is_nowhere() -> None:
    state, _ = authorise(State(), book(), Request(person_id=ADA, door="lab-in"), moment())
    assert ADA in "".join(encode(state, "b"))
    assert ADA not in "".join(encode(forget(state, ADA), "b"))


def test_a_clock_that_is_behind_what_it_once_told_is_not_believed_after_a_start_either() -> None:
    rules, asked = book(), Request(person_id=ADA, door="main")
    state, ruling = authorise(State(), rules, asked, moment("2026-03-03T12:00"))
    assert ruling.code is Code.PERMITTED
    booted = restore(encode(state, "b1"), "b2", moment("2026-03-02T12:00", -900))
    assert authorise(booted, rules, asked, moment("2026-03-02T12:00", -900))[1].code is Code.CLOCK_UNTRUSTED
    assert authorise(booted, rules, asked, moment("2026-03-04T12:00", -900))[1].code is Code.PERMITTED


def test_a_visit_writes_what_it_changed_and_no_more() -> None:
    crowd = {f"lab/p_{number:016x}": Place(inside=True, door="lab-in", at_ns=1) for number in range(100, 600)}
    before = State(places=crowd)
    after, _ = authorise(before, book(), Request(person_id=ADA, door="lab-in"), moment())
    written, gone = changes(before, after, "b")
    assert written.keys() <= {f"places/lab/{ADA}", "clock/anchor", "state"}
    assert gone == ()
