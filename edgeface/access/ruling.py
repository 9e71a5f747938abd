"""A request at a door, and the answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Verdict(StrEnum):
    """The answer."""

    PERMIT = "permit"
    DENY = "deny"
    PENDING = "pending"
    """Not yet: something that can still come is missing. The door stays shut."""


class Code(StrEnum):
    """Why, for machines."""

    PERMITTED = "permitted"
    STATE_LOST = "state_lost"
    UNKNOWN_DOOR = "unknown_door"
    RATE_LIMITED = "rate_limited"
    NOBODY = "nobody"
    LOCKDOWN = "lockdown"
    CLOCK_UNTRUSTED = "clock_untrusted"
    PERSON_NOT_VALID = "person_not_valid"
    EXPLICIT_DENY = "explicit_deny"
    NO_RIGHT = "no_right"
    OUTSIDE_SCHEDULE = "outside_schedule"
    NOT_VALID_NOW = "not_valid_now"
    PASSBACK = "passback"
    SECOND_FACTOR_NEEDED = "second_factor_needed"
    INTERLOCK = "interlock"
    SECOND_PERSON_NEEDED = "second_person_needed"


class Contact(StrEnum):
    """What a door's contact says."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody stands at a door."""

    person_id: str | None
    """Who was recognised; None: nobody."""
    door: str
    track: int | None = None
    """Number of the visitor in the picture."""
    contacts: Mapping[str, Contact] = field(default_factory=lambda: MappingProxyType({}))
    """The other doors' contacts, by name; what is missing is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question and its answer."""

    code: Code
    """What the answer is if it is no."""
    passed: bool
    rule: str
    """Which rule of the file answered, or the code's name where none did."""
    reason: str
    """A sentence without names of people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The answer to a request."""

    verdict: Verdict
    code: Code
    rule: str
    """The right that permits or the rule that denies: its name, its place such as grants[2], or a code."""
    reason: str
    """A sentence without names of people."""
    duress: bool = False
    """A duress PIN was used: for whoever answers alarms, never for the door's display."""
    with_person: str | None = None
    """The first of two people, where two are needed."""
    passback: bool = False
    """Permitted although this person should not be where he is."""
