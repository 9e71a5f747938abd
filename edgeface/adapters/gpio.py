"""Wires at the board's pins: what moves the lock, what tells whether the door is open, and a button.

    open_output("/dev/gpiochip0:17", ...) -> Output         open_input("/dev/gpiochip0:27", ...) -> Input

gpiod (libgpiod 2) is imported only where it is used. `sim:FILE` stands for a wire where there is none: an output writes
1 or 0 into the file, an input reads it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from edgeface.errors import DoorError
from edgeface.service.pulse import Pulse

DEBOUNCE_MS = 50
"""A contact that closes bounces for some milliseconds; a hand is slower. A choice."""
_LOOK_EVERY_S = 1.0
"""The level is read again after so long without an edge: one that was missed is no state that stays."""
_SIMULATED_EVERY_S = 0.02
STUCK_S = 10.0
"""A look that takes longer never ends: an edge is waited for for a second at the most."""
_MISSING = "gpiod is missing: pip install 'edgeface[gpio]'"


class Level(StrEnum):
    """Of a wire."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which wires there are."""

    relay: str = ""
    """The line that releases the lock while it is active, as in /dev/gpiochip0:17. Without power the lock must be
    locked. Empty: a controller of its own moves the lock (`edgeface door key`). sim:FILE writes 1 or 0 into a file."""
    relay_active: Level = Level.HIGH
    """high, or low for relay boards that switch on at 0 V."""
    contact: str = ""
    """The line of the door's contact; empty: none, or a controller tells it over MQTT. sim:FILE reads a file."""
    contact_open: Level = Level.HIGH
    """The level while the door is open. The line is pulled up, so that a contact to ground is high when it opens, and a
    wire that is cut counts as an open door."""

    button: str = ""
    """The line of a push button to ground inside the reader's case: with it somebody who is there lets a key pair
    (`edgeface keys pair --button`); empty: none. sim:FILE reads a file: 0 is pressed."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Those that are set."""
        return tuple(line for line in (self.relay, self.contact, self.button) if line)

    def __post_init__(self) -> None:
        for name, line in (("relay", self.relay), ("contact", self.contact), ("button", self.button)):
            if line and not line.startswith("sim:"):
                chip, _, offset = line.rpartition(":")
                if not chip.startswith("/dev/gpiochip") or not offset.isdecimal():
                    raise ValueError(f"{name} must be a line such as /dev/gpiochip0:17, not {line!r}")
        if len(set(self.lines)) < len(self.lines):
            raise ValueError("relay, contact and button must be lines of their own")


def problem(options: Options) -> str | None:
    """What stands against using these wires, without taking them; None if nothing is known."""
    if any(not line.startswith("sim:") for line in options.lines) and find_spec("gpiod") is None:
        return _MISSING
    for line in options.lines:
        place = Path(line.removeprefix("sim:") if line.startswith("sim:") else line.rpartition(":")[0])
        if line.startswith("sim:"):
            if not place.parent.is_dir():
                return f"line {line}: there is no folder {place.parent}"
        elif not place.exists():
            return f"line {line}: there is no {place}; see `gpiodetect`"
        elif not os.access(place, os.R_OK | os.W_OK):
            return f"line {line}: this user may not use {place}; add it to the group gpio"
    return None


class Output(Protocol):
    """A wire that is driven. Inactive from the start."""

    def set(self, active: bool) -> None:
        """Drive it. Raises OSError."""
        ...

    def close(self) -> None:
        """Make it inactive and give it back."""
        ...


def open_output(line: str, active: Level) -> Output:
    """Take a line, inactive. Raises DoorError."""
    if line.startswith("sim:"):
        return _SimulatedOutput(Path(line.removeprefix("sim:")))
    try:
        return _GpiodOutput(*_place(line), low=active is Level.LOW)
    except OSError as error:
        raise DoorError(f"line {line} cannot be driven: {error}; see `gpioinfo`, and the group gpio") from error


class Input:
    """A wire that is watched until it is closed."""

    def __init__(
        self, look: Callable[[], bool | None], release: Callable[[], None], tell: Callable[[bool | None], None]
    ):
        """`look` waits a little and gives the level; None if it cannot be read any more."""
        self._look, self._release, self._tell = look, release, tell
        self._closing, self._pulse = threading.Event(), Pulse(STUCK_S)

    def watch(self) -> None:
        """Tell the level now and each change, until `close` or until the line is lost; then give it back."""
        former: bool | None = None
        while not self._closing.is_set():
            with self._pulse.work():
                level = self._look()
            if level is not former or level is None:
                self._tell(level)
            if level is None:
                break
            former = level
        self._release()

    def ticks(self) -> bool:
        """False once the line's driver hangs."""
        return self._pulse.ticks()

    def close(self) -> None:
        """Have `watch` end."""
        self._closing.set()


def open_input(line: str, tell: Callable[[bool | None], None]) -> Input:
    """Take a line; `tell` hears its level: True is high, None that the line is lost. Raises DoorError."""
    if line.startswith("sim:"):
        return Input(_simulated(Path(line.removeprefix("sim:"))), lambda: None, tell)
    try:
        return _gpiod_input(*_place(line), tell)
    except OSError as error:
        raise DoorError(f"line {line} cannot be read: {error}; see `gpioinfo`, and the group gpio") from error


def _place(line: str) -> tuple[str, int]:
    chip, _, offset = line.rpartition(":")
    return chip, int(offset)


def _gpiod() -> Any:
    try:
        import gpiod
    except ImportError:
        raise DoorError(_MISSING) from None
    return gpiod


class _GpiodOutput:
    def __init__(self, chip: str, offset: int, *, low: bool) -> None:
        gpiod = _gpiod()
        self._values, self._offset = gpiod.line.Value, offset
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.OUTPUT, active_low=low, output_value=gpiod.line.Value.INACTIVE
        )
        self._request = gpiod.request_lines(chip, consumer="edgeface", config={offset: settings})

    def set(self, active: bool) -> None:
        self._request.set_value(self._offset, self._values.ACTIVE if active else self._values.INACTIVE)

    def close(self) -> None:
        with suppress(OSError):
            self.set(False)
        self._request.release()


def _gpiod_input(chip: str, offset: int, tell: Callable[[bool | None], None]) -> Input:
    gpiod = _gpiod()
    settings = gpiod.LineSettings(
        direction=gpiod.line.Direction.INPUT,
        bias=gpiod.line.Bias.PULL_UP,
        edge_detection=gpiod.line.Edge.BOTH,
        debounce_period=timedelta(milliseconds=DEBOUNCE_MS),
    )
    request = gpiod.request_lines(chip, consumer="edgeface", config={offset: settings})
    looked = False

    def look() -> bool | None:
        nonlocal looked
        try:
            if looked and request.wait_edge_events(timedelta(seconds=_LOOK_EVERY_S)):
                request.read_edge_events()
            looked = True
            return bool(request.get_value(offset) == gpiod.line.Value.ACTIVE)
        except OSError:
            return None

    return Input(look, request.release, tell)


class _SimulatedOutput:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(False)

    def set(self, active: bool) -> None:
        self._path.write_text("1\n" if active else "0\n", encoding="ascii")

    def close(self) -> None:
        self.set(False)


def _simulated(path: Path) -> Callable[[], bool | None]:
    pause = threading.Event()

    def look() -> bool | None:
        pause.wait(_SIMULATED_EVERY_S)
        try:
            return path.read_text(encoding="ascii").strip() == "1"
        except (OSError, UnicodeDecodeError):
            return None

    return look
