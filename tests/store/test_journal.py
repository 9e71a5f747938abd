"""What was acknowledged is on the disk, once, numbered without gaps, and stays as it is."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edgeface.errors import GalleryError
from edgeface.message import DecisionMessage, decode
from edgeface.store import audit, outbox
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from edgeface.wire import MessageError
from samples import decision, instant

REST = "NULL, NULL, 1, 1, 1, 1, 1, '{}', NULL, hash"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database, "boot-1")


def test_a_decision_is_in_audit_and_outbox(database: Database, journal: Journal) -> None:
    made = decision()
    assert journal.record(made) == 1
    (row,) = database.read("SELECT * FROM audit")
    assert (row["kind"], row["boot_id"], row["decision_id"]) == ("decision", "boot-1", made.id)
    assert row["person_id"] == made.person_id
    assert row["captured_at_monotonic_ns"] == made.captured_at.monotonic_ns
    assert row["captured_at_wall_ns"] == made.captured_at.wall_ns
    assert row["at_monotonic_ns"] == made.decided_at.monotonic_ns
    assert row["at_wall_ns"] == made.decided_at.wall_ns
    assert row["wall_trusted"] == 1
    (waiting,) = Outbox(database).waiting(10)
    assert (waiting.seq, waiting.boot_id, waiting.decided_at_monotonic_ns) == (
        1,
        "boot-1",
        made.decided_at.monotonic_ns,
    )
    message = decode(DecisionMessage, waiting.payload)
    assert (message.id, message.seq, message.replayed) == (made.id, 1, False)


def test_the_same_decision_twice_is_one_row(database: Database, journal: Journal) -> None:
    made = decision()
    assert [journal.record(made), journal.record(decision()), journal.record(made)] == [1, 2, 1]
    assert audit.last_seq(database) == 2
    assert Outbox(database).count() == 2


def test_starts_are_numbered_but_not_published(database: Database, journal: Journal) -> None:
    assert audit.last_seq(database) == 0
    assert journal.start(instant(), {"version": "0.1.0"}) == 1
    assert journal.record(decision()) == 2
    assert [row.seq for row in Outbox(database).waiting(10)] == [2]


def test_a_decision_that_cannot_be_told_is_not_stored(database: Database, journal: Journal) -> None:
    with pytest.raises(MessageError):
        journal.record(decision(score=float("nan")))
    assert audit.last_seq(database) == 0


def test_half_a_record_is_none(database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(outbox, "add", fails)
    with pytest.raises(RuntimeError):
        journal.record(decision())
    assert audit.last_seq(database) == 0


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET kind = 'start', decision_id = NULL",
        "DELETE FROM audit WHERE seq = 2",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1",
        f"INSERT INTO audit SELECT seq + 7, 'start', boot_id, {REST} FROM audit WHERE seq = 1",
        f"INSERT INTO audit SELECT 0, 'start', boot_id, {REST} FROM audit WHERE seq = 1",
    ],
)
def test_audit_rows_stay(database: Database, journal: Journal, tampering: str) -> None:
    journal.record(decision())
    journal.record(decision())
    before = database.read("SELECT * FROM audit")
    with pytest.raises(GalleryError, match="audit rows are"), database.transaction() as tables:
        tables.execute("DELETE FROM outbox")
        tables.execute(tampering)
    assert database.read("SELECT * FROM audit") == before


def test_the_outbox_gives_the_oldest_first_and_forgets_what_was_delivered(database: Database, journal: Journal) -> None:
    for _ in range(5):
        journal.record(decision())
    box = Outbox(database)
    box.delivered([1, 3], wall_ns=1)
    assert [row.seq for row in box.waiting(2)] == [2, 4]
    assert box.count() == 3
    assert box.row(3) is None
    assert box.row(2) == box.waiting(1)[0]


def test_threads_share_one_connection(database: Database, journal: Journal) -> None:
    box = Outbox(database)

    def write() -> None:
        for _ in range(20):
            box.delivered([journal.record(decision())], wall_ns=1)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.last_seq(database) == 80
    assert box.count() == 0


CHILD = """
import sys
from pathlib import Path
from samples import decision
from edgeface.store.database import open_database
from edgeface.store.journal import Journal
journal = Journal(open_database(Path(sys.argv[1])), "b")
while True:
    made = decision()
    seq = journal.record(made)
    sys.stdout.write(f"{seq} {made.id}\\n")
    sys.stdout.flush()
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """25 processes are killed at random moments while they record; their acknowledgements are what they had printed."""
    dice = random.Random(1)
    path = tmp_path / "gallery.db"
    acknowledged: dict[str, int] = {}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(25):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, env=environment
        ) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline()]
            timer = threading.Timer(dice.uniform(0, 0.05), child.kill)
            timer.start()
            lines += child.stdout.readlines()
            timer.join()
        for line in lines:
            if line.endswith("\n"):
                seq, identity = line.split()
                acknowledged[identity] = int(seq)
    with closing(open_database(path)) as database:
        rows = database.read("SELECT seq, decision_id FROM audit JOIN outbox USING (seq) ORDER BY seq")
        stored = {row["decision_id"]: row["seq"] for row in rows}
        assert audit.last_seq(database) == len(rows) == len(stored)
    assert len(acknowledged) > 25
    assert acknowledged.items() <= stored.items()
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
