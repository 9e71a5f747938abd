"""The lock and the contact of one door: when it is released, when it locks, when it sounds the alarm. Pure.

    step(state, event, options, now) -> (state, happenings)        due_ns(state, options) -> when to step again

Whatever is not known locks: a release needs a decision of this moment, and ends by itself. Durations are monotonic, so
that no clock that is set holds a door open. A release makes the next opening rightful; every other opening that is seen
is forced. A door that stands open when the reader starts may be anything, so it is only held open after its time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from edgeface.access.ruling import Contact
from edgeface.frame import Instant

FRESH_FOR_S = 3.0
"""How old the decision may be that releases a lock: as for the messages (`edgeface.message`), a limit of the design."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How long a door takes."""

    unlock_s: float = 5.0
    """How long the lock is released, unless the door is opened before: as long as a hand takes to the handle, a choice.
    Another decision meanwhile begins it anew."""
    held_open_s: float = 30.0
    """A door open for longer raises the alarm; a choice."""
    grace_s: float = 1.0
    """An opening so soon after the lock closed again is still rightful: the hand was on the handle. A choice."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.unlock_s <= 30:
            raise ValueError("unlock_s must be 0.5 to 30")
        if not 1 <= self.held_open_s <= 3600:
            raise ValueError("held_open_s must be 1 to 3600")
        if not 0 <= self.grace_s <= 5:
            raise ValueError("grace_s must be 0 to 5")


class Alarm(StrEnum):
    """What is wrong at the door."""

    NONE = "none"
    FORCED_OPEN = "forced_open"
    """It was opened without having been released. Lasts until it is closed."""
    HELD_OPEN = "held_open"
    """It was opened by right, and stays open too long."""
    CONTACT_LOST = "contact_lost"
    """The contact told something once and does not any more: nobody knows whether the door is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Somebody may pass."""

    decided_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the contact says."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""


@dataclass(frozen=True, slots=True)
class Shut:
    """Lock now: the service ends, or a part of it failed."""


Event = Release | Heard | Tick | Shut


class Happening(StrEnum):
    """What came of an event, in the order in which it came."""

    RELEASED = "released"
    """The lock is to be released now, or stays so for longer."""
    LOCKED = "locked"
    """The lock is to be closed now."""
    REFUSED_LATE = "refused_late"
    """The decision was too old, or of a moment still to come: nothing moved."""
    OPENED = "opened"
    CLOSED = "closed"
    FORCED_OPEN = "forced_open"
    HELD_OPEN = "held_open"
    CONTACT_LOST = "contact_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One door, as it is."""

    released_until_ns: int | None = None
    """Monotonic; None: locked."""
    rightful_until_ns: int | None = None
    """Monotonic: an opening until then is by right. None: none is."""
    contact: Contact = Contact.UNKNOWN
    open_since_ns: int | None = None
    """Monotonic; None while the door is closed, or nobody knows."""
    alarm: Alarm = Alarm.NONE

    @property
    def released(self) -> bool:
        """Whether the lock is to be released."""
        return self.released_until_ns is not None


def step(state: State, event: Event, options: Options, now: Instant) -> tuple[State, tuple[Happening, ...]]:
    """The door after an event, and what it led to. What has run out by `now` comes first."""
    state, elapsed = _elapse(state, options, now)
    match event:
        case Release():
            state, happened = _release(state, event, options, now)
        case Heard():
            state, happened = _hear(state, event.contact, options, now)
        case Tick():
            happened = ()
        case Shut():
            state, happened = _lock(state, rightful_until_ns=None)
        case _:
            assert_never(event)
    return state, (*elapsed, *happened)


def due_ns(state: State, options: Options) -> int | None:
    """The monotonic moment at which the door must be stepped again; None: not before something happens."""
    held = state.open_since_ns is not None and state.alarm is Alarm.NONE
    held_at_ns = state.open_since_ns + _ns(options.held_open_s) if held and state.open_since_ns is not None else None
    moments = [at_ns for at_ns in (state.released_until_ns, held_at_ns) if at_ns is not None]
    return min(moments, default=None)


def _elapse(state: State, options: Options, now: Instant) -> tuple[State, tuple[Happening, ...]]:
    happened: tuple[Happening, ...] = ()
    if state.released_until_ns is not None and now.monotonic_ns >= state.released_until_ns:
        state, happened = _lock(state, rightful_until_ns=state.released_until_ns + _ns(options.grace_s))
    open_ns = None if state.open_since_ns is None else now.monotonic_ns - state.open_since_ns
    if open_ns is not None and open_ns >= _ns(options.held_open_s) and state.alarm is Alarm.NONE:
        state, happened = replace(state, alarm=Alarm.HELD_OPEN), (*happened, Happening.HELD_OPEN)
    return state, happened


def _release(state: State, event: Release, options: Options, now: Instant) -> tuple[State, tuple[Happening, ...]]:
    if not 0 <= now.seconds_since(event.decided_at) < FRESH_FOR_S:
        return state, (Happening.REFUSED_LATE,)
    until_ns = now.monotonic_ns + _ns(options.unlock_s)
    return replace(state, released_until_ns=until_ns, rightful_until_ns=until_ns), (Happening.RELEASED,)


def _hear(state: State, contact: Contact, options: Options, now: Instant) -> tuple[State, tuple[Happening, ...]]:
    if contact is state.contact:
        return state, ()
    former, state = state.contact, replace(state, contact=contact)
    match contact:
        case Contact.OPEN:
            watched = former is Contact.CLOSED or state.alarm is Alarm.CONTACT_LOST
            return _opened(replace(state, open_since_ns=now.monotonic_ns), watched, now)
        case Contact.CLOSED:
            return replace(state, open_since_ns=None, alarm=Alarm.NONE), (Happening.CLOSED,)
        case Contact.UNKNOWN:
            assert former is not Contact.UNKNOWN
            return replace(state, open_since_ns=None, alarm=Alarm.CONTACT_LOST), (Happening.CONTACT_LOST,)
        case _:
            assert_never(contact)


def _opened(state: State, watched: bool, now: Instant) -> tuple[State, tuple[Happening, ...]]:
    """The door is open: the lock closes at once, and one release is good for one opening."""
    rightful = state.rightful_until_ns is not None and now.monotonic_ns <= state.rightful_until_ns
    state, locked = _lock(state, rightful_until_ns=None)
    if rightful or not watched:
        return replace(state, alarm=Alarm.NONE), (Happening.OPENED, *locked)
    return replace(state, alarm=Alarm.FORCED_OPEN), (Happening.OPENED, Happening.FORCED_OPEN, *locked)


def _lock(state: State, *, rightful_until_ns: int | None) -> tuple[State, tuple[Happening, ...]]:
    happened = (Happening.LOCKED,) if state.released else ()
    return replace(state, released_until_ns=None, rightful_until_ns=rightful_until_ns), happened


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
