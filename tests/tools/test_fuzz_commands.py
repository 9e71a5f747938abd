"""The fuzzer of commands: a few hundred in each run of the tests, and proof that it would notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeface.commands import Code, Command, Key, Refused, authentic
from tools import fuzz_commands


def test_odd_commands_neither_stumble_nor_act(tmp_path: Path) -> None:
    found = fuzz_commands.fuzz(tmp_path, 300, seed=7)
    assert (found["commands"], found["crashes"], found["acts"]) == (300, 0, 0)
    assert sum(found["answers"].values()) == 300
    assert {"malformed", "bad_signature", "wrong_role", "bad_body"} <= found["answers"].keys() <= set(Code)


def test_a_reader_that_believes_everybody_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def believe(command: Command, key: Key | None, **how: Any) -> Refused | None:
        return authentic(command, key, **how) if key is None else None

    monkeypatch.setattr("edgeface.service.clerk.authentic", believe)
    monkeypatch.setattr("edgeface.service.clerk.check", lambda *_: None)
    with pytest.raises(AssertionError, match=r"something acted|changed the rules"):
        fuzz_commands.fuzz(tmp_path, 1500, seed=7)  # few act: 300 missed them by chance
