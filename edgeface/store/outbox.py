"""Which rows no consumer has confirmed yet. The message itself stands once, in the audit row."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlite_utils

from edgeface.store.audit import Kind
from edgeface.store.database import Database, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row to be published."""

    seq: int
    """Number of its audit row."""
    kind: Kind
    """A decision, or something that happened at the door."""
    boot_id: str
    """`decided_at_monotonic_ns` counts from this boot."""
    decided_at_monotonic_ns: int
    payload: str
    """Its message as JSON, without the person's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a request to send a range again leads to."""

    waiting: int
    """How many rows are sent."""
    silent: tuple[int, ...]
    """Rows that are no messages, such as starts: a consumer that lacks them lacks nothing."""
    oldest: int
    """The oldest row that is still there: those below it are deleted, and come no more."""


_WAITING = (
    "SELECT seq, kind, boot_id, at_monotonic_ns AS decided_at_monotonic_ns, payload FROM outbox JOIN audit USING (seq) "
    "WHERE delivered_at_wall_ns IS NULL"
)


def add(tables: sqlite_utils.Database, seq: int) -> None:
    """Put an audit row into the outbox, within the transaction that writes it."""
    tables.execute("INSERT INTO outbox VALUES (?, NULL)", (seq,))


class Outbox:
    """The outbox of an open gallery."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, limit: int) -> tuple[Waiting, ...]:
        """Up to `limit` undelivered decisions, oldest first."""
        rows = self._database.read(f"{_WAITING} ORDER BY seq LIMIT ?", (limit,))
        return tuple(_waiting(row) for row in rows)

    def row(self, seq: int) -> Waiting | None:
        """One decision, unless it has been delivered."""
        rows = self._database.read(f"{_WAITING} AND seq = ?", (seq,))
        return _waiting(rows[0]) if rows else None

    def count(self) -> int:
        """How many decisions wait."""
        return int(self._database.read("SELECT count(*) AS n FROM outbox WHERE delivered_at_wall_ns IS NULL")[0]["n"])

    def again(self, first: int, last: int) -> Again:
        """Send the rows of this range once more, as history; what waits already goes on waiting."""
        with self._database.transaction() as tables:
            tables.execute("UPDATE outbox SET delivered_at_wall_ns = NULL WHERE seq BETWEEN ? AND ?", (first, last))
        return self.look(first, last)

    def look(self, first: int, last: int) -> Again:
        """What `again` would lead to."""
        rows = self._database.read(
            "SELECT seq, outbox.seq IS NOT NULL AS sent FROM audit LEFT JOIN outbox USING (seq) "
            "WHERE seq BETWEEN ? AND ? ORDER BY seq",
            (first, last),
        )
        return Again(
            waiting=sum(row["sent"] for row in rows),
            silent=tuple(row["seq"] for row in rows if not row["sent"]),
            oldest=1 + self._database.read("SELECT seq FROM audit_base")[0]["seq"],
        )

    def delivered(self, seqs: Collection[int], wall_ns: int) -> None:
        """Mark decisions that a consumer's broker has confirmed."""
        with self._database.transaction() as tables:
            for seq in seqs:
                tables.execute("UPDATE outbox SET delivered_at_wall_ns = ? WHERE seq = ?", (wall_ns, seq))


def _waiting(row: Row) -> Waiting:
    return Waiting(**{**row, "kind": Kind(row["kind"])})
