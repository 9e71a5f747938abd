"""`edgeface access`, as a person calls it."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from calling import Edgeface

from edgeface.decide import Outcome
from edgeface.frame import Instant
from edgeface.image import read
from edgeface.service.bootstrap import GALLERY
from edgeface.store import access_state
from edgeface.store.database import open_database
from edgeface.store.journal import Journal
from samples import decision

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
    assert json.loads(result.stdout)["path"] == "doors.shut"
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
    assert "deny: outside the hours" in edgeface("access", "test", "ada", "main", "--at", "2026-12-21T07:59").output
    assert "permit:" in edgeface("access", "test", "ada", "main", "--at", "2026-12-21T07:59Z").output
    said = edgeface("access", "test", "ada", "main", "--at", "2026-12-21T18:00", "--json").output
    told = json.loads(said)
    assert (told["verdict"], told["code"], told["rule"]) == ("deny", "outside_schedule", "hours")
    assert [step["passed"] for step in told["steps"]].count(False) == 1
    assert "Ada" not in said
    later = edgeface("access", "test", "ada", "main", "--untrusted-clock").output
    assert "deny: this right has hours or dates" in later
    assert edgeface("access", "test", "Eve", "main").exit_code == 65
    assert edgeface("access", "test", "Ada", "main", "--at", "soon").exit_code == 2


def test_why_was_this_denied(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    """A visit of the journal: what was decided then, and what these rules say of it."""
    ada = json.loads(edgeface("enrol", "Ada", pictures / "astronaut.png", "--json").stdout)["id"]
    (home / "access.toml").write_text(RULES)
    night = int(datetime(2026, 12, 21, 3, tzinfo=UTC).timestamp()) * 10**9
    then = Instant(monotonic_ns=5, wall_ns=night, wall_trusted=True)
    with closing(open_database(home / GALLERY)) as database:
        made = decision(person_id=ada, door="main", captured_at=then, decided_at=then)
        kept_out = replace(made, outcome=Outcome.DENY, rule="hours", reason="outside the hours of office")
        seq = Journal(database, "b").record(kept_out)
        nobody = replace(made, id="1" * 32, person_id=None, outcome=Outcome.UNKNOWN, reason="nobody is like this face")
        Journal(database, "b").record(nobody)
    text = edgeface("access", "test", "--decision", seq).output
    assert f"#{seq} 2026-12-21T03:00:00+00:00 deny: outside the hours of office (hours)" in text
    assert "deny: outside the hours" in text.splitlines()[-1]
    told = json.loads(edgeface("access", "test", "--decision", seq, "--json").stdout)
    assert (told["verdict"], told["code"], told["decision"]["outcome"]) == ("deny", "outside_schedule", "deny")
    assert "nobody was recognised" in edgeface("access", "test", "--decision", seq + 1).output
    for odd in (seq - 1, seq + 2):
        refused = edgeface("access", "test", "--decision", odd)
        assert (refused.exit_code, "is no decision that is kept" in refused.output) == (78, True)


def test_who_could_open_which_door_when_is_the_other_question(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    (home / "access.toml").write_text(RULES)
    told = edgeface("access", "test", "--at", "2026-12-21T12:00", "--json").stdout
    assert told == edgeface("access", "who", "--from", "2026-12-21", "--json").stdout
    rows = [json.loads(line) for line in told.splitlines()]
    assert [(row["person"]["label"], row["door"]) for row in rows] == [("Ada", "main")]
    assert 0 < rows[0]["hours"] < 168
    assert edgeface("access", "test", "Ada").exit_code == 2


def test_the_week(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    (home / "access.toml").write_text(RULES)
    lines = edgeface("access", "week", "main", "--from", "2026-12-21").output.splitlines()
    assert lines[2] == "Mon 2026-12-21 " + "." * 16 + "#" * 20 + "." * 12
    assert lines[7] == "Sat 2026-12-26 " + "." * 48
    told = json.loads(edgeface("access", "week", "main", "--from", "2026-12-21", "--json").stdout)
    assert sum(told["cells"][0]) == 20
    assert edgeface("access", "week", "cellar").exit_code == 78


def test_the_week_as_a_picture(edgeface: Edgeface, home: Path, pictures: Path, tmp_path: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    (home / "access.toml").write_text(RULES)
    shown = tmp_path / "week.png"
    assert edgeface("access", "week", "main", "--from", "2026-12-21", "--png", shown).exit_code == 0
    pixels = read(shown)
    monday, noon = 64 + 10, 172 + 16 * 24 + 8
    assert tuple(pixels[monday, noon]) == (18, 97, 128), "Monday noon: everybody"
    assert tuple(pixels[monday + 6 * 44, noon]) == (241, 243, 245), "Sunday noon: nobody"
    assert edgeface("access", "week", "main", "--png", tmp_path / "no" / "week.png").exit_code == 2


def test_who_could_open_which_door(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    assert "Nobody is enrolled yet" in edgeface("access", "who").output
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    (home / "access.toml").write_text(RULES + "[doors.shut]\n")
    rows = [
        json.loads(line) for line in edgeface("access", "who", "--from", "2026-12-21", "--json").stdout.splitlines()
    ]
    assert [(row["door"], row["hours"]) for row in rows] == [("main", 50.0), ("shut", 0.0)]
    assert "50 hours a week" in edgeface("access", "who", "--from", "2026-12-21").output


def remembered(home: Path) -> dict[str, str]:
    with closing(open_database(home / "gallery.db")) as database:
        return access_state.read(database)


def test_a_lockdown_outlasts_the_command(edgeface: Edgeface, home: Path) -> None:
    assert edgeface("access", "lockdown").exit_code == 0
    assert "lockdowns/all" in remembered(home)
    assert edgeface("access", "lockdown", "main").exit_code == 0
    assert edgeface("access", "lockdown", "--lift").exit_code == 0
    assert {"lockdowns/main", "lockdowns/all"} & remembered(home).keys() == {"lockdowns/main"}
    assert edgeface("access", "lockdown", "cellar").exit_code == 78
    assert [(told["what"], told["door"]) for told in commanded(home)] == [
        ("lockdown", "all"), ("lockdown", "main"), ("lift lockdown", "all"),
    ]  # fmt: skip


def commanded(home: Path) -> list[dict[str, str]]:
    """What the audit says of commands."""
    with closing(open_database(home / "gallery.db")) as database:
        rows = database.read("SELECT payload FROM audit WHERE kind = 'command' ORDER BY seq")
    return [json.loads(row["payload"]) for row in rows]


def test_reset(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    ada = json.loads(edgeface("enrol", "Ada", pictures / "astronaut.png", "--json").stdout)["id"]
    rows = {
        "state": '{"v": 1, "boot": "b"}',
        f"places/house/{ada}": '{"inside":true,"door":"main","at_ns":1}',
        "places/house/p_0000000000000000": '{"inside":true,"door":"main","at_ns":1}',
        "clock/anchor": '{"wall_less_monotonic_ns":1,"newest_wall_ns":1}',
    }
    with closing(open_database(home / "gallery.db")) as database, database.transaction() as tables:
        access_state.replace_all(tables, rows)
    assert edgeface("access", "reset").exit_code == 2
    assert edgeface("access", "reset", "--who", "ada").exit_code == 0
    assert rows.keys() - remembered(home).keys() == {f"places/house/{ada}"}
    assert edgeface("access", "reset", "--clock").exit_code == 0
    assert remembered(home).keys() == {"state", "places/house/p_0000000000000000"}
    with closing(open_database(home / "gallery.db")) as database, database.transaction() as tables:
        access_state.replace_all(tables, {"state": "damaged"})
    assert edgeface("access", "lockdown").exit_code == 74
    assert edgeface("access", "reset", "--all").exit_code == 0
    assert remembered(home) == {}
    assert [(told["what"], told.get("who")) for told in commanded(home)] == [
        ("reset", ada), ("reset clock", None), ("reset all", None),
    ]  # fmt: skip
