"""Galleries as each older version of the tables left them, lived in at every version so far; and what is in them."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import sqlite_utils

from edgeface.store import audit, crypto, gallery, keyfile, outbox
from edgeface.store.audit import Event, Kind
from edgeface.store.database import _SETTINGS, APPLICATION_ID, write_marker
from edgeface.store.gallery import NewTemplate
from edgeface.store.keyring import Keyring, PersonKey
from edgeface.store.migrations import migrations
from edgeface.store.tables import Tables
from tools.faults.deeds import MODEL, now
from tools.faults.rows.disk import content, folder_in_memory

STEPS = tuple(step.name for step in migrations.pending(sqlite_utils.Database(memory=True)))
"""Names of the migrations, oldest first."""
SEALED, CHAINED = STEPS.index("m004_sealed"), STEPS.index("m007_chained")
AT = 1_780_000_000_000_000_000

Rows = list[tuple[object, ...]]


@dataclass(slots=True)
class Older:
    """A gallery of former days."""

    steps: int
    """How many migrations it has seen."""
    disk: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Of everybody in it, by id."""
    vectors: list[tuple[str, bytes]] = field(default_factory=list)
    """Everybody's templates."""
    tables: dict[str, tuple[str, Rows]] = field(default_factory=dict)
    """What else is in it: by table a query for it, and what that gave."""


def older(steps: int, dice: random.Random, *, key: bool) -> Older:
    """A gallery that has seen so many migrations; a key beside a plain one too, if it is wanted."""
    made = Older(steps=steps)
    with folder_in_memory() as folder:
        path = folder / "gallery.db"
        path.touch(mode=0o600)
        if key or steps > SEALED:
            keyfile.find_or_make(path)
        gallery_id = dice.randbytes(16).hex()
        if dice.random() < 0.5:
            write_marker(path, gallery_id)
        device_key = keyfile.find(path).current if steps > SEALED else crypto.new_key()
        keyring = Keyring(gallery_id=gallery_id, device_key=device_key, names_key=crypto.new_key())
        connection = sqlite3.connect(path, isolation_level=None)
        with closing(connection):
            for setting in (*_SETTINGS, f"application_id = {APPLICATION_ID}", "journal_mode = WAL"):
                connection.execute(f"PRAGMA {setting}")
            tables = Tables(connection, keyring)
            for step in range(steps):
                migrations.apply(tables, stop_before=STEPS[step + 1] if step + 1 < len(STEPS) else None)
                connection.execute("BEGIN")
                if step == 0:
                    tables.execute("INSERT INTO meta VALUES (1, ?, 7)", (gallery_id,))
                LIVED[STEPS[step]](_Home(tables, made, dice, step))
                connection.execute("COMMIT")
                if dice.random() < 0.3:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            made.tables = _whole(tables)
            made.disk = content(folder) if dice.random() < 0.5 else {}  # with what is in the log alone
        made.disk = made.disk or content(folder)
    return made


def _whole(tables: Tables) -> dict[str, tuple[str, Rows]]:
    """All that later migrations must leave as it is."""
    found = {}
    for table in tables.table_names():
        if table == "_sqlite_migrations":
            continue
        gone = {"people": {"name", "name_key"}, "templates": {"vector", "source"}}.get(table, {"hash"})
        columns = ", ".join(column.name for column in tables.table(table).columns if column.name not in gone)
        query = f"SELECT {columns} FROM {table} ORDER BY 1"
        found[table] = query, tables.execute(query).fetchall()
    return found


