"""What happened at this device, row after row, never changed.

Rows are numbered from 1 without gaps; that number, not the clock, is their order. They hold ids, never names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

import sqlite_utils

from edgeface.frame import Instant
from edgeface.store.database import Database


class Kind(StrEnum):
    """What a row tells."""

    DECISION = "decision"
    START = "start"
    """The service began; numbers of tracks and monotonic times before it do not compare."""
    LEARNED = "learned"
    """A visit taught a template: by itself, or because a person said so."""
    UNLEARNED = "unlearned"
    """Templates that visits had taught were taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row."""

    seq: int
    """The number of the row, from 1."""
    kind: Kind
    boot_id: str
    """Which boot of the machine; monotonic times compare within it."""
    decision_id: str | None
    person_id: str | None
    captured_at: Instant | None
    at: Instant
    """When it was decided, or happened."""
    payload: str
    """The rest, as JSON: of a decision, the message that is published, without the name."""


def next_seq(tables: sqlite_utils.Database) -> int:
    """The number that the next row must have. Ask and append within one transaction."""
    return int(tables.execute("SELECT coalesce(max(seq), 0) + 1 FROM audit").fetchone()[0])


def append(tables: sqlite_utils.Database, entry: Entry) -> None:
    """Write one row, within the caller's transaction."""
    captured = entry.captured_at
    tables.execute(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.seq,
            entry.kind.value,
            entry.boot_id,
            entry.decision_id,
            entry.person_id,
            None if captured is None else captured.monotonic_ns,
            None if captured is None else captured.wall_ns,
            entry.at.monotonic_ns,
            entry.at.wall_ns,
            int(entry.at.wall_trusted),
            entry.payload,
        ),
    )


def seq_of(tables: sqlite_utils.Database, decision_id: str) -> int | None:
    """The row that already holds a decision, or None."""
    found = tables.execute("SELECT seq FROM audit WHERE decision_id = ?", (decision_id,)).fetchone()
    return None if found is None else int(found[0])


def door_of(database: Database, decision_id: str) -> str | None:
    """Which door a decision was about; None if it is not on record."""
    rows = database.read("SELECT payload FROM audit WHERE decision_id = ?", (decision_id,))
    return str(json.loads(rows[0]["payload"])["door"]) if rows else None


def last_seq(database: Database) -> int:
    """The newest row's number; 0 if there is none."""
    return int(database.read("SELECT coalesce(max(seq), 0) AS seq FROM audit")[0]["seq"])
