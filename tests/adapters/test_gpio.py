"""The lock is locked from the start, after its time, and whenever whoever moves it is gone. Wires are simulated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broker import wait_until
from edgeface.adapters import gpio
from edgeface.adapters.gpio import Level, Options, open_input, open_output
from edgeface.adapters.relay import Relay
from edgeface.errors import DoorError


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    return tmp_path / "relay"


@pytest.fixture
def relay(wire: Path) -> Iterator[Relay]:
    made = Relay(Options(relay=f"sim:{wire}"))
    yield made
    made.close()


def level(wire: Path) -> str:
    return wire.read_text().strip()


def locked(wire: Path, within_s: float) -> None:
    wait_until(lambda: level(wire) == "0", "it is locked", within_s)


def test_it_is_locked_from_the_start_and_again_after_its_time(wire: Path, relay: Relay) -> None:
    assert level(wire) == "0"
    relay.release(0.2)
    assert level(wire) == "1"
    locked(wire, 1.0)
    relay.release(5.0)
    relay.lock()
    assert level(wire) == "0"


def test_it_is_locked_when_it_is_given_back(wire: Path) -> None:
    made = Relay(Options(relay=f"sim:{wire}"))
    made.release(30.0)
    made.close()
    assert level(wire) == "0"
    assert not made.alive


OWNER = """
import sys, time
from edgeface.adapters.gpio import Options
from edgeface.adapters.relay import Relay
relay = Relay(Options(relay=sys.argv[1]))
relay.release(30.0)
print("released", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
def test_it_locks_when_the_reader_dies(wire: Path, how: signal.Signals) -> None:
    """By the kernel, by systemd's watchdog, or because it was asked to."""
    with subprocess.Popen([sys.executable, "-c", OWNER, f"sim:{wire}"], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"released\n"
        assert level(wire) == "1"
        owner.send_signal(how)
        locked(wire, 2.0)


def test_it_locks_when_the_reader_hangs(wire: Path) -> None:
    code = OWNER.replace("30.0", "0.5")
    with subprocess.Popen([sys.executable, "-c", code, f"sim:{wire}"], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"released\n"
        os.kill(owner.pid, signal.SIGSTOP)
        locked(wire, 3.0)
        owner.kill()


def test_a_holder_that_is_asked_to_stop_locks(wire: Path, relay: Relay) -> None:
    relay.release(30.0)
    relay._process.terminate()
    locked(wire, 2.0)
    wait_until(lambda: not relay.alive, "it has gone")
    with pytest.raises(DoorError):
        relay.release(1.0)


def test_a_holder_that_dies_is_noticed_and_the_line_taken_anew(wire: Path, relay: Relay) -> None:
    relay.release(30.0)
    relay._process.kill()
    wait_until(lambda: not relay.alive, "it has gone")
    assert level(wire) == "1", "a simulated line stays as it is, as a Pi's may"
    with pytest.raises(DoorError, match="nobody holds"):
        relay.lock()
    relay.restart()
    assert level(wire) == "0"
    relay.release(1.0)
    assert level(wire) == "1"


@pytest.mark.parametrize("odd", [b"open", b"release", b"release -5", b"release 0", b"release 99999", b"release 1e3",
                                 b"release 5 ", b"\xff\xfe", b"lock lock", b""])  # fmt: skip
def test_a_command_that_is_none_locks(wire: Path, relay: Relay, odd: bytes) -> None:
    relay.release(30.0)
    assert relay._process.stdin is not None
    relay._process.stdin.write(odd + b"\n")
    locked(wire, 2.0)


def test_a_line_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    with pytest.raises(DoorError, match=r"gpio|cannot"):
        Relay(Options(relay="/dev/gpiochip77:3"))


@pytest.mark.parametrize(
    "odd", ["17", "/dev/gpiochip0", "/dev/gpiochip0:x", "/dev/mem:3", "gpiochip0:3", "/dev/gpiochip0:-1"]
)
def test_what_is_no_line(odd: str) -> None:
    with pytest.raises(ValueError, match="relay must be a line"):
        Options(relay=odd)
    with pytest.raises(ValueError, match="contact must be a line"):
        Options(contact=odd)
    with pytest.raises(ValueError, match="button must be a line"):
        Options(button=odd)


@pytest.mark.parametrize(("one", "other"), [("relay", "contact"), ("relay", "button"), ("contact", "button")])
def test_relay_contact_and_button_are_lines_of_their_own(one: str, other: str) -> None:
    with pytest.raises(ValueError, match="lines of their own"):
        Options(**{one: "/dev/gpiochip0:3", other: "/dev/gpiochip0:3"})


def test_a_contact_is_told_as_it_changes_and_when_it_is_lost(tmp_path: Path) -> None:
    wire, heard = tmp_path / "contact", []
    wire.write_text("0\n")
    contact = open_input(f"sim:{wire}", heard.append)
    thread = threading.Thread(target=contact.watch)
    thread.start()
    try:
        wait_until(lambda: heard == [False], "the level is told at once")
        for text, seen in (("1\n", [False, True]), ("0\n", [False, True, False])):
            wire.with_name("new").write_text(text)
            wire.with_name("new").rename(wire)
            wait_until(lambda: heard == seen, "the change is told")  # noqa: B023
        wire.unlink()
        wait_until(lambda: heard == [False, True, False, None], "the loss is told")
    finally:
        contact.close()
        thread.join()
    assert heard == [False, True, False, None], "the end is no news"


class FakeGpiod(types.ModuleType):
    """gpiod 2.x, as far as it is used: the calls are written down."""

    def __init__(self) -> None:
        super().__init__("gpiod")
        self.calls: list[Any] = []
        self.levels = [0, 1, 1, 0]
        self.line = types.SimpleNamespace(
            Value=types.SimpleNamespace(ACTIVE=1, INACTIVE=0),
            Direction=types.SimpleNamespace(OUTPUT="output", INPUT="input"),
            Bias=types.SimpleNamespace(PULL_UP="pull up"),
            Edge=types.SimpleNamespace(BOTH="both"),
        )

    def LineSettings(self, **settings: Any) -> dict[str, Any]:
        return settings

    def request_lines(self, chip: str, *, consumer: str, config: dict[int, Any]) -> FakeGpiod:
        self.calls.append((chip, consumer, config))
        return self

    def set_value(self, offset: int, value: int) -> None:
        self.calls.append((offset, value))

    def get_value(self, offset: int) -> int:
        if not self.levels:
            raise OSError("the chip is gone")
        return self.levels.pop(0)

    def wait_edge_events(self, timeout: object) -> bool:
        time.sleep(0.001)
        return True

    def read_edge_events(self) -> None:
        self.calls.append("read")

    def release(self) -> None:
        self.calls.append("given back")


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> FakeGpiod:
    made = FakeGpiod()
    monkeypatch.setitem(sys.modules, "gpiod", made)
    return made


@pytest.mark.parametrize("active", list(Level))
def test_a_relay_of_gpiod_is_inactive_from_its_first_moment_to_its_last(chip: FakeGpiod, active: Level) -> None:
    output = open_output("/dev/gpiochip0:17", active)
    output.set(True)
    output.close()
    settings = {"direction": "output", "active_low": active is Level.LOW, "output_value": 0}
    assert chip.calls == [("/dev/gpiochip0", "edgeface", {17: settings}), (17, 1), (17, 0), "given back"]


def test_a_contact_of_gpiod_is_told_as_it_changes(chip: FakeGpiod) -> None:
    heard: list[bool | None] = []
    open_input("/dev/gpiochip0:27", heard.append).watch()
    assert heard == [False, True, False, None]
    assert chip.calls[0][2][27]["bias"] == "pull up", "a wire that is cut counts as an open door"
    assert chip.calls[-1] == "given back"


def test_without_gpiod_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    for take in _BOTH:
        with pytest.raises(DoorError, match=r"pip install 'edgeface\[gpio\]'"):
            take()


_BOTH: tuple[Callable[[], object], ...] = (
    lambda: open_output("/dev/gpiochip0:17", Level.HIGH),
    lambda: gpio.open_input("/dev/gpiochip0:17", lambda level: None),
)
