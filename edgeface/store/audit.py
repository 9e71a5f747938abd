"""What happened at this device, row after row, never changed, each row chained to the one before (see chain.py).

    note(tables, Kind.RENAME, now, {"by": "uid 1000"}, person=key, personal={"name": "Ada"})

Rows are numbered from 1 without gaps; that number, not the clock, is their order. In plain text they hold ids, never
names; what tells a person apart is sealed under the person's own key, so that forgetting makes it unreadable and leaves
the chain as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlite_utils

from edgeface.canonical import Json, canonical
from edgeface.frame import Instant
from edgeface.store import chain
from edgeface.store.chain import Link
from edgeface.store.database import Database
from edgeface.store.keyring import PersonKey
from edgeface.store.tables import Tables

Facts = Mapping[str, Json]
"""What a row tells in plain text, for good: ids and counts, never a name."""


class Kind(StrEnum):
    """What a row tells."""

    DECISION = "decision"
    DOOR = "door"
    """Something happened at the door: it was released, opened, forced, held open."""
    START = "start"
    """The service began; numbers of tracks and monotonic times before it do not compare."""
    LEARNED = "learned"
    """A visit taught a template: by itself, or because a person said so."""
    UNLEARNED = "unlearned"
    """Templates that visits had taught were taken back."""
    ENROL = "enrol"
    ADD = "add"
    """More templates of somebody."""
    RENAME = "rename"
    FORGET = "forget"
    COMMAND = "command"
    """Something that a person or another machine asked for: a lockdown, a reset, an open door."""
    CLOCK = "clock"
    """The wall clock was set, or jumped."""
    CONFIG = "config"
    """Settings, models or rules are others than at the last start."""
    RULES = "rules"
    """A command changes who may pass."""
    KEYS = "keys"
    """Another device key, or another key that may command."""
    COPY = "copy"
    """A backup, a restoration, an export or an import."""
    ALARM = "alarm"
    """A trouble of the reader's began or ended: no camera, no broker, a disk that is full; see `edgeface.alarms`."""
    UPDATE = "update"
    """A bundle of models came, proved itself, or was gone back from."""
    PRUNE = "prune"
    """The oldest rows are deleted; this one names the last of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a row is made of, but for its number and hash."""

    kind: Kind
    boot_id: str
    """Which boot of the machine; monotonic times compare within it."""
    at: Instant
    """When it was decided, or happened."""
    payload: str
    """The rest, as JSON: of a decision, the message that is published, without the name."""
    decision_id: str | None = None
    person_id: str | None = None
    captured_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """What only the person's key opens."""

    key: PersonKey
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row as people read it."""

    seq: int
    kind: str
    person_id: str | None
    at_wall_ns: int
    """Nanoseconds since 1970-01-01 UTC, as far as the device knew."""
    wall_trusted: bool
    facts: Mapping[str, Any]
    personal: Mapping[str, str] | None
    """What was sealed; None if there is nothing, or the person is forgotten."""
    hash: bytes


def next_seq(tables: sqlite_utils.Database) -> int:
    """The number that the next row must have. Ask and append within one transaction."""
    return chain.last(tables).seq + 1


def append(tables: sqlite_utils.Database, event: Event, personal: Personal | None = None) -> int:
    """Write one row, within the caller's transaction; its number."""
    before = chain.last(tables)
    captured, seq = event.captured_at, before.seq + 1
    row: chain.Row = {
        "seq": seq,
        "kind": event.kind.value,
        "boot_id": event.boot_id,
        "decision_id": event.decision_id,
        "person_id": event.person_id,
        "captured_at_monotonic_ns": None if captured is None else captured.monotonic_ns,
        "captured_at_wall_ns": None if captured is None else captured.wall_ns,
        "at_monotonic_ns": event.at.monotonic_ns,
        "at_wall_ns": event.at.wall_ns,
        "wall_trusted": int(event.at.wall_trusted),
        "payload": event.payload,
        "sealed": None if personal is None else personal.key.seal_facts(canonical(personal.facts), seq),
    }
    row["hash"] = chain.row_hash(before.hash, row)
    tables.execute(_INSERT, row)
    return seq


_INSERT = (
    f"INSERT INTO audit ({', '.join(chain.COLUMNS)}, hash) "
    f"VALUES ({', '.join(':' + column for column in chain.COLUMNS)}, :hash)"
)


