"""What the verbs about schedules and the week at a door are told and answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeface.access.factors import FactorKind, Reply
from edgeface.access.parts import ALL
from edgeface.access.schedule import OnHolidays


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """Weekly hours."""

    name: str
    hours: tuple[str, ...]
    """Such as "mon-fri 08:00-18:00"."""
    holidays: OnHolidays = OnHolidays.CLOSED
    """On the site's holidays."""
    holiday_hours: tuple[str, ...] = ()
    """Hours on holidays if it is closed otherwise, such as "10:00-12:00"."""
    time_zone: str = ""
    """IANA name; empty: the site's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Set the hours of a schedule; a new one is made."""

    schedule: str
    hours: tuple[str, ...]
    """Such as "mon-fri 08:00-18:00"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleName:
    """A schedule."""

    schedule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekWanted:
    """A week at a door."""

    door: str
    first: str | None = None
    """The first day, such as 2026-12-21, by the site's wall clock; null: today."""
    who: str | None = None
    """Only this person, by name or id; null: everybody enrolled."""
    step_min: int = 60
    """Minutes a cell stands for: 30 or 60."""

    def __post_init__(self) -> None:
        if self.step_min not in (30, 60):
            raise ValueError("step_min must be 30 or 60")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekCells:
    """How many people a door would let in by the rules alone: nobody inside, no lockdown, no pauses."""

    door: str
    first: str
    """The first day."""
    step_min: int
    people: int
    """Of how many."""
    cells: tuple[tuple[int, ...], ...]
    """7 days of 1440 / step_min counts; -1: summer time leaves that hour out."""
    time_zone: str
    """Of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoWanted:
    """Who could open a door at a moment?"""

    door: str
    at: str | None = None
    """Such as 2026-12-24T18:30, by the site's wall clock; null: now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """Somebody who could."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoCould:
    """Those who could, by name, 200 at the most."""

    people: tuple[Entitled, ...]
    total: int
    at: str
    """When, by the site's wall clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockdown:
    """Shut a door, or all, to everybody but a few."""

    door: str = ALL
    lift: bool = False
    """End it instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Forget what the doors remember: of one person, of the clock, or everything."""

    who: str | None = None
    clock: bool = False
    everything: bool = False
    """Lockdowns included; also after damage."""

    def __post_init__(self) -> None:
        if (self.who is not None) + self.clock + self.everything != 1:
            raise ValueError("who, clock or everything: say one of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Open a door now, for whoever stands there."""

    door: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The decision that opens it, as it is published: signed, with the controller's newest word, for 3 seconds."""

    decision: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A PIN was typed, or a card held up."""

    door: str
    kind: FactorKind
    secret: str = field(repr=False)
    """The digits or the card's number; never stored, logged or sent on."""
    id: str | None = None
    """Whose PIN it claims to be, if the keypad asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What the keypad's display may say. The same for a duress PIN."""

    reply: Reply
    reason: str
