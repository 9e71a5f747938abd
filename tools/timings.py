"""How quickly a whole reader is there, notices, recovers, and what it costs; measured, and written to a page.

    python -m tools.timings                 about four minutes; writes docs/timings.md and the line in the README
    python -m tools.timings --quick         one of each: shows that it runs, and writes nothing

The reader is a process of its own (`tools.hallway`) with a real Mosquitto; a film that never ends stands in the camera
driver's place. Times are of the machine that runs this: on a quiet one, please.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeface.frame import Pixels
from edgeface.service.bootstrap import GALLERY
from edgeface.store.database import open_database
from tools.broker import Broker, BrokerMissing
from tools.faults.hall import KNOWN, enrol
from tools.hallway.camera import FilmCamera, Spoilt, portraits, since_boot_ns
from tools.hallway.manager import Life, Manager

PAGE, README = Path("docs/timings.md"), Path("README.md")
BEGIN, END = "<!-- timings: written by tools/timings.py -->", "<!-- end of timings -->"
FPS = 15.0
SCENES = ("nobody in view", "one face in view", "five faces in view")
WINDOW_S = 4.0
"""What processor time is counted over."""
STAY_S, APART_S = 3.0, 2.5
"""Of a visit, and between two."""
TARGETS = {"start to ready, s": 2.0, "kill -9 to ready, s": 3.0, "plugged in to recognised, s": 3.0,
           "resident memory, MB": 150.0}  # fmt: skip
"""What was aimed at, as most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing measured a few times."""

    name: str
    values: tuple[float, ...]

    def told(self) -> str:
        """Median with its 95 % interval (bootstrap, 2,000 samples), and how often it was measured."""
        low, high = self.interval()
        return f"{_short(float(np.median(self.values)))} [{_short(low)}, {_short(high)}] ({len(self.values)})"

    def interval(self) -> tuple[float, float]:
        """Of the median."""
        chance = np.random.default_rng(1)
        drawn = np.median(chance.choice(np.array(self.values), (2000, len(self.values))), axis=1)
        low, high = np.percentile(drawn, [2.5, 97.5])
        return float(low), float(high)


class Bench:
    """A reader with a camera and a broker, as a context manager."""

    def __init__(self, folder: Path, scene: Sequence[Pixels], *, stay_s: float = 1e9, apart_s: float = 0.0) -> None:
        """`scene`: the portraits that stand side by side, for `stay_s` in `stay_s + apart_s` seconds."""
        self._folder, self._scene, self._stay_s, self._apart_s = folder, scene, stay_s, apart_s

    def __enter__(self) -> Bench:
        with ExitStack() as stack:
            home = self._folder / "home"
            home.mkdir(parents=True)
            (home / "edgeface.toml").write_text(f"[health]\nevery_s = {WINDOW_S / 2}\n", encoding="utf-8")
            with closing(open_database(home / GALLERY)) as database:
                enrol(home, database, portraits()[0], KNOWN)
            broker = Broker(self._folder)
            broker.start()
            stack.callback(broker.stop)
            people = [(KNOWN, self._scene)]
            socket = self._folder / "camera"
            self.camera = FilmCamera(socket, people, stay_s=self._stay_s, apart_s=self._apart_s, fps=FPS)
            stack.enter_context(self.camera)
            self.manager = Manager(self._folder, socket, ("--broker", broker.url), restart_s=0.0)
            stack.enter_context(self.manager)
            _until(lambda: self.manager.ready, "the reader is ready")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ready_after(self, former: Life | None) -> None:
        """Wait for another process to be ready."""
        _until(lambda: self.manager.life is not former and self.manager.ready, "a killed reader is ready again")

    def lost(self) -> bool:
        """Whether the reader says that it has no camera."""
        return any(one["trouble"] == "camera" for one in self.health()["troubles"])

    def cpu_s(self) -> float:
        """Processor time of the reader so far."""
        times = Path(f"/proc/{self.manager.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    def health(self) -> dict[str, Any]:
        """The reader's newest report."""
        found: dict[str, Any] = json.loads((self.manager.home / "health.json").read_text(encoding="utf-8"))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    begun_s = time.monotonic()
    try:
        figures = measured(1 if arguments.quick else 6)
    except BrokerMissing as error:
        sys.exit(f"timings: {error}")
    text = table(figures)
    sys.stdout.write(text)
    sys.stderr.write(f"{time.monotonic() - begun_s:.0f} s\n")
    if not arguments.quick:
        write(text, figures)