@dataclass(slots=True)
class _Home:
    """Somebody lives in a gallery of some version."""

    tables: Tables
    made: Older
    dice: random.Random
    step: int

    def insert(self, table: str, *values: object) -> None:
        self.tables.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)

    def anybody(self) -> str:
        return self.dice.choice(sorted(self.made.names))

    def key_of(self, person_id: str) -> PersonKey:
        return gallery.expect(self.tables, person_id)

    def note(self, kind: Kind, person_id: str | None) -> int:
        """A row of the audit log; of a decision in the outbox too."""
        decision_id = self.dice.randbytes(16).hex() if kind is Kind.DECISION else None
        payload = json.dumps({"says": "ä" * self.dice.randrange(200)})
        if self.step >= CHAINED:
            event = Event(
                kind=kind, boot_id="b", at=now(), payload=payload, decision_id=decision_id, person_id=person_id
            )
            seq = audit.append(self.tables, event)
        else:
            seq = 1 + self.tables.execute("SELECT count(*) FROM audit").fetchone()[0]
            self.insert("audit(seq, kind, boot_id, decision_id, person_id, captured_at_wall_ns, at_monotonic_ns, "
                        "at_wall_ns, wall_trusted, payload)",
                        seq, kind.value, "b", decision_id, person_id, AT, seq, AT + seq, 1, payload)  # fmt: skip
        if decision_id is not None:
            outbox.add(self.tables, seq)
        return seq

    def visits(self) -> None:
        for _ in range(self.dice.randrange(1, 6)):
            self.note(Kind.DECISION, self.anybody())

    def joins(self) -> str:
        """Somebody is enrolled, with templates; the id."""
        who, name = f"p_{self.dice.randbytes(8).hex()}", f"Person No {self.dice.randbytes(6).hex()}"
        vectors = [self.dice.randbytes(128) for _ in range(self.dice.randrange(1, 6))]
        self.made.names[who] = name
        self.made.vectors += [(who, vector) for vector in vectors]
        if self.step < SEALED:
            self.insert("people", who, name, name.casefold(), AT)
            for vector in vectors:
                self.insert("templates(person_id, model_sha256, vector, quality, source, created_at_wall_ns)",
                            who, MODEL, vector, 80.0, f"picture-{who}.jpg", AT)  # fmt: skip
        else:
            key, wrapped = self.tables.keyring.new_person(who)
            self.insert("people(id, wrapped_key, sealed_name, name_key, created_at_wall_ns)", who, wrapped,
                        key.seal_name(name), self.tables.keyring.name_key(name.casefold()), AT)  # fmt: skip
            new = [NewTemplate(model_sha256=MODEL, vector=np.frombuffer(vector, np.int8), quality=80.0, pose=None,
                               source="x") for vector in vectors]  # fmt: skip
            gallery.insert(self.tables, key, new, now())
        self.note(Kind.ENROL, who)
        return who


def _begins(home: _Home) -> None:
    for _ in range(home.dice.randrange(1, 25)):
        home.joins()
        home.visits()
    gone = f"p_{home.dice.randbytes(8).hex()}"
    home.note(Kind.ENROL, gone)
    home.note(Kind.FORGET, gone)


def _consents(home: _Home) -> None:
    for who in (home.joins(), home.joins()):
        home.insert("consents", who, "A warden", "written", "1", "c" * 64, AT, 1)
    one, other = home.dice.sample(sorted(home.made.names), 2)
    home.insert("duplicates", one, other, "A warden", 0.5, AT)


def _sealed(home: _Home) -> None:
    home.joins()
    home.visits()


def _access(home: _Home) -> None:
    for number in range(home.dice.randrange(1, 9)):
        home.insert("access_state", f"inside/main/{number}", home.anybody())


def _learning(home: _Home) -> None:
    who = home.joins()
    key, template = home.key_of(who), home.tables.execute("SELECT max(id) FROM templates").fetchone()[0]
    home.insert("lessons", template, home.dice.randbytes(16).hex(), "visit", AT)
    sealed = key.seal_face(home.dice.randbytes(128), "question", "q_1", MODEL)
    home.insert("questions", "q_1", who, MODEL, sealed, 80.0, 1.0, 2.0, 3.0, "new_pose", "d_1", AT, 0)
    key, wrapped = home.tables.keyring.new_person("s_1")
    home.insert("strangers", "s_1", MODEL, wrapped, key.seal_face(home.dice.randbytes(512), "stranger", "s_1", MODEL),
                3, AT, AT, 0)  # fmt: skip


def _chained(home: _Home) -> None:
    home.joins()
    home.visits()


def _retention(home: _Home) -> None:
    home.insert("retention", home.anybody(), AT, AT + 10**18)


def _commands(home: _Home) -> None:
    home.insert("command_keys", "ab" * 8, home.dice.randbytes(32), "phone", "warden", 3, AT, None)
    for number in range(1, home.dice.randrange(2, 9)):
        home.insert("commands", number, "ab" * 8, f"c_{number}", "d" * 64, home.dice.randbytes(80))


def _snapshots(home: _Home) -> None:
    who = home.anybody()
    home.insert("snapshots", "d_2", who, home.key_of(who).seal_picture(home.dice.randbytes(9000), "d_2"), AT)


def _releases(home: _Home) -> None:
    home.insert("releases", 4, "e" * 64, "confirmed", home.note(Kind.UPDATE, None))


LIVED: dict[str, Callable[[_Home], None]] = {
    "m001_gallery_and_journal": _begins,
    "m002_consent": _consents,
    "m004_sealed": _sealed,
    "m005_access_state": _access,
    "m006_learning": _learning,
    "m007_chained": _chained,
    "m008_retention": _retention,
    "m009_commands": _commands,
    "m010_snapshots": _snapshots,
    "m011_releases": _releases,
}
"""What happens in a gallery at each version but the newest, by the migration that led to it."""
