"""The file that holds people and decisions: opened by one process, never replaced by an empty one.

    open_database(path) -> Database

Beside the gallery stands a marker, `<gallery>.exists`, with the gallery's id. It tells "first start" from "the gallery
is gone", and a gallery from another one copied over it. Beside it, too, stands the key that opens what is sealed in it,
`<gallery>.key`, unless systemd gives it (see keyfile.py); the first start makes one. The settings follow
https://www.sqlite.org/pragma.html and https://www.sqlite.org/howtocorrupt.html.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeface.errors import GalleryCorrupt, GalleryError, GalleryInUse, GalleryMissing, KeyWrong
from edgeface.store import crypto, files, keyfile
from edgeface.store.keyfile import DeviceKeys
from edgeface.store.keyring import Keyring, unlock
from edgeface.store.migrations import SCHEMA_VERSION, migrations
from edgeface.store.tables import Tables

APPLICATION_ID = 0x45464741
"""In the file's header: "EFGA"."""

Row = dict[str, Any]
SqlValue = str | int | float | bytes | None

_SETTINGS = (
    "trusted_schema = OFF",  # a planted file must not call functions of ours from its schema
    "cell_size_check = ON",  # a damaged page is noticed when it is read
    "mmap_size = 0",  # a read error comes as an error, not as a signal
    "temp_store = MEMORY",  # names and vectors never reach /tmp
    "foreign_keys = ON",
    "secure_delete = ON",  # a forgotten person's bytes are overwritten
    "locking_mode = EXCLUSIVE",  # one process; set before the first read, so that no shared memory is made
)


_CHECKS = ("quick_check", "integrity_check(people)", "integrity_check(templates)")
"""The first reads every page; the others hold the people's tables against their indexes as well: a template that an
index has lost would be left out without a word."""


class Database:
    """An open gallery: one connection, one user at a time; threads wait for each other."""

    def __init__(self, connection: sqlite3.Connection, path: Path, keyring: Keyring, new_key: Path | None) -> None:
        self.path = path
        self.new_key = new_key
        """The key file, if it is new with this gallery: somebody must be told to keep a copy."""
        self._connection = connection
        self._tables = Tables(connection, keyring)
        self._turn = threading.RLock()
        self._owed: list[Callable[[], None]] = []
        """What waits for the transaction to end."""

    @property
    def keyring(self) -> Keyring:
        """What opens the sealed columns."""
        return self._tables.keyring

    @contextmanager
    def transaction(self) -> Iterator[Tables]:
        """All of the block is on the disk when it ends, or none of it if it raises.

        Within another it is a part of that: undone alone if it raises, on the disk when the outer one is.

        Raises GalleryError if the disk is full or fails, GalleryCorrupt if the file is damaged.
        """
        with self._turn, _renamed(self.path):
            if self._connection.in_transaction:
                with self._part():
                    yield self._tables
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._owed = []
            try:
                yield self._tables
                self._connection.execute("COMMIT")
            except BaseException:
                # A no-op where SQLite has rolled back already, as it does when the disk is full.
                self._connection.rollback()
                raise
            for do in self._owed:
                do()

    @contextmanager
    def _part(self) -> Iterator[None]:
        self._connection.execute("SAVEPOINT part")
        before = len(self._owed)
        try:
            yield
        except BaseException:
            del self._owed[before:]
            if self._connection.in_transaction:  # a full disk has undone the whole
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")

    def read(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        """The rows that a query gives, by column name."""
        with self._turn, _renamed(self.path):
            cursor = self._connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, values, strict=True)) for values in cursor]

    def lock_with(self, device_key: bytes) -> None:
        """From now on wrap with this key; the transaction that wrapped everything with it is committed."""
        self._tables.keyring = replace(self._tables.keyring, device_key=device_key)

    def after(self, do: Callable[[], None]) -> None:
        """Do something once no transaction is open: now, or, once, when the one that is has been stored."""
        with self._turn:
            if self._connection.in_transaction:
                self._owed += [] if do in self._owed else [do]
                return
        do()

    def erase_traces(self) -> None:
        """Overwrite what was deleted: until then the write-ahead log still holds the old pages.

        Within a transaction that waits for its end.
        """
        self.after(self._empty_log)

    def _empty_log(self) -> None:
        ((busy, _, _),) = (row.values() for row in self.read("PRAGMA wal_checkpoint(TRUNCATE)"))
        if busy:
            raise GalleryError(f"{self.path}: deleted data could not be overwritten yet; restart edgeface to finish")

    def rewrite(self, tables: Sequence[str]) -> None:
        """Put these tables on other pages, and zeros over those that they were on.

        Between the rows of a page from which SQLite moved some to another, when it balanced its trees, old bytes stay,
        whatever `secure_delete` says. Not within a transaction. Raises GalleryError.
        """
        with self._turn, _renamed(self.path):
            self._connection.execute("PRAGMA foreign_keys = OFF")  # else what refers to the rows would go with them
            try:
                with self.transaction():
                    for table in tables:
                        self._connection.execute(f"CREATE TABLE kept AS SELECT * FROM {table}")
                        self._connection.execute(f"DELETE FROM {table}")
                        self._connection.execute(f"INSERT INTO {table} SELECT * FROM kept")
                        self._connection.execute("DROP TABLE kept")
            finally:
                self._connection.execute("PRAGMA foreign_keys = ON")
        self.erase_traces()

    def copy_into(self, file: Path) -> None:
        """Write all of it, compacted, into an empty file."""
        with self._turn, _renamed(self.path):
            self._connection.execute("VACUUM INTO ?", (str(file),))

    def close(self) -> None:
        """Give the gallery back. Whatever was committed is in it."""
        with self._turn:
            self._connection.close()


