"""A lock opens for a decision of this moment, closes by itself, and every opening without one raises the alarm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgeface import door
from edgeface.access import Contact
from edgeface.door import Alarm, Happening, Heard, Options, Release, Shut, State, Tick, due_ns, step
from edgeface.frame import Instant
from edgeface.message import LIVE_FOR_S

OPTIONS = Options(unlock_s=5.0, held_open_s=30.0, grace_s=1.0)


def at(seconds: float, wall_s: float = 0.0) -> Instant:
    return Instant(monotonic_ns=int(seconds * 1e9), wall_ns=int(wall_s * 1e9), wall_trusted=False)


def played(*script: tuple[float, Any]) -> tuple[State, list[tuple[float, str]]]:
    """Events at their times -> the state in the end and what happened when."""
    state, happened = State(contact=Contact.CLOSED), []
    for seconds, event in script:
        state, led_to = step(state, event, OPTIONS, at(seconds))
        happened += [(seconds, one.value) for one in led_to]
    return state, happened


OPEN, CLOSED, LOST = (Heard(contact=contact) for contact in (Contact.OPEN, Contact.CLOSED, Contact.UNKNOWN))


def grant(seconds: float) -> Release:
    return Release(decided_at=at(seconds))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([(10, grant(9.9)), (14.9, Tick()), (15, Tick())], [(10, "released"), (15, "locked")]),
        ([(10, grant(9.9)), (14, grant(13.9)), (18, Tick()), (19, Tick())],
         [(10, "released"), (14, "released"), (19, "locked")]),
        ([(10, grant(9.9)), (12, OPEN), (14, CLOSED)],
         [(10, "released"), (12, "opened"), (12, "locked"), (14, "closed")]),
        ([(10, grant(9.9)), (15.9, OPEN)], [(10, "released"), (15.9, "locked"), (15.9, "opened")]),
        ([(10, grant(9.9)), (16.1, OPEN)],
         [(10, "released"), (16.1, "locked"), (16.1, "opened"), (16.1, "forced_open")]),
        ([(10, OPEN), (11, CLOSED)], [(10, "opened"), (10, "forced_open"), (11, "closed")]),
        ([(10, grant(9.9)), (11, OPEN), (12, CLOSED), (13, OPEN)],
         [(10, "released"), (11, "opened"), (11, "locked"), (12, "closed"), (13, "opened"), (13, "forced_open")]),
        ([(10, grant(9.9)), (11, OPEN), (40.9, Tick()), (41, Tick()), (99, Tick()), (100, CLOSED)],
         [(10, "released"), (11, "opened"), (11, "locked"), (41, "held_open"), (100, "closed")]),
        ([(10, OPEN), (100, Tick())], [(10, "opened"), (10, "forced_open")]),
        ([(10, LOST), (11, CLOSED)], [(10, "contact_lost"), (11, "closed")]),
        ([(10, grant(9.9)), (11, Shut()), (11.5, OPEN)],
         [(10, "released"), (11, "locked"), (11.5, "opened"), (11.5, "forced_open")]),
        ([(10, grant(7.0))], [(10, "refused_late")]),
        ([(10, grant(10.1))], [(10, "refused_late")]),
        ([(10, grant(9.9)), (11, grant(0))], [(10, "released"), (11, "refused_late")]),
        ([(10, CLOSED), (11, CLOSED)], []),
    ],
)  # fmt: skip
def test_what_a_door_does(script: list[tuple[float, Any]], expected: list[tuple[float, str]]) -> None:
    assert played(*script)[1] == expected


@pytest.mark.parametrize(("script", "alarm"), [
    ([(1, OPEN)], Alarm.FORCED_OPEN),
    ([(1, OPEN), (2, CLOSED)], Alarm.NONE),
    ([(1, grant(1)), (2, OPEN), (32, Tick())], Alarm.HELD_OPEN),
    ([(1, OPEN), (2, LOST)], Alarm.CONTACT_LOST),
    ([(1, OPEN), (99, Tick())], Alarm.FORCED_OPEN),
    ([(1, OPEN), (2, grant(2))], Alarm.FORCED_OPEN),
])  # fmt: skip
def test_alarms_last_until_the_door_is_closed(script: list[tuple[float, Any]], alarm: Alarm) -> None:
    assert played(*script)[0].alarm is alarm


def test_a_door_that_stands_open_at_the_start_is_held_open_at_last() -> None:
    state, happened = step(State(), OPEN, OPTIONS, at(1))
    assert (state.alarm, happened) == (Alarm.NONE, (Happening.OPENED,))
    assert step(state, Tick(), OPTIONS, at(31))[0].alarm is Alarm.HELD_OPEN


def test_a_release_lives_as_long_as_a_message() -> None:
    assert door.FRESH_FOR_S == LIVE_FOR_S


@pytest.mark.parametrize(
    "odd", [{"unlock_s": 0.4}, {"unlock_s": 31.0}, {"held_open_s": 0.5}, {"grace_s": -1.0}, {"grace_s": 6.0}]
)
def test_times_that_make_no_sense(odd: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(odd))):
        Options(**odd)


class Machine(RuleBasedStateMachine):
    """Any order of things, with a second, simpler book of what must hold. The wall clock jumps as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.now_s, self.wall_s = State(), 100.0, 0.0
        self.relay = False
        """What the happenings alone, in their order, make of the lock."""
        self.granted_s = -1000.0
        self.unspent = False
        """Whether the newest release has not been used for an opening."""
        self.watched = False
        """Whether the contact has ever told anything."""

    def does(self, event: Any) -> tuple[Happening, ...]:
        self.state, happened = step(self.state, event, OPTIONS, at(self.now_s, self.wall_s))
        for one in happened:
            self.relay = {Happening.RELEASED: True, Happening.LOCKED: False}.get(one, self.relay)
        return happened

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.9, 1.0, 3.0, 5.0, 30.0]), wall_s=st.sampled_from([-3e8, 0, 3600, 3e8]))
    def waits(self, seconds: float, wall_s: float) -> None:
        self.now_s += seconds
        self.wall_s += wall_s
        self.does(Tick())

    @rule(age_s=st.sampled_from([-1.0, 0.0, 0.5, 2.99, 3.0, 100.0]))
    def grants(self, age_s: float) -> None:
        happened = self.does(Release(decided_at=at(self.now_s - age_s)))
        fresh = 0 <= age_s < 2.995
        assert (Happening.RELEASED in happened) is fresh
        assert (Happening.REFUSED_LATE in happened) is not fresh
        if fresh:
            self.granted_s, self.unspent = self.now_s, True

    @rule(contact=st.sampled_from(list(Contact)))
    def hears(self, contact: Contact) -> None:
        news = contact is not self.state.contact
        rightful = self.unspent and self.now_s <= self.granted_s + 6.0 + 1e-6
        rightful = rightful or not self.watched
        happened = self.does(Heard(contact=contact))
        if contact is Contact.OPEN and news:
            assert (Happening.FORCED_OPEN in happened) is not rightful
            self.unspent = False
        self.watched = self.watched or contact is not Contact.UNKNOWN

    @rule()
    def shuts(self) -> None:
        self.does(Shut())
        assert not self.state.released
        self.unspent = False

    @invariant()
    def a_lock_is_released_only_after_a_fresh_grant_and_not_for_long(self) -> None:
        assert self.relay is self.state.released
        if self.relay:
            assert self.now_s < self.granted_s + 5.0 + 1e-6
            assert self.state.contact is not Contact.OPEN or self.granted_s >= (self.state.open_since_ns or 0) / 1e9

    @invariant()
    def it_says_when_it_must_be_looked_at_again(self) -> None:
        due = due_ns(self.state, OPTIONS)
        assert due is not None or not self.state.released
        if due is not None:
            later, happened = step(self.state, Tick(), OPTIONS, Instant(monotonic_ns=due, wall_ns=0, wall_trusted=True))
            assert happened
            before, nothing = step(
                self.state, Tick(), OPTIONS, Instant(monotonic_ns=due - 1, wall_ns=0, wall_trusted=True)
            )
            assert (before, nothing) == (self.state, ()) or due <= self.now_s * 1e9
            assert not later.released or due_ns(later, OPTIONS) is not None

    @invariant()
    def an_alarm_says_what_is_so(self) -> None:
        if self.state.alarm in (Alarm.FORCED_OPEN, Alarm.HELD_OPEN):
            assert self.state.contact is Contact.OPEN
        if self.state.contact is Contact.CLOSED:
            assert self.state.alarm is Alarm.NONE
        opened = self.state.open_since_ns is not None
        assert opened is (self.state.contact is Contact.OPEN)


TestDoor = Machine.TestCase
TestDoor.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
