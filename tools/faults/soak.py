"""Hours of a real reader with faults by chance: what must hold is looked at all the time, and what must stay flat.

First come faults of all kinds; then, for three quarters of the time, only those that a reader has to live through, so
that one process grows old enough to show whether it grows.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tools.faults.chaos import FAULTS
from tools.faults.hall import Hall
from tools.faults.result import Result
from tools.hallway.manager import Life, Sample

FIRST_PART = 0.25
"""Of the time, for faults that may end the process."""

BACK_S = 60.0
"""A reader that recognises nobody for so long after a fault was put right has not recovered."""

STARVED_S = 1.0
"""If the film itself stood still for so long, on a machine that has too much to do, the reader is not to blame."""

WARM_S = 300.0
"""Of the long life; caches fill."""

MOST_GROWN_MB, MOST_MORE_DESCRIPTORS, MOST_WAL_MB = 8.0, 4, 16.0
"""Choices: growth of the long life above these counts as a failure. SQLite copies the log back at 4 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bout:
    """One fault, and what it took to get over it."""

    fault: str
    begun_s: float
    """Since the beginning of the soak."""
    took_s: float
    back_s: float | None
    """From putting it right until somebody was recognised again; None: not within BACK_S."""


@dataclass(slots=True)
class Soak:
    """What was seen."""

    seed: int
    minutes: float
    begun_s: float
    bouts: list[Bout] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    decisions: int = 0
    opened: int = 0

    def old(self) -> list[Sample]:
        """Of the longest life, without its beginning."""
        if not self.samples:
            return []
        pids = [sample.pid for sample in self.samples]
        longest = [sample for sample in self.samples if sample.pid == max(set(pids), key=pids.count)]
        return [sample for sample in longest if sample.at_s - longest[0].at_s >= WARM_S] or longest

    def result(self) -> Result:
        """As a row of the table."""
        starts = f"{len(self.lives)} processes, {self.opened} openings"
        return Result(
            fault=f"soak of {self.minutes:.0f} minutes",
            n=len(self.bouts),
            failures=self.wrong,
            seed=self.seed,
            acknowledged=self.decisions,
            note=starts,
        )


def soak(minutes: float, seed: int) -> Soak:
    """So many minutes of it."""
    with tempfile.TemporaryDirectory(prefix="edgeface-soak-") as folder, Hall(Path(folder), seed) as hall:
        found = Soak(seed=seed, minutes=minutes, begun_s=time.monotonic())
        if _back(hall, 0) is None:
            raise RuntimeError(f"the reader recognises nobody before anything went wrong: {hall.manager.lives}")
        _play(hall, found)
        _end(hall)
        found.lives, found.samples = hall.manager.lives, hall.manager.samples
        found.decisions, found.opened = len(hall.manager.told), len(hall.controller.opened)
        found.wrong = hall.wrong + _grown(found.old())
    return found


def _play(hall: Hall, found: Soak) -> None:
    end_s = 60 * found.minutes
    waiting: list[str] = []
    while (now_s := time.monotonic() - found.begun_s) < end_s:
        every = now_s < FIRST_PART * end_s
        if not waiting:  # every fault as often as any other, in an order by chance
            waiting = [name for name, fault in FAULTS.items() if every or not fault.ends]
            hall.chance.shuffle(waiting)
        name = waiting.pop()
        if FAULTS[name].ends and not every:
            continue
        lives, hall.camera.longest_gap_s = len(hall.manager.lives), 0.0
        FAULTS[name].do(hall)
        right_s = time.monotonic()
        back_s = _back(hall, right_s)
        bout = Bout(fault=name, begun_s=now_s, took_s=right_s - found.begun_s - now_s, back_s=back_s)
        found.bouts.append(bout)
        if back_s is None and hall.camera.longest_gap_s < STARVED_S:
            hall.blame(f"{name} at {now_s:.0f} s: nobody was recognised for {BACK_S:.0f} s after it")
        if not FAULTS[name].ends and len(hall.manager.lives) > lives:
            life = hall.manager.lives[lives - 1]
            hall.blame(f"{name} at {now_s:.0f} s ended the reader: {life.code}, {life.said[-300:]}")
        _tell(hall, found, bout)
        time.sleep(hall.chance.uniform(1, 8))


def _back(hall: Hall, right_s: float) -> float | None:
    """How long until the known person is recognised again."""
    known, end_s = len(hall.manager.told), time.monotonic() + BACK_S
    while time.monotonic() < end_s:
        if any(one["outcome"] == "grant" for one in list(hall.manager.told)[known:]):
            return time.monotonic() - right_s
        time.sleep(0.02)
    return None


def _end(hall: Hall) -> None:
    """Everything that a consumer lacks is sent again, and then nothing may be missing."""
    hall.finish()
    hall.manager.resume()
    end_s, stored = time.monotonic() + 120, len(hall.manager.told)
    while time.monotonic() < end_s and (len(hall.controller.arrived) < stored or not hall.manager.ready):
        time.sleep(0.2)
    time.sleep(5)
    hall.manager.rest()
    for identity in hall.drained():
        hall.blame(f"decision {identity} never arrived, neither live nor as history")


def _grown(old: list[Sample]) -> list[str]:
    """What did not stay flat."""
    if len(old) < 8:
        return []
    quarter = len(old) // 4
    first, last = old[:quarter], old[-quarter:]
    grown = [f"memory grew by {mb:.1f} MB" for mb in [_middle(last, "resident_mb") - _middle(first, "resident_mb")]
             if mb > MOST_GROWN_MB]  # fmt: skip
    more = _middle(last, "descriptors") - _middle(first, "descriptors")
    wal_mb = max(sample.wal_mb for sample in old)
    return [
        *grown,
        *([f"{more:.0f} descriptors more"] if more > MOST_MORE_DESCRIPTORS else []),
        *([f"the write-ahead log grew to {wal_mb:.1f} MB"] if wal_mb > MOST_WAL_MB else []),
    ]


def _middle(samples: list[Sample], name: str) -> float:
    return float(sorted(getattr(sample, name) for sample in samples)[len(samples) // 2])


def _tell(hall: Hall, found: Soak, bout: Bout) -> None:
    back = "not back" if bout.back_s is None else f"back after {bout.back_s:.1f} s"
    counts = f"{len(found.bouts)} faults, {len(hall.manager.told)} decisions, {len(hall.wrong)} wrong"
    sys.stderr.write(f"{bout.begun_s / 60:6.1f} of {found.minutes:.0f} min  {bout.fault:26} {back:20} {counts}\n")
    sys.stderr.writelines(f"    {problem}\n" for problem in hall.wrong[-3:])
    sys.stderr.flush()