def open_database(path: Path) -> Database:
    """Open the gallery, or make it and its key if it never existed.

    Raises GalleryMissing, GalleryCorrupt, GalleryInUse, KeyMissing, KeyUnsafe or KeyWrong; GalleryError if the folder
    or the disk is at fault.
    """
    made = False
    with _renamed(path), _damage_named(path):
        if not path.exists():
            made = _create(path)
        if path.stat().st_size == 0:
            raise GalleryCorrupt(f"{path} is empty; {_advice(path)}")
        connection = _connect(path)
        try:
            gallery_id = _check(connection, path)
            keys = _device_keys(connection, path)
            keyring = _unlock(connection, gallery_id, keys)
            migrations.apply(Tables(connection, keyring))
            # What an earlier process deleted, or sealed, and could not overwrite any more.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            _finish_rotation(connection, path, keyring)
            _write_missing_marker(path, gallery_id)
        except BaseException:
            connection.close()
            raise
    return Database(connection, path, keyring, keys.file if keys.made or made else None)


def _device_keys(connection: sqlite3.Connection, path: Path) -> DeviceKeys:
    """The key must be there once anything is sealed with it; before that it may be made."""
    sealed = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'keyring'").fetchone()
    return keyfile.find(path) if sealed else keyfile.find_or_make(path)


