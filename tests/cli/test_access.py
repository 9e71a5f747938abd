"""`edgeface access`, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

from calling import Edgeface

RULES = """
[site]
time_zone = "Europe/Vienna"
[doors.main]
[schedules.office]
hours = ["mon-fri 08:00-18:00"]
[[grants]]
name = "hours"
who = ["everyone"]
doors = ["main"]
schedule = "office"
"""


def test_the_default_is_shown_and_can_be_kept(edgeface: Edgeface, home: Path) -> None:
    text = edgeface("access", "show").output
    assert "known_person" in text
    home.mkdir(exist_ok=True)
    (home / "access.toml").write_text(text)
    assert edgeface("access", "show").output == text
    assert edgeface("access", "check").exit_code == 0


def test_check_finds_mistakes(edgeface: Edgeface, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "access.toml").write_text(RULES + "[doors.shut]\n")
    result = edgeface("access", "check", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["path"] == "doors.shut"
    (home / "access.toml").write_text(RULES + "[door.x]\n")
    result = edgeface("access", "check")
    assert result.exit_code == 78
    assert "did you mean doors?" in result.output


def test_why(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    (home / "access.toml").write_text(RULES)
    assert (
        "permit: a right applies (hours)"
        in edgeface("access", "test", "ada", "main", "--at", "2026-12-21T08:00").output
    )
    said = edgeface("access", "test", "ada", "main", "--at", "2026-12-21T18:00", "--json").output
    told = json.loads(said)
    assert (told["verdict"], told["code"], told["rule"]) == ("deny", "outside_schedule", "hours")
    assert [step["passed"] for step in told["steps"]].count(False) == 1
    assert "Ada" not in said
    later = edgeface("access", "test", "ada", "main", "--untrusted-clock").output
    assert "deny: this right has hours or dates" in later
    assert edgeface("access", "test", "Eve", "main").exit_code == 65
    assert edgeface("access", "test", "Ada", "main", "--at", "soon").exit_code == 2


def test_the_week(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    (home / "access.toml").write_text(RULES)
    lines = edgeface("access", "week", "main", "--from", "2026-12-21").output.splitlines()
    assert lines[2] == "Mon 2026-12-21 " + "." * 16 + "#" * 20 + "." * 12
    assert lines[7] == "Sat 2026-12-26 " + "." * 48
    told = json.loads(edgeface("access", "week", "main", "--from", "2026-12-21", "--json").output)
    assert sum(told["cells"][0]) == 20
    assert edgeface("access", "week", "cellar").exit_code == 78
