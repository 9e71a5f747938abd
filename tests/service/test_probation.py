"""A trial while the reader runs: confirmed, given up, or waited for, and always told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bundles import packed, trusting
from edgeface.adapters import proving, slots
from edgeface.adapters.proving import Proven
from edgeface.decide import Outcome
from edgeface.frame import Instant
from edgeface.service.probation import Probation
from edgeface.service.updating import take
from edgeface.store import audit
from edgeface.store.database import Database
from edgeface.store.journal import Journal
from edgeface.trial import Options
from samples import decision


@dataclass
class Report:
    """What a probation wants to know of a report of health."""

    frames: int


@dataclass
class Bench:
    """A reader on trial, whose clock the test moves."""

    home: Path
    database: Database
    seconds: float = 0.0
    ended: list[bool] = field(default_factory=list)

    def now(self) -> Instant:
        ns = int((1000 + self.seconds) * 1e9)
        return Instant(monotonic_ns=ns, wall_ns=ns, wall_trusted=True)

    def probation(self, **options: Any) -> Probation:
        return Probation(self.home, self.database, Options(**options), self.now, lambda: self.ended.append(True))

    def visit(self, outcome: Outcome, times: int) -> None:
        for _ in range(times):
            Journal(self.database, "b").record(decision(outcome=outcome))

    def told(self) -> list[str]:
        return [str(entry.facts["what"]) for entry in audit.newest_entries(self.database, 9, audit.Kind.UPDATE, None)]


@pytest.fixture
def bench(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(proving, "prove", lambda content, runtime="": Proven(embedder=None, models=()))
    with closing(trusting(home)) as database:
        bench = Bench(home, database)
        bench.visit(Outcome.GRANT, 30)
        take(home, database, packed(1), bench.now, by="tests")
        yield bench


def hear(bench: Bench, probation: Probation, frames: int, seconds: float) -> None:
    bench.seconds += seconds
    probation.hear(Report(frames))  # type: ignore[arg-type]


def test_models_that_do_well_are_confirmed(bench: Bench) -> None:
    probation = bench.probation()
    bench.visit(Outcome.GRANT, 10)
    assert probation.says == "version 1, 0 minutes, 0 frames so far"
    hear(bench, probation, 900, 1700)
    assert probation.says == "version 1, 28 minutes, 900 frames so far"
    hear(bench, probation, 1100, 200)
    assert (probation.says, probation.alarm, probation.version) == (None, None, 1)
    assert slots.read(bench.home).trial is None
    assert bench.told() == ["begin", "trial", "confirmed"]
    assert bench.ended == []


def test_what_was_proved_counts_over_several_runs(bench: Bench) -> None:
    bench.visit(Outcome.GRANT, 10)
    for run in range(4):
        probation = bench.probation()
        assert (slots.read(bench.home).trial is None) is (run == 3)
        hear(bench, probation, 400, 700)
    trial = bench.told()
    assert trial == ["begin", "trial", "confirmed"]


def test_nobody_is_known_any_more_and_the_former_models_come_back(bench: Bench) -> None:
    probation = bench.probation()
    bench.visit(Outcome.UNKNOWN, 4)
    hear(bench, probation, 500, 61)
    assert slots.read(bench.home).returned is not None
    assert slots.read(bench.home).version is None
    assert bench.told()[-1] == "returned"
    assert bench.ended == [True]
    assert probation.alarm is not None
    assert "0 of 4 visits recognised, before 30 of 30" in probation.alarm
    hear(bench, probation, 600, 61)
    assert bench.ended == [True]


def test_nothing_is_written_more_often_than_once_a_minute(bench: Bench) -> None:
    probation = bench.probation()
    hear(bench, probation, 10, 59)
    assert slots.read(bench.home).trial == slots.Trial()
    hear(bench, probation, 20, 1)
    assert slots.read(bench.home).trial == slots.Trial(ran_s=60.0, frames=20)


def test_what_a_person_went_back_from_is_no_alarm(bench: Bench) -> None:
    slots.go_back(bench.home, "asked for", "uid 0")
    assert bench.probation().alarm is None