def _unlock(connection: sqlite3.Connection, gallery_id: str, keys: DeviceKeys) -> Keyring:
    """The keyring, with the device key that this gallery was sealed with; a new one for a gallery in plain text."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'keyring'").fetchone():
        return Keyring(gallery_id=gallery_id, device_key=keys.current, names_key=crypto.new_key())
    row = connection.execute("SELECT device_key_id, names_key FROM keyring").fetchone()
    if row is None:
        raise GalleryCorrupt(f"gallery {gallery_id} has lost its keyring: restore a backup")
    key = keys.by_id(row[0])
    if key is None:
        known = ", ".join(crypto.key_id(known) for known in keys.keys)
        raise KeyWrong(f"the gallery is locked with device key {row[0]}, here is {known}: put the right key back")
    return unlock(key, gallery_id, row[1])


def _connect(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri() + "?mode=rw"  # never makes a file that has just gone
    connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> str:
    """Take the lock and trust the file, or raise; which gallery it is.

    Nothing is written before it is known to be ours.
    """
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise GalleryCorrupt(f"{path} is a database, but no edgeface gallery; {_advice(path)}")
    if _pragma(connection, "user_version") > SCHEMA_VERSION:
        raise GalleryError(f"{path} was written by a newer edgeface; install that version or a later one")
    _pragma(connection, "journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")
    for check in _CHECKS:
        if (found := _pragma(connection, check)) != "ok":
            raise GalleryCorrupt(f"{path} is damaged ({found}); {_advice(path)}")
    meta = connection.execute("SELECT gallery_id FROM meta").fetchone()
    if meta is None:
        raise GalleryCorrupt(f"{path} has lost its id; {_advice(path)}")
    _check_people(connection, path)
    expected = read_marker(path)
    if expected is not None and expected != meta[0]:
        raise GalleryCorrupt(f"{path} is another gallery than the one that was here; {_advice(path)}")
    return str(meta[0])


def _check_people(connection: sqlite3.Connection, path: Path) -> None:
    """Nobody comes back: a write-ahead log that belongs to another time than the file gives a gallery of which each
    page is whole, and the tables are of different days. Who is missing is told by `edgeface.store.verify`."""
    forgotten = "SELECT person_id FROM audit WHERE kind = 'forget'"
    if back := connection.execute(f"SELECT id FROM people WHERE id IN ({forgotten})").fetchone():
        raise GalleryCorrupt(f"{path}: {back[0]} was forgotten and is enrolled; {_advice(path)}")


def _finish_rotation(connection: sqlite3.Connection, path: Path, keyring: Keyring) -> None:
    """A power cut may have left the former device key in the key file, after the gallery had been locked anew."""
    row = connection.execute(
        "SELECT json_extract(payload, '$.from') FROM audit WHERE kind = 'keys' AND json_extract(payload, '$.to') = ?",
        (keyring.device_key_id,),
    ).fetchone()
    if row is not None:
        keyfile.drop(path, row[0])


def _write_missing_marker(path: Path, gallery_id: str) -> None:
    if read_marker(path) is None:
        write_marker(path, gallery_id)


def _pragma(connection: sqlite3.Connection, pragma: str) -> Any:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def _create(path: Path) -> bool:
    """Make an empty gallery under another name first, so that a crash leaves either nothing or all of it.

    Tells whether its key lies in a file of ours: somebody must be told to keep a copy.
    """
    if not path.parent.is_dir():
        raise GalleryError(f"{path}: there is no folder {path.parent}; create it, or mount it")
    with _folder_locked(path.parent):
        if path.exists():
            return False
        _refuse_if_it_existed(path)
        unfinished = path.with_name(path.name + ".new")
        for suffix in ("", "-journal", "-wal"):
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        keys = keyfile.find_or_make(path)
        gallery_id = _fill(unfinished, keys)
        files.settle(unfinished, path)
        write_marker(path, gallery_id)
        return not keys.from_credential


def _fill(path: Path, keys: DeviceKeys) -> str:
    connection = _connect(path)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        gallery_id = secrets.token_hex(16)
        migrations.apply(Tables(connection, _unlock(connection, gallery_id, keys)))
        connection.execute("INSERT INTO meta (one, gallery_id, revision) VALUES (1, ?, 0)", (gallery_id,))
    finally:
        connection.close()
    return gallery_id


def _refuse_if_it_existed(path: Path) -> None:
    if read_marker(path) is not None:
        raise GalleryMissing(f"the gallery {path} existed and is gone; {_advice(path)}")
    if path.with_name(path.name + "-wal").exists():
        raise GalleryMissing(f"{path} is gone but {path.name}-wal, its latest changes, is there; {_advice(path)}")


def _advice(path: Path) -> str:
    return (
        f"restore {path.name} from a backup. To start anew with nobody enrolled, "
        f"move {path.name}, {path.name}-wal and {path.name}.exists away, those that are there"
    )


def read_marker(path: Path) -> str | None:
    """The id of the gallery that is, or was, at a place; None if there never was one."""
    try:
        return path.with_name(path.name + ".exists").read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None


def write_marker(path: Path, gallery_id: str) -> None:
    """Remember for good that there is a gallery, and which."""
    unfinished = path.with_name(path.name + ".exists.new")
    unfinished.write_text(gallery_id + "\n", encoding="ascii")
    files.settle(unfinished, path.with_name(path.name + ".exists"))


@contextmanager
def _folder_locked(folder: Path) -> Iterator[None]:
    """Two first starts at once: the second waits, and finds a gallery."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """What a schema with bits turned over leads to, where SQLite and its helpers did not expect it, as ours."""
    try:
        yield
    except (LookupError, TypeError, ValueError) as error:
        raise GalleryCorrupt(f"{path} is damaged ({type(error).__name__}: {error}); {_advice(path)}") from error


@contextmanager
def _renamed(path: Path) -> Iterator[None]:
    """SQLite's and the operating system's errors as ours."""
    try:
        yield
    except OSError as error:
        raise GalleryError(f"the gallery {path} cannot be used: {error}") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise GalleryInUse(
                f"another edgeface process (usually the service) has the gallery {path} open; stop it first"
            ) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise GalleryCorrupt(f"{path} is damaged or no gallery ({error}); {_advice(path)}") from error
        advice = "check the disk, its free space, and that this user may write to the folder"
        raise GalleryError(f"{path}: {error}; {advice}") from error
