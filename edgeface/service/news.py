"""What the deliverer is told, in the order in which it happens."""

from __future__ import annotations

from dataclasses import dataclass

from edgeface.service.ports import Receipt


@dataclass(frozen=True, slots=True)
class Fresh:
    """A decision was recorded."""

    seq: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A message of ours has its receipt."""

    seq: int
    live: bool
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The broker is there."""


@dataclass(frozen=True, slots=True)
class Announce:
    """What `info` tells has changed."""


@dataclass(frozen=True, slots=True)
class Tell:
    """A display has something new to show."""

    payload: str


@dataclass(frozen=True, slots=True)
class Report:
    """How the reader is."""

    payload: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The door is another than it was."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A consumer wants a range of rows again."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Somebody asks whether this thread still runs."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The service ends."""


Event = Fresh | Answered | LinkUp | Announce | Tell | Report | Moved | Replay | Ping | Stop