def note(
    tables: Tables,
    kind: Kind,
    at: Instant,
    facts: Facts,
    *,
    person: PersonKey | None = None,
    personal: Mapping[str, str] | None = None,
) -> int:
    """Write what is no decision, within the caller's transaction; the row's number.

    `personal` is sealed under the person's key.
    """
    event = Event(
        kind=kind,
        boot_id=tables.boot_id,
        at=at,
        payload=canonical(facts).decode(),
        person_id=None if person is None else person.person_id,
    )
    secret = None if person is None or not personal else Personal(key=person, facts=personal)
    return append(tables, event, secret)


def prune(tables: Tables, through: int, now: Instant, *, unsent: bool = False) -> int:
    """Delete the rows up to a number, within the caller's transaction; how many went.

    A row is written first that names the last of them; rows that no consumer has yet stay, or go too if `unsent`: then
    the row says how many of these. Afterwards `Database.erase_traces` overwrites them on the disk.
    """
    newest, oldest = chain.last(tables).seq, chain.base(tables).seq
    through = min(through, newest if unsent else sent_through(tables))
    if through <= oldest:
        return 0
    digest = tables.execute("SELECT hash FROM audit WHERE seq = ?", (through,)).fetchone()[0]
    note(tables, Kind.PRUNE, now, {"through": through, "hash": digest.hex(), "unsent": _dropped(tables, through)})
    tables.execute("DELETE FROM outbox WHERE seq <= ?", (through,))
    tables.execute("UPDATE audit_base SET seq = ?, hash = ?", (through, digest))
    tables.execute("DELETE FROM audit WHERE seq <= ?", (through,))
    return through - oldest


def sent_through(tables: sqlite_utils.Database) -> int:
    """The number up to which no row waits for a consumer."""
    waiting = tables.execute("SELECT min(seq) FROM outbox WHERE delivered_at_wall_ns IS NULL").fetchone()[0]
    return chain.last(tables).seq if waiting is None else int(waiting) - 1


def _dropped(tables: sqlite_utils.Database, through: int) -> int:
    """Rows up to a number that no consumer got; and those that rows up to it say were dropped before, so that it is
    told for as long as the log is kept."""
    (waiting,) = tables.execute(
        "SELECT count(*) FROM outbox WHERE delivered_at_wall_ns IS NULL AND seq <= ?", (through,)
    ).fetchone()
    (before,) = tables.execute(
        "SELECT total(json_extract(payload, '$.unsent')) FROM audit WHERE kind = 'prune' AND seq <= ?", (through,)
    ).fetchone()
    return int(waiting + before)


def seq_of(tables: sqlite_utils.Database, decision_id: str) -> int | None:
    """The row that already holds a decision, or None."""
    found = tables.execute("SELECT seq FROM audit WHERE decision_id = ?", (decision_id,)).fetchone()
    return None if found is None else int(found[0])


def door_of(database: Database, decision_id: str) -> str | None:
    """Which door a decision was about; None if it is not on record."""
    rows = database.read("SELECT payload FROM audit WHERE decision_id = ?", (decision_id,))
    return str(json.loads(rows[0]["payload"])["door"]) if rows else None


def last_seq(database: Database) -> int:
    """The newest row's number; 0 if there never was one."""
    return newest(database).seq


def newest(database: Database) -> Link:
    """The newest row, or what the first one will follow."""
    sql = "SELECT seq, hash FROM audit UNION ALL SELECT seq, hash FROM audit_base ORDER BY seq DESC LIMIT 1"
    (row,) = database.read(sql)
    return Link(**row)


def newest_entries(
    database: Database, most: int, kind: Kind | None, person_id: str | None, before: int | None = None
) -> tuple[Entry, ...]:
    """The newest rows, oldest first: all, or of one kind, or about one person, or those before a row."""
    rows = database.read(
        "SELECT audit.*, wrapped_key FROM audit LEFT JOIN people ON people.id = person_id "
        "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR person_id = ?2) AND (?4 IS NULL OR seq < ?4) "
        "ORDER BY seq DESC LIMIT ?3",
        (None if kind is None else kind.value, person_id, most, before),
    )
    return tuple(_entry(database, row) for row in reversed(rows))


def _entry(database: Database, row: dict[str, Any]) -> Entry:
    personal = None
    if row["sealed"] is not None and row["wrapped_key"] is not None:
        key = database.keyring.person(row["person_id"], row["wrapped_key"])
        personal = json.loads(key.facts(row["sealed"], row["seq"]))
    return Entry(
        seq=row["seq"],
        kind=row["kind"],
        person_id=row["person_id"],
        at_wall_ns=row["at_wall_ns"],
        wall_trusted=bool(row["wall_trusted"]),
        facts=json.loads(row["payload"]),
        personal=personal,
        hash=row["hash"],
    )
