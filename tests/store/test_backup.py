"""A backup is the whole gallery or none, opens with its key only, and brings nobody back who was forgotten."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface.commands import Role
from edgeface.errors import BackupError, GalleryInUse, KeyMissing, KeyWrong
from edgeface.store import audit, commands, keyfile, rotation
from edgeface.store.backup import backup, inspect, restore
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.heads import read_heads, signed_head, signer_of
from edgeface.store.journal import Journal
from edgeface.store.verify import verify_gallery
from samples import decision, instant

MODEL = "a" * 64


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "gallery.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """Ada, Bob and a decision."""
    with closing(open_database(path)) as opened:
        for n, name in enumerate(("Ada", "Bob")):
            vector = np.full(128, n + 1, np.int8)
            made = NewTemplate(model_sha256=MODEL, vector=vector, quality=1.0, pose=None, source="x.jpg")
            GalleryStore(opened).enrol(name, [made], instant())
        Journal(opened, "b").record(decision())
        yield opened


@pytest.fixture
def copy(database: Database, tmp_path: Path) -> Path:
    backup(database, tmp_path / "copy.db", instant())
    return tmp_path / "copy.db"


def names(path: Path) -> list[str]:
    with closing(open_database(path)) as database:
        assert verify_gallery(database, ()).broken is None
        return [person.name for person in GalleryStore(database).people()]


def kinds(path: Path) -> list[str]:
    with closing(open_database(path)) as database:
        return [row["kind"] for row in database.read("SELECT kind FROM audit ORDER BY seq")]


def elsewhere(tmp_path: Path, path: Path) -> Path:
    """Another device's home, with a copy of the key."""
    (tmp_path / "new").mkdir()
    shutil.copy(keyfile.beside(path), tmp_path / "new" / "gallery.db.key")
    return tmp_path / "new" / "gallery.db"


def test_a_backup_is_put_back_on_a_new_device(database: Database, path: Path, tmp_path: Path, copy: Path) -> None:
    looked = inspect(copy, keyfile.find(path).keys)
    assert (looked.people, looked.last_seq, looked.gallery_id) == (2, 4, database.keyring.gallery_id)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert b"Ada" not in copy.read_bytes()
    new = elsewhere(tmp_path, path)
    done = restore(copy, new, instant(), by="uid 3")
    assert (done.copy, done.forgotten_again, done.replaced) == (looked, (), None)
    assert names(new) == ["Ada", "Bob"]
    assert kinds(new) == ["enrol", "enrol", "decision", "copy", "copy"]
    assert new.stat().st_mode & 0o777 == 0o600


def test_it_is_small_and_complete_while_the_log_is_not_checkpointed(database: Database, copy: Path) -> None:
    assert sorted(file.name for file in copy.parent.iterdir()) == ["copy.db", "home"]
    GalleryStore(database).enrol("Cy", [NewTemplate(
        model_sha256=MODEL, vector=np.ones(128, np.int8), quality=1.0, pose=None, source="x")], instant())  # fmt: skip
    assert backup(database, copy.with_name("later.db"), instant()).people == 3


def test_a_file_that_is_there_is_not_overwritten(database: Database, copy: Path) -> None:
    before = copy.read_bytes()
    with pytest.raises(BackupError, match="is there already"):
        backup(database, copy, instant())
    assert copy.read_bytes() == before
    with pytest.raises(BackupError, match="cannot be written"):
        backup(database, copy.parent / "nowhere" / "copy.db", instant())


def test_without_the_key_or_with_another_it_is_refused(
    database: Database, path: Path, tmp_path: Path, copy: Path
) -> None:
    (tmp_path / "new").mkdir()
    new = tmp_path / "new" / "gallery.db"
    with pytest.raises(KeyMissing):
        restore(copy, new, instant())
    open_database(tmp_path / "new" / "other.db").close()
    shutil.copy(tmp_path / "new" / "other.db.key", tmp_path / "new" / "gallery.db.key")
    with pytest.raises(KeyWrong, match="put its line into the key file"):
        restore(copy, new, instant())
    assert not new.exists()
    rotation.rotate(database, instant())
    with pytest.raises(KeyWrong):
        inspect(copy, keyfile.find(path).keys)


def test_one_that_was_made_by_a_newer_edgeface(path: Path, database: Database, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as newer:
        newer.execute("PRAGMA user_version = 999")
    with pytest.raises(BackupError, match="newer edgeface"):
        inspect(copy, keyfile.find(path).keys)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE people SET sealed_name = zeroblob(40)", "the name of .* was altered"),
        ("UPDATE templates SET vector = zeroblob(156)", "template 1"),
        ("UPDATE people SET wrapped_key = zeroblob(60)", "the key of"),
        ("PRAGMA application_id = 7", "no backup"),
    ],
)
def test_what_was_altered_is_not_put_back(database: Database, path: Path, copy: Path, change: str, says: str) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as altered:
        altered.execute(change)
    database.close()
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(BackupError, match=says):
        restore(copy, path, instant(), replace=True)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


