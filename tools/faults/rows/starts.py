"""Starts with things missing, broken, another's or not to be had, in any mixture; each in a process of its own."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from edgeface import image
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.systemd import Notifier
from edgeface.cli.main import main
from edgeface.frame import Pixels
from edgeface.store.database import open_database
from tools.broker import free_port
from tools.faults.hall import KNOWN, enrol
from tools.faults.result import Result
from tools.faults.rows.disk import content, folder_in_memory
from tools.faults.rows.spoilt import SPOILT, Spoilt
from tools.hallway.camera import portraits

WRONG = 0.12
"""How often each thing is."""
WITHIN_S = 60.0
"""A start that takes longer hangs."""
RULES = {
    "of before": "",
    "by the hour": '[doors.main]\n[schedules.day]\nhours = ["mon-sun 00:00-24:00"]\n[[grants]]\nname = "by day"\n'
    'who = ["everyone"]\ndoors = ["main"]\nschedule = "day"\n',
    "for nobody": "[doors.main]\n",
}
CAMERAS = {
    "a film": (0, ""),
    "no file": (69, "nothing-there"),
    "nothing in the folder": (69, "empty"),
    "no picture in the folder": (69, "no usable picture"),
    "no camera": (69, "/dev/video99"),
    "a camera that is waited for": (0, ""),
}
"""Exit code, 0: it starts; and what must be said."""


@dataclass(slots=True, kw_only=True)
class Start:
    """One start: what it finds, and what came of it."""

    camera: str
    rules: str
    trusted: bool
    """Whether the clock is set."""
    broker: bool
    """Whether one is configured; none answers."""
    enrolled: bool
    spoilt: list[Spoilt]
    code: int | None = None
    said: str = ""
    ready: bool = False
    statuses: list[str] = field(default_factory=list)

    @property
    def stops(self) -> dict[int, list[str]]:
        """Exit codes that it may end with, and what must be said with each; none: it starts."""
        found: dict[int, list[str]] = {}
        for code, says in (*((one.code, one.says) for one in self.spoilt), CAMERAS[self.camera]):
            if code:
                found.setdefault(code, []).append(says)
        return found

    def granted(self) -> list[str]:
        """Whom it let in."""
        lines = [json.loads(line) for line in self.said.splitlines() if line.startswith('{"seq"')]
        return [line["person"]["label"] for line in lines if line["outcome"] == "grant"]

    def wrong(self) -> list[str]:
        """What should not be."""
        found, stops = [], self.stops
        told = f"{self.camera}, {self.rules}, {[one.says for one in self.spoilt]}: "
        if stops and self.code not in stops:
            found.append(f"{told}it ended with {self.code}, not {sorted(stops)}: {self.said[-300:]}")
        elif stops and not any(says in self.said for says in stops[self.code or 0]):
            found.append(f"{told}it did not say why: {self.said[-300:]}")
        elif not stops and self.code != 0:
            found.append(f"{told}it ended with {self.code}: {self.said[-300:]}")
        if self.ready is bool(stops):
            found.append(f"{told}it {'said' if self.ready else 'did not say'} READY")
        may = self.enrolled and self.camera == "a film" and self.rules != "for nobody" and not stops
        wanted = [KNOWN] if may and (self.trusted or self.rules != "by the hour") else []
        if sorted(set(self.granted())) != wanted:
            found.append(f"{told}let in {self.granted()}, not {wanted}")
        return found + [f"{told}{problem}" for problem in self._unsaid() if not stops]

    def _unsaid(self) -> list[str]:
        """Degraded, and nobody was told."""
        told = " ".join((self.said, *self.statuses))
        live = self.camera == "a camera that is waited for"
        checks = {
            "camera: ": live,
            "clock: ": live and not self.trusted,
            "not confirmed yet": self.broker and self.camera == "a film",
        }
        return [f"{words!r} was not said" for words, must in checks.items() if must and words not in told]


def mixed_starts(n: int, seed: int, before: Callable[[], None] = lambda: None) -> Result:
    """READY is said by those who can decide, or have said what is missing; all others end with a code of their own."""
    dice, wrong, ready = random.Random(seed), list[str](), 0
    with folder_in_memory() as folder:
        homes = {True: folder / "home", False: folder / "fresh"}
        _filmed(folder)
        homes[True].mkdir()
        with closing(open_database(homes[True] / "gallery.db")) as database:
            enrol(homes[True], database, portraits()[0], KNOWN)
        lived = content(homes[True])
        for trial in range(n):
            start = _drawn(dice)
            with folder_in_memory() as elsewhere:
                home = elsewhere / "home"
                home.mkdir()
                for name, whole in lived.items() if start.enrolled else ():
                    (home / name).write_bytes(whole)
                    (home / name).chmod(0o600)
                _laid(home, start)
                _start(home, folder, start, before)
            ready += start.ready
            wrong += [f"start {trial}: {problem}" for problem in start.wrong()]
    return Result(fault="starts without camera, broker, clock, models, key, or with broken ones", n=n, failures=wrong,
                  seed=seed, acknowledged=n, note=f"{ready} could decide, or said what is missing")  # fmt: skip


def at_once(n: int, seed: int) -> Result:
    """The control: whoever has begun says that it is ready."""
    return mixed_starts(n, seed, lambda: Notifier(os.environ).ready("begun"))


def _drawn(dice: random.Random) -> Start:
    enrolled = dice.random() > WRONG
    spoilt = [
        dice.choice(list(ways.values()))
        for what, ways in SPOILT.items()
        if dice.random() < WRONG and (enrolled or what not in ("key", "gallery"))
    ]
    return Start(
        camera="a film" if dice.random() < 0.7 else dice.choice(sorted(CAMERAS)),
        rules=dice.choice(sorted(RULES)),
        trusted=dice.random() < 0.7,
        broker=dice.random() < 0.3 and all(one.says != "broker" for one in spoilt),  # named to the command, it counts
        enrolled=enrolled,
        spoilt=spoilt,
    )


def _laid(home: Path, start: Start) -> None:
    if RULES[start.rules]:
        (home / "access.toml").write_text(RULES[start.rules], encoding="utf-8")
    for one in start.spoilt:
        one.do(home)


def _filmed(folder: Path) -> None:
    """Somebody known walks up to the camera and leaves, then a stranger; and two folders without pictures."""
    for name in ("film", "empty", "odd"):
        (folder / name).mkdir()
    (folder / "odd" / "1.png").write_bytes(b"no picture")
    wall = np.full((480, 640, 3), (126, 130, 134), np.uint8)
    number = 0
    for face in portraits():
        for pixels in (*(_before(wall, face, 300 + 8 * step) for step in range(7)), wall):
            (folder / "film" / f"{number:02}.png").write_bytes(image.encode_png(pixels))
            number += 1


def _before(wall: Pixels, face: Pixels, height_px: int) -> Pixels:
    picture, width_px = wall.copy(), face.shape[1] * height_px // face.shape[0]
    picture[480 - height_px :, 320 - width_px // 2 :][:, :width_px] = image.resize(face, width_px, height_px)
    return picture


def _words(home: Path, folder: Path, start: Start) -> list[str]:
    source = {
        "a film": str(folder / "film"),
        "no file": str(folder / "nothing-there"),
        "nothing in the folder": str(folder / "empty"),
        "no picture in the folder": str(folder / "odd"),
    }.get(start.camera, "/dev/video99")
    waits = ["--keep-trying"] if start.camera == "a camera that is waited for" else ["--fast"]
    broker = ["--broker", f"mqtt://127.0.0.1:{free_port()}"] if start.broker else []
    return ["--home", str(home), "run", "--json", "--source", source, *waits, *broker]


def _start(home: Path, folder: Path, start: Start, before: Callable[[], None]) -> None:
    """Start it, hear what it says of itself, and stop it where it would wait for ever."""
    written, words = home.parent / "said", _words(home, folder, start)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(home.parent / "notify"))
        manager.settimeout(0.02)
        child = os.fork()  # so that its modules need not be loaded again; nothing is open yet
        if child == 0:
            _child(words, written, home.parent / "notify", start.trusted, before)
        end_s, ended, waits = time.monotonic() + WITHIN_S, 0, "--keep-trying" in words and not start.stops
        while not ended:
            _hear(manager, start)
            start.said = written.read_text(encoding="utf-8") if written.exists() else ""
            if waits and start.ready and not start._unsaid():
                os.kill(child, signal.SIGTERM)
                waits = False  # once, as systemd does
            if time.monotonic() > end_s:
                os.kill(child, signal.SIGKILL)
            ended, status = os.waitpid(child, os.WNOHANG)
        _hear(manager, start)
    start.code, start.said = os.waitstatus_to_exitcode(status), written.read_text(encoding="utf-8")


def _hear(manager: socket.socket, start: Start) -> None:
    try:
        while True:
            told = manager.recv(4096).decode()
            start.ready = start.ready or told.startswith("READY=1")
            start.statuses.append(told)
    except TimeoutError:
        return


def _child(words: list[str], written: Path, notify: Path, trusted: bool, before: Callable[[], None]) -> NoReturn:
    try:
        said = written.open("a", encoding="utf-8", buffering=1)
        sys.stdout = sys.stderr = said
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        os.environ["NOTIFY_SOCKET"] = str(notify)
        SystemClock._synchronised = lambda clock: trusted  # type: ignore[assignment, method-assign]
        before()
        main(words)
    except SystemExit as end:
        said.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(70)
