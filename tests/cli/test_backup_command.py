"""`edgeface backup` and `edgeface restore`, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

from calling import Edgeface


def test_there_and_back(edgeface: Edgeface, home: Path, pictures: Path, tmp_path: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    file = tmp_path / "copy.db"
    made = edgeface("backup", file)
    assert made.exit_code == 0
    assert "has 1 people, and the audit log up to row 2; sha256 " in made.stdout
    assert "Not in it: the device key" in made.stderr
    assert (edgeface("backup", file).exit_code, edgeface("restore", file).exit_code) == (65, 65)
    ada = json.loads(edgeface("people", "list", "--json").stdout)["id"]
    edgeface("people", "forget", ada, "--yes")
    result = edgeface("restore", file, "--replace")
    assert "The gallery is back, with 1 people" in result.stdout
    assert f"{ada} was forgotten after the backup, and is forgotten again." in result.stdout
    assert "gallery.db.replaced" in result.stderr
    assert "Nobody is enrolled" in edgeface("people").output
    (home / "gallery.db.replaced").unlink()
    told = json.loads(edgeface("restore", file, "--replace", "--json").stdout)
    assert (told["copy"]["people"], told["forgotten_again"]) == (1, [ada])
    told = json.loads(edgeface("backup", tmp_path / "later.db", "--json").stdout)
    assert (told["people"], told["file"]) == (0, str(tmp_path / "later.db"))


def test_no_key_no_gallery(edgeface: Edgeface, home: Path, pictures: Path, tmp_path: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    edgeface("backup", tmp_path / "copy.db")
    result = edgeface("--home", tmp_path / "new", "restore", tmp_path / "copy.db")
    assert (result.exit_code, "gallery.db.key is gone" in result.stderr) == (77, True)
    assert list((tmp_path / "new").iterdir()) == []
