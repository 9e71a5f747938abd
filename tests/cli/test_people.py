"""`edgeface enrol` and `edgeface people`: who is known, and what became of every picture."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from calling import Edgeface

from edgeface.adapters.clock import SystemClock
from edgeface.frame import Pixels
from edgeface.image import encode_png
from edgeface.service.bootstrap import GALLERY
from edgeface.store.consent import TEXT_FILE
from edgeface.store.database import open_database
from samples import instant


def listed(edgeface: Edgeface) -> list[dict[str, Any]]:
    result = edgeface("people", "list", "--json")
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def ada(edgeface: Edgeface, pictures: Path) -> str:
    """Somebody enrolled; her id."""
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", "--json")
    assert result.exit_code == 0, result.output
    return str(json.loads(result.stdout)["id"])


def test_enrolling_tells_what_became_of_every_picture(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", pictures / "wall.png", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert set(told) == {"id", "name", "dry_run", "pictures_used", "refused", "looks_like"}
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


def test_a_refused_picture_is_told_what_to_do(edgeface: Edgeface, pictures: Path, hopper: Pixels) -> None:
    (pictures / "dark.png").write_bytes(encode_png((hopper * 0.1).astype("uint8")))
    result = edgeface("enrol", "Grace", pictures / "dark.png")
    assert result.exit_code == 65
    assert "too dark: brightness" in result.output


def test_a_dry_run_writes_nothing(edgeface: Edgeface, pictures: Path, home: Path) -> None:
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", pictures / "wall.png", "--dry-run")
    assert result.exit_code == 0
    assert "Ada would be enrolled with 1 template(s). Nothing was written." in result.output
    assert "no face found" in result.output
    assert not home.exists() or list(home.iterdir()) == []


def test_a_dry_run_knows_who_is_enrolled(edgeface: Edgeface, pictures: Path, home: Path, ada: str) -> None:
    before = (home / GALLERY).read_bytes()
    assert "is enrolled already: use --add" in edgeface("enrol", "ada", pictures / "hopper.png", "--dry-run").output
    assert "already enrolled as Ada" in edgeface("enrol", "Eve", pictures / "astronaut.png", "--dry-run").output
    told = json.loads(edgeface("enrol", "Ada", pictures / "astronaut.png", "--add", "--dry-run", "--json").stdout)
    assert (told["id"], told["dry_run"], told["pictures_used"]) == (None, True, 1)
    assert [row["templates"] for row in listed(edgeface)] == [1]
    assert (home / GALLERY).read_bytes() == before


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
    with closing(open_database(home / GALLERY)) as database:
        (row,) = database.read("SELECT wrapped_key, sealed_name, vector FROM people, templates")
    needles = [b"Wilhelmina", *row.values()]

    def found() -> list[bool]:
        return [any(needle in file.read_bytes() for file in home.iterdir() if file.is_file()) for needle in needles]

    assert found() == [False, True, True, True]
    result = edgeface("people", "forget", "Wilhelmina Unmistakable", "--yes", "--json")
    assert result.exit_code == 0
    receipt = json.loads(result.stdout)
    assert (receipt["templates"], receipt["remains"]) == (1, [])
    assert receipt["files"] == 4
    assert found() == [False] * 4


def test_forget_names_the_copies_that_are_left(edgeface: Edgeface, home: Path, ada: str) -> None:
    (home / "old").mkdir()
    (home / "old" / "copy.db").write_bytes((home / GALLERY).read_bytes())
    result = edgeface("people", "forget", "Ada", "--yes")
    assert "old/copy.db still holds the person: delete that copy." in result.stderr


def test_the_first_start_says_where_the_key_is_and_the_second_does_not(edgeface: Edgeface, home: Path) -> None:
    assert f"Made the device key {home / GALLERY}.key" in edgeface("people").stderr
    assert "device key" not in edgeface("people").stderr


def test_without_its_key_a_gallery_stays_shut(edgeface: Edgeface, home: Path, ada: str) -> None:
    key = home / f"{GALLERY}.key"
    kept = key.read_bytes()
    before = (home / GALLERY).read_bytes()
    key.unlink()
    result = edgeface("people")
    assert result.exit_code == 77
    assert "gallery.db.key is gone" in result.output
    assert not key.exists()
    assert (home / GALLERY).read_bytes() == before
    key.write_bytes(kept)
    key.chmod(0o644)
    assert edgeface("people").exit_code == 77
    assert "failed   device key" in edgeface("doctor").output
    key.chmod(0o600)
    assert [row["id"] for row in listed(edgeface)] == [ada]


def test_forget_nobody(edgeface: Edgeface) -> None:
    result = edgeface("people", "forget", "Eve", "--yes")
    assert result.exit_code == 65
    assert "nobody called 'Eve'" in result.output


def test_a_face_is_enrolled_once(edgeface: Edgeface, pictures: Path, ada: str) -> None:
    result = edgeface("enrol", "Eve", pictures / "astronaut.png")
    assert result.exit_code == 65
    assert f"this face is already enrolled as Ada ({ada}" in result.output
    assert [row["name"] for row in listed(edgeface)] == ["Ada"]


def test_a_face_is_enrolled_twice_with_permission_which_is_kept(edgeface: Edgeface, pictures: Path, ada: str) -> None:
    result = edgeface("enrol", "Eve", pictures / "astronaut.png", "--allow-duplicate", "--json")
    assert result.exit_code == 0
    assert "looks like Ada" in json.loads(result.stdout)["looks_like"][0]
    shown = json.loads(edgeface("people", "show", "Eve", "--json").output)
    assert [(twin["of_person_id"], twin["allowed_by"]) for twin in shown["duplicates"]] == [(ada, "The Warden")]
    assert "same face as Ada" in edgeface("people", "show", "Eve").output
    edgeface("people", "forget", "Ada", "--yes")
    assert json.loads(edgeface("people", "show", "Eve", "--json").output)["duplicates"] == []


def test_a_face_of_two_people_is_no_third(edgeface: Edgeface, pictures: Path, ada: str) -> None:
    edgeface("enrol", "Eve", pictures / "astronaut.png", "--allow-duplicate")
    result = edgeface("enrol", "Mallory", pictures / "astronaut.png")
    assert result.exit_code == 65
    assert "the face matches 2 people" in result.output


def test_two_people_in_one_set(edgeface: Edgeface, pictures: Path) -> None:
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", pictures / "hopper.png")
    assert result.exit_code == 65
    assert "no two of the pictures show the same person" in result.output
    assert listed(edgeface) == []


def test_a_picture_of_somebody_else_is_set_aside(edgeface: Edgeface, pictures: Path, astronaut: Pixels) -> None:
    (pictures / "dim.png").write_bytes(encode_png((astronaut * 0.8).astype("uint8")))
    result = edgeface(
        "enrol", "Ada", pictures / "astronaut.png", pictures / "hopper.png", pictures / "dim.png", "--json"
    )
    told = json.loads(result.stdout)
    assert told["pictures_used"] == 2
    assert told["refused"] == {str(pictures / "hopper.png"): "shows somebody else than the other pictures"}


def test_pictures_that_are_added_must_show_the_person(edgeface: Edgeface, pictures: Path, ada: str) -> None:
    result = edgeface("enrol", "Ada", pictures / "hopper.png", "--add")
    assert result.exit_code == 65
    assert "the pictures do not show Ada" in result.output
    assert [row["templates"] for row in listed(edgeface)] == [1]


def test_consent_is_kept_and_shown(edgeface: Edgeface, pictures: Path, ada: str) -> None:
    kept = json.loads(edgeface("people", "show", "ada", "--json").output)["consent"]
    assert kept["recorded_by"] == "The Warden"
    assert kept["given"] == "written"
    assert kept["text_version"] == "edgeface consent 1"
    assert kept["text_sha256"] == hashlib.sha256(TEXT_FILE.read_bytes()).hexdigest()
    assert "recorded by The Warden at 20" in edgeface("people", "show", ada).output


def test_nobody_is_enrolled_without_consent(
    edgeface: Edgeface, pictures: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEFACE_CONSENT_BY")
    result = edgeface("enrol", "Ada", pictures / "astronaut.png")
    assert result.exit_code == 65
    assert "--consent-by NAME" in result.output
    assert not (home / GALLERY).exists()
    home.mkdir()
    (home / "edgeface.toml").write_text("[enrol]\nrequire_consent = false\n")
    assert edgeface("enrol", "Ada", pictures / "astronaut.png").exit_code == 0
    assert "no consent is on record" in edgeface("people", "show", "Ada").output


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", None])
def test_a_consent_text_that_is_none(edgeface: Edgeface, pictures: Path, tmp_path: Path, text: bytes | None) -> None:
    words = tmp_path / "words.txt"
    if text is not None:
        words.write_bytes(text)
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", "--consent-text", words)
    assert result.exit_code == 65
    assert "the consent text" in result.output


@pytest.mark.parametrize("by", ["", " ", "x" * 81, "\x1b[2J", "a\nb", "\u202eb"])
def test_a_consent_is_recorded_by_somebody(edgeface: Edgeface, pictures: Path, by: str) -> None:
    result = edgeface("enrol", "Ada", pictures / "astronaut.png", f"--consent-by={by}")
    assert result.exit_code == 65
    assert "recorded by somebody" in result.output


@pytest.mark.parametrize("cap", [1, 2])
def test_no_more_templates_than_the_configuration_allows(
    edgeface: Edgeface, pictures: Path, home: Path, astronaut: Pixels, cap: int
) -> None:
    home.mkdir()
    (home / "edgeface.toml").write_text(f"[enrol]\nmax_templates = {cap}\n")
    for share in (8, 7):
        (pictures / f"dim{share}.png").write_bytes(encode_png((astronaut * (share / 10)).astype("uint8")))
    files = [pictures / name for name in ("astronaut.png", "dim8.png", "dim7.png")]
    told = json.loads(edgeface("enrol", "Ada", *files, "--json").stdout)
    assert told["pictures_used"] == cap
    assert set(told["refused"].values()) == {"adds nothing to the pictures that were kept"}


def test_how_long_somebody_is_kept(edgeface: Edgeface, home: Path, ada: str) -> None:
    def until() -> str | None:
        return json.loads(edgeface("people", "show", "Ada", "--json").stdout)["kept_until"]

    assert until() is None
    assert "kept until somebody forgets the person" in edgeface("people", "show", "Ada").output
    assert "kept until 2031-06-01T00:00:00" in edgeface("people", "keep", "ada", "--until", "2031-05-31").output
    assert until() == "2031-06-01T00:00:00+00:00"
    assert edgeface("people", "keep", ada, "--forever").exit_code == 0
    assert until() is None
    assert "by a setting of its own" in edgeface("people", "show", "Ada").output
    (home / "edgeface.toml").write_text("[retention]\npeople_days = 30\n")
    assert "kept for 30 days after the last visit" in edgeface("people", "keep", "Ada", "--as-usual").output
    assert "people 30 days after their last visit" in edgeface("doctor").output
    assert edgeface("people", "keep", "Nobody", "--forever").exit_code == 65


@pytest.mark.parametrize("words", [[], ["--forever", "--as-usual"], ["--until", "tomorrow"], ["--days", "0"]])
def test_one_term_at_a_time(edgeface: Edgeface, ada: str, words: list[str]) -> None:
    assert edgeface("people", "keep", "Ada", *words).exit_code == 2


def test_days_from_now_need_a_clock(edgeface: Edgeface, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for trusted, code in ((True, 0), (False, 2)):
        now = replace(instant(), wall_trusted=trusted)
        monkeypatch.setattr(SystemClock, "now", lambda self, now=now: now)
        result = edgeface("people", "keep", "Ada", "--days", "7")
        assert result.exit_code == code
    assert "the clock is not set" in result.output
