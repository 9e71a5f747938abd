"""One part that hangs silences the whole reader, so that systemd starts it anew."""

from __future__ import annotations

import numpy as np

from edgeface.frame import Frame
from edgeface.service.heartbeat import Heartbeat
from edgeface.service.loop import Step
from portraits import at


class Life:
    """A heartbeat and what became of it."""

    def __init__(self) -> None:
        self.beats: list[float] = []
        self.complaints: list[str] = []
        self.ticking = {"gallery": True, "delivery": True}
        self.seconds = 0.0
        self.heartbeat = Heartbeat(
            every_s=3.0,
            alive=lambda: self.beats.append(self.seconds),
            parts={name: lambda name=name: self.ticking[name] for name in self.ticking},  # type: ignore[misc]
            complain=self.complaints.append,
            now=lambda: at(self.seconds),
        )

    def frame(self, seconds: float, *, stale: bool = False, rested: bool = False) -> None:
        self.seconds = seconds
        frame = Frame(pixels=np.zeros((2, 2, 3), np.uint8), camera="x", sequence=0, captured_at=at(seconds))
        self.heartbeat.beat(Step(frame=frame, sightings=(), decisions=(), stale=stale, rested=rested, took_ms=0.0))


def test_it_beats_while_everything_ticks_and_no_oftener_than_asked() -> None:
    life = Life()
    for tenth in range(100):
        life.frame(tenth / 10)
    assert life.beats == [0.0, 3.0, 6.0, 9.0]
    assert life.complaints == []


def test_one_silent_part_silences_it_and_is_named() -> None:
    life = Life()
    life.frame(0)
    life.ticking["delivery"] = False
    life.frame(3)
    life.frame(6)
    assert life.beats == [0.0]
    assert life.complaints == ["no answer from: delivery"] * 2
    life.ticking["delivery"] = True
    life.frame(9)
    assert life.beats == [0.0, 9.0]


def test_frames_too_old_to_decide_on_are_no_life() -> None:
    life = Life()
    for second in range(30):
        life.frame(second, stale=True)
    assert life.beats == []


def test_a_reader_that_rests_while_nothing_moves_is_alive() -> None:
    life = Life()
    for tenth in range(100):
        life.frame(tenth / 10, rested=tenth % 5 != 0)
    assert life.beats == [0.0, 3.0, 6.0, 9.0]
