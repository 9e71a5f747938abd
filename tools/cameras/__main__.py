"""How soon a reader notices that its camera fails, and how soon it is over it; measured on whole readers.

    python -m tools.cameras --runs 5 --out docs/cameras.md

Each run starts a reader before one camera and lets that fail in every way. What stands for hardware stands behind
OpenCV (V4L2) and picamera2; the network camera is real RTSP. Prints a JSON object a fault.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tools.broker import Broker
from tools.cameras.hardware import LATE_S, SLOW_FPS, Mode
from tools.cameras.story import KINDS, Course, Drill, enrolled

MEANS = {
    Mode.UNPLUG: "unplugged, plugged in again",
    Mode.HANG: "the driver hangs, or the stream stops",
    Mode.FROZEN: "the same picture again and again",
    Mode.DARK: "dark",
    Mode.COVERED: "covered",
    Mode.SLOW: f"{SLOW_FPS:g} pictures a second",
    Mode.LATE: f"pictures that are {LATE_S:g} s old",
    Mode.SWAPPED: "red and blue exchanged",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="readers of each kind")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind; may be given several times")
    parser.add_argument("--out", type=Path, help="page to write")
    arguments = parser.parse_args()
    courses: list[Course] = []
    for kind in arguments.kind or KINDS:
        for _ in range(arguments.runs):
            for course in drilled(kind):
                print(json.dumps(course.plain), flush=True)
                courses.append(course)
    if arguments.out:
        arguments.out.write_text(page(courses, arguments.runs), encoding="utf-8")
        print(f"written: {arguments.out}")


def drilled(kind: str) -> list[Course]:
    """One reader, every fault once."""
    with tempfile.TemporaryDirectory(prefix="edgeface-drill-") as folder:
        home = Path(folder) / "home"
        enrolled(home)
        broker = Broker(Path(folder))
        broker.start()
        try:
            with Drill(kind, home, broker).running() as drill:
                drill.await_grant()
                return [drill.go(mode) for mode in MEANS]
        finally:
            broker.stop()


def page(courses: Sequence[Course], runs: int) -> str:
    """The page, Markdown."""
    met: dict[tuple[str, Mode], list[Course]] = defaultdict(list)
    for course in courses:
        met[course.kind, course.mode].append(course)
    rows = [_row(kind, mode, of) for (kind, mode), of in met.items()]
    late = sum(course.alarmed_s > 1.0 for course in courses)
    return f"""# Cameras that fail

Whole readers, each before one camera that films somebody enrolled and then fails in every way; {runs} runs of each
kind (`python -m tools.cameras --runs {runs} --out docs/cameras.md`). Times in seconds, median and largest: from the
fault to the reader's own words (said) and to its report over MQTT (alarmed), from its end to the report that all is
well (over) and to the next person let in (again). The alarm was later than a second in {late} of {len(courses)};
decisions while the camera was blind: {sum(course.decided for course in courses)}. Red and blue are exchanged while the
camera is away, as by a new driver: counted from the first such picture that it takes.

What stands for a USB camera stands behind OpenCV, and what stands for a board's camera behind picamera2, as neither
can be unplugged here; the network camera is a real stream (RTSP over TCP, JPEG). A camera is opened again after
0.25 s, then after twice as long each time, 4 s at most: what was away for longer is noticed so much later.

| camera | fault | said | alarmed | over | again |
|---|---|---|---|---|---|
{chr(10).join(rows)}
"""


def _row(kind: str, mode: Mode, courses: list[Course]) -> str:
    again = [course.again_s for course in courses if course.again_s is not None]
    figures = [
        _spread([course.said_s for course in courses]),
        _spread([course.alarmed_s for course in courses]),
        _spread([course.over_s for course in courses]),
        _spread(again) if mode in (Mode.UNPLUG, Mode.HANG) else "-",
    ]
    return f"| {kind} | {MEANS[mode]} | {' | '.join(figures)} |"


def _spread(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.2f}, {max(seconds):.2f}" if seconds else "-"


if __name__ == "__main__":
    main()
