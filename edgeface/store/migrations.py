"""The tables, and each step that led to them.

The tables are

    meta          one row: which gallery this is, how often it changed
    people        who may be known            templates   one vector of one picture of a person
    consents      who took whose consent      duplicates  who may be enrolled twice, and who allowed it
    keyring       which device key opens it   audit       what happened, append-only
    audit_base    what the oldest audit row follows
    outbox        which audit rows no consumer has yet
    access_state  what the doors remember: who is inside, pauses, lockdowns
    lessons       templates that visits taught      questions  shots that a person should look at, or said no to
    strangers     visitors whom nobody enrolled, one direction each
    retention     until when a person may be kept   snapshots  pictures of visits, if they are wanted
    command_keys  who may command                   commands   what was answered, for whoever asks again
    releases      bundles of models that were here, and how each came out

Sealed (see keyring.py): people.sealed_name, templates.vector, templates.sealed_source, questions.vector, audit.sealed,
commands.answer, snapshots.picture and, under a key of the stranger's own, strangers.total. In plain text, because it is
needed to order, count and check without a key: ids, times, quality, pose, digests of models, and consents with the name
of whoever took them, who is the operator and not the person.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from edgeface.store import chain
from edgeface.store.encryption import seal_everything
from edgeface.store.tables import Tables

SCHEMA_VERSION = 12
"""Kept as the file's user_version: a file above this was written by a newer edgeface."""

migrations = Migrations("edgeface")


@migrations()
def m001_gallery_and_journal(tables: Database) -> None:
    """People and templates, the append-only audit and its outbox."""
    for statement in (*_GALLERY, *_AUDIT, *_OUTBOX):
        tables.execute(statement)
    _reached(tables, 1)


@migrations()
def m002_consent(tables: Database) -> None:
    """Why a person may be here; gone with the person."""
    for statement in _CONSENT:
        tables.execute(statement)
    _reached(tables, 2)


@migrations()
def m004_sealed(tables: Database) -> None:
    """Names and templates are sealed, a key a person."""
    if not isinstance(tables, Tables):
        raise TypeError("sealing needs tables that come with their keys")
    seal_everything(tables)
    _reached(tables, 4)


@migrations()
def m005_access_state(tables: Database) -> None:
    """What the access rules remember, written with the decision that changed it."""
    tables.execute("CREATE TABLE access_state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID")
    _reached(tables, 5)


@migrations()
def m006_learning(tables: Database) -> None:
    """What visits taught, what is asked about them, and who came that nobody knows."""
    for statement in _LEARNING:
        tables.execute(statement)
    _reached(tables, 6)


@migrations()
def m007_chained(tables: Database) -> None:
    """Each audit row holds the hash of all before it."""
    if not isinstance(tables, Tables):
        raise TypeError("the chain begins with the gallery's id, which comes with the keys")
    for statement in _CHAIN:
        tables.execute(statement)
    chain.start(tables, tables.keyring.gallery_id)
    for statement in _CHAIN_GUARDS:
        tables.execute(statement)
    _reached(tables, 7)


@migrations()
def m008_retention(tables: Database) -> None:
    """Until when a person may be kept."""
    tables.execute(_RETENTION)
    tables.execute("CREATE INDEX audit_of_person ON audit (person_id, seq)")
    _reached(tables, 8)


@migrations()
def m009_commands(tables: Database) -> None:
    """Who may command the reader, and what was answered."""
    for statement in _COMMANDS:
        tables.execute(statement)
    _reached(tables, 9)


@migrations()
def m010_snapshots(tables: Database) -> None:
    """Pictures of visits, sealed under the visitor's key."""
    for statement in _SNAPSHOTS:
        tables.execute(statement)
    _reached(tables, 10)


@migrations()
def m011_releases(tables: Database) -> None:
    """Which bundles of models were here: versions never go back."""
    for statement in _RELEASES:
        tables.execute(statement)
    _reached(tables, 11)


@migrations()
def m012_local_commands(tables: Database) -> None:
    """Answers are kept for users of this machine too, who need no key."""
    for statement in _LOCAL_COMMANDS:
        tables.execute(statement)
    _reached(tables, 12)


def _reached(tables: Database, version: int) -> None:
    """The file is that new at least; a migration that was written later may have come first."""
    newest = tables.execute("PRAGMA user_version").fetchone()[0]
    tables.execute(f"PRAGMA user_version = {max(version, newest)}")


