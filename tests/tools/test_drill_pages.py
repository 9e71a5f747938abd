"""What the drills have measured becomes a page: nothing is left out, and what was too late is counted."""

from __future__ import annotations

from tools.booted.__main__ import page as booted_page
from tools.cameras.__main__ import MEANS
from tools.cameras.__main__ import page as cameras_page
from tools.cameras.hardware import Mode
from tools.cameras.story import Course


def course(mode: Mode, alarmed_s: float, decided: int = 0) -> Course:
    again_s = 2.0 if mode is Mode.UNPLUG else None
    return Course(kind="v4l2", mode=mode, said_s=0.5, alarmed_s=alarmed_s, over_s=0.2, again_s=again_s, decided=decided)


def test_a_late_alarm_and_a_decision_in_the_dark_are_told() -> None:
    courses = [course(Mode.UNPLUG, 0.9), course(Mode.UNPLUG, 1.1), course(Mode.DARK, 0.8, decided=1)]
    told = cameras_page(courses, 2)
    assert "| v4l2 | unplugged, plugged in again | 0.50, 0.50 | 1.00, 1.10 | 0.20, 0.20 | 2.00, 2.00 |" in told
    assert "later than a second in 1 of 3" in told and "blind: 1." in told


def test_every_way_to_fail_has_words() -> None:
    assert MEANS.keys() == set(Mode) - {Mode.FILM}


def test_the_service_page_tells_what_held_from_what_was_measured() -> None:
    told = booted_page(["the broker runs, with TLS", "start to ready = 0.87 s", "end"])
    assert "- the broker runs, with TLS\n" in told
    assert "| start to ready | 0.87 s |" in told
    assert "end\n" not in told
