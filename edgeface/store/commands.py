"""Who may command this reader, how far each has counted, and what was answered.

The sequence number of a command and its answer are written in the transaction of its effect: after a power cut a
command was carried out and is known, or neither. Answers are sealed, since a sentence may name somebody, and all of
them go when somebody is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlite_utils

from edgeface.commands import Key, Role
from edgeface.errors import ConfigError
from edgeface.frame import Instant
from edgeface.signature import key_id
from edgeface.store import audit, crypto
from edgeface.store.audit import Kind
from edgeface.store.database import Database
from edgeface.store.tables import Tables

MOST_KEYS = 64
"""That may command."""
MOST_REVOKED = 4096
"""They are remembered for good, so that none of them comes back. A choice: a password of the console's that is reset
every week for 78 years; 0.7 MB."""
SHOWN_REVOKED = 64
"""The newest: an answer must fit into one message."""

MOST_ANSWERS = 1000
"""Kept, over all keys. A choice: who has not asked again by then has given up, and an older command is a replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key with what people want to know about it."""

    key: Key
    name: str
    added_at_wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """By which a command is known again."""

    asker: str
    """Id of the key that signed, or "local:1000" for a user of this machine."""
    cmd_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A command that was carried out, or begun."""

    digest: str
    """Of the command, 64 hex digits."""
    answer: str | None
    """As it was sent; None if it never ended, or is kept no longer."""


def find(database: Database, wanted: str) -> Key | None:
    """The key of that id."""
    rows = database.read("SELECT * FROM command_keys WHERE id = ?", (wanted,))
    return _key(rows[0]) if rows else None


def everybody(database: Database) -> tuple[KnownKey, ...]:
    """All keys, in the order in which they came."""
    rows = database.read("SELECT * FROM command_keys ORDER BY added_at_wall_ns, id")
    return tuple(KnownKey(key=_key(row), name=row["name"], added_at_wall_ns=row["added_at_wall_ns"]) for row in rows)


def add(tables: Tables, public: bytes, name: str, role: Role, now: Instant, *, by: str) -> str:
    """Let a key command, within the caller's transaction; its id. Raises ConfigError for one that was here before."""
    made = key_id(public)
    if tables.execute("SELECT 1 FROM command_keys WHERE id = ?", (made,)).fetchone():
        raise ConfigError(f"the key {made} was added before; a revoked key stays revoked: make another")
    active, ever = tables.execute("SELECT count(*) - count(revoked_at_wall_ns), count(*) FROM command_keys").fetchone()
    if active >= MOST_KEYS:
        raise ConfigError(f"there are {MOST_KEYS} keys: no more are taken until one is revoked")
    if ever >= MOST_KEYS + MOST_REVOKED:
        raise ConfigError(f"{MOST_REVOKED} keys were revoked here: no more can be remembered, and none is taken")
    row = {"id": made, "public": public, "name": name, "role": role.value, "newest_seq": 0}
    tables.table("command_keys").insert({**row, "added_at_wall_ns": now.wall_ns, "revoked_at_wall_ns": None})
    audit.note(tables, Kind.KEYS, now, {"by": by, "what": "add", "key": made, "role": role.value})
    return made


def revoke(tables: Tables, wanted: str, now: Instant, *, by: str) -> None:
    """Let a key command no more, within the caller's transaction. Raises ConfigError."""
    found = tables.execute("SELECT revoked_at_wall_ns FROM command_keys WHERE id = ?", (wanted,)).fetchone()
    if found is None or found[0] is not None:
        raise ConfigError(f"{'no key' if found is None else 'the key was revoked already:'} {wanted[:16]}")
    tables.execute("UPDATE command_keys SET revoked_at_wall_ns = ? WHERE id = ?", (now.wall_ns, wanted))
    audit.note(tables, Kind.KEYS, now, {"by": by, "what": "revoke", "key": wanted})


def advance(tables: sqlite_utils.Database, wanted: str, seq: int) -> None:
    """Remember that a key has counted so far, within the caller's transaction."""
    tables.execute("UPDATE command_keys SET newest_seq = max(newest_seq, ?) WHERE id = ?", (seq, wanted))


def outlast(tables: Tables, former: Mapping[str, KnownKey] | None, now: Instant, *, by: str) -> tuple[str, ...]:
    """After a restoration, within its transaction: no number that a key may have used since the backup is taken again,
    and a key that was revoked since stays so. The ids of the keys that had to be revoked for it.

    `former`: the keys of the gallery that was there; None if it cannot be asked. Then a key that counts milliseconds
    since 1970 goes on from now, if the device knows the time; what another has used by now nobody can tell.
    """
    gone = []
    for row in list(tables.query("SELECT * FROM command_keys WHERE revoked_at_wall_ns IS NULL")):
        key = _key(row)
        if former is None:
            now_ms = now.wall_ns // 10**6
            newest = now_ms if now.wall_trusted and key.newest_seq <= now_ms else None
        elif (known := former.get(key.key_id)) is not None and not known.key.revoked:
            newest = max(key.newest_seq, known.key.newest_seq)
        else:
            newest = None
        if newest is None:
            revoke(tables, key.key_id, now, by=by)
            gone.append(key.key_id)
        else:
            advance(tables, key.key_id, newest)
    return tuple(gone)


def remember(tables: Tables, mark: Mark, digest: str, answer: str | None) -> None:
    """Store what was answered, or that a command is begun, within the caller's transaction."""
    sealed = None if answer is None else crypto.seal(_answers_key(tables), answer.encode(), _place(tables, mark))
    tables.execute(
        "INSERT INTO commands (key_id, cmd_id, digest, answer) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (key_id, cmd_id) DO UPDATE SET answer = excluded.answer",
        (mark.asker, mark.cmd_id, digest, sealed),
    )
    tables.execute("DELETE FROM commands WHERE number <= (SELECT max(number) FROM commands) - ?", (MOST_ANSWERS,))


def recall(tables: Tables, mark: Mark) -> Stored | None:
    """What is known of a command of this asker with this `cmd_id`."""
    found = tables.execute(
        "SELECT digest, answer FROM commands WHERE key_id = ? AND cmd_id = ?", (mark.asker, mark.cmd_id)
    ).fetchone()
    if found is None:
        return None
    return Stored(digest=found[0], answer=None if found[1] is None else _unsealed(tables, mark, found[1]))


def forget_answers(tables: sqlite_utils.Database) -> None:
    """Keep no answer, within the caller's transaction: any of them may name who is to be forgotten."""
    tables.execute("UPDATE commands SET answer = NULL")


def _key(row: dict[str, object]) -> Key:
    return Key(
        key_id=str(row["id"]),
        public=bytes(row["public"]),  # type: ignore[call-overload]
        role=Role(str(row["role"])),
        revoked=row["revoked_at_wall_ns"] is not None,
        newest_seq=int(row["newest_seq"]),  # type: ignore[call-overload]
    )


def _unsealed(tables: Tables, mark: Mark, answer: bytes) -> str | None:
    try:
        return crypto.unseal(_answers_key(tables), answer, _place(tables, mark)).decode()
    except crypto.Unsealable:
        return None


def _answers_key(tables: Tables) -> bytes:
    return crypto.derive(tables.keyring.names_key, f"answers\0{tables.keyring.gallery_id}")


def _place(tables: Tables, mark: Mark) -> bytes:
    return crypto.bound(tables.keyring.gallery_id, "answer", mark.asker, mark.cmd_id)
