"""What was wrong with the reader is in its journal; a journal that fails costs rows, never the reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edgeface.alarms import Alarm
from edgeface.errors import GalleryError
from edgeface.frame import Instant
from edgeface.health import Sign, Trouble
from edgeface.service.chronicle import PAUSE_S, Chronicle
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from edgeface.store.verify import verify_gallery

UNPLUGGED = Sign(trouble=Trouble.CAMERA, says="no picture comes; check the camera's cable", shuts=True)


def at(seconds: float) -> Instant:
    return Instant(monotonic_ns=round(seconds * 1e9), wall_ns=round(1.8e18 + seconds * 1e9), wall_trusted=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "gallery.db")) as opened:
        yield opened


def looked(chronicle: Chronicle, begin_s: float, end_s: float, *signs: Sign) -> None:
    for tenth in range(round(10 * begin_s), round(10 * end_s)):
        chronicle.keep(signs, at(tenth / 10))


def kept(database: Database) -> list[dict[str, Any]]:
    return [json.loads(row["payload"]) for row in database.read("SELECT * FROM audit WHERE kind = 'alarm'")]


def test_a_trouble_has_a_row_when_it_begins_and_one_when_it_ends(database: Database) -> None:
    chronicle = Chronicle(Journal(database, "boot-1"))
    looked(chronicle, 0, 10, UNPLUGGED)
    looked(chronicle, 10, 20)
    said = {"trouble": "camera", "says": UNPLUGGED.says, "shuts": True, "for_s": 2.0}
    assert kept(database) == [{**said, "state": "began", "times": 1}, {**said, "state": "ended", "times": 0}]
    assert verify_gallery(database, ()).broken is None


def test_what_could_not_be_stored_is_stored_later(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, tries = Journal(database, "boot-1"), 0
    write = journal.alarm

    def full(alarms: list[Alarm], now: Instant) -> None:
        nonlocal tries
        tries += 1
        if now.monotonic_ns < 60e9:
            raise GalleryError("the disk is full")
        write(alarms, now)

    monkeypatch.setattr(journal, "alarm", full)
    looked(Chronicle(journal), 0, 70, UNPLUGGED)
    assert [row["state"] for row in kept(database)] == ["began"]
    assert tries <= 2 + 60 / PAUSE_S, "a disk that is full is left in peace"
