"""A change in health is told at once, a report comes every so often, and the figures are those of the steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface.decide import Outcome
from edgeface.footage import Fault
from edgeface.frame import Frame, Instant
from edgeface.health import Findings, Machine, Options, State, Trouble
from edgeface.message import HealthMessage, decode, encode
from edgeface.service.loop import Recorded, Step
from edgeface.service.vitals import Standing, Vitals, metrics, write_whole
from samples import decision

MACHINE = Machine(temperature_c=40.0, throttled=None, disk_free_mb=5000.0, memory_mb=80.0, open_files=9, cpu_s=2.0)
STANDING = Standing(
    people=4,
    gallery_revision=7,
    waiting=2,
    spent_ms={"detector": (4, 10.0), "unused": (0, 0.0)},
    queues={"requests": 0, "idle": 3},
)


def at(seconds: float) -> Instant:
    return Instant(monotonic_ns=round(seconds * 1e9), wall_ns=0, wall_trusted=True)


class Bench:
    def __init__(self, **options: object) -> None:
        self.seconds = 0.0
        self.findings = Findings()
        self.told: list[tuple[float, HealthMessage]] = []
        self.vitals = Vitals(
            options=Options(every_s=30.0, **options),  # type: ignore[arg-type]
            findings=lambda: self.findings,
            machine=lambda: MACHINE,
            standing=lambda: STANDING,
            now=lambda: at(self.seconds),
            tell=lambda message: self.told.append((self.seconds, message)),
        )

    def film(self, seconds: float, *, seen: bool = True) -> None:
        for _ in range(round(seconds * 10)):
            self.seconds = round(self.seconds + 0.1, 3)
            self.vitals.beat(step(self.seconds) if seen else step(None))


def step(seconds: float | None, *, stale: bool = False, outcome: Outcome | None = None) -> Step:
    pixels = np.zeros((2, 2, 3), np.uint8)
    moment = at(seconds or 0.0)
    return Step(
        frame=None if seconds is None else Frame(pixels=pixels, camera="", sequence=0, captured_at=moment),
        sightings=(),
        decisions=() if outcome is None else (Recorded(seq=1, decision=decision(outcome=outcome)),),
        stale=stale,
        took_ms=20.0,
    )


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_report_comes_at_once_and_then_every_so_often(bench: Bench) -> None:
    bench.film(61)
    assert [round(at) for at, _ in bench.told] == [0, 30, 60]
    assert {message.state for _, message in bench.told} == {State.OK}


def test_a_trouble_is_told_within_the_look_and_so_is_its_end(bench: Bench) -> None:
    bench.film(5)
    bench.findings = Findings(camera=(Fault.LOST,))
    bench.film(5, seen=False)
    bench.findings = Findings()
    bench.film(5)
    changes = [(at, message.state, [one.trouble for one in message.troubles]) for at, message in bench.told[1:]]
    assert [(state, troubles) for _, state, troubles in changes] == [(State.SHUT, [Trouble.CAMERA]), (State.OK, [])]
    assert 5 < changes[0][0] <= 5.4
    assert 10 < changes[1][0] <= 10.4


def test_what_it_counts(bench: Bench) -> None:
    bench.film(29.7)
    bench.vitals.beat(step(29.8, stale=True))
    bench.vitals.beat(step(29.9, outcome=Outcome.GRANT))
    bench.vitals.beat(step(None, outcome=Outcome.UNKNOWN))
    bench.film(2)
    report = bench.told[-1][1]
    assert report.stale_frames == 1
    assert report.frames in range(298, 305)
    assert report.fps == pytest.approx(10, abs=0.5)
    assert (report.took_ms_p50, report.took_ms_p95) == (20.0, 20.0)
    assert {one.name: one.count for one in report.decisions} == {"grant": 1, "unknown": 1}
    assert {one.name: one.ms for one in report.model_ms} == {"detector": 2.5}
    assert (report.people, report.gallery_revision, report.waiting) == (4, 7, 2)
    assert [(one.name, one.waiting) for one in report.queues] == [("idle", 3), ("requests", 0)]
    assert decode(HealthMessage, encode(report)) == report


def test_frames_passed_over_do_not_hide_how_long_a_look_takes(bench: Bench) -> None:
    for tenth in range(310):
        bench.seconds = tenth / 10
        rested = tenth % 5 != 0
        bench.vitals.beat(replace(step(bench.seconds), rested=rested, took_ms=0.5 if rested else 20.0))
    report = bench.told[-1][1]
    assert report.took_ms_p50 == 20.0
    assert report.frames > 290


def test_before_the_first_frame_figures_are_none(bench: Bench) -> None:
    bench.vitals.beat(step(None))
    report = bench.told[0][1]
    assert (report.fps, report.took_ms_p50, report.frames) == (None, None, 0)


def test_a_file_for_prometheus(tmp_path: Path) -> None:
    bench = Bench(metrics_file=str(tmp_path / "edgeface.prom"))
    bench.findings = Findings(broker="no answer")
    bench.film(1)
    lines = (tmp_path / "edgeface.prom").read_text().splitlines()
    assert 'edgeface_trouble{kind="broker"} 1' in lines
    assert 'edgeface_trouble{kind="camera"} 0' in lines
    assert "edgeface_people 4" in lines
    assert 'edgeface_queue_waiting{queue="idle"} 3' in lines
    assert 'edgeface_model_milliseconds{model="detector"} 2.5' in lines
    assert [path.name for path in tmp_path.iterdir()] == ["edgeface.prom"]
    assert set(metrics(bench.told[0][1])) >= {"frames_total", "cpu_seconds_total"}


def test_a_report_that_cannot_be_written_costs_the_report_only(tmp_path: Path) -> None:
    write_whole(tmp_path / "no" / "such" / "folder.prom", "x")
    bench = Bench(metrics_file=str(tmp_path / "no" / "such.prom"))
    bench.film(1)
    assert bench.told
