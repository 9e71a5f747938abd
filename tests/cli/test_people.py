"""`edgeface enrol` and `edgeface people`: who is known, and what became of every picture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from calling import Edgeface

from edgeface.frame import Pixels
from edgeface.image import encode_png
from edgeface.service.bootstrap import GALLERY


def listed(edgeface: Edgeface) -> list[dict[str, Any]]:
    result = edgeface("people", "list", "--json")
    assert result.exit_code == 0
    return [json.loads(line) for line in result.output.splitlines()]


@pytest.fixture
def ada(edgeface: Edgeface, pictures: Path) -> str:
    """Somebody enrolled; her id."""
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", "--json")
    assert result.exit_code == 0, result.output
    return str(json.loads(result.output)["id"])


def test_enrolling_tells_what_became_of_every_picture(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", pictures / "wall.png", "--json")
    assert result.exit_code == 0
    told = json.loads(result.output)
    assert set(told) == {"id", "name", "pictures_used", "refused"}
    assert re.fullmatch(r"p_[0-9a-f]{16}", told["id"])
    assert (told["name"], told["pictures_used"]) == ("Ada", 1)
    assert list(told["refused"]) == [str(pictures / "wall.png")]
    assert "no face found" in told["refused"][str(pictures / "wall.png")]
    assert [(row["name"], row["templates"]) for row in listed(edgeface)] == [("Ada", 1)]


def test_enrolling_in_words(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", pictures / "wall.png")
    assert result.exit_code == 0
    assert "Ada is enrolled with 1 template(s), id p_" in result.output
    assert f"not used: {pictures / 'wall.png'}: no face found" in result.output


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        ("wall.png", "no face found"),
        ("two.png", "faces found: crop the picture"),
        ("missing.png", "unreadable: "),
        ("bad.png", "not_a_picture: "),
        (".", "unreadable: "),
    ],
)
def test_pictures_that_make_nobody(edgeface: Edgeface, pictures: Path, picture: str, sentence: str) -> None:
    (pictures / "bad.png").write_bytes(b"hello")
    result = edgeface("enrol", "Ada", pictures / picture)
    assert result.exit_code == 65
    assert "Ada was not enrolled" in result.output
    assert sentence in result.output
    assert listed(edgeface) == []


def test_strict_takes_all_or_nobody(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", pictures / "wall.png", "--strict")
    assert result.exit_code == 65
    assert listed(edgeface) == []


@pytest.mark.parametrize("name", ["a/b", "a#b", "a\tb", "", "   ", "x" * 300, "a+b", "\u202eada", "..."])
def test_bad_names_are_refused_before_the_slow_part(edgeface: Edgeface, pictures: Path, home: Path, name: str) -> None:
    result = edgeface("enrol", name, pictures / "astronaut.png")
    assert result.exit_code == 65
    assert "edgeface: the name " in result.output
    assert not (home / GALLERY).exists()


def test_a_name_of_nul(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("enrol", "a\0b", pictures / "astronaut.png")
    assert result.exit_code == 65
    assert "control character U+0000" in result.output


def test_a_name_is_given_once(edgeface: Edgeface, pictures: Path, ada: str) -> None:
    result = edgeface("enrol", "aDA", pictures / "hopper.png")
    assert result.exit_code == 65
    assert "Ada is enrolled already: use --add" in result.output
    assert [row["id"] for row in listed(edgeface)] == [ada]


def test_more_pictures_of_somebody(edgeface: Edgeface, pictures: Path, ada: str, astronaut: Pixels) -> None:
    (pictures / "dim.png").write_bytes(encode_png((astronaut * 0.8).astype("uint8")))
    result = edgeface("enrol", "ada", pictures / "dim.png", "--add", "--json")
    assert json.loads(result.output)["id"] == ada
    assert [(row["id"], row["templates"]) for row in listed(edgeface)] == [(ada, 2)]


def test_adding_to_nobody(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("enrol", "Eve", pictures / "hopper.png", "--add")
    assert result.exit_code == 65
    assert "nobody called 'Eve' is enrolled" in result.output
    assert listed(edgeface) == []


def test_no_picture_is_a_usage_error(edgeface: Edgeface) -> None:
    assert edgeface("enrol", "Ada").exit_code == 2


def test_the_list(edgeface: Edgeface, pictures: Path) -> None:
    assert "Nobody is enrolled yet" in edgeface("people").output
    edgeface("enrol", "Grace", pictures / "hopper.png")
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    text = edgeface("people").output
    assert re.findall(r"^p_[0-9a-f]{16}  (\w+)  1 template\(s\)$", text, re.MULTILINE) == ["Ada", "Grace"]
    assert text == edgeface("people", "list").output
    assert all(set(row) == {"id", "name", "templates", "templates_of_other_models"} for row in listed(edgeface))


def test_rename(edgeface: Edgeface, ada: str) -> None:
    assert edgeface("people", "rename", "ada", "Ada Lovelace").exit_code == 0
    assert edgeface("people", "rename", ada, "Countess").exit_code == 0
    assert [(row["id"], row["name"]) for row in listed(edgeface)] == [(ada, "Countess")]
    assert edgeface("people", "rename", "Ada", "Bob").exit_code == 65
    assert edgeface("people", "rename", ada, "a/b").exit_code == 65
    assert [row["name"] for row in listed(edgeface)] == ["Countess"]


def test_forget_asks_first(edgeface: Edgeface, ada: str) -> None:
    result = edgeface("people", "forget", "Ada", stdin="n\n")
    assert result.exit_code == 1
    assert f"Forget Ada ({ada}) for good?" in result.output
    assert [row["id"] for row in listed(edgeface)] == [ada]
    assert edgeface("people", "forget", "Ada", stdin="y\n").exit_code == 0
    assert listed(edgeface) == []


def test_forget_leaves_nothing_in_the_file(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    edgeface("enrol", "Wilhelmina Unmistakable", pictures / "astronaut.png")
    files = [file for file in home.iterdir() if file.is_file()]
    assert any(b"Wilhelmina" in file.read_bytes() for file in files)
    assert edgeface("people", "forget", "Wilhelmina Unmistakable", "--yes").exit_code == 0
    assert not any(b"Wilhelmina" in file.read_bytes() for file in home.iterdir() if file.is_file())


def test_forget_nobody(edgeface: Edgeface) -> None:
    result = edgeface("people", "forget", "Eve", "--yes")
    assert result.exit_code == 65
    assert "nobody called 'Eve'" in result.output
