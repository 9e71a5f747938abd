"""What the verbs about the rules of access are told and answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from edgeface.access.parts import ALL, ALWAYS
from edgeface.access.ruling import Code, Verdict
from edgeface.commands.words_doors import ScheduleRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A grant, or a deny."""

    who: tuple[str, ...]
    """Names or ids of people, groups, or "everyone"."""
    doors: tuple[str, ...] = (ALL,)
    schedule: str = ALWAYS
    """Name of a schedule of the rules."""
    valid_from: str | None = None
    """First day, such as 2026-12-01."""
    valid_until: str | None = None
    """Last day."""
    name: str = ""
    """What decisions call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleName:
    """A rule, by its name or its place such as grants[2]."""

    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """People of a group."""

    group: str
    who: tuple[str, ...]
    """Names or ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A PIN for somebody. Only a slow hash of it is kept."""

    who: str
    pin: str = field(repr=False)
    """4 to 12 digits."""
    duress: bool = False
    """The PIN that opens and silently raises the alarm."""

    def __post_init__(self) -> None:
        if re.fullmatch(r"[0-9]{4,12}", self.pin) is None:
            raise ValueError("a PIN is 4 to 12 digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card for somebody. Only a slow hash of its number is kept."""

    who: str
    number: str = field(repr=False)
    """1 to 64 letters and digits, as the card reader sends it."""

    def __post_init__(self) -> None:
        if re.fullmatch(r"[0-9A-Za-z]{1,64}", self.number) is None:
            raise ValueError("a card's number is 1 to 64 letters and digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """A group of people."""

    name: str
    members: tuple[str, ...]
    """Ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """The rules in force, without PINs and cards."""

    doors: tuple[str, ...]
    groups: tuple[GroupRow, ...]
    schedules: tuple[str, ...]
    grants: tuple[Right, ...]
    denies: tuple[Right, ...]
    weekly: tuple[ScheduleRow, ...] = ()
    """The schedules with their hours."""
    time_zone: str = "UTC"
    """Of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """Could somebody open a door?"""

    who: str
    door: str
    at: str | None = None
    """When, such as 2026-12-24T18:30, by the site's wall clock; default: now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryStep:
    """One question and its answer."""

    code: Code
    passed: bool
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The answer of the rules alone: nobody inside, no lockdown, no refusals before."""

    verdict: Verdict
    code: Code
    rule: str
    reason: str
    steps: tuple[TryStep, ...]
