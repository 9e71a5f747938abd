"""A copy of the gallery that can be put back: whole, checked before anybody relies on it, of no use without the key.

    backup(database, file, now)      restore(file, gallery, now)

A copy is the gallery's own file, made by VACUUM INTO (https://www.sqlite.org/lang_vacuum.html): sealed as the gallery
is, under the device key that is not in it. Rules and settings are files of their own and are not in it either.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeface.errors import BackupError, GalleryCorrupt, GalleryError, GalleryInUse, KeyWrong
from edgeface.frame import Instant
from edgeface.store import audit, chain, commands, crypto, files, keyfile
from edgeface.store.audit import Facts, Kind
from edgeface.store.commands import KnownKey
from edgeface.store.database import APPLICATION_ID, Database, open_database, read_marker, write_marker
from edgeface.store.gallery import GalleryStore
from edgeface.store.keyring import Keyring, unlock
from edgeface.store.migrations import SCHEMA_VERSION
from edgeface.store.tables import Tables
from edgeface.store.verify import verify

OLDEST = 7
"""The first schema of which there are backups: since then audit rows are chained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A backup that was looked at."""

    gallery_id: str
    device_key_id: str
    """The key that opens it."""
    people: int
    last_seq: int
    """The newest audit row in it."""
    sha256: str
    """Of the file, 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What putting a backup back did."""

    copy: Copy
    forgotten_again: tuple[str, ...]
    """Ids of people who were forgotten after the backup was made, and who therefore are not back."""
    revoked: tuple[str, ...]
    """Ids of keys that may command no more: revoked after the backup, or nobody can tell how far they have counted."""
    replaced: Path | None
    """Where the gallery that was there is now."""


Tick = Callable[[int], None]
"""Called for each person and audit row that is checked, with the number of all of them."""


def backup(database: Database, file: Path, now: Instant, *, by: str = "local", tick: Tick = lambda total: None) -> Copy:
    """Write a copy of an open gallery, and check that all of it opens. Raises BackupError; leaves nothing half."""
    if file.exists():
        raise BackupError(f"{file} is there already: name another file")
    unfinished = file.with_name(file.name + ".part")
    with database.transaction() as tables:
        seq = audit.note(tables, Kind.COPY, now, {"what": "backup", "by": by})
    try:
        unfinished.unlink(missing_ok=True)
        files.create_private(unfinished, b"")
        database.copy_into(unfinished)
        copy = inspect(unfinished, (database.keyring.device_key,), tick=tick)
        if copy.last_seq < seq:  # a reader at work may have written more rows by then
            raise BackupError(f"{file} is not the whole gallery: check the disk")
        files.settle(unfinished, file)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return copy


def bring(made: Path, file: Path, sha256: str) -> None:
    """Take a copy that the reader made to where it belongs, and check that it came whole. Raises BackupError."""
    unfinished = file.with_name(file.name + ".part")
    try:
        unfinished.unlink(missing_ok=True)
        files.create_private(unfinished, b"")
        shutil.copyfile(made, unfinished)
        if _sha256(unfinished) != sha256:
            raise BackupError(f"{file} did not come whole: check the disk")
        files.settle(unfinished, file)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
        made.unlink(missing_ok=True)


def inspect(file: Path, keys: Sequence[bytes], *, tick: Tick = lambda total: None) -> Copy:
    """Look at all of a backup without changing it.

    Raises BackupError if it is none, damaged or of a newer edgeface, KeyWrong if no key of these opens it.
    """
    try:
        digest = _sha256(file)
        # Immutable: no lock, and no -wal beside somebody's backup.
        with closing(sqlite3.connect(file.absolute().as_uri() + "?mode=ro&immutable=1", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            _expect_gallery(connection, file)
            keyring = _keyring(connection, keys)
            return _opened(connection, keyring, digest, tick)
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error
    except sqlite3.Error as error:
        raise BackupError(f"{file} is no backup, or damaged: {error}") from error
    except GalleryCorrupt as error:
        raise BackupError(f"{file} is damaged: {error}") from error


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _expect_gallery(connection: sqlite3.Connection, file: Path) -> None:
    def pragma(name: str) -> Any:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]

    if pragma("application_id") != APPLICATION_ID:
        raise BackupError(f"{file} is no backup of an edgeface gallery")
    if (version := pragma("user_version")) > SCHEMA_VERSION:
        raise BackupError(f"{file} was made by a newer edgeface: install that version or a later one")
    if version < OLDEST:
        raise BackupError(f"{file} was made before there were backups: put it in the gallery's place by hand")
    if (found := pragma("integrity_check")) != "ok":
        raise BackupError(f"{file} is damaged ({found}): use another backup")


def _keyring(connection: sqlite3.Connection, keys: Sequence[bytes]) -> Keyring:
    gallery_id = connection.execute("SELECT gallery_id FROM meta").fetchone()[0]
    wanted, names_key = connection.execute("SELECT device_key_id, names_key FROM keyring").fetchone()
    for key in keys:
        if crypto.key_id(key) == wanted:
            return unlock(key, gallery_id, names_key)
    known = ", ".join(crypto.key_id(key) for key in keys) or "no key"
    raise KeyWrong(f"the backup opens with device key {wanted}, here is {known}: put its line into the key file")


def _opened(connection: sqlite3.Connection, keyring: Keyring, digest: str, tick: Tick) -> Copy:
    """Every name, template and audit row, looked at."""
    tables = Tables(connection, keyring)
    people = tables.execute("SELECT id, wrapped_key, sealed_name FROM people").fetchall()
    total = len(people) + int(tables.execute("SELECT count(*) FROM audit").fetchone()[0])
    for person_id, wrapped, name in people:
        key = keyring.person(person_id, wrapped)
        key.name(name)
        sealed = "SELECT id, vector, model_sha256 FROM templates WHERE person_id = ?"
        for number, vector, model in tables.execute(sealed, (person_id,)):
            key.vector(vector, number, model)
        tick(total)
    report = verify(keyring.gallery_id, chain.base(tables), chain.rows(tables), (), lambda: tick(total))
    if report.broken is not None:
        raise GalleryCorrupt(f"audit row {report.broken.seq}: {report.broken.says}")
    return Copy(
        gallery_id=keyring.gallery_id,
        device_key_id=keyring.device_key_id,
        people=len(people),
        last_seq=report.last.seq,
        sha256=digest,
    )


def restore(
    file: Path, path: Path, now: Instant, *, replace: bool = False, by: str = "local", tick: Tick = lambda total: None
) -> Restored:
    """Put a backup in the gallery's place; with `replace` what is there is moved aside, else it must be gone.

    Whoever the gallery that is there knows as forgotten is forgotten again. Raises BackupError, KeyMissing, KeyWrong,
    GalleryInUse.
    """
    copy = inspect(file, keyfile.find(path).keys, tick=tick)
    marker = read_marker(path)
    if marker not in (None, copy.gallery_id):
        raise BackupError(f"{file} is of gallery {copy.gallery_id}, here was {marker}: use another folder (--home)")
    forgotten, keys = _former(path, replace)
    aside = path.with_name(path.name + ".replaced") if path.exists() else None
    if aside is not None and aside.exists():
        raise BackupError(f"{aside} is left from an earlier restoration: delete it, or keep it elsewhere")
    _put(file, path, aside, copy)
    with closing(open_database(path)) as database:
        with database.transaction() as tables:
            facts: Facts = {"what": "restore", "by": by, "sha256": copy.sha256, "backup_seq": copy.last_seq}
            audit.note(tables, Kind.COPY, now, facts)
            revoked = commands.outlast(tables, keys, now, by=by)
        store = GalleryStore(database)
        again = tuple(person.id for person in store.people() if person.id in forgotten)
        for person_id in again:
            store.forget(person_id, now, by=by)
    return Restored(copy=copy, forgotten_again=again, revoked=revoked, replaced=aside)


def _former(path: Path, replace: bool) -> tuple[frozenset[str], Mapping[str, KnownKey] | None]:
    """Whom the gallery that is there forgot, and its keys that may command. One that cannot be opened knows nothing."""
    if not path.exists():
        return frozenset(), None
    if not replace:
        raise BackupError(f"{path} is there: a gallery is only replaced when you say so (--replace)")
    try:
        with closing(open_database(path)) as database:
            rows = database.read("SELECT person_id FROM audit WHERE kind = ?", (Kind.FORGET.value,))
            keys = {known.key.key_id: known for known in commands.everybody(database)}
    except GalleryInUse:
        raise
    except GalleryError:
        return frozenset(), None
    return frozenset(row["person_id"] for row in rows), keys


def _put(file: Path, path: Path, aside: Path | None, copy: Copy) -> None:
    """Cut short it leaves the former gallery, or none and the word that there was one: then restore again."""
    unfinished = path.with_name(path.name + ".new")
    try:
        unfinished.unlink(missing_ok=True)
        files.create_private(unfinished, b"")
        shutil.copyfile(file, unfinished)
        if _sha256(unfinished) != copy.sha256:
            raise BackupError(f"{file} changed while it was read: repeat this")
        write_marker(path, copy.gallery_id)
        for suffix in ("", "-wal"):
            there = path.with_name(path.name + suffix)
            if aside is not None and there.exists():
                there.replace(aside.with_name(aside.name + suffix))
        path.with_name(path.name + "-wal").unlink(missing_ok=True)
        files.settle(unfinished, path)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}") from error
