"""Bundles of models over any way in: begun at once, tried beside the reader, told afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bundles import SEED, packed, shipped
from commanding import Bench, at_a_desk, noon
from edgeface.access import Answer, Factor, State
from edgeface.adapters import slots
from edgeface.commands import Code, Role
from edgeface.commands.words_updates import Bundle
from edgeface.service.bootstrap import Loaded
from edgeface.service.desk import perform
from edgeface.service.desk.updates import _TURN, FOLDER
from edgeface.signature import public_of
from edgeface.store import commands


@dataclass
class Reader:
    """A reader at work that may be told to start anew."""

    restarts: list[bool] = field(default_factory=list)

    def turn(self) -> AbstractContextManager[object]:
        return nullcontext()

    def restart(self) -> None:
        self.restarts.append(True)

    def renewed_people(self) -> Callable[[], None]:
        raise NotImplementedError

    def renewed_rules(self) -> Callable[[], None]:
        raise NotImplementedError

    def change(self, change: Callable[[State], State]) -> Callable[[], None]:
        raise NotImplementedError

    def present(self, factor: Factor) -> Answer:
        raise NotImplementedError

    def shut(self) -> str | None:
        return None


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def bench(home: Path, loaded: Loaded, reader: Reader) -> Iterator[Bench]:
    with at_a_desk(home, loaded, live=reader) as bench:
        with bench.database.transaction() as tables:
            commands.add(tables, public_of(SEED), "tests", Role.PUBLISH, noon(), by="test")
        (home / FOLDER).mkdir()
        yield bench


def brought(bench: Bench, content: bytes, name: str = "models.bundle") -> dict[str, Any]:
    (bench.desk.home / FOLDER / name).write_bytes(content)
    return {"file": name}


def settled(bench: Bench) -> Any:
    """How it stands once nothing is being tried any more."""
    assert _TURN.acquire(timeout=60)
    _TURN.release()
    return bench.ask("models/status", {}, Role.VIEW)["data"]


def test_a_bundle_is_begun_tried_and_the_reader_starts_anew(bench: Bench, reader: Reader) -> None:
    answer = bench.ask("models/update", brought(bench, packed(2)))
    assert answer["data"] == {"version": 2, "says": "the bundle 2"}
    told = settled(bench)
    assert (told["version"], told["former"], told["can_go_back"], told["busy"]) == (2, None, True, False)
    assert told["trial"] == {"ran_s": 0.0, "frames": 0, "starts": 0}
    assert told["last"] == ["trial 2", "begin 2"]
    assert reader.restarts == [True]
    assert list((bench.desk.home / FOLDER).iterdir()) == []
    assert bench.rows("command")[-1]["what"] == "models/update"


def test_and_back(bench: Bench, reader: Reader) -> None:
    bench.ask("models/update", brought(bench, packed(2)))
    settled(bench)
    assert bench.ask("models/rollback")["data"] == {"version": 2}
    told = settled(bench)
    assert (told["version"], told["given_up"], told["why"]) == (None, 2, "asked for")
    assert reader.restarts == [True, True]
    assert bench.code("models/rollback") is Code.REFUSED
    assert "old_version" in bench.ask("models/update", brought(bench, packed(2)))["error"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"x", "not_a_bundle"), (packed(2)[:-1], "truncated"), (packed(2, seed=b"\1" * 32), "unknown_publisher")],
)
def test_what_is_wrong_outside_is_said_at_once(bench: Bench, content: bytes, problem: str) -> None:
    answer = bench.ask("models/update", brought(bench, content))
    assert (answer["code"], problem in answer["error"]) == ("refused", True)
    assert not _TURN.locked()
    assert slots.read(bench.desk.home) == slots.State()


def test_what_is_wrong_inside_is_told_afterwards(bench: Bench, reader: Reader) -> None:
    wrong = packed(2, shipped(golden={"litert-xnnpack": "0" * 64}, golden_sample=None))
    assert bench.code("models/update", brought(bench, wrong)) is Code.DONE
    told = settled(bench)
    assert told["version"] is None
    assert told["last"][0].startswith("refused 2: golden_mismatch: ")
    assert reader.restarts == []


@pytest.mark.parametrize("file", ["../gallery.db", "/etc/passwd", "", ".hidden", "a/b", "x" * 101])
def test_only_names_in_the_folder_are_taken(bench: Bench, file: str) -> None:
    assert bench.code("models/update", {"file": file}) is Code.BAD_BODY


def test_what_is_no_plain_file_is_not_read(bench: Bench) -> None:
    folder = bench.desk.home / FOLDER
    (folder / "link").symlink_to(bench.desk.home / "gallery.db")
    (folder / "folder").mkdir()
    for name in ("link", "folder", "none"):
        answer = bench.ask("models/update", {"file": name})
        assert (answer["code"], "unreadable" in answer["error"]) == ("refused", True)
    for name in ("b.bundle", "a.bundle", ".hidden", "odd name"):
        (folder / name).write_bytes(b"")
    assert settled(bench)["lying"] == ["a.bundle", "b.bundle"]


def test_one_at_a_time(bench: Bench) -> None:
    body = brought(bench, packed(2))
    with _TURN:
        assert "on_trial" in bench.ask("models/update", body)["error"]
    assert bench.code("models/update", body) is Code.DONE
    settled(bench)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_an_admin_may(bench: Bench, role: Role) -> None:
    assert bench.code("models/update", brought(bench, packed(2)), role) is Code.WRONG_ROLE
    assert bench.code("models/rollback", {}, role) is Code.WRONG_ROLE


def test_without_a_reader_at_work_it_is_done_when_it_is_answered(bench: Bench) -> None:
    desk = replace(bench.desk, live=None)

    perform(desk, "models/update", Bundle(**brought(bench, packed(2))))
    assert slots.read(desk.home).version == 2
