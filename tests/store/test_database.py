"""A gallery is opened by one process, keeps what it was told, and is never replaced by an empty one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from edgeface.errors import GalleryCorrupt, GalleryError, GalleryInUse, GalleryMissing
from edgeface.store import database as module
from edgeface.store.database import Database, open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.journal import Journal
from edgeface.store.migrations import SCHEMA_VERSION
from edgeface.store.verify import verify_gallery
from samples import decision, instant


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gallery.db"


@pytest.fixture
def gallery(path: Path) -> Iterator[Database]:
    with closing(open_database(path)) as opened:
        yield opened


def marker(path: Path) -> Path:
    return path.with_name(path.name + ".exists")


def made(path: Path) -> None:
    open_database(path).close()


def refused(path: Path, error: type[GalleryError], says: str) -> None:
    """Opening fails with a sentence, and changes nothing."""
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(error, match=says):
        open_database(path)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_the_settings_that_durability_rests_on(gallery: Database) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "locking_mode": "exclusive",
        "foreign_keys": 1,
        "secure_delete": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "temp_store": 2,
        "application_id": 0x45464741,
    }
    assert {name: next(iter(gallery.read(f"PRAGMA {name}")[0].values())) for name in expected} == expected


def test_every_table_is_strict(gallery: Database) -> None:
    ours = {row["name"] for row in gallery.read("PRAGMA table_list") if row["strict"]}
    assert ours == {
        "meta",
        "keyring",
        "people",
        "templates",
        "consents",
        "duplicates",
        "audit",
        "audit_base",
        "outbox",
        "access_state",
        "lessons",
        "questions",
        "strangers",
        "retention",
        "command_keys",
        "commands",
        "snapshots",
        "releases",
    }


def test_a_step_that_comes_late_does_not_make_the_file_older(path: Path) -> None:
    """A gallery of a version that had the fifth step and not yet the second."""
    open_database(path).close()
    with closing(sqlite3.connect(path)) as older:
        older.executescript("DROP TABLE consents; DROP TABLE duplicates")
        older.execute("DELETE FROM _sqlite_migrations WHERE name LIKE 'm002%'")
        older.commit()
    with closing(open_database(path)) as gallery:
        assert gallery.read("SELECT count(*) AS n FROM consents") == [{"n": 0}]
        assert gallery.read("PRAGMA user_version") == [{"user_version": SCHEMA_VERSION}]


def test_only_the_owner_may_read_it(path: Path) -> None:
    with closing(open_database(path)) as gallery:
        Journal(gallery, "b").record(decision())
        for file in (path, path.with_name("gallery.db-wal")):
            assert file.stat().st_mode & 0o777 == 0o600


def test_what_was_stored_is_there_after_reopening(path: Path) -> None:
    with closing(open_database(path)) as gallery:
        Journal(gallery, "b").record(decision())
    with closing(open_database(path)) as gallery:
        assert gallery.read("SELECT count(*) AS n FROM audit") == [{"n": 1}]


def test_a_second_user_is_told_who_has_it(path: Path, gallery: Database) -> None:
    with pytest.raises(GalleryInUse, match="another edgeface process"):
        open_database(path)
    child = "import sys; from pathlib import Path; from edgeface.store.database import open_database\n"
    child += "open_database(Path(sys.argv[1]))"
    ended = subprocess.run([sys.executable, "-c", child, str(path)], capture_output=True, text=True)
    assert "GalleryInUse: another edgeface process" in ended.stderr


def test_a_gallery_that_is_gone(path: Path) -> None:
    made(path)
    path.unlink()
    refused(path, GalleryMissing, r"existed and is gone; restore gallery\.db from a backup\. To start anew")


def test_a_gallery_whose_log_is_left(path: Path) -> None:
    path.with_name("gallery.db-wal").write_bytes(b"changes")
    refused(path, GalleryMissing, "its latest changes")


def test_an_empty_file(path: Path) -> None:
    made(path)
    path.write_bytes(b"")
    refused(path, GalleryCorrupt, "is empty")


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"not a gallery" * 1000)
    refused(path, GalleryCorrupt, "damaged or no gallery")


def test_somebody_elses_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    refused(path, GalleryCorrupt, "no edgeface gallery")


def test_another_gallery_in_its_place(path: Path, tmp_path: Path) -> None:
    made(path)
    (tmp_path / "elsewhere").mkdir()
    made(tmp_path / "elsewhere" / "gallery.db")
    (tmp_path / "elsewhere" / "gallery.db").replace(path)
    with pytest.raises(GalleryCorrupt, match="another gallery"):
        open_database(path)


def test_a_damaged_page(path: Path) -> None:
    """Even one that opening does not need: somebody's templates."""
    with closing(open_database(path)) as gallery:
        people = GalleryStore(gallery)
        for number in range(20):
            vector = np.full(512, number, np.int8)
            template = NewTemplate(model_sha256="a" * 64, vector=vector, quality=1.0, pose=None, source="")
            people.enrol(f"Person {number}", [template], instant())
        sealed = gallery.read("SELECT vector FROM templates ORDER BY id")[-1]["vector"]
    with path.open("r+b") as file:
        file.seek(path.read_bytes().rindex(sealed) // 4096 * 4096)
        file.write(os.urandom(64))
    with pytest.raises(GalleryCorrupt, match="is damaged"):
        open_database(path)


def test_half_a_gallery(path: Path) -> None:
    made(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(GalleryCorrupt):
        open_database(path)


def test_a_gallery_of_a_newer_edgeface(path: Path) -> None:
    made(path)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(GalleryError, match="newer edgeface"):
        open_database(path)


def test_a_copied_gallery_gets_its_marker(path: Path) -> None:
    made(path)
    known = marker(path).read_text()
    marker(path).unlink()
    made(path)
    assert marker(path).read_text() == known


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="there is no folder"):
        open_database(tmp_path / "card" / "gallery.db")


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir()
    with pytest.raises(GalleryError):
        open_database(path)


@pytest.mark.parametrize("step", range(1, 12))
def test_a_crash_at_any_step_of_the_first_start(path: Path, step: int) -> None:
    """The process dies between the tables and their first row, or at an fsync or a replace; the next start is whole."""
    child = (
        "import os, secrets, sys, pathlib\n"
        "from edgeface.store.database import open_database\n"
        "left = int(sys.argv[2])\n"
        "def dying(call):\n"
        "    def counted(*args, **options):\n"
        "        global left\n"
        "        left -= 1\n"
        "        if not left: os._exit(9)\n"
        "        return call(*args, **options)\n"
        "    return counted\n"
        "secrets.token_hex = dying(secrets.token_hex); os.fsync = dying(os.fsync)\n"
        "pathlib.Path.replace = dying(pathlib.Path.replace)\n"
        "open_database(pathlib.Path(sys.argv[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", child, str(path), str(step)]).returncode == 9
    made(path)
    assert path.exists()
    assert marker(path).exists()


