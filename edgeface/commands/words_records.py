"""What the verbs about decisions and the audit log are told and answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsWanted:
    """Which decisions, the newest first."""

    before: int | None = None
    """Only rows with a lower number: for the next page."""
    most: int = 50
    """How many to tell, 1..100."""
    outcome: str | None = None
    """grant, deny, unknown, spoof or insufficient_quality."""
    who: str | None = None
    """Name or id; of somebody forgotten, the id."""
    since: str | None = None
    """First day, such as 2026-12-01, in UTC."""
    until: str | None = None
    """Last day."""

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 100 or (self.before is not None and not 0 <= self.before < 2**53):
            raise ValueError("most must be 1 to 100, before a number of a row")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision."""

    seq: int
    """Number of its audit row."""
    id: str
    at: datetime
    clock_trusted: bool
    door: str
    outcome: str
    rule: str
    """Which rule or gate decided."""
    reason: str
    person: str | None
    """Id."""
    name: str | None
    """Null if nobody was recognised, or somebody who is forgotten."""
    score: float | None
    """Cosine, -1..1."""
    threshold: float
    """Score that was needed."""
    margin: float | None
    """Lead over the second-best person."""
    quality: float | None
    """0..100."""
    liveness: float | None
    """0 attack .. 1 bona fide."""
    shots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """A page of them."""

    decisions: tuple[DecisionRow, ...]
    more: bool
    """Whether there are older ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWanted:
    """Which rows of the audit log, the newest first."""

    before: int | None = None
    """Only rows with a lower number: for the next page."""
    most: int = 50
    """How many to tell, 1..100."""
    kind: str | None = None
    """Only of this kind."""
    who: str | None = None
    """Only about this person, by name or id; of somebody forgotten, by id."""

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 100 or (self.before is not None and not 0 <= self.before < 2**53):
            raise ValueError("most must be 1 to 100, before a number of a row")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One row."""

    seq: int
    kind: str
    at: datetime
    clock_trusted: bool
    person: str | None
    """Id."""
    name: str | None
    """Null if it is about nobody, or somebody who is forgotten."""
    facts: str
    """What it tells in plain text, a JSON object."""
    personal: str | None
    """What was sealed under the person's key, a JSON object; null if nothing was, or the person is forgotten."""
    hash: str
    """64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRows:
    """A page of them."""

    rows: tuple[AuditRow, ...]
    more: bool
    """Whether there are older ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """Whether the log holds, row after row. That its end was cut off shows only where somebody else keeps heads."""

    holds: bool
    first_seq: int
    """The oldest row."""
    last_seq: int
    """The newest row up to which the chain holds."""
    hash: str
    """Of that row, 64 hex digits."""
    bad_seq: int | None
    """The first row that is wrong."""
    says: str | None
    """What is wrong with it."""
    head: str
    """The newest row, signed, for a witness to keep."""
    key: str
    """What checks the head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPart:
    """Which part of the log, as a file for an auditor."""

    after: int | None = None
    """Rows with a higher number than this; null: from the beginning, with the first line of the file."""
    through: int | None = None
    """Rows up to this number, as the first part told it."""

    def __post_init__(self) -> None:
        if any(place is not None and not 0 <= place < 2**53 for place in (self.after, self.through)):
            raise ValueError("after and through are numbers of rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLines:
    """Lines of that file: `edgeface audit verify --from FILE` checks it whole."""

    lines: tuple[str, ...]
    last: int
    """Number of the last row in them, to be asked on from."""
    through: int
    """Number of the row with which the file ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The newest row."""

    head: str
    """Signed, for a witness to keep."""
    key: str
    """What checks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the journal, the ends included."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last < 2**53:
            raise ValueError("first must be 1 or more, and last not below it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What is sent again, on `history`, marked as replayed."""

    waiting: int
    """How many."""
    silent: tuple[int, ...]
    """Rows that are no messages, such as starts: who lacks them lacks nothing. The first 500."""
    oldest: int
    """The oldest row that is still there: those below it are deleted, and come no more."""
