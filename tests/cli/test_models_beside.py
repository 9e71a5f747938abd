"""Bundles beside a reader at work: it tries them itself, says why not, and starts anew with what it took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from at_work import endless, reading
from calling import Edgeface

from bundles import packed, shipped, trust
from edgeface.adapters import slots
from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.frame import Pixels
from edgeface.service.desk.updates import FOLDER

ENDS_WITHIN_S = 60


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "models.bundle"


def test_refused_by_name_taken_and_gone_back_from_without_stopping_anything_by_hand(
    edgeface: Edgeface, home: Path, bundle: Path, tmp_path: Path, astronaut: Pixels
) -> None:
    trust(home)
    film = endless(astronaut, tmp_path / "film")
    with reading(home, film) as process:
        wrong = packed(2, shipped(golden={"litert-xnnpack": "0" * 64}, golden_sample=None))
        for content, problem in (
            (b"x", "not_a_bundle"),
            (packed(2, seed=b"\1" * 32), "unknown_publisher"),
            (wrong, "golden_mismatch"),  # only once it was tried
        ):
            bundle.write_bytes(content)
            result = edgeface("models", "update", bundle, "--json")
            assert (result.exit_code, json.loads(result.stdout)["problem"]) == (65, problem), result.output
            assert f"edgeface: {problem}: " in result.stderr
        assert process.poll() is None, "the reader goes on"
        bundle.write_bytes(packed(3))
        result = edgeface("models", "update", bundle)
        assert result.exit_code == 0, result.output
        assert "Version 3 is in use from now on: the reader starts anew with it, on trial." in result.output
        assert process.wait(ENDS_WITHIN_S) == 0, "whoever started it starts it anew"
    assert slots.read(home).version == 3
    assert bundle.exists()
    assert list((home / FOLDER).iterdir()) == []
    with reading(home, film) as process:
        with ReaderSocket(home / "edgeface.sock") as reader:
            assert reader.local("models/status", {})["trial"] is not None
        assert "Version 3 is left." in edgeface("models", "roll-back").output
        assert process.wait(ENDS_WITHIN_S) == 0
    assert slots.read(home).version is None
    assert edgeface("models", "roll-back").exit_code == 65, "there is nothing more to go back to"
