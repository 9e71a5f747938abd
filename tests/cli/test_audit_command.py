"""`edgeface audit`: a log that somebody can read, check and take away."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from calling import Edgeface

from edgeface.service.bootstrap import GALLERY
from edgeface.store.database import open_database
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.journal import Journal
from samples import decision, instant


def template() -> NewTemplate:
    return NewTemplate(model_sha256="a" * 64, vector=np.ones(128, np.int8), quality=1.0, pose=None, source="x.jpg")


@pytest.fixture
def person(home: Path) -> str:
    """Somebody enrolled, renamed and let in; the id."""
    home.mkdir()
    with closing(open_database(home / GALLERY)) as database:
        ada = GalleryStore(database).enrol("Ada Byron", [template()], instant(), by="uid 7")
        GalleryStore(database).rename(ada.id, "Ada Lovelace", instant())
        Journal(database, "b").record(decision(person_id=ada.id))
    return ada.id


def tampered(home: Path, change: str) -> None:
    with closing(sqlite3.connect(home / GALLERY)) as altered:
        for (name,) in altered.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            altered.execute(f"DROP TRIGGER {name}")
        altered.execute(change)
        altered.commit()


def test_what_happened_in_words(edgeface: Edgeface, person: str) -> None:
    text = edgeface("audit", "show").output
    lines = text.splitlines()
    assert [line.split()[0] for line in lines] == ["#1", "#2", "#3"]
    assert f"enrol    Ada Lovelace ({person})  by=uid 7  templates=1  name=Ada Byron" in lines[0]
    assert "outcome=grant  door=front  reason=3 good shots agree" in lines[2]
    assert edgeface("audit", "show", "--kind", "rename").output.splitlines() == [lines[1]]
    assert edgeface("audit", "show", "--last", "1", "--who", "ada lovelace").output.splitlines() == [lines[2]]
    assert "no such row" in edgeface("audit", "show", "--who", "p_0").output


def test_after_forgetting_the_rows_are_there_without_a_name(edgeface: Edgeface, person: str) -> None:
    edgeface("people", "forget", person, "--yes")
    told = [json.loads(line) for line in edgeface("audit", "show", "--json", "--who", person).stdout.splitlines()]
    assert [row["kind"] for row in told] == ["enrol", "rename", "decision", "forget"]
    assert all(row["person"] == {"id": person, "label": None} and row["personal"] is None for row in told)
    assert "Ada" not in edgeface("audit", "show").output
    assert "somebody forgotten" in edgeface("audit", "show").output
    assert edgeface("audit", "verify").exit_code == 0


def test_a_log_that_holds(edgeface: Edgeface, person: str, tmp_path: Path) -> None:
    (tmp_path / "heads").write_text(edgeface("audit", "head").stdout)
    result = edgeface("audit", "verify")
    assert result.exit_code == 0
    assert "Rows 1 to 3 hold." in result.stdout
    assert "No witness was asked" in result.stderr
    edgeface("people", "forget", person, "--yes")
    result = edgeface("audit", "verify", "--witness", tmp_path / "heads")
    assert "They agree with 1 signed head(s)." in result.stdout
    assert "witness was asked" not in result.output


def test_the_first_bad_row_is_named(edgeface: Edgeface, person: str, home: Path) -> None:
    tampered(home, "UPDATE audit SET at_wall_ns = at_wall_ns + 1 WHERE seq = 2")
    result = edgeface("audit", "verify")
    assert (result.exit_code, result.stdout) == (65, "")
    assert "The log does not hold. Row 2: it was altered" in result.stderr
    told = json.loads(edgeface("audit", "verify", "--json").stdout)
    assert (told["holds"], told["first_bad_row"]["seq"], told["last_seq"]) == (False, 2, 1)


def test_a_cut_is_seen_by_the_witness(edgeface: Edgeface, person: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "heads").write_text(json.loads(edgeface("audit", "head", "--json").stdout)["head"])
    tampered(home, "DELETE FROM outbox")
    tampered(home, "DELETE FROM audit WHERE seq = 3")
    assert edgeface("audit", "verify").exit_code == 0
    result = edgeface("audit", "verify", "--witness", tmp_path / "heads")
    assert result.exit_code == 65
    assert "Row 3: it is gone: a witness saw row 3" in result.stderr


def test_an_exported_log_is_checked_without_the_gallery(edgeface: Edgeface, person: str, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    key = json.loads(edgeface("audit", "head", "--json").stdout)["key"]
    assert "up to row 3" in edgeface("audit", "export", file).stdout
    assert b"Ada" not in file.read_bytes()
    result = edgeface("--home", tmp_path / "elsewhere", "audit", "verify", "--from", file)
    assert result.exit_code == 0
    assert "Who made this file was not checked" in result.stderr
    assert "was not checked" not in edgeface("audit", "verify", "--from", file, "--key", key).output
    other = json.loads(edgeface("--home", tmp_path / "other", "audit", "head", "--json").stdout)["key"]
    refused = edgeface("audit", "verify", "--from", file, "--key", other)
    assert (refused.exit_code, "another device's" in refused.stderr) == (65, True)


def test_any_byte_altered_in_an_exported_log_is_found(edgeface: Edgeface, person: str, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    edgeface("audit", "export", file)
    whole = file.read_bytes()
    begins = [at + 1 for at, byte in enumerate(whole) if byte == 10]
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        result = edgeface("audit", "verify", "--from", file, "--json")
        assert result.exit_code == 65, at
        line = sum(begin <= at for begin in begins)
        if line:
            assert json.loads(result.stdout)["first_bad_row"]["seq"] == line
    file.write_bytes(whole[: begins[-2]])
    assert "Row 3: it is gone" in edgeface("audit", "verify", "--from", file).stderr


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[1]\n", b'{"key":1}\n', b"\xff\xfe\n"])
def test_what_is_no_exported_log(edgeface: Edgeface, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    result = edgeface("audit", "verify", "--from", tmp_path / "log")
    assert (result.exit_code, "as `edgeface audit export` writes it" in result.stderr) == (65, True)


def test_heads_that_are_none(edgeface: Edgeface, person: str, tmp_path: Path) -> None:
    (tmp_path / "heads").write_text("hello")
    result = edgeface("audit", "verify", "--witness", tmp_path / "heads")
    assert (result.exit_code, "no signed head" in result.stderr) == (65, True)
    assert edgeface("audit", "verify", "--key", "x").exit_code == 65


def test_a_folder_that_cannot_be_written(edgeface: Edgeface, person: str, tmp_path: Path) -> None:
    result = edgeface("audit", "export", tmp_path / "nowhere" / "log")
    assert (result.exit_code, "cannot be written" in result.stderr) == (65, True)
