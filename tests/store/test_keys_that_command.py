"""Keys that may command: so many at once, and a revoked one never again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from commanding import noon
from edgeface.commands import Role
from edgeface.errors import ConfigError
from edgeface.store import commands
from edgeface.store.database import Database, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


def add(database: Database, number: int) -> str:
    with database.transaction() as tables:
        return commands.add(tables, number.to_bytes(32, "big"), f"key {number}", Role.VIEW, noon(), by="test")


def revoke(database: Database, key: str) -> None:
    with database.transaction() as tables:
        commands.revoke(tables, key, noon(), by="test")


def test_a_revoked_key_makes_room_and_never_comes_back(database: Database) -> None:
    made = [add(database, number) for number in range(1, commands.MOST_KEYS + 1)]
    with pytest.raises(ConfigError, match="until one is revoked"):
        add(database, 1000)
    for number in range(3):
        revoke(database, made[number])
        made.append(add(database, 1000 + number))
    with pytest.raises(ConfigError, match="stays revoked"):
        add(database, 1)
    assert len(commands.everybody(database)) == commands.MOST_KEYS + 3


def test_what_is_remembered_has_an_end_and_then_nothing_is_taken(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "MOST_REVOKED", 2 - commands.MOST_KEYS)
    for number in (1, 2):
        revoke(database, add(database, number))
    with pytest.raises(ConfigError, match="no more can be remembered"):
        add(database, 3)
