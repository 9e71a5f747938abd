"""A door and what happens there, in their wire form. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from edgeface.access.ruling import Contact
from edgeface.door import Alarm, Happening
from edgeface.frame import Instant
from edgeface.message.moment import utc


class LockState(StrEnum):
    """How the lock is."""

    LOCKED = "locked"
    RELEASED = "released"
    """For a few seconds."""
    UNKNOWN = "unknown"
    """A controller of its own moves it, or it does not obey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorMessage:
    """How a door is, retained."""

    door: str
    lock: LockState
    contact: Contact
    alarm: Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorEventMessage:
    """What happened at a door."""

    seq: int
    """Of its audit row; decisions are counted with it."""
    boot_id: str
    at: datetime
    """UTC, milliseconds."""
    clock_trusted: bool
    door: str
    event: Happening
    decision: str | None
    """Id of the decision that led to it."""
    replayed: bool
    """True if it comes later than 3 s after it happened."""


def door_event(
    door: str, event: Happening, decision_id: str | None, at: Instant, *, seq: int, boot_id: str
) -> DoorEventMessage:
    """What happened at a door, in its wire form."""
    return DoorEventMessage(
        seq=seq,
        boot_id=boot_id,
        at=utc(at),
        clock_trusted=at.wall_trusted,
        door=door,
        event=event,
        decision=decision_id,
        replayed=False,
    )
