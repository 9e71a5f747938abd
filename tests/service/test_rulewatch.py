"""Rules change while the reader runs: whole or not at all, and only once it is written down."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker import wait_until
from edgeface.access import Rules
from edgeface.adapters.clock import SystemClock
from edgeface.config import parse
from edgeface.decide import Outcome
from edgeface.errors import GalleryError
from edgeface.service import rulewatch
from edgeface.service.guard import Guard, recall
from edgeface.service.rulewatch import RuleWatch
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from samples import decision

OPEN = '[doors.front]\n[[grants]]\nwho = ["everyone"]\ndoors = ["front"]\n'
SHUT = OPEN + '[[denies]]\nname = "closed"\nwho = ["everyone"]\ndoors = ["front"]\n'


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(rulewatch, "LOOK_EVERY_S", 0.03)
    made = tmp_path / "access.toml"
    made.write_text(OPEN)
    return made


@pytest.fixture
def guard(database: Database) -> Guard:
    return Guard(parse(OPEN, Rules), recall(database, "now", SystemClock().now()), "now")


@pytest.fixture
def watch(path: Path, database: Database, guard: Guard) -> Iterator[RuleWatch]:
    made = RuleWatch(path, Journal(database, "now"), SystemClock(), guard.follow)
    with made.running():
        yield made


def outcome(guard: Guard) -> Outcome:
    return guard.rule(decision()).decision.outcome


def replaced(path: Path, text: str) -> None:
    path.with_name("new").write_text(text)
    path.with_name("new").rename(path)


def test_a_change_counts_without_a_restart_and_stands_in_the_journal(
    watch: RuleWatch, path: Path, guard: Guard, database: Database
) -> None:
    assert outcome(guard) is Outcome.GRANT
    replaced(path, SHUT)
    wait_until(lambda: outcome(guard) is Outcome.DENY, "it is in force")
    assert guard.rule(decision()).decision.rule == "closed"
    (row,) = database.read("SELECT payload FROM audit WHERE kind = 'config'")
    assert len(json.loads(row["payload"])["to"]) == 64
    replaced(path, OPEN)
    wait_until(lambda: outcome(guard) is Outcome.GRANT, "and back")
    assert watch.problem is None


@pytest.mark.parametrize("broken", ["[", '[doors.front]\n[[grants]]\nwho=["x"]\ndoors=["front"]\n', "\udcff"])
def test_a_broken_file_leaves_the_former_rules_and_says_so(
    watch: RuleWatch, path: Path, guard: Guard, database: Database, broken: str
) -> None:
    replaced(path, SHUT)
    wait_until(lambda: outcome(guard) is Outcome.DENY, "it is in force")
    path.with_name("new").write_bytes(broken.encode("utf-8", "surrogateescape"))
    path.with_name("new").rename(path)
    wait_until(lambda: watch.problem is not None, "it is told")
    assert "former rules stay" in str(watch.problem)
    assert outcome(guard) is Outcome.DENY
    replaced(path, SHUT)
    wait_until(lambda: watch.problem is None, "it is well again")


def test_a_file_that_is_gone_does_not_open_the_door_to_everybody(watch: RuleWatch, path: Path, guard: Guard) -> None:
    replaced(path, SHUT)
    wait_until(lambda: outcome(guard) is Outcome.DENY, "it is in force")
    path.unlink()
    wait_until(lambda: watch.problem is not None, "it is told")
    assert outcome(guard) is Outcome.DENY


def test_a_file_that_grows_is_read_when_it_is_whole(path: Path, database: Database, guard: Guard) -> None:
    """Written in pieces, each of them right by itself; the rule that denies comes last."""
    watch = RuleWatch(path, Journal(database, "now"), SystemClock(), guard.follow)
    replaced(path, SHUT)
    watch._look(), watch._look()
    assert outcome(guard) is Outcome.DENY
    seen = []
    with path.open("w") as file:
        for number in range(40):
            file.write(OPEN if number == 0 else f"# comment {number}\n")
            file.flush()
            os.utime(path, ns=(number, number))
            watch._look()
            seen.append(outcome(guard))
        file.write(SHUT.removeprefix(OPEN))
    watch._look(), watch._look()
    assert set(seen) == {Outcome.DENY}
    assert outcome(guard) is Outcome.DENY
    assert len(database.read("SELECT seq FROM audit WHERE kind = 'config'")) == 2, "it was read again in the end"


def test_what_cannot_be_written_down_does_not_count(
    watch: RuleWatch, path: Path, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Journal, digest: str, now: object) -> int:
        raise GalleryError("the disk is full")

    monkeypatch.setattr(Journal, "ruled", full)
    replaced(path, SHUT)
    wait_until(lambda: watch.problem is not None, "it is told")
    assert outcome(guard) is Outcome.GRANT
