"""What the access rules remember, row by row; `edgeface.access.state` says what the rows mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlite_utils

from edgeface.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Rows that become others."""

    written: Mapping[str, str]
    """New text by key."""
    deleted: tuple[str, ...] = ()
    """Keys that go."""


def read(database: Database) -> dict[str, str]:
    """All rows, by key."""
    return {row["key"]: row["value"] for row in database.read("SELECT key, value FROM access_state")}


def write(tables: sqlite_utils.Database, change: Change) -> None:
    """Apply a change, within the caller's transaction."""
    for key in change.deleted:
        tables.execute("DELETE FROM access_state WHERE key = ?", (key,))
    for key, value in change.written.items():
        tables.execute(
            "INSERT INTO access_state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )


def forget(tables: sqlite_utils.Database, person_id: str) -> None:
    """Delete every row that names a person, within the caller's transaction."""
    tables.execute("DELETE FROM access_state WHERE instr(key, ?) OR instr(value, ?)", (person_id, person_id))


def replace_all(tables: sqlite_utils.Database, rows: Mapping[str, str]) -> None:
    """These rows and no others, within the caller's transaction."""
    tables.execute("DELETE FROM access_state")
    write(tables, Change(written=rows))
