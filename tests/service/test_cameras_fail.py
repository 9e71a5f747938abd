"""A whole reader before a camera of each kind that fails in every way: it says so, raises the alarm, decides nothing
meanwhile, and is over it by itself. What stands in for hardware stands behind OpenCV and picamera2; RTSP is real.

How soon, on a machine with nothing else to do: `python -m tools.cameras`. Here it may take five times as long.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from broker import running
from edgeface.service.bootstrap import GALLERY
from edgeface.store.database import open_database
from tools.broker import Broker
from tools.cameras.hardware import Mode
from tools.cameras.story import ENDS_VISITS, H264, KINDS, Course, Drill, enrolled

WITHIN_S = 5.0
FAULTS = [mode for mode in Mode if mode not in (Mode.FILM, Mode.HANG)]


def drilled(kind: str, home: Path, broker: Broker) -> dict[Mode, Course]:
    with Drill(kind, home, broker).running() as drill:
        drill.await_grant()
        return {mode: drill.go(mode) for mode in FAULTS}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: tmp_path_factory.mktemp(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def courses(
    homes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[Mode, Course]]]:
    """All kinds at once: they mostly wait."""
    with running(tmp_path_factory.mktemp("broker")) as broker, ThreadPoolExecutor(len(KINDS)) as pool:
        for home in homes.values():
            enrolled(home)
        going = {kind: pool.submit(drilled, kind, homes[kind], broker) for kind in KINDS}
        yield {kind: course.result() for kind, course in going.items()}


@pytest.mark.parametrize("mode", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_said_alarmed_and_over(courses: dict[str, dict[Mode, Course]], kind: str, mode: Mode) -> None:
    course = courses[kind][mode]
    assert course.said_s < WITHIN_S and course.alarmed_s < WITHIN_S
    assert course.decided == 0, "nobody is judged by what a blind camera shows"
    assert course.over_s < 2 * WITHIN_S
    assert (course.again_s is not None) or mode not in ENDS_VISITS


@pytest.mark.parametrize("kind", KINDS)
def test_the_journal_keeps_what_lasted(
    courses: dict[str, dict[Mode, Course]], homes: dict[str, Path], kind: str
) -> None:
    with closing(open_database(homes[kind] / GALLERY)) as database:
        rows = [json.loads(row["payload"]) for row in database.read("SELECT payload FROM audit WHERE kind = 'alarm'")]
    told = [row["state"] for row in rows if row["trouble"] == "camera"]
    assert told[:1] == ["began"], "the plug is out for longer than two seconds after the colours were exchanged"


@pytest.mark.skipif(os.environ.get("GST") != "1", reason="GStreamer is 225 MB: make test-cameras")
def test_a_server_of_others_that_sends_h264(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        enrolled(tmp_path / "home")
        with Drill(H264, tmp_path / "home", broker).running() as drill:
            drill.await_grant()
            for mode in (Mode.UNPLUG, Mode.HANG):
                course = drill.go(mode)
                assert course.alarmed_s < WITHIN_S and course.decided == 0 and course.again_s is not None
