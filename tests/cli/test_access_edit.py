"""Rules changed by command: comments stay, and nothing wrong is ever written."""

from __future__ import annotations

import hashlib
import json
import stat
from contextlib import closing
from pathlib import Path

import pytest
from calling import Edgeface

from edgeface.access import Rules, verify_pin
from edgeface.config import parse
from edgeface.store.database import open_database

RULES = """
# our house
[site]
time_zone = "Europe/Vienna"  # where it stands

[doors.main]
second_factor = "pin-or-card"

[groups.staff]  # who works here
members = [
    # nobody yet
]

[[grants]]
name = "all day"
who = ["everyone"]
doors = ["main"]
# a comment on what follows
[[grants]]
who = ["staff"]
doors = ["main"]
"""


@pytest.fixture
def ada(edgeface: Edgeface, home: Path, pictures: Path) -> str:
    made = edgeface("enrol", "Ada", pictures / "astronaut.png", "--json")
    (home / "access.toml").write_text(RULES)
    return str(made.output.split('"id": "')[1].split('"')[0])


def now(home: Path) -> Rules:
    return parse((home / "access.toml").read_text(), Rules)


def audited(home: Path, kind: str) -> list[dict[str, str]]:
    with closing(open_database(home / "gallery.db")) as database:
        return [json.loads(row["payload"]) for row in database.read("SELECT * FROM audit WHERE kind = ?", (kind,))]


def test_every_change_is_audited_and_what_is_refused_is_not(edgeface: Edgeface, home: Path, ada: str) -> None:
    before = hashlib.sha256((home / "access.toml").read_bytes()).hexdigest()
    edgeface("access", "grant", "ada", "--door", "main")
    edgeface("access", "pin", "ada", "--pin", "2468")
    assert edgeface("access", "grant", "ada", "--door", "cellar").exit_code == 78
    granted, pinned = audited(home, "rules")
    after = hashlib.sha256((home / "access.toml").read_bytes()).hexdigest()
    assert (granted["what"], granted["from"], pinned["what"], pinned["to"]) == (
        "access grant", before, "access pin", after,
    )  # fmt: skip
    assert granted["to"] == pinned["from"]
    assert granted["by"].startswith("uid ")
    assert verify_pin("2468", now(home).people[ada].pin)


def test_grant_deny_revoke(edgeface: Edgeface, home: Path, ada: str) -> None:
    assert "night is added" in edgeface("access", "grant", "ada", "--door", "main", "--name", "night").output
    edgeface("access", "deny", "staff", "--until", "2030-01-31")
    rules = now(home)
    assert (rules.grants[2].who, rules.grants[2].doors, rules.grants[2].name) == ((ada,), ("main",), "night")
    assert str(rules.denies[0].valid_until) == "2030-01-31"
    assert stat.S_IMODE((home / "access.toml").stat().st_mode) == 0o600
    assert edgeface("access", "revoke", "all day").exit_code == 0
    assert edgeface("access", "revoke", "denies[0]").exit_code == 0
    assert [right.name for right in now(home).grants] == ["", "night"]
    text = (home / "access.toml").read_text()
    assert "# our house" in text and "# where it stands" in text and "# a comment on what follows" in text
    assert edgeface("access", "revoke", "all day").exit_code == 78


def test_groups(edgeface: Edgeface, home: Path, ada: str) -> None:
    edgeface("access", "group", "add", "staff", "Ada")
    edgeface("access", "group", "add", "guests", "Ada", "Ada")
    assert now(home).groups["staff"].members == now(home).groups["guests"].members == (ada,)
    edgeface("access", "group", "remove", "staff", ada)
    assert now(home).groups["staff"].members == ()
    assert "# who works here" in (home / "access.toml").read_text()


def test_pin_and_card(edgeface: Edgeface, home: Path, ada: str) -> None:
    assert edgeface("access", "pin", "Ada", stdin="2468\n2468\n").exit_code == 0
    assert edgeface("access", "pin", "Ada", "--duress", "--pin", "2468").exit_code == 78
    assert edgeface("access", "pin", "Ada", "--duress", "--pin", "8642").exit_code == 0
    assert edgeface("access", "pin", "Ada", "--pin", "12").exit_code == 2
    assert edgeface("access", "card", "Ada", stdin="0012345\n").exit_code == 0
    assert edgeface("access", "card", "Ada", "--number", "0012345").exit_code == 78
    entry = now(home).people[ada]
    assert verify_pin("2468", entry.pin) and verify_pin("8642", entry.duress_pin) and len(entry.cards) == 1
    assert not any(secret in (home / "access.toml").read_text() for secret in ("2468", "8642", "0012345"))


@pytest.mark.parametrize(
    "words",
    [
        ("grant", "ada", "--door", "cellar"),
        ("grant", "ada", "--schedule", "never"),
        ("grant", "Eve"),
        ("grant", "ada", "--name", 'x"\n[[grants]]'),
        ("grant", "ada", "--from", "soon"),
        ("grant", "ada", "--from", "2030-01-01", "--until", "2029-01-01"),
        ("group", "add", "everyone", "ada"),
        ("group", "add", "a.b", "ada"),
    ],
)
def test_what_cannot_be_said_is_not_written(edgeface: Edgeface, home: Path, ada: str, words: tuple[str, ...]) -> None:
    result = edgeface("access", *words)
    assert result.exit_code in (2, 65, 78)
    assert (home / "access.toml").read_text() == RULES


def test_what_is_written_in_another_way_is_left_to_the_hand(edgeface: Edgeface, home: Path, ada: str) -> None:
    odd = 'grants = [{ who = ["everyone"], doors = ["main"] }]\ngroups.staff.members = []\n[doors.main]\n'
    (home / "access.toml").write_text(odd)
    for words in (("revoke", "grants[0]"), ("grant", "ada"), ("group", "add", "staff", "ada")):
        result = edgeface("access", *words)
        assert result.exit_code == 78, words
        assert (home / "access.toml").read_text() == odd


def test_without_a_file_the_default_is_what_is_changed(edgeface: Edgeface, home: Path, ada: str) -> None:
    (home / "access.toml").unlink()
    edgeface("access", "deny", "ada")
    assert [right.name for right in now(home).grants] == ["known_person"]
    assert "deny: a rule denies it" in edgeface("access", "test", "ada", "main").output


def test_the_wrong_table_is_never_the_one_that_goes(edgeface: Edgeface, home: Path, ada: str) -> None:
    right = 'who = ["everyone"]\ndoors = ["main"]\n'
    odd = f'[doors.main]\n[[ grants ]]\nname = "first"\n{right}[[grants]]\nname = "second"\n{right}'
    (home / "access.toml").write_text(odd)
    result = edgeface("access", "revoke", "first")
    assert result.exit_code == 78
    assert "edit it by hand" in result.output
    assert (home / "access.toml").read_text() == odd
