"""A camera that goes away comes back by itself; while it does not see, no frame of it reaches the reader."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from edgeface.errors import CameraError, CameraLost, CameraUnavailable
from edgeface.footage import Fault, Options
from edgeface.frame import Frame, Instant, Pixels
from edgeface.service.tend import LONGEST_PAUSE_S, STUCK_S, TICK_S, TendedCamera

FRAME_S = 0.1


class Time:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.ns = 10**9

    def now(self) -> Instant:
        return Instant(monotonic_ns=self.ns, wall_ns=0, wall_trusted=False)

    def pause(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)
        threading.Event().wait(0.002)  # the thread that opens gets its turn


class Scripted:
    """A camera whose pictures are written down: None is silence for one wait, an error is the end."""

    def __init__(self, time: Time, script: list[Pixels | CameraError | None]) -> None:
        self._time, self._script = time, script
        self._sequence = 0
        self.closed = False

    def newest(self, wait_s: float) -> Frame | None:
        self._time.ns += round((FRAME_S if self._script and self._script[0] is not None else wait_s) * 1e9)
        if not self._script:
            raise CameraLost("the script has ended")
        match self._script.pop(0):
            case None:
                return None
            case CameraError() as error:
                raise error
            case pixels:
                self._sequence += 1
                return Frame(pixels=pixels, camera="front", sequence=self._sequence - 1, captured_at=self._time.now())

    def frames(self) -> Iterator[Frame]:
        raise AssertionError("a tended camera is asked for its newest frame")

    def close(self) -> None:
        self.closed = True


def moved(moment: Instant, seconds: float) -> Instant:
    return replace(moment, monotonic_ns=moment.monotonic_ns + round(seconds * 1e9))


def shot(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 255, (60, 80, 3), dtype=np.uint8)


def shots(count: int, start: int = 0) -> list[Pixels | CameraError | None]:
    return [shot(start + index) for index in range(count)]


@pytest.fixture
def time() -> Time:
    return Time()


def tended(time: Time, reopen: Callable[[], Scripted], first: Scripted | None = None) -> TendedCamera:
    return TendedCamera(reopen, Options(), time.now, time.pause, first=first)


def never() -> Scripted:
    raise CameraUnavailable("there is no camera; plug it in")


def test_a_lost_camera_is_told_and_comes_back(time: Time) -> None:
    first = Scripted(time, [*shots(3), CameraLost("unplugged")])
    tries: list[float] = []

    def reopen() -> Scripted:
        tries.append(time.ns / 1e9)
        if len(tries) < 3:
            raise CameraUnavailable("there is no camera; plug it in")
        return Scripted(time, shots(50, start=10))

    with closing(tended(time, reopen, first)) as camera:
        seen: list[Frame | None] = []
        told: list[tuple[tuple[Fault, ...], str]] = []
        for frame in camera.frames():
            seen.append(frame)
            told.append((camera.condition().faults, camera.condition().detail))
            if frame is not None and frame.sequence >= 3:
                break
    assert [frame.sequence for frame in seen if frame is not None] == [0, 1, 2, 3]
    assert first.closed
    assert ((Fault.LOST,), "there is no camera; plug it in") in told
    assert told[-1] == ((), "")
    assert len(tries) == 3


def test_frames_never_stop_for_longer_than_a_tick_while_there_is_no_camera(time: Time) -> None:
    with closing(tended(time, never)) as camera:
        frames, last = camera.frames(), time.ns
        for _ in range(100):
            assert next(frames) is None
            assert time.ns - last <= TICK_S * 1e9 * 1.001
            last = time.ns
        assert camera.condition().faults == (Fault.LOST,)


def test_it_is_tried_at_ever_longer_pauses_and_for_ever(time: Time) -> None:
    tries: list[float] = []

    def reopen() -> Scripted:
        tries.append(time.ns / 1e9)
        return never()

    with closing(tended(time, reopen)) as camera:
        frames = camera.frames()
        while time.ns < 61e9:
            next(frames)
    gaps = np.diff(tries)
    assert gaps[0] < LONGEST_PAUSE_S / 2  # on a busy machine the thread that opens is seen to answer late
    assert 0 < LONGEST_PAUSE_S - gaps[-1] + 3 * TICK_S < 1
    assert len(tries) > 10


def test_a_camera_that_repeats_itself_decides_nothing_and_is_opened_anew(time: Time) -> None:
    still = shot(0)
    first = Scripted(time, [*shots(2), *[still] * 100])
    with closing(tended(time, lambda: Scripted(time, shots(50, start=10)), first)) as camera:
        given = []
        for frame in camera.frames():
            given.append(frame)
            if first.closed and frame is not None:
                break
    same = [frame for frame in given if frame is not None and np.array_equal(frame.pixels, still)]
    assert len(same) <= 8  # 0.7 s of them, before it is known
    assert first.closed
    assert camera.condition().faults == ()


@pytest.mark.parametrize(("level", "fault"), [(0, Fault.DARK), (120, Fault.COVERED)])
def test_a_camera_that_does_not_see_decides_nothing_until_it_does(time: Time, level: int, fault: Fault) -> None:
    def blind() -> list[Pixels | CameraError | None]:
        noise = np.random.default_rng(1)
        return [
            np.full((60, 80, 3), level, np.uint8) + noise.integers(0, 2, (60, 80, 3), dtype=np.uint8) for _ in range(20)
        ]

    first = Scripted(time, [*blind(), *shots(5)])
    with closing(tended(time, never, first)) as camera:
        frames = camera.frames()
        seen = [next(frames) for _ in range(20)]
        assert camera.condition().faults == (fault,)
        assert seen[-10:] == [None] * 10
        assert next(frames) is not None
        assert camera.condition().faults == ()


def test_a_camera_that_sends_the_past_decides_nothing_and_is_opened_anew(time: Time) -> None:
    class Late(Scripted):
        def newest(self, wait_s: float) -> Frame | None:
            frame = super().newest(wait_s)
            return None if frame is None else replace(frame, captured_at=moved(frame.captured_at, -0.6))

    first = Late(time, shots(100))
    with closing(tended(time, lambda: Scripted(time, shots(50, start=200)), first)) as camera:
        given: list[Frame | None] = []
        for frame in camera.frames():
            given.append(frame)
            if len(given) == 12:
                assert camera.condition().faults == (Fault.LATE,)
            if first.closed and frame is not None:
                break
    assert sum(frame is not None for frame in given[:-1]) <= 8  # 0.7 s of them, which the reader's own bar keeps out
    assert camera.condition().faults == ()


def test_silence_is_told_before_the_driver_notices(time: Time) -> None:
    with closing(tended(time, never, Scripted(time, [*shots(1), *[None] * 20]))) as camera:
        frames = camera.frames()
        next(frames)
        for _ in range(round(0.8 / TICK_S)):
            assert next(frames) is None
        assert camera.condition().faults == (Fault.LOST,)


def test_a_driver_that_hangs_in_opening_stops_the_watchdog(time: Time) -> None:
    released = threading.Event()

    def reopen() -> Scripted:
        released.wait(30)
        return never()

    with closing(tended(time, reopen)) as camera:
        frames = camera.frames()
        next(frames)
        assert camera.ticks()
        while time.ns < (STUCK_S + 2) * 1e9:
            next(frames)
        assert not camera.ticks()
        released.set()


def test_a_camera_that_comes_after_the_end_is_given_back(time: Time) -> None:
    late, came = Scripted(time, []), threading.Event()
    opened: Future[Scripted] = Future()
    camera = tended(time, lambda: opened.result(10))
    next(camera.frames())
    camera.close()
    late.close = lambda: came.set()  # type: ignore[method-assign]
    opened.set_result(late)
    assert came.wait(5)