def test_two_first_starts_at_once_make_one_gallery(path: Path) -> None:
    child = "import sys; from pathlib import Path; from edgeface.store.database import open_database\n"
    child += "open_database(Path(sys.argv[1])).close()"
    children = [subprocess.Popen([sys.executable, "-c", child, str(path)], stderr=subprocess.PIPE) for _ in range(4)]
    said = [process.communicate()[1].decode() for process in children]
    assert all("GalleryInUse" in text for text in said if text)
    made(path)


def test_a_transaction_is_all_or_nothing(gallery: Database) -> None:
    with pytest.raises(RuntimeError), gallery.transaction() as tables:
        tables.execute("UPDATE meta SET revision = 5")
        raise RuntimeError
    assert gallery.read("SELECT revision FROM meta") == [{"revision": 0}]


def test_sqlite_utils_does_not_commit_early(gallery: Database) -> None:
    """3.x commits the caller's transaction at each insert, update and delete, and so tears audit and outbox apart."""
    assert int(version("sqlite-utils").partition(".")[0]) >= 4
    person = {"id": "p", "wrapped_key": b"k", "sealed_name": b"Ada", "name_key": "ada", "created_at_wall_ns": 0}
    with gallery.transaction() as tables:
        tables.table("people").insert(person)
    with pytest.raises(RuntimeError), gallery.transaction() as tables:
        tables.table("people").insert(person | {"id": "q", "name_key": "q"})
        tables.table("people").insert_all([person | {"id": "r", "name_key": "r"}])
        tables.table("people").upsert(person | {"id": "s", "name_key": "s"}, pk="id")
        tables.table("people").update("p", {"sealed_name": b"Eve"})
        tables.table("people").delete("p")
        assert tables.conn.in_transaction
        raise RuntimeError
    assert gallery.read("SELECT id, sealed_name FROM people") == [{"id": "p", "sealed_name": b"Ada"}]


