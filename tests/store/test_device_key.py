"""Another device key: all opens as before, nothing with the former key; cut short anywhere, it is one or the other."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgeface.errors import DeviceKeyError, GalleryError, KeyWrong
from edgeface.store import crypto, keyfile, rotation
from edgeface.store.database import open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.heads import signer_of
from edgeface.store.verify import verify_gallery
from samples import instant

MODEL = "a" * 64
PEOPLE = 5


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gallery of five."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with closing(open_database(tmp_path / "gallery.db")) as database:
        for n in range(PEOPLE):
            vector = np.full(128, n, np.int8)
            made = NewTemplate(model_sha256=MODEL, vector=vector, quality=1.0, pose=None, source="x.jpg")
            GalleryStore(database).enrol(f"Person {n}", [made], instant())
    return tmp_path / "gallery.db"


def whole(path: Path) -> tuple[str, bytes]:
    """The gallery opens, is all there and its log holds; (device key's id, public key)."""
    with closing(open_database(path)) as database:
        store = GalleryStore(database)
        assert [person.name for person in store.people()] == [f"Person {n}" for n in range(PEOPLE)]
        assert store.load(MODEL, 128).vectors[:, 0].tolist() == list(range(PEOPLE))
        assert store.find("PERSON 3").name == "Person 3"
        assert verify_gallery(database, ()).broken is None
        return database.keyring.device_key_id, signer_of(database.keyring).verifier.public_key


def lines(path: Path) -> list[str]:
    return keyfile.beside(path).read_text().splitlines()


def test_everything_opens_as_before_and_nothing_with_the_former_key(path: Path) -> None:
    before, signs = whole(path)
    former = keyfile.beside(path).read_bytes()
    wrapped: list[bytes]
    with closing(open_database(path)) as database:
        wrapped = [row["wrapped_key"] for row in database.read("SELECT wrapped_key FROM people")]
        done = rotation.rotate(database, instant(), by="uid 7")
        assert (done.former_key_id, done.keys, done.from_credential) == (before, PEOPLE, False)
        everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert not any(secret in everything for secret in (*wrapped, bytes.fromhex(former.split()[1].decode())))
        assert former.split()[1] not in everything
        GalleryStore(database).enrol("Person 5", [new()], instant())
        GalleryStore(database).forget(GalleryStore(database).find("Person 5").id, instant())
    assert whole(path) == (done.key_id, signs)
    assert len(lines(path)) == 1
    keyfile.beside(path).write_bytes(former)
    with pytest.raises(KeyWrong):
        open_database(path)


def new() -> NewTemplate:
    return NewTemplate(model_sha256=MODEL, vector=np.ones(128, np.int8), quality=1.0, pose=None, source="x.jpg")


DYING = """
import os, sys
from pathlib import Path
from edgeface.store import files, keyfile, rotation
from edgeface.store.database import Database, open_database
from samples import instant
left = int(sys.argv[2])
def dying(name, holder):
    plain = getattr(holder, name)
    def step(*words, **more):
        global left
        left -= 1
        if left < 0: os.kill(os.getpid(), 9)
        return plain(*words, **more)
    setattr(holder, name, step)
database = open_database(Path(sys.argv[1]))
for name, holder in (("sync", files), ("overwrite", files), ("create_private", files), ("erase_traces", Database),
                     ("lock_with", Database)):
    dying(name, holder)
class Connection:
    def __init__(self, plain): self._plain = plain
    def execute(self, sql, *words):
        global left
        left -= 1
        if left < 0: os.kill(os.getpid(), 9)
        return self._plain.execute(sql, *words)
    def __getattr__(self, name): return getattr(self._plain, name)
database._connection = Connection(database._connection)
database._tables.conn = Connection(database._tables.conn)
rotation.rotate(database, instant())
sys.stdout.write(str(left))
"""


def test_killed_at_any_step_it_is_one_or_the_other(path: Path) -> None:
    before, signs = whole(path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    known = {before}
    for step in range(200):
        words = [sys.executable, "-c", DYING, str(path), str(step)]
        child = subprocess.run(words, env=environment, capture_output=True, text=True)
        key, still = whole(path)
        assert still == signs
        known.add(key)
        assert any(crypto.key_id(bytes.fromhex(line.split()[1])) == key for line in lines(path))
        if child.returncode == 0:
            break
        assert child.returncode == -9, child.stderr
    assert child.returncode == 0, "the last ran to its end"
    assert step > 20
    assert len(known) > 2, "some were killed after the commit"
    assert len(lines(path)) == 1


def test_a_rotation_that_was_cut_short_is_gone_on_with(path: Path) -> None:
    former, following = keyfile.find(path).current, crypto.new_key()
    keyfile.write(keyfile.beside(path), (former, following))
    with closing(open_database(path)) as database:
        assert len(lines(path)) == 2, "nobody knows whether the gallery of the other key still exists"
        assert rotation.rotate(database, instant()).key_id == crypto.key_id(following)
    assert len(lines(path)) == 1
    whole(path)


def test_a_key_of_another_gallery_in_the_file_stays(path: Path) -> None:
    with closing(open_database(path)) as database:
        rotation.rotate(database, instant())
    (in_use,) = keyfile.find(path).keys
    keyfile.write(keyfile.beside(path), (crypto.new_key(), in_use))
    whole(path)
    assert len(lines(path)) == 2


def credential(folder: Path, monkeypatch: pytest.MonkeyPatch, *keys: bytes) -> None:
    (folder / "credentials").mkdir(exist_ok=True)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder / "credentials"))
    keyfile.write(folder / "credentials" / keyfile.CREDENTIAL, keys)


def test_from_the_file_to_a_credential(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = crypto.new_key(), crypto.new_key()
    credential(tmp_path, monkeypatch, first)
    with closing(open_database(path)) as database:
        done = rotation.rotate(database, instant())
        assert (done.key_id, done.from_credential) == (crypto.key_id(first), True)
    assert not keyfile.beside(path).exists()
    whole(path)
    with closing(open_database(path)) as database:
        with pytest.raises(DeviceKeyError, match="only systemd can change"):
            rotation.rotate(database, instant())
        credential(tmp_path, monkeypatch, first, second)
        assert rotation.rotate(database, instant()).key_id == crypto.key_id(second)
    credential(tmp_path, monkeypatch, second)
    whole(path)


def test_a_key_file_exchanged_meanwhile(path: Path) -> None:
    with closing(open_database(path)) as database:
        keyfile.write(keyfile.beside(path), (crypto.new_key(),))
        with pytest.raises(GalleryError, match="put the former content back"):
            rotation.rotate(database, instant())


def test_whoever_has_a_key_of_his_own_is_counted(path: Path) -> None:
    """A table that is added with such a key must be rotated too."""
    with closing(open_database(path)) as database:
        found = database.read("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%wrapped_key%'")
    assert {row["name"] for row in found} == set(rotation.WITH_KEYS)
