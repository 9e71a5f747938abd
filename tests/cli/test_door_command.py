"""`edgeface door`, `replay`, and what the doctor says of rules, door and what is kept."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from calling import Edgeface

from edgeface.controller import Doorkeeper
from edgeface.service.bootstrap import GALLERY
from edgeface.signature import public_of, public_text
from edgeface.store import audit
from edgeface.store.database import open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from samples import decision, instant


def said(edgeface: Edgeface, check: str) -> tuple[str, str]:
    """Health and detail of one check."""
    rows = (json.loads(line) for line in edgeface("doctor", "--json").output.splitlines())
    (found,) = (row for row in rows if row["check"] == check)
    return str(found["health"]), str(found["detail"])


def configure(home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "edgeface.toml").write_text(text)


def test_the_key_of_the_decisions_is_told(edgeface: Edgeface, home: Path) -> None:
    assert edgeface("door", "key").exit_code == 74
    home.mkdir(mode=0o700)
    with closing(open_database(home / GALLERY)) as database:
        expected = public_text(public_of(database.keyring.signing_seed))
    told = edgeface("door", "key").output.strip()
    assert told == expected
    Doorkeeper(door="main", public_key=told)


def test_a_range_is_sent_again_and_what_is_no_message_is_named(edgeface: Edgeface, home: Path) -> None:
    home.mkdir(mode=0o700)
    with closing(open_database(home / GALLERY)) as database:
        journal = Journal(database, "b")
        journal.start(instant(), {})
        seqs = [journal.record(decision(10.0)) for _ in range(4)]
        Outbox(database).delivered(seqs, 1)
    found = edgeface("replay", "1", "3", "--json")
    assert json.loads(found.output) == {"waiting": 2, "silent": [1], "oldest": 1}
    with closing(open_database(home / GALLERY)) as database:
        assert [row.seq for row in Outbox(database).waiting(10)] == [2, 3]
    assert "no messages: 1" in edgeface("replay", "1", "1").output
    assert edgeface("replay", "3", "1").exit_code == 2
    assert edgeface("replay", "7", "9").output == "0 will be sent again\n"


def test_who_asks_for_rows_that_are_deleted_hears_so(edgeface: Edgeface, home: Path) -> None:
    home.mkdir(mode=0o700)
    with closing(open_database(home / GALLERY)) as database:
        for _ in range(4):
            Journal(database, "b").record(decision(10.0))
        with database.transaction() as tables:
            audit.prune(tables, 3, instant(), unsent=True)
    assert edgeface("replay", "2", "4").output == "1 will be sent again; deleted: 2 to 3\n"
    assert edgeface("replay", "1", "2").output == "0 will be sent again; deleted: 1 to 2\n"


@pytest.mark.parametrize(
    ("rules", "health", "words"),
    [
        (None, "ok", "whoever is enrolled may pass"),
        ('[doors.main]\n[[grants]]\nwho=["everyone"]\ndoors=["main"]\n', "ok", "1 doors, 1 grants"),
        ('[doors.back]\n[[grants]]\nwho=["everyone"]\ndoors=["back"]\n', "failed", "knows no door 'main'"),
        ("[doors.main]\n", "warning", "it opens for no one"),
        ("[doors.main\n", "failed", "this is no TOML"),
        ('[[grants]]\nwho=["x"]\ndoors=["main"]\n', "failed", "grants[0]"),
    ],
)
def test_the_doctor_reads_the_rules(edgeface: Edgeface, home: Path, rules: str | None, health: str, words: str) -> None:
    home.mkdir()
    if rules is not None:
        (home / "access.toml").write_text(rules)
    found = said(edgeface, "access")
    assert found[0] == health
    assert words in found[1]


def test_the_doctor_looks_at_the_door(edgeface: Edgeface, home: Path, tmp_path: Path) -> None:
    assert said(edgeface, "door") == (
        "warning",
        "neither relay nor broker: decisions open nothing; set relay under [gpio]",
    )
    configure(home, f'[gpio]\nrelay = "sim:{tmp_path}/relay"\n')
    assert said(edgeface, "door")[0] == "ok"
    assert not (tmp_path / "relay").exists(), "the doctor moves nothing"
    configure(home, '[gpio]\nrelay = "sim:/no/such/folder/relay"\n')
    assert said(edgeface, "door")[0] == "failed"
    configure(home, '[gpio]\nrelay = "/dev/gpiochip77:1"\n')
    health, detail = said(edgeface, "door")
    assert health == "failed"
    assert "gpio" in detail
    configure(home, '[gpio]\nrelay = "17"\n')
    assert said(edgeface, "configuration")[0] == "failed"


@pytest.mark.parametrize(
    ("settings", "health", "words"),
    [
        ("", "ok", "no pictures"),
        ("[retention]\npeople_days = 30\n", "ok", "people 30 days after their last visit"),
        ("[snapshots]\nenabled = true\nkeep_days = 3\n", "warning", "the consent text that is shipped says that none"),
    ],
)
def test_the_doctor_minds_what_is_kept(edgeface: Edgeface, home: Path, settings: str, health: str, words: str) -> None:
    configure(home, settings)
    found = said(edgeface, "retention")
    assert found[0] == health
    assert words in found[1]