def test_sqlites_errors_are_ours(gallery: Database) -> None:
    with pytest.raises(GalleryError), gallery.transaction() as tables:
        tables.execute("INSERT INTO meta VALUES (2, 'x', 0)")
    with pytest.raises(GalleryError):
        gallery.read("SELECT nonsense")


def test_a_full_disk_stores_nothing_and_says_so(path: Path) -> None:
    """RLIMIT_FSIZE stands in for a full disk: SQLite gets a failed write, as from one."""
    child = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from samples import decision\n"
        "from edgeface.errors import GalleryError\n"
        "from edgeface.store.database import open_database; from edgeface.store.journal import Journal\n"
        "gallery = open_database(Path(sys.argv[1])); journal = Journal(gallery, 'b')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))\n"
        "stored = 0\n"
        "try:\n"
        "    while stored < 10_000: journal.record(decision()); stored += 1\n"
        "except GalleryError: print(stored)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", child, str(path)], capture_output=True, text=True, env=environment)
    stored = int(ended.stdout)
    assert stored > 0
    with closing(open_database(path)) as gallery:
        assert gallery.read("SELECT count(*) AS n FROM audit JOIN outbox USING (seq)") == [{"n": stored}]


def test_the_advice_names_every_file_to_move(path: Path) -> None:
    made(path)
    path.unlink()
    with pytest.raises(GalleryMissing) as caught:
        open_database(path)
    for name in ("gallery.db,", "gallery.db-wal", "gallery.db.exists"):
        assert name in str(caught.value)
    marker(path).unlink()
    made(path)


def test_a_gallery_is_not_trusted_to_have_an_id(path: Path) -> None:
    made(path)
    with closing(sqlite3.connect(path)) as tampered:
        tampered.execute("DELETE FROM meta")
        tampered.commit()
    with pytest.raises(GalleryCorrupt, match="lost its id"):
        open_database(path)


def test_the_application_id_is_in_the_header(path: Path) -> None:
    made(path)
    assert path.read_bytes()[68:72] == module.APPLICATION_ID.to_bytes(4, "big") == b"EFGA"


def test_a_template_that_an_index_has_lost_is_damage(path: Path) -> None:
    with closing(open_database(path)) as database:
        GalleryStore(database).enrol("Ada", [one_template()], instant())
    content = path.read_bytes()
    places = [place for place in range(len(content)) if content.startswith(b"1a" + 62 * b"0", place)]
    assert len(places) == 2, "the row and its index"
    for place in places:
        path.write_bytes(content[:place] + b"b" + content[place + 1 :])
        refused(path, GalleryCorrupt, "templates_of_model")


@pytest.mark.parametrize("bits", [0x80, 0x01, 0x20])
def test_a_schema_with_bits_turned_over_is_damage_or_means_the_same(path: Path, bits: int) -> None:
    made(path)
    content = path.read_bytes()
    begin = content.index(b"CREATE TABLE audit")
    for place in range(begin, begin + 600, 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :])
        try:
            open_database(path).close()
        except GalleryError:
            continue


def test_people_of_another_day_than_the_audit_are_damage(path: Path) -> None:
    """As an older file and a newer write-ahead log make them: each page is whole."""
    with closing(open_database(path)) as database:
        store = GalleryStore(database)
        ada, bob = (store.enrol(name, [one_template()], instant()).id for name in ("Ada", "Bob"))
    before = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM people WHERE id = ?", (ada,))
        connection.commit()
    with closing(open_database(path)) as database:
        broken = verify_gallery(database, ()).broken
    assert broken is not None
    assert (broken.seq, broken.says[:40]) == (1, f"it enrolled {ada}, who is gone"[:40])
    path.write_bytes(before)
    with closing(open_database(path)) as database:
        GalleryStore(database).forget(bob, instant())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE people SET id = ? WHERE id = ?", (bob, ada))
        connection.commit()
    with pytest.raises(GalleryCorrupt, match=f"{bob} was forgotten and is enrolled"):
        open_database(path)


def one_template() -> NewTemplate:
    vector = np.ones(128, np.int8)
    return NewTemplate(model_sha256="1a" + 62 * "0", vector=vector, quality=1.0, pose=None, source="x.jpg")
