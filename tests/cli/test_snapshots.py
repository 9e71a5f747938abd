"""`edgeface people snapshots`: listed, written out for their owner only, deleted."""

from __future__ import annotations

import json
import stat
from contextlib import closing
from pathlib import Path

import pytest
from calling import Edgeface

from edgeface.frame import Pixels
from edgeface.image import decode
from edgeface.service.bootstrap import GALLERY
from edgeface.snapshot import Options, fitted
from edgeface.store.database import open_database
from edgeface.store.snapshots import SnapshotStore
from samples import instant

VISIT = "0" * 32


@pytest.fixture
def ada(edgeface: Edgeface, pictures: Path, home: Path, astronaut: Pixels) -> str:
    identity = str(json.loads(edgeface("enrol", "Ada", pictures / "astronaut.png", "--json").stdout)["id"])
    picture = fitted(astronaut, 6000)
    assert picture is not None
    with closing(open_database(home / GALLERY)) as database:
        SnapshotStore(database, Options(enabled=True)).keep(identity, VISIT, picture, instant())
    return identity


def test_listed_and_written_for_the_owner_only(edgeface: Edgeface, ada: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (row,) = [json.loads(line) for line in edgeface("people", "snapshots", "ada", "--json").stdout.splitlines()]
    assert (row["decision"], row["file"]) == (VISIT, None)
    text = edgeface("people", "snapshots", ada, "--out", out).output
    assert "1 picture(s) of Ada." in text
    file = out / f"{VISIT}.jpg"
    assert decode(file.read_bytes()).shape == (260, 230, 3)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = edgeface("people", "snapshots", ada, "--out", out)
    assert again.exit_code == 74
    assert "cannot be written" in again.output


def test_deleted(edgeface: Edgeface, ada: str) -> None:
    assert "1 picture(s) of Ada deleted." in edgeface("people", "snapshots", "Ada", "--delete").output
    assert "0 picture(s) of Ada." in edgeface("people", "snapshots", "Ada").output
    assert edgeface("people", "snapshots", "Nobody").exit_code == 65