def measured(n: int) -> list[Figure]:
    """All of it, each about n times."""
    ada, hopper = portraits()
    crowd = [ada, hopper, ada[:, ::-1], hopper[:, ::-1], ada]
    with tempfile.TemporaryDirectory(prefix="edgeface-timings-") as name:
        folder = Path(name)
        _say("starts, crashes, and a camera that is unplugged")
        with Bench(folder / "one", [ada]) as bench:
            figures = [_starts(bench, n), _crashes(bench, n), *_unplugged(bench, n)]
            _say(SCENES[1])
            busy, samples = _share(bench, n), [sample.resident_mb for sample in bench.manager.samples]
        _say(SCENES[0])
        with Bench(folder / "empty", []) as bench:
            idle = _share(bench, n)
        _say(SCENES[2])
        with Bench(folder / "five", crowd) as bench:
            five = _share(bench, n)
            samples += [sample.resident_mb for sample in bench.manager.samples]
        _say("visits")
        with Bench(folder / "visits", [ada], stay_s=STAY_S, apart_s=APART_S) as bench:
            visits = _visits(bench, n + 2, float(np.median(idle.values)))
    _say("")
    return [
        *figures,
        *_named(SCENES[0], idle),
        *_named(SCENES[1], busy),
        *_named(SCENES[2], five),
        Figure(name="processor seconds an hour in which nobody comes", values=tuple(3600 * v for v in idle.values)),
        Figure(name="processor seconds a visit, beyond those", values=visits),
        Figure(name="resident memory, MB", values=tuple(samples)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Of windows of time."""

    values: tuple[float, ...]
    """Processor seconds a second."""
    fps: tuple[float, ...]
    """Frames a second that were taken in time."""
    looks_ms: tuple[float, ...]
    """Median time of one look, frame to decision on the disk."""


def _starts(bench: Bench, n: int) -> Figure:
    for _ in range(n - 1):
        bench.manager.rest()
        bench.manager.resume()
        _until(lambda: bench.manager.ready, "the reader is ready again")
    lives = bench.manager.lives
    return Figure(
        name="start to ready, s", values=tuple(life.ready_s - life.started_s for life in lives if life.ready_s)
    )


def _crashes(bench: Bench, n: int) -> Figure:
    took = []
    for _ in range(n):
        former, begun_s = bench.manager.life, time.monotonic()
        bench.manager.send(signal.SIGKILL)
        bench.ready_after(former)
        took.append((bench.manager.lives[-1].ready_s or 0.0) - begun_s)
        time.sleep(1.0)
    return Figure(name="kill -9 to ready, s", values=tuple(took))


def _unplugged(bench: Bench, n: int) -> tuple[Figure, Figure]:
    alarmed, back = [], []
    for number in range(n):
        time.sleep(2.5 + 0.13 * number)
        begun_s = time.monotonic()
        bench.camera.spoilt = Spoilt.UNPLUGGED
        _until(bench.lost, "an unplugged camera is told")
        alarmed.append(time.monotonic() - begun_s)
        time.sleep(1.5 + 0.21 * number)
        begun_s = time.monotonic()
        bench.manager.told.clear()
        bench.camera.spoilt = None
        _until(lambda: any(one["outcome"] == "grant" for one in bench.manager.told), "somebody is recognised again")
        back.append(time.monotonic() - begun_s)
    return (
        Figure(name="unplugged to alarm, s", values=tuple(alarmed)),
        Figure(name="plugged in to recognised, s", values=tuple(back)),
    )


def _share(bench: Bench, n: int) -> Share:
    time.sleep(10.0)  # what is told of the last seconds is of this scene alone
    shares, fps, looks = [], [], []
    for _ in range(n):
        cpu_s, begun_s = bench.cpu_s(), time.monotonic()
        time.sleep(WINDOW_S)
        shares.append((bench.cpu_s() - cpu_s) / (time.monotonic() - begun_s))
        told = bench.health()
        fps.append(told["fps"])
        looks.append(told["took_ms_p50"])
    return Share(values=tuple(shares), fps=tuple(fps), looks_ms=tuple(looks))


def _visits(bench: Bench, n: int, idle: float) -> tuple[float, ...]:
    """Processor time of each visit, less what the same time without one costs."""
    spent = []
    _until(lambda: bool(bench.manager.told), "the first visit is decided")
    _until(lambda: since_boot_ns() - bench.camera.visits[-1].ended_ns > 1e9, "the first visit is over")
    for _ in range(n):
        cpu_s, begun_s = bench.cpu_s(), time.monotonic()
        time.sleep(STAY_S + APART_S)
        spent.append(bench.cpu_s() - cpu_s - idle * (time.monotonic() - begun_s))
    return tuple(spent)


def _named(scene: str, share: Share) -> tuple[Figure, Figure, Figure]:
    return (
        Figure(name=f"{scene}: frames a second, of {FPS:.0f}", values=share.fps),
        Figure(name=f"{scene}: one look, ms", values=share.looks_ms),
        Figure(name=f"{scene}: share of one core, %", values=tuple(100 * value for value in share.values)),
    )


def table(figures: Sequence[Figure]) -> str:
    """Markdown."""
    rows = [
        f"| {one.name} | {one.told()} | {_short(TARGETS[one.name]) if one.name in TARGETS else ''} |" for one in figures
    ]
    head = "| measured | median [95 % interval] (n) | aimed at, at most |\n| --- | --- | --- |\n"
    return head + "\n".join(rows) + "\n"


def write(text: str, figures: Sequence[Figure]) -> None:
    """The page, and the line in the README. Raises ValueError if that has no place for it."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    machine = f"{os.cpu_count()} cores, {model[1] if model else os.uname().machine}"
    PAGE.write_text(
        "# Times and costs of a whole reader\n\n"
        f"Written by `python -m tools.timings` on {machine}: not a Pi. The reader is a process of its\n"
        f"own with a real Mosquitto; a film of 640x480 at {FPS:.0f} pictures a second stands in the camera driver's "
        "place.\nA killed reader is started anew at once here; systemd waits two seconds (`RestartSec`). "
        f"A visit stays for {STAY_S:g} s.\n\n{text}",
        encoding="utf-8",
    )
    known = {one.name: _short(float(np.median(one.values))) for one in figures}
    line = (
        f"{BEGIN}\nReady {known['start to ready, s']} s after the start and {known['kill -9 to ready, s']} s after a "
        f"crash; an unplugged camera is told after {known['unplugged to alarm, s']} s, and\n"
        f"{known['plugged in to recognised, s']} s after it is plugged in somebody is recognised; "
        f"{known['resident memory, MB']} MB. With nobody, one and five faces in view\nit keeps up with "
        f"{_each(known, 'frames a second, of 15')} of {FPS:.0f} pictures a second, for "
        f"{_each(known, 'share of one core, %')} % of one core;\n"
        f"{known['processor seconds an hour in which nobody comes']} processor seconds an hour "
        f"without visitors, {known['processor seconds a visit, beyond those']} a visit "
        f"([measured](docs/timings.md) on {machine}:\n`python -m tools.timings`).\n{END}"
    )
    readme = README.read_text(encoding="utf-8")
    if BEGIN not in readme:
        raise ValueError(f"{README} has no line {BEGIN}")
    README.write_text(readme.split(BEGIN)[0] + line + readme.split(END)[1], encoding="utf-8")


def _each(known: Mapping[str, str], what: str) -> str:
    """A figure of each scene, in words."""
    first, second, third = (known[f"{scene}: {what}"] for scene in SCENES)
    return f"{first}, {second} and {third}"


def _until(true: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    end_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end_s:
            raise RuntimeError(f"still not so after {within_s:.0f} s: {what}")
        time.sleep(0.005)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _say(what: str) -> None:
    sys.stderr.write(f"\r{what:60}" + ("" if what else "\r"))
    sys.stderr.flush()


if __name__ == "__main__":
    main()