_GALLERY = (
    """CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        gallery_id TEXT NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE people (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        created_at_wall_ns INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE templates (
        id INTEGER PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        model_sha256 TEXT NOT NULL CHECK (length(model_sha256) = 64),
        vector BLOB NOT NULL CHECK (length(vector) > 0),
        quality REAL NOT NULL,
        yaw_deg REAL,
        pitch_deg REAL,
        roll_deg REAL,
        source TEXT NOT NULL,
        created_at_wall_ns INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX templates_of_person ON templates (person_id)",
    "CREATE INDEX templates_of_model ON templates (model_sha256)",
)

_CONSENT = (
    """CREATE TABLE consents (
        person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
        recorded_by TEXT NOT NULL CHECK (length(recorded_by) > 0),
        given TEXT NOT NULL,
        text_version TEXT NOT NULL,
        text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
        recorded_at_wall_ns INTEGER NOT NULL,
        wall_trusted INTEGER NOT NULL CHECK (wall_trusted IN (0, 1))
    ) STRICT""",
    """CREATE TABLE duplicates (
        person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        of_person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        allowed_by TEXT NOT NULL,
        score REAL NOT NULL,
        allowed_at_wall_ns INTEGER NOT NULL,
        PRIMARY KEY (person_id, of_person_id)
    ) STRICT""",
)

_LEARNING = (
    """CREATE TABLE lessons (
        template_id INTEGER PRIMARY KEY REFERENCES templates (id) ON DELETE CASCADE,
        decision_id TEXT NOT NULL UNIQUE,
        taught_by TEXT NOT NULL CHECK (taught_by IN ('visit', 'answer')),
        taught_at_wall_ns INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE questions (
        id TEXT PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        model_sha256 TEXT NOT NULL CHECK (length(model_sha256) = 64),
        vector BLOB NOT NULL CHECK (length(vector) > 0),
        quality REAL NOT NULL,
        yaw_deg REAL NOT NULL,
        pitch_deg REAL NOT NULL,
        roll_deg REAL NOT NULL,
        why TEXT NOT NULL,
        decision_id TEXT NOT NULL UNIQUE,
        asked_at_wall_ns INTEGER NOT NULL,
        denied INTEGER NOT NULL DEFAULT 0 CHECK (denied IN (0, 1))
    ) STRICT""",
    "CREATE INDEX questions_of_person ON questions (person_id)",
    """CREATE TABLE strangers (
        id TEXT PRIMARY KEY,
        model_sha256 TEXT NOT NULL CHECK (length(model_sha256) = 64),
        wrapped_key BLOB NOT NULL,
        total BLOB NOT NULL CHECK (length(total) > 0),
        visits INTEGER NOT NULL CHECK (visits > 0),
        first_seen_wall_ns INTEGER NOT NULL,
        last_seen_wall_ns INTEGER NOT NULL,
        ignored INTEGER NOT NULL DEFAULT 0 CHECK (ignored IN (0, 1))
    ) STRICT""",
)

_RETENTION = """CREATE TABLE retention (
    person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
    counted_from_wall_ns INTEGER,
    keep_until_wall_ns INTEGER
) STRICT"""

_SNAPSHOTS = (
    """CREATE TABLE snapshots (
        decision_id TEXT PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        picture BLOB NOT NULL CHECK (length(picture) > 0),
        taken_at_wall_ns INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX snapshots_of_person ON snapshots (person_id)",
)

# person_id refers to nobody on purpose: the row outlives the person, the name does not. The triggers also stop
# INSERT OR REPLACE, as sqlite-utils switches recursive triggers on.
_AUDIT = (
    """CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        decision_id TEXT UNIQUE,
        person_id TEXT,
        captured_at_monotonic_ns INTEGER,
        captured_at_wall_ns INTEGER,
        at_monotonic_ns INTEGER NOT NULL,
        at_wall_ns INTEGER NOT NULL,
        wall_trusted INTEGER NOT NULL CHECK (wall_trusted IN (0, 1)),
        payload TEXT NOT NULL,
        CHECK ((kind = 'decision') = (decision_id IS NOT NULL))
    ) STRICT""",
    """CREATE TRIGGER audit_without_gaps BEFORE INSERT ON audit
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
        BEGIN SELECT RAISE(ABORT, 'audit rows are numbered without gaps'); END""",
    """CREATE TRIGGER audit_never_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END""",
    """CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END""",
)

_OUTBOX = (
    """CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY REFERENCES audit (seq),
        delivered_at_wall_ns INTEGER
    ) STRICT""",
    "CREATE INDEX outbox_waiting ON outbox (seq) WHERE delivered_at_wall_ns IS NULL",
)

# A column that is added must have a default; no row has 32 zeros for a hash.
_CHAIN = (
    "DROP TRIGGER audit_without_gaps",
    "DROP TRIGGER audit_never_changed",
    "DROP TRIGGER audit_never_deleted",
    "ALTER TABLE audit ADD COLUMN sealed BLOB",
    f"ALTER TABLE audit ADD COLUMN hash BLOB NOT NULL DEFAULT x'{'00' * 32}' CHECK (length(hash) = 32)",
    """CREATE TABLE audit_base (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL,
        hash BLOB NOT NULL CHECK (length(hash) = 32)
    ) STRICT""",
)

_CHAIN_GUARDS = (
    """CREATE TRIGGER audit_without_gaps BEFORE INSERT ON audit
        WHEN NEW.seq IS NOT 1 + coalesce((SELECT max(seq) FROM audit), (SELECT seq FROM audit_base))
        BEGIN SELECT RAISE(ABORT, 'audit rows are numbered without gaps'); END""",
    """CREATE TRIGGER audit_never_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END""",
    """CREATE TRIGGER audit_deleted_up_to_the_base BEFORE DELETE ON audit
        WHEN OLD.seq > (SELECT seq FROM audit_base)
        BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted, only pruned'); END""",
    """CREATE TRIGGER audit_base_moves_to_a_row BEFORE UPDATE ON audit_base
        WHEN NEW.seq <= OLD.seq OR NEW.hash IS NOT (SELECT hash FROM audit WHERE seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'the base of the audit moves to a later row'); END""",
    """CREATE TRIGGER audit_base_stays BEFORE DELETE ON audit_base
        BEGIN SELECT RAISE(ABORT, 'the base of the audit stays'); END""",
)

_COMMANDS = (
    """CREATE TABLE command_keys (
        id TEXT PRIMARY KEY CHECK (length(id) = 16),
        public BLOB NOT NULL CHECK (length(public) = 32),
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        newest_seq INTEGER NOT NULL,
        added_at_wall_ns INTEGER NOT NULL,
        revoked_at_wall_ns INTEGER
    ) STRICT""",
    """CREATE TABLE commands (
        number INTEGER PRIMARY KEY,
        key_id TEXT NOT NULL REFERENCES command_keys (id),
        cmd_id TEXT NOT NULL,
        digest TEXT NOT NULL CHECK (length(digest) = 64),
        answer BLOB,
        UNIQUE (key_id, cmd_id)
    ) STRICT""",
    """CREATE TRIGGER keys_count_upwards BEFORE UPDATE OF newest_seq ON command_keys
        WHEN NEW.newest_seq < OLD.newest_seq
        BEGIN SELECT RAISE(ABORT, 'a key never counts backwards'); END""",
    """CREATE TRIGGER keys_stay_revoked BEFORE UPDATE OF revoked_at_wall_ns ON command_keys
        WHEN OLD.revoked_at_wall_ns IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'a revoked key stays revoked'); END""",
    """CREATE TRIGGER keys_stay BEFORE DELETE ON command_keys
        BEGIN SELECT RAISE(ABORT, 'keys are revoked, never deleted'); END""",
)

_RELEASES = (
    """CREATE TABLE releases (
        version INTEGER PRIMARY KEY CHECK (version > 0),
        sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
        standing TEXT NOT NULL CHECK (standing IN ('begun', 'trial', 'confirmed', 'returned')),
        begun_at_seq INTEGER NOT NULL
    ) STRICT""",
    """CREATE TRIGGER releases_count_upwards BEFORE INSERT ON releases
        WHEN NEW.version <= (SELECT max(version) FROM releases)
        BEGIN SELECT RAISE(ABORT, 'versions of models never go back'); END""",
    """CREATE TRIGGER releases_stay_what_they_are BEFORE UPDATE ON releases
        WHEN NEW.version IS NOT OLD.version OR NEW.sha256 IS NOT OLD.sha256 OR OLD.standing = 'returned'
        BEGIN SELECT RAISE(ABORT, 'a bundle that was here is another no more'); END""",
    """CREATE TRIGGER releases_stay BEFORE DELETE ON releases
        BEGIN SELECT RAISE(ABORT, 'bundles that were here are remembered'); END""",
)

_LOCAL_COMMANDS = (
    """CREATE TABLE commands_of_all (
        number INTEGER PRIMARY KEY,
        key_id TEXT NOT NULL,
        cmd_id TEXT NOT NULL,
        digest TEXT NOT NULL CHECK (length(digest) = 64),
        answer BLOB,
        UNIQUE (key_id, cmd_id)
    ) STRICT""",
    "INSERT INTO commands_of_all SELECT number, key_id, cmd_id, digest, answer FROM commands",
    "DROP TABLE commands",
    "ALTER TABLE commands_of_all RENAME TO commands",
)
