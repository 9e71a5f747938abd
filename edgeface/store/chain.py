"""The audit rows as a chain: each holds the hash of all before it, so that an altered row is named.

    hash = SHA-256(hash of the row before || canonical JSON (RFC 8785) of the row without its hash)

What is sealed in a row counts as ciphertext, so a person who is forgotten leaves the chain valid. The base is what the
first row follows: the gallery's id, or the last row that was pruned. A chain shows neither that its end was cut off nor
that all of it was made anew; for that somebody else must hold a head (see heads.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import sqlite_utils

from edgeface.canonical import canonical

Value = str | int | float | bytes | None
Row = dict[str, Value]

COLUMNS = (
    "seq",
    "kind",
    "boot_id",
    "decision_id",
    "person_id",
    "captured_at_monotonic_ns",
    "captured_at_wall_ns",
    "at_monotonic_ns",
    "at_wall_ns",
    "wall_trusted",
    "payload",
    "sealed",
)
"""What a row's hash covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A place in the chain."""

    seq: int
    """Number of the row; 0 before the first."""
    hash: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Where the chain does not hold."""

    seq: int
    """The first row that is wrong."""
    says: str
    """What is wrong with it, as a sentence."""


def genesis(gallery_id: str) -> Link:
    """What the first row of a gallery follows: rows of one gallery are no rows of another."""
    return Link(seq=0, hash=hashlib.sha256(f"edgeface audit 1\0{gallery_id}".encode()).digest())


def row_hash(before: bytes, row: Row) -> bytes:
    """The hash of a row, 32 bytes. Raises ValueError for a row that could never have been written."""
    return hashlib.sha256(before + canonical(plain(row))).digest()


def plain(row: Row) -> dict[str, Value]:
    """A row as JSON has it, without its hash. Raises ValueError for a text that is none."""
    return {column: _plain(column, row[column]) for column in COLUMNS}


def _plain(column: str, value: Value) -> Value:
    """Nanoseconds are too large for a number in JSON, and bytes are none of its types."""
    if isinstance(value, bytes):
        if column != "sealed":
            raise ValueError(f"its {column} is no text")
        return value.hex()
    return str(value) if column.endswith("_ns") and isinstance(value, int) else value


def last(tables: sqlite_utils.Database) -> Link:
    """The newest row, or the base if there is none."""
    found = tables.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return base(tables) if found is None else Link(seq=found[0], hash=found[1])


def base(tables: sqlite_utils.Database) -> Link:
    """What the oldest row follows."""
    seq, digest = tables.execute("SELECT seq, hash FROM audit_base").fetchone()
    return Link(seq=seq, hash=digest)


def start(tables: sqlite_utils.Database, gallery_id: str) -> None:
    """Lay the base and chain the rows that are there, within a migration's transaction."""
    link = genesis(gallery_id)
    tables.execute("INSERT INTO audit_base VALUES (1, ?, ?)", (link.seq, link.hash))
    for row in list(rows(tables)):
        link = Link(seq=link.seq + 1, hash=row_hash(link.hash, row))
        tables.execute("UPDATE audit SET hash = ? WHERE seq = ?", (link.hash, link.seq))


def rows(tables: sqlite_utils.Database, after: int = -1, through: int = 2**62) -> Iterator[Row]:
    """All rows, oldest first, or those between two numbers. A text that is no UTF-8 comes as bytes: the chain names its
    row."""
    texts = ("kind", "boot_id", "decision_id", "person_id", "payload")
    chosen = (f"CAST({name} AS BLOB)" if name in texts else name for name in (*COLUMNS, "hash"))
    sql = f"SELECT {', '.join(chosen)} FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq"
    cursor = tables.execute(sql, (after, through))
    for values in cursor:
        row: Row = dict(zip((*COLUMNS, "hash"), values, strict=True))
        for name in texts:
            row[name] = _decoded(row[name])
        yield row


def _decoded(value: Value) -> Value:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def follow(before: Link, row: Row) -> Link | Break:
    """The place of a row that comes after another, or what is wrong with it."""
    seq = before.seq + 1
    if row["seq"] != seq:
        return Break(seq=seq, says=f"it is missing: row {row['seq']!r} follows row {before.seq}")
    try:
        digest = row_hash(before.hash, row)
    except ValueError as error:
        return Break(seq=seq, says=f"it was altered: {error}")
    if digest != row["hash"]:
        return Break(seq=seq, says="it was altered: its hash is another")
    return Link(seq=seq, hash=digest)


def names_base(row: Row, from_base: Link) -> bool:
    """Whether a row, one that holds, says that everything up to this base was pruned."""
    if row["kind"] != "prune":
        return False
    told = json.loads(str(row["payload"]))
    return bool((told["through"], told["hash"]) == (from_base.seq, from_base.hash.hex()))
