"""Keys to command with: made, paired at the reader, revoked; and what is signed with them."""

from __future__ import annotations

import json
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from calling import Edgeface

from commanding import at_a_desk
from edgeface.adapters.clock import SystemClock
from edgeface.commands import Command, Role, read
from edgeface.service.bootstrap import Loaded
from edgeface.service.pairing import WAITING, WINDOW
from edgeface.signature import key_id, public_text
from edgeface.store import commands
from edgeface.store.database import open_database

READER = "0123456789abcdef"


@pytest.fixture
def key(edgeface: Edgeface, tmp_path: Path) -> Path:
    file = tmp_path / "ada.key"
    assert edgeface("keys", "make", file).exit_code == 0
    return file


def test_a_key_is_private_and_never_written_over(edgeface: Edgeface, key: Path) -> None:
    before = key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert edgeface("keys", "make", key).exit_code == 78
    assert key.read_bytes() == before
    key.chmod(0o640)
    result = edgeface("keys", "sign", "health", "--key", key, "--to", READER)
    assert (result.exit_code, "chmod 600" in result.output) == (78, True)


def test_what_is_signed_is_a_command_of_now(edgeface: Edgeface, key: Path) -> None:
    words = ("door/lockdown", '{"door":"main"}', "--key", key, "--to", READER)
    found = read(edgeface("keys", "sign", *words).output.encode())
    assert isinstance(found, Command)
    assert (found.verb, found.body, found.to) == ("door/lockdown", {"door": "main"}, READER)
    public = bytes(range(32))
    words = ("health", "--key", key, "--to", public_text(public))
    other = read(edgeface("keys", "sign", *words).output.encode())
    assert isinstance(other, Command)
    assert other.to == key_id(public)
    assert abs((datetime.now(UTC) - found.issued_at).total_seconds()) < 60


@pytest.mark.parametrize("words", [("explode",), ("health", "{"), ("health", "[]"), ("health", '{"a":NaN}')])
def test_what_is_no_command_is_not_signed(edgeface: Edgeface, key: Path, words: tuple[str, ...]) -> None:
    assert edgeface("keys", "sign", *words, "--key", key, "--to", READER).exit_code in (2, 78)


def test_a_key_is_paired_at_the_reader_without_stopping_it(
    edgeface: Edgeface, home: Path, key: Path, loaded: Loaded
) -> None:
    """The reader holds the gallery all the while, as it does at work."""
    assert edgeface("keys", "pair", "--role", "operate").exit_code == 74
    with at_a_desk(home, loaded) as bench:
        now = bench.moment = SystemClock().now()
        code = edgeface("keys", "pair", "--role", "operate").stdout.strip()
        assert stat.S_IMODE((home / WINDOW).stat().st_mode) == 0o600
        said = ("--to", bench.clerk.device, "--code", code, "--name", "Ada")
        asked = edgeface("keys", "introduce", key, *said).output.encode()
        bench.moment = SystemClock().now()
        assert bench.send(asked, "keys/pair")["data"]["role"] == "operate"
        assert not (home / WINDOW).exists()
        assert now.monotonic_ns <= bench.moment.monotonic_ns
    listed = edgeface("keys", "list", "--json").output.splitlines()
    (row,) = (found for line in listed if (found := json.loads(line))["name"] == "Ada")
    assert edgeface("keys", "revoke", row["id"]).exit_code == 0
    assert edgeface("keys", "revoke", row["id"]).exit_code == 78
    assert edgeface("keys", "revoke", "no such key").exit_code == 78
    assert "revoked" in edgeface("keys", "list").output
    assert edgeface("keys", "add", key, "--role", "admin", "--name", "Ada").exit_code == 78


def test_pairing_can_be_closed_again(edgeface: Edgeface, home: Path, loaded: Loaded) -> None:
    with at_a_desk(home, loaded):
        edgeface("keys", "pair", "--role", "admin")
        assert edgeface("keys", "pair", "--role", "admin", "--close").exit_code == 0
    assert not (home / WINDOW).exists()


def test_a_code_for_the_button_needs_a_button_and_can_be_taken_back(
    edgeface: Edgeface, home: Path, loaded: Loaded
) -> None:
    with at_a_desk(home, loaded):
        refused = edgeface("keys", "pair", "--role", "view", "--button")
        assert (refused.exit_code, "gpio.button is not set" in refused.output) == (78, True)
        (home / "edgeface.toml").write_text('[gpio]\nbutton = "sim:/tmp/button"\n')
        code = edgeface("keys", "pair", "--role", "view", "--button").stdout.strip()
        assert json.loads((home / WAITING).read_text()) == {"role": "view", "code": code}
        assert not (home / WINDOW).exists(), "nothing is open before somebody presses it"
        assert edgeface("keys", "pair", "--role", "view", "--close").exit_code == 0
    assert not (home / WAITING).exists()


def test_a_key_is_added_while_no_reader_runs(edgeface: Edgeface, home: Path, key: Path) -> None:
    assert edgeface("keys", "add", key, "--role", "view", "--name", "wall\x1b[2J").exit_code == 78
    assert edgeface("keys", "add", key, "--role", "view", "--name", "wall").exit_code == 0
    with closing(open_database(home / "gallery.db")) as database:
        (known,) = commands.everybody(database)
    assert (known.name, known.key.role) == ("wall", Role.VIEW)
