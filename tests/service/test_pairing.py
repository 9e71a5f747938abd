"""A button at the reader opens pairing for a code that waits, for ten minutes and one key. Its wire is simulated."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from broker import wait_until
from commanding import NOON, Bench, Commander, at_a_desk, noon
from edgeface.access import Rules
from edgeface.adapters.clock import SystemClock
from edgeface.commands import Role
from edgeface.config import parse
from edgeface.errors import GalleryError
from edgeface.service.bootstrap import Loaded
from edgeface.service.guard import Guard, recall
from edgeface.service.outside import open_outside
from edgeface.service.pairing import WAITING, WINDOW, Button, Window, await_button, close_window, proof_of, window_of
from edgeface.service.settings import Config
from edgeface.signature import public_of, public_text
from edgeface.store import audit
from edgeface.store.database import open_database

UP, DOWN, LOST = True, False, None


@pytest.fixture
def bench(home: Path, loaded: Loaded) -> Iterator[Bench]:
    with at_a_desk(home, loaded) as made:
        yield made


def button(bench: Bench) -> Button:
    return Button(bench.database, lambda: bench.moment)


def press(made: Button, *levels: bool | None) -> None:
    for level in levels or (UP, DOWN):
        made.level(level)


def paired(bench: Bench, code: str, number: int = 99) -> Any:
    """What the reader answers a new key that introduces itself with a code."""
    seed = bytes([number]) * 32
    key = Commander(device=bench.clerk.device, seed=seed)
    public = public_text(public_of(seed))
    body = {"public_key": public, "name": "a new key", "proof": proof_of(code, public)}
    key.issued_at = NOON.fromtimestamp(bench.moment.wall_ns / 1e9, NOON.tzinfo)
    cmd_id = f"pair-{number}-{bench.moment.monotonic_ns}"
    return bench.send(key.sign(key.make("keys/pair", body, cmd_id=cmd_id)), "keys/pair")


def test_a_code_is_good_for_nothing_until_the_button_is_pressed(bench: Bench, home: Path) -> None:
    code, made = await_button(home, Role.OPERATE), button(bench)
    assert stat.S_IMODE((home / WAITING).stat().st_mode) == 0o600
    assert paired(bench, code, 90)["code"] == "closed"
    press(made)
    assert stat.S_IMODE((home / WINDOW).stat().st_mode) == 0o600
    assert paired(bench, "AAAAA-AAAAA-AAAAA-AAAAA", 91)["code"] == "closed"
    assert paired(bench, code, 92)["data"]["role"] == "operate"
    assert {"by": "button", "what": "pairing open", "role": "operate"} in bench.rows("keys")


def test_one_key_and_the_code_is_spent(bench: Bench, home: Path) -> None:
    code, made = await_button(home, Role.VIEW), button(bench)
    press(made)
    assert paired(bench, code, 90)["code"] == "done"
    assert not (home / WAITING).exists()
    press(made)
    assert paired(bench, code, 91)["code"] == "closed"


def test_it_closes_by_itself_and_another_press_opens_it_again(bench: Bench, home: Path) -> None:
    code, made = await_button(home, Role.ADMIN), button(bench)
    press(made)
    bench.moment = noon(601)
    assert paired(bench, code, 90)["code"] == "closed"
    press(made)
    bench.moment = noon(1200)
    assert paired(bench, code, 91)["code"] == "done"


@pytest.mark.parametrize(
    "levels", [(DOWN,), (DOWN, DOWN), (LOST,), (UP, LOST), (UP, LOST, DOWN), (UP,)],
    ids=["held at the start", "stuck", "no wire", "a wire that breaks", "a wire that comes back", "let go"],
)  # fmt: skip
def test_what_is_no_press_opens_nothing(bench: Bench, home: Path, levels: tuple[bool | None, ...]) -> None:
    code = await_button(home, Role.ADMIN)
    press(button(bench), *levels)
    assert window_of(home, bench.moment) is None
    assert paired(bench, code)["code"] == "closed"


def test_a_press_without_a_code_that_waits_is_told_and_opens_nothing(
    bench: Bench, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for text in (None, "", "{}", '{"role":"king","code":"AAAAA-AAAAA-AAAAA-AAAAA"}', '{"role":"admin","code":""}',
                 '{"role":"admin","code":7}', "[]", "\xff" * 10):  # fmt: skip
        if text is not None:
            (home / WAITING).write_bytes(text.encode("latin-1"))
        press(button(bench))
        assert window_of(home, bench.moment) is None, text
        assert paired(bench, "", 90)["code"] == "closed"
    assert "no code waits for it" in caplog.text
    assert bench.rows("keys")[-1]["by"] == "test"


def test_what_the_journal_does_not_take_is_not_opened(
    bench: Bench, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*words: object, **more: object) -> None:
        raise GalleryError("the disk is full")

    code = await_button(home, Role.ADMIN)
    monkeypatch.setattr(audit, "note", full)
    press(button(bench))
    assert "pairing stays closed: the disk is full" in caplog.text
    monkeypatch.undo()
    assert paired(bench, code)["code"] == "closed"


def test_whoever_closes_pairing_takes_the_code_back_as_well(bench: Bench, home: Path) -> None:
    code = await_button(home, Role.ADMIN)
    close_window(home)
    press(button(bench))
    assert paired(bench, code)["code"] == "closed"


def test_the_button_of_a_reader_at_work(tmp_path: Path) -> None:
    """From the wire to the window, through the adapter, with neither broker nor relay."""
    wire = tmp_path / "button"
    wire.write_text("1\n")

    def level(text: str) -> Window | None:
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").rename(wire)
        return window_of(tmp_path, SystemClock().now())

    config = parse(f'[gpio]\nbutton="sim:{wire}"\n', Config)
    with closing(open_database(tmp_path / "gallery.db")) as database:
        guard = Guard(Rules(), recall(database, "now", SystemClock().now()), "now")
        code = await_button(tmp_path, Role.VIEW)
        with open_outside(config, None, database, guard, lambda: "{}", film_time=False):
            finger = cycle(["1\n"] * 8 + ["0\n"] * 8)  # the line is looked at now and then: pressed until it is seen
            wait_until(lambda: level(next(finger)) is not None, "pairing is open")
            window = window_of(tmp_path, SystemClock().now())
        assert window is not None
        assert (window.code, window.role) == (code, "view")
        later = SystemClock().now()
        assert window_of(tmp_path, replace(later, monotonic_ns=later.monotonic_ns + 601 * 10**9)) is None
        rows = database.read("SELECT payload FROM audit WHERE kind = 'keys'")
    assert json.loads(rows[0]["payload"]) == {"by": "button", "what": "pairing open", "role": "view"}