@pytest.mark.parametrize("kept", [20, 5000, 40_000])
def test_a_damaged_file_is_not_put_back(database: Database, path: Path, copy: Path, kept: int) -> None:
    whole = copy.read_bytes()
    assert len(whole) > 50_000
    for damaged in (whole[:kept], whole[:kept] + bytes(8192) + whole[kept + 8192 :]):
        copy.write_bytes(damaged)
        with pytest.raises(BackupError):
            inspect(copy, keyfile.find(path).keys)
    copy.write_bytes(b"hello" * 1000)
    with pytest.raises(BackupError, match="no backup"):
        inspect(copy, keyfile.find(path).keys)


def test_who_was_forgotten_stays_forgotten(database: Database, path: Path, copy: Path) -> None:
    store = GalleryStore(database)
    ada = store.find("Ada").id
    store.forget(ada, instant())
    with pytest.raises(GalleryInUse):
        restore(copy, path, instant(), replace=True)
    database.close()
    with pytest.raises(BackupError, match="only replaced when you say so"):
        restore(copy, path, instant())
    done = restore(copy, path, instant(), replace=True)
    assert done.forgotten_again == (ada,)
    assert done.replaced == path.with_name("gallery.db.replaced")
    assert names(path) == ["Bob"]
    assert kinds(path)[-2:] == ["copy", "forget"]
    with pytest.raises(BackupError, match="left from an earlier restoration"):
        restore(copy, path, instant(), replace=True)


def test_a_gallery_that_is_gone_or_broken_is_replaced(database: Database, path: Path, copy: Path) -> None:
    database.close()
    path.write_bytes(b"broken" * 1000)
    restore(copy, path, instant(), replace=True)
    assert names(path) == ["Ada", "Bob"]
    assert path.with_name("gallery.db.replaced").read_bytes().startswith(b"broken")
    path.unlink()
    restore(copy, path, instant())
    assert names(path) == ["Ada", "Bob"]


def test_the_backup_of_another_gallery_is_refused(database: Database, tmp_path: Path, copy: Path, path: Path) -> None:
    new = elsewhere(tmp_path, path)
    open_database(new).close()
    with pytest.raises(BackupError, match="use another folder"):
        restore(copy, new, instant(), replace=True)


def add_key(database: Database, byte: int) -> str:
    with database.transaction() as tables:
        return commands.add(tables, bytes([byte]) * 32, f"key {byte}", Role.ADMIN, instant(), by="test")


def counted(database: Database, key: str, seq: int) -> None:
    with database.transaction() as tables:
        commands.advance(tables, key, seq)


def test_no_number_that_was_used_since_the_backup_is_taken_again(path: Path, database: Database) -> None:
    """What was recorded between the backup and the restoration stays a replay; who was thrown out stays out."""
    first, second, third = (add_key(database, byte) for byte in (1, 2, 3))
    counted(database, first, 10)
    file = path.parent.parent / "later.db"
    backup(database, file, instant())
    counted(database, first, 5000)
    with database.transaction() as tables:
        commands.revoke(tables, second, instant(), by="test")
    database.close()
    done = restore(file, path, instant(), replace=True)
    assert done.revoked == (second,)
    with closing(open_database(path)) as back:
        keys = [commands.find(back, key) for key in (first, second, third)]
        assert [(key.newest_seq, key.revoked) for key in keys if key] == [(5000, False), (0, True), (0, False)]


@pytest.mark.parametrize("trusted", [True, False])
def test_where_nobody_can_tell_how_far_keys_have_counted(path: Path, database: Database, trusted: bool) -> None:
    """The gallery is lost. Keys that count milliseconds go on from now, others must be made anew."""
    by_time, ahead = add_key(database, 1), add_key(database, 2)
    now = replace(instant(), wall_trusted=trusted)
    now_ms = now.wall_ns // 10**6
    counted(database, by_time, now_ms - 86_400_000)
    counted(database, ahead, now_ms + 1)
    file = path.parent.parent / "later.db"
    backup(database, file, instant())
    database.close()
    path.unlink()
    path.with_name(path.name + "-wal").unlink(missing_ok=True)
    done = restore(file, path, now)
    assert set(done.revoked) == ({ahead} if trusted else {by_time, ahead})
    with closing(open_database(path)) as back:
        key = commands.find(back, by_time)
        assert key is not None
        assert (key.newest_seq, key.revoked) == ((now_ms, False) if trusted else (now_ms - 86_400_000, True))


def test_a_witness_sees_that_an_older_log_was_put_back(path: Path, database: Database, copy: Path) -> None:
    signer = signer_of(database.keyring)
    for _ in range(3):
        with database.transaction() as tables:
            audit.note(tables, audit.Kind.COMMAND, instant(), {"what": "test"})
    head = signed_head(signer, audit.newest(database), instant())
    database.close()
    restore(copy, path, instant(), replace=True)
    with closing(open_database(path)) as back:
        assert verify_gallery(back, ()).broken is None
        broken = verify_gallery(back, read_heads(head, signer.verifier)).broken
        assert broken is not None
        assert "an older copy was put back" in broken.says or "made anew" in broken.says
