"""Which decisions no consumer has confirmed yet. The message itself stands once, in the audit row."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlite_utils

from edgeface.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A decision to be published."""

    seq: int
    """Number of its audit row."""
    boot_id: str
    """`decided_at_monotonic_ns` counts from this boot."""
    decided_at_monotonic_ns: int
    payload: str
    """A DecisionMessage as JSON, without the person's name."""


_WAITING = (
    "SELECT seq, boot_id, at_monotonic_ns AS decided_at_monotonic_ns, payload FROM outbox JOIN audit USING (seq) "
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
        return tuple(Waiting(**row) for row in rows)

    def row(self, seq: int) -> Waiting | None:
        """One decision, unless it has been delivered."""
        rows = self._database.read(f"{_WAITING} AND seq = ?", (seq,))
        return Waiting(**rows[0]) if rows else None

    def count(self) -> int:
        """How many decisions wait."""
        return int(self._database.read("SELECT count(*) AS n FROM outbox WHERE delivered_at_wall_ns IS NULL")[0]["n"])

    def delivered(self, seqs: Collection[int], wall_ns: int) -> None:
        """Mark decisions that a consumer's broker has confirmed."""
        with self._database.transaction() as tables:
            for seq in seqs:
                tables.execute("UPDATE outbox SET delivered_at_wall_ns = ? WHERE seq = ?", (wall_ns, seq))
