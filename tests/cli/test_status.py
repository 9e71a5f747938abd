"""`edgeface status` says what a running reader says of itself, and tells a dead one from a live one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from calling import Edgeface

from edgeface.frame import Pixels
from edgeface.health import State, Trouble
from edgeface.message import HealthMessage, WireCount, WireTiming, WireTrouble
from edgeface.service.checkup import HEALTH
from edgeface.wire import dumps, plain

REPORT = HealthMessage(
    state=State.DEGRADED,
    troubles=(WireTrouble(trouble=Trouble.BROKER, says="no answer from the broker"),),
    up_s=7200.0,
    fps=9.7,
    took_ms_p50=31.0,
    took_ms_p95=60.0,
    frames=70000,
    stale_frames=3,
    faces=40,
    decisions=(WireCount(name="grant", count=12),),
    model_ms=(WireTiming(name="edgeface-detect-320", ms=4.5),),
    waiting=2,
    people=5,
    gallery_revision=9,
    temperature_c=None,
    disk_free_mb=900.0,
    memory_mb=93.1,
    open_files=20,
    cpu_s=500.0,
)


def leave(home: Path, report: HealthMessage, *, age_s: float = 1.0) -> None:
    home.mkdir(exist_ok=True)
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    (home / HEALTH).write_text(dumps({"at": plain(at), **plain(report)}), encoding="utf-8")


def test_no_reader_runs(edgeface: Edgeface, home: Path) -> None:
    result = edgeface("status")
    assert (result.exit_code, result.stderr) == (3, f"no reader runs on {home}\n")


def test_in_words(edgeface: Edgeface, home: Path) -> None:
    leave(home, REPORT)
    result = edgeface("status")
    assert result.exit_code == 1
    for words in ("degraded", "no answer from the broker", "2.0 h", "9.7 a second", "- degrees", "2 decisions"):
        assert words in result.output


@pytest.mark.parametrize(("state", "code"), [(State.OK, 0), (State.SHUT, 1)])
def test_for_machines(edgeface: Edgeface, home: Path, state: State, code: int) -> None:
    leave(home, HealthMessage(**{**{name: getattr(REPORT, name) for name in REPORT.__slots__}, "state": state}))
    result = edgeface("status", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == code
    assert (told["state"], told["silent"], told["people"]) == (state.value, False, 5)


def test_old_words_are_those_of_a_dead_reader(edgeface: Edgeface, home: Path) -> None:
    leave(home, REPORT, age_s=91)
    result = edgeface("status")
    assert result.exit_code == 3
    assert "has said nothing for 91 s" in result.output


@pytest.mark.parametrize("text", ["", "{}", '{"at": "now"}', "[1]", "\x00"])
def test_a_report_that_is_none(edgeface: Edgeface, home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / HEALTH).write_text(text)
    result = edgeface("status")
    assert result.exit_code == 3
    assert "cannot be read" in result.stderr


def test_a_reader_at_work_reports_and_takes_its_report_with_it(
    edgeface: Edgeface, home: Path, film_of: Callable[[Pixels, int], Path], hopper: Pixels
) -> None:
    film = film_of(hopper, 60)
    command = [sys.executable, "-m", "edgeface", "--home", str(home), "run", "--source", str(film), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as reader:
        until = time.monotonic() + 30
        while not (home / HEALTH).exists() and time.monotonic() < until:
            time.sleep(0.05)
        result = edgeface("status", "--json")
        reader.send_signal(signal.SIGTERM)
        assert reader.wait(30) == 0
    told = json.loads(result.stdout)
    assert told["silent"] is False
    assert told["memory_mb"] > 10
    assert edgeface("status").exit_code == 3
