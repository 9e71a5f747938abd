"""The parts of the language of access rules: what a door, a right, a person can say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from edgeface.access.schedule import zone
from edgeface.access.secrets import check_verifier

EVERYONE = "everyone"
"""Stands for whoever is enrolled, in `who`."""
ALL = "all"
"""Stands for every door, in `doors`."""
ALWAYS = "always"
"""Stands for no schedule at all, in `schedule`."""

PERSON_ID = re.compile(r"p_[0-9a-f]{16}")
_RULE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_ -]{0,62}[A-Za-z0-9_-]|[A-Za-z0-9_-]")


class UntrustedClock(StrEnum):
    """What may still pass while the time is not known."""

    DENY = "deny"
    """Nobody."""
    ALWAYS_RIGHTS_ONLY = "always-rights-only"
    """Whoever has a right without schedule and dates."""


class Direction(StrEnum):
    """Which way a door leads, seen from its area."""

    NONE = "none"
    IN = "in"
    OUT = "out"


class Passback(StrEnum):
    """What happens to somebody who enters an area twice without having left it."""

    OFF = "off"
    HARD = "hard"
    """Denied until he has left."""
    SOFT = "soft"
    """Let in, and the decision says so."""
    TIMED = "timed"
    """Denied for `passback_s` after he entered."""


class SecondFactor(StrEnum):
    """What a door asks for besides the face."""

    NONE = "none"
    PIN = "pin"
    CARD = "card"
    EITHER = "pin-or-card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What holds for all doors."""

    time_zone: str = "UTC"
    """IANA name, such as Europe/Vienna: of days, and of schedules that name none."""
    untrusted_clock: UntrustedClock = UntrustedClock.ALWAYS_RIGHTS_ONLY
    """While the clock cannot be trusted, rights with a schedule or dates are denied. Of the others: deny, or
    always-rights-only lets them pass."""
    card_salt: str = ""
    """Salt of the card numbers' hashes, 32 hex digits; `edgeface access card` makes it."""

    def __post_init__(self) -> None:
        zone(self.time_zone)
        if self.card_salt and re.fullmatch(r"[0-9a-f]{32}", self.card_salt) is None:
            raise ValueError("card_salt must be 32 hex digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRules:
    """What holds for one person; who needs none of it need not be listed."""

    valid_from: date | None = None
    """First day on which this person may pass anything."""
    valid_until: date | None = None
    """Last such day."""
    pin: str = ""
    """Verifier of the PIN, never the PIN; `edgeface access pin` writes it."""
    duress_pin: str = ""
    """Verifier of the PIN that opens and silently raises the alarm."""
    cards: tuple[str, ...] = ()
    """Hashes of card numbers; `edgeface access card` writes them."""

    def __post_init__(self) -> None:
        _check_days(self.valid_from, self.valid_until)
        for name, text in (("pin", self.pin), ("duress_pin", self.duress_pin)):
            if text:
                check_verifier(name, text)
        if any(re.fullmatch(r"[0-9a-f]{64}", card) is None for card in self.cards):
            raise ValueError("cards must hold hashes of 64 hex digits: write them with `edgeface access card`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People who share rights."""

    members: tuple[str, ...] = ()
    """Ids of people; `edgeface people` lists them."""

    def __post_init__(self) -> None:
        for member in self.members:
            if PERSON_ID.fullmatch(member) is None:
                raise ValueError(f"members holds {member!r}, which is no person's id such as p_0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One door, and what passing it takes."""

    area: str = ""
    """The area it leads into or out of, for anti-passback."""
    direction: Direction = Direction.NONE
    """in, out or none."""
    interlock: str = ""
    """Doors with the same word here are never open at the same time."""
    two_people_within_s: float = 0.0
    """Two different people who may both pass must be recognised within so many seconds; 0: one is enough."""
    second_factor: SecondFactor = SecondFactor.NONE
    """none, pin, card or pin-or-card."""
    second_factor_within_s: float = 20.0
    """How long the PIN or card and the face may lie apart: as long as it takes to find a card, a choice."""
    face_alone: str = ""
    """Schedule during which the second factor is not asked for."""

    def __post_init__(self) -> None:
        if bool(self.area) != (self.direction is not Direction.NONE):
            raise ValueError('direction must be "in" or "out" where there is an area, and only there')
        if not 0 <= self.two_people_within_s <= 300:
            raise ValueError("two_people_within_s must be 0 to 300")
        if not 1 <= self.second_factor_within_s <= 120:
            raise ValueError("second_factor_within_s must be 1 to 120")
        if self.face_alone and self.second_factor is SecondFactor.NONE:
            raise ValueError("face_alone has no effect without a second_factor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A part of the building that one can be in or out of."""

    passback: Passback = Passback.OFF
    """off, hard, soft or timed. Nobody is ever locked in: leaving is noted, never denied."""
    passback_s: float = 300.0
    """With timed: how long after entering."""
    grace_s: float = 10.0
    """The same door opens again for the same person within so many seconds: for those who missed it, a choice."""

    def __post_init__(self) -> None:
        if not (0 < self.passback_s <= 86400 and 0 <= self.grace_s <= 60):
            raise ValueError("passback_s must be above 0 and at most 86400, grace_s 0 to 60")


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Who, where, when: a grant, or a deny."""

    who: tuple[str, ...] = ()
    """Ids of people, names of groups, or "everyone"."""
    doors: tuple[str, ...] = ()
    """Names of doors, or "all"."""
    schedule: str = ALWAYS
    """Name of a schedule, or "always"."""
    valid_from: date | None = None
    """First day."""
    valid_until: date | None = None
    """Last day."""
    name: str = ""
    """What decisions call it; unset: its place in the file, such as grants[2]."""

    def __post_init__(self) -> None:
        if not self.who:
            raise ValueError('who must name people, groups or "everyone"')
        if not self.doors:
            raise ValueError('doors must name doors or "all"')
        if self.name and _RULE_NAME.fullmatch(self.name) is None:
            raise ValueError("name must be letters, digits, spaces, - and _, 64 at most")
        _check_days(self.valid_from, self.valid_until)

    @property
    def timeless(self) -> bool:
        """Whether it needs no clock."""
        return self.schedule == ALWAYS and self.valid_from is None and self.valid_until is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockdown:
    """Who may pass while a door or the site is locked down (`edgeface access lockdown`)."""

    may_pass: tuple[str, ...] = ()
    """Ids of people or names of groups; they still need a right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Backing off after refusals: the first pause, then twice that, and so on. Choices, not measurements."""

    per_person: int = 5
    """Refusals of one person by these rules; 0: no limit."""
    per_track: int = 0
    """Refusals of one visitor in the picture, known or not; 0: no limit."""
    per_door: int = 0
    """Refusals at one door; 0: no limit. Whoever wants to can then shut it for everybody for a while."""
    wrong_factors: int = 5
    """Wrong PINs of one person; of a door, four times as many wrong PINs and cards."""
    within_s: float = 60.0
    """Refusals count together if each comes at most so long after the former."""
    pause_s: float = 30.0
    """The first pause."""
    longest_pause_s: float = 3600.0

    def __post_init__(self) -> None:
        if min(self.per_person, self.per_track, self.per_door) < 0 or not 1 <= self.wrong_factors <= 20:
            raise ValueError("per_person, per_track and per_door must not be negative, wrong_factors must be 1 to 20")
        if not (0 < self.within_s <= 3600 and 0 < self.pause_s <= self.longest_pause_s <= 86400):
            raise ValueError("within_s must be above 0 and at most 3600, pause_s at most longest_pause_s, that 86400")


def _check_days(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and first > last:
        raise ValueError("valid_from must not be after valid_until")
