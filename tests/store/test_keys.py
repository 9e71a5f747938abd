"""The device key: made once, kept private, never replaced; a gallery of before is sealed in place."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import sqlite_utils
from hypothesis import given
from hypothesis import strategies as st

from edgeface.errors import GalleryCorrupt, KeyMissing, KeyUnsafe, KeyWrong
from edgeface.store import crypto, keyfile
from edgeface.store.crypto import Unsealable
from edgeface.store.database import open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.migrations import migrations
from samples import instant

MODEL = "a" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gallery.db"


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def vector(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, 128).astype(np.int8)


def enrolled(path: Path, name: str = "Ada") -> None:
    with closing(open_database(path)) as database:
        made = NewTemplate(model_sha256=MODEL, vector=vector(1), quality=1.0, pose=None, source="x.jpg")
        GalleryStore(database).enrol(name, [made], instant())


def names(path: Path) -> list[str]:
    with closing(open_database(path)) as database:
        return [person.name for person in GalleryStore(database).people()]


@given(st.binary(max_size=300), st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=4))
def test_what_is_sealed_opens_at_its_place_only(plain: bytes, place: list[str]) -> None:
    key = crypto.new_key()
    sealed = crypto.seal(key, plain, crypto.bound(*place))
    assert crypto.unseal(key, sealed, crypto.bound(*place)) == plain
    for wrong in (
        lambda: crypto.unseal(key, sealed, crypto.bound(*place, "")),
        lambda: crypto.unseal(crypto.new_key(), sealed, crypto.bound(*place)),
        lambda: crypto.unseal(key, sealed[:-1], crypto.bound(*place)),
        lambda: crypto.unseal(key, bytes([sealed[0] ^ 1]) + sealed[1:], crypto.bound(*place)),
    ):
        with pytest.raises(Unsealable):
            wrong()


def test_no_two_seals_are_alike() -> None:
    key = crypto.new_key()
    assert len({crypto.seal(key, b"x", b"") for _ in range(100)}) == 100


def test_a_place_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        crypto.bound("a\0b")


def test_the_key_is_made_once_and_private(path: Path) -> None:
    with closing(open_database(path)) as database:
        assert database.new_key == keyfile.beside(path)
    made = keyfile.beside(path).read_bytes()
    assert keyfile.beside(path).stat().st_mode & 0o777 == 0o600
    with closing(open_database(path)) as database:
        assert database.new_key is None
    assert keyfile.beside(path).read_bytes() == made


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b"edgeface-key-1 12\n", b"\xff" * 80, b"\0" * 200])
def test_what_is_no_key_is_not_replaced(path: Path, content: bytes) -> None:
    enrolled(path)
    keyfile.beside(path).write_bytes(content)
    with pytest.raises(KeyMissing, match="holds no edgeface key"):
        open_database(path)
    assert keyfile.beside(path).read_bytes() == content


def test_another_key_is_named(path: Path) -> None:
    enrolled(path)
    right = keyfile.beside(path).read_bytes()
    keyfile.write(keyfile.beside(path), (crypto.new_key(),))
    with pytest.raises(KeyWrong, match="locked with device key"):
        open_database(path)
    keyfile.beside(path).write_bytes(right)
    assert names(path) == ["Ada"]


def test_a_keyring_that_was_altered(path: Path) -> None:
    enrolled(path)
    with closing(sqlite3.connect(path)) as altered:
        altered.execute("UPDATE keyring SET names_key = zeroblob(60)")
        altered.commit()
    with pytest.raises(KeyWrong, match="does not open this gallery"):
        open_database(path)
    with closing(sqlite3.connect(path)) as altered:
        altered.execute("DELETE FROM keyring")
        altered.commit()
    with pytest.raises(GalleryCorrupt, match="lost its keyring"):
        open_database(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_read_or_change(path: Path, mode: int) -> None:
    enrolled(path)
    keyfile.beside(path).chmod(mode)
    with pytest.raises(KeyUnsafe, match="chmod 600"):
        open_database(path)


def test_a_key_file_that_is_no_file(path: Path, tmp_path: Path) -> None:
    enrolled(path)
    moved = keyfile.beside(path).rename(tmp_path / "elsewhere")
    keyfile.beside(path).symlink_to(moved)
    with pytest.raises(KeyUnsafe, match="cannot be read"):
        open_database(path)
    keyfile.beside(path).unlink()
    keyfile.beside(path).mkdir()
    with pytest.raises(KeyUnsafe):
        open_database(path)


def test_a_key_file_of_somebody_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled(path)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(KeyUnsafe, match="chown"):
        open_database(path)


def test_a_credential_goes_before_the_file(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    keyfile.write(tmp_path / "credentials" / keyfile.CREDENTIAL, (crypto.new_key(),))
    enrolled(path)
    assert not keyfile.beside(path).exists()
    assert names(path) == ["Ada"]
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(KeyMissing, match="is gone"):
        open_database(path)


def plain(path: Path, people: int) -> None:
    """A gallery as version 1 left it: everything in plain text."""
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA application_id = 0x45464741")
        connection.execute("PRAGMA secure_delete = ON")
        migrations.apply(sqlite_utils.Database(connection, execute_plugins=False), stop_before="m004_sealed")
        connection.execute("INSERT INTO meta VALUES (1, ?, 7)", ("ab" * 16,))
        connection.execute("BEGIN")
        for n in range(people):
            connection.execute("INSERT INTO people VALUES (?, ?, ?, 5)", (f"p_{n}", f"Person No {n}", f"person no {n}"))
            connection.execute(
                "INSERT INTO templates VALUES (?, ?, ?, ?, 80.0, 1.0, 2.0, 3.0, ?, 5)",
                (n + 1, f"p_{n}", MODEL, vector(n).tobytes(), f"picture-{n}.jpg"),
            )
        connection.execute("COMMIT")


def remains(folder: Path, people: int) -> list[str]:
    """What of those people can be read in any file of a folder."""
    everything = b"".join(file.read_bytes() for file in folder.iterdir())
    needles = {"names": b"Person No", "keys": b"person no", "sources": b"picture-"}
    found = [what for what, needle in needles.items() if needle in everything]
    return found + [f"template {n}" for n in range(people) if vector(n).tobytes() in everything]


def test_a_plain_gallery_is_sealed_to_the_last_byte(path: Path, tmp_path: Path) -> None:
    plain(path, 300)
    assert len(remains(tmp_path, 300)) == 303, "the test looks in the right place"
    with closing(open_database(path)) as database:
        store = GalleryStore(database)
        assert remains(tmp_path, 300) == []
        assert {person.name for person in store.people()} == {f"Person No {n}" for n in range(300)}
        assert store.find("PERSON NO 7").id == "p_7"
        np.testing.assert_array_equal(store.load(MODEL, 128).vectors, [vector(n) for n in range(300)])
        assert store.revision() == 7
        assert database.read("SELECT count(*) AS n FROM templates WHERE yaw_deg = 1.0") == [{"n": 300}]
    assert remains(tmp_path, 300) == []
