"""Heads of the audit log reach whoever keeps them, often enough, and a place that fails is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edgeface.frame import Instant
from edgeface.service.witness import AuditOptions, Witness, appended_to
from edgeface.store.database import Database, open_database
from edgeface.store.heads import Head, read_heads, signer_of
from edgeface.store.journal import Journal
from edgeface.store.verify import verify_gallery
from samples import decision, instant


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.moment = instant()

    def now(self) -> Instant:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.moment = replace(self.moment, monotonic_ns=self.moment.monotonic_ns + int(seconds * 1e9))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


def record(database: Database, rows: int = 1) -> None:
    for _ in range(rows):
        Journal(database, "b").record(decision())


def test_a_head_at_first_then_after_rows_or_seconds(database: Database) -> None:
    heard: list[str] = []
    clock = Clock()
    witness = Witness(database, clock, AuditOptions(head_every_rows=3, head_every_s=60), [took(heard)])
    witness.look()
    assert seqs(database, heard) == [0]
    clock.wait(61)
    witness.look()
    assert seqs(database, heard) == [0], "nothing is new"
    record(database, 2)
    clock.wait(-2)
    witness.look()
    assert seqs(database, heard) == [0], "neither rows nor seconds enough"
    clock.wait(2)
    witness.look()
    record(database, 3)
    witness.look()
    record(database, 1)
    witness.look()
    assert seqs(database, heard) == [0, 2, 5]
    witness.look(last=True)
    witness.look(last=True)
    assert seqs(database, heard) == [0, 2, 5, 6]
    assert verify_gallery(database, heads(database, heard)).broken is None


def test_a_place_that_fails_is_tried_again_and_holds_up_no_other(database: Database) -> None:
    heard: list[str] = []
    fails = True
    witness = Witness(database, Clock(), AuditOptions(), [lambda head: not fails and took(heard)(head), took([])])
    witness.look()
    assert heard == []
    fails = False
    witness.look()
    witness.look()
    assert seqs(database, heard) == [0]


def test_the_thread_sends_the_last_head_when_it_is_stopped(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "heads"
    witness = Witness(database, Clock(), AuditOptions(), [appended_to(file)])
    witness.start()
    record(database, 2)
    witness.stop()
    assert heads(database, [file.read_text()])[-1].link.seq == 2


def test_a_file_that_cannot_be_written_stops_nothing(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    send = appended_to(tmp_path / "stick" / "heads")
    assert not send("head")
    assert not send("head")
    assert caplog.text.count("no head can be written") == 1
    (tmp_path / "stick").mkdir()
    assert send("a\n")
    assert send("b\n")
    assert (tmp_path / "stick" / "heads").read_text() == "a\n\nb\n\n"


@pytest.mark.parametrize("changes", [{"head_every_rows": 0}, {"head_every_s": 0.5}, {"head_every_s": float("nan")}])
def test_options_that_cannot_be(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be 1 to"):
        AuditOptions(**changes)  # type: ignore[arg-type]


def took(heard: list[str]):  # type: ignore[no-untyped-def]
    def send(head: str) -> bool:
        heard.append(head)
        return True

    return send


def heads(database: Database, heard: list[str]) -> tuple[Head, ...]:
    return read_heads("\n".join(heard), signer_of(database.keyring).verifier)


def seqs(database: Database, heard: list[str]) -> list[int]:
    return [head.link.seq for head in heads(database, heard)]
