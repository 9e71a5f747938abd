"""People go to another device: sealed, once, with their consent, and only to the same model."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from calling import Edgeface

from edgeface.errors import BackupError
from edgeface.service.bootstrap import GALLERY, Loaded
from edgeface.service.moving import settle_in
from edgeface.store import bundle
from edgeface.store.database import open_database
from edgeface.store.gallery import GalleryStore
from samples import instant

WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEFACE_PASSPHRASE", WORDS)


@pytest.fixture
def file(edgeface: Edgeface, pictures: Path, tmp_path: Path) -> Path:
    """Ada and Grace, on their way."""
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    edgeface("enrol", "Grace", pictures / "hopper.png")
    made = edgeface("people", "export", tmp_path / "people.sealed")
    assert (made.exit_code, "has 2 people" in made.stdout) == (0, True)
    return tmp_path / "people.sealed"


def people(edgeface: Edgeface, home: Path) -> list[tuple[str, str, int]]:
    told = edgeface("--home", home, "people", "list", "--json").stdout.splitlines()
    return [(row["id"], row["name"], row["templates"]) for row in map(json.loads, told)]


def test_they_arrive_with_ids_templates_and_consent(edgeface: Edgeface, home: Path, file: Path, tmp_path: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(word in file.read_bytes() for word in (b"Ada", b"Grace", b"Warden", b"astronaut.png"))
    result = edgeface("--home", tmp_path / "new", "people", "import", file)
    assert (result.exit_code, "2 of 2 people are taken in." in result.stdout) == (0, True)
    assert people(edgeface, tmp_path / "new") == people(edgeface, home) != []
    both = []
    for place in (home, tmp_path / "new"):
        shown = json.loads(edgeface("--home", place, "people", "show", "Ada", "--json").stdout)
        with closing(open_database(place / GALLERY)) as database:
            row = database.read("SELECT model_sha256 FROM templates LIMIT 1")[0]
            store = GalleryStore(database)
            both.append((shown["consent"], store.load(row["model_sha256"], 128).vectors.tolist()))
            kinds = [row["kind"] for row in database.read("SELECT kind FROM audit ORDER BY seq")]
            assert kinds == ["enrol", "enrol", "copy"]
    assert both[0] == both[1]
    assert both[0][0]["recorded_by"] == "The Warden"


def test_nobody_arrives_twice(edgeface: Edgeface, home: Path, file: Path, pictures: Path, tmp_path: Path) -> None:
    again = [json.loads(line) for line in edgeface("people", "import", file, "--json").stdout.splitlines()]
    assert all("this face is enrolled already, as p_" in row["refused"] for row in again)
    new = tmp_path / "new"
    edgeface("--home", new, "enrol", "Somebody", pictures / "hopper.png")
    result = edgeface("--home", new, "people", "import", file)
    assert (result.exit_code, "1 of 2 people are taken in." in result.stdout) == (65, True)
    assert "not taken in: Grace" in result.stderr
    ada = next(row[0] for row in people(edgeface, new) if row[1] == "Ada")
    edgeface("--home", new, "people", "forget", ada, "--yes")
    assert "is or was enrolled here" in edgeface("--home", new, "people", "import", file).stderr


def test_some_only(edgeface: Edgeface, file: Path, tmp_path: Path) -> None:
    edgeface("people", "export", tmp_path / "one", "grace")
    edgeface("--home", tmp_path / "new", "people", "import", tmp_path / "one")
    assert [row[1] for row in people(edgeface, tmp_path / "new")] == ["Grace"]
    assert edgeface("people", "export", tmp_path / "none", "Eve").exit_code == 65
    assert not (tmp_path / "none").exists()


def test_what_does_not_open(edgeface: Edgeface, file: Path, tmp_path: Path) -> None:
    wrong = edgeface("people", "import", file, "--passphrase", "another passphrase")
    assert (wrong.exit_code, "another passphrase, or the file was altered" in wrong.stderr) == (65, True)
    whole = file.read_bytes()
    for at in (3, 40, 90, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert edgeface("people", "import", file).exit_code == 65, at
    for odd in (b"", b"{}\n", b"[]\nx", b"hello", whole[:60], b'{"edgeface_people":1,"kdf":{"n":1073741824}}\n'):
        file.write_bytes(odd)
        assert edgeface("people", "import", file).exit_code == 65, odd
    short = edgeface("people", "export", tmp_path / "short", "--passphrase", "short")
    assert (short.exit_code, "use 12 or more" in short.stderr) == (65, True)


def test_a_file_that_is_there_stays(edgeface: Edgeface, file: Path) -> None:
    before = file.read_bytes()
    assert edgeface("people", "export", file).exit_code == 65
    assert file.read_bytes() == before


def test_another_model_and_no_consent_are_refused(file: Path, tmp_path: Path, loaded: Loaded) -> None:
    embedder = loaded.models.embedder
    with closing(open_database(tmp_path / "new.db")) as database:
        found = bundle.unseal(file.read_bytes(), WORDS, database.keyring)
        with pytest.raises(BackupError, match="use the same model and runtime"):
            settle_in(database, replace(found, model_sha256="b" * 64), embedder, instant(), need_consent=True)
        bare = replace(found, people=tuple(replace(person, consent=None) for person in found.people))
        left = settle_in(database, bare, embedder, instant(), need_consent=True)
        assert {one.refused for one in left} == {"no consent is on record"}
        odd = replace(found, people=(replace(found.people[0], id="p_../../etc"),))
        (left_out,) = settle_in(database, odd, embedder, instant(), need_consent=True)
        assert left_out.refused == "the id is none of edgeface"
        assert GalleryStore(database).people() == ()
        taken = settle_in(database, bare, embedder, instant(), need_consent=False)
        assert {one.refused for one in taken} == {None}


def test_a_file_for_one_device_opens_there_alone_and_without_words(
    edgeface: Edgeface, home: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEFACE_PASSPHRASE", raising=False)
    new, other, sealed = tmp_path / "new", tmp_path / "other", tmp_path / "sealed"
    key = edgeface("--home", new, "people", "recipient").stdout.strip()
    assert key.startswith("edgeface-recipient-1 ")
    assert edgeface("people", "export", sealed, "--to", key).exit_code == 0
    assert not any(word in sealed.read_bytes() for word in (b"Ada", b"Grace", b"Warden"))
    lost = edgeface("--home", other, "people", "import", sealed)
    assert (lost.exit_code, "sealed for another device" in lost.stderr) == (65, True)
    assert "2 of 2 people are taken in." in edgeface("--home", new, "people", "import", sealed).stdout
    assert people(edgeface, new) == people(edgeface, home)
    whole = sealed.read_bytes()
    for at in (3, 30, 60, 150, len(whole) - 1):
        sealed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert edgeface("--home", new, "people", "import", sealed).exit_code == 65, at
    for odd in ("edgeface-recipient-1 xyz", "edgeface-recipient-1 " + "00" * 32, ""):
        assert edgeface("people", "export", tmp_path / "odd", "--to", odd).exit_code in (65, 78), odd
    assert not (tmp_path / "odd").exists()
