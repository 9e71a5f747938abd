"""Frames are left out only while nothing happens, and whoever comes is looked at as soon as before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeface import decide, pace
from edgeface.decide import Outcome
from edgeface.frame import Frame, Pixels
from edgeface.image import resize
from edgeface.pace import Busy, Options, Pace
from edgeface.pipeline import Scene
from edgeface.track import Track
from fakes import belief, detection
from portraits import at, shot

WALL = np.full((480, 640, 3), (126, 130, 134), np.uint8)
NOISE = np.random.default_rng(3)


def frame(pixels: Pixels, seconds: float) -> Frame:
    return Frame(pixels=pixels.copy(), camera="front", sequence=0, captured_at=at(seconds))


def looks(frames: list[Frame], what: Busy, options: Options = Options()) -> list[bool]:  # noqa: B008
    remembered, looked = Pace(), []
    for one in frames:
        remembered, wanted = pace.stir(remembered, one, what, options)
        looked.append(wanted)
    return looked


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    return np.clip(pixels + NOISE.normal(0, deviation, pixels.shape), 0, 255).astype(np.uint8)


def test_an_empty_wall_is_looked_at_twice_a_second_noise_or_not() -> None:
    for deviation in (0.0, 12.0):
        seen = looks([frame(noisy(WALL, deviation), index / 10) for index in range(21)], Busy.IDLE)
        assert [index for index, look in enumerate(seen) if look] == [0, 5, 10, 15, 20]


def test_whoever_comes_in_is_looked_at_in_the_same_frame(astronaut: Pixels) -> None:
    frames = [frame(WALL, 0.0), frame(WALL, 0.1), frame(shot(astronaut, 0), 0.2), frame(shot(astronaut, 0), 0.3)]
    assert looks(frames, Busy.IDLE) == [True, False, True, False]


def test_a_face_far_away_is_enough(astronaut: Pixels) -> None:
    far = WALL.copy()
    far[200:246, 300:340] = resize(astronaut, 40, 46)
    assert looks([frame(WALL, 0.0), frame(far, 0.1)], Busy.IDLE) == [True, True]


def test_who_creeps_in_adds_up(astronaut: Pixels) -> None:
    never = Options(idle_s=2.0)
    parts = np.linspace(0, 1, 61)[:19, None, None, None]
    ghosts = (WALL * (1 - parts) + shot(astronaut, 0) * parts).astype(np.uint8)
    seen = looks([frame(pixels, index / 10) for index, pixels in enumerate(ghosts)], Busy.IDLE, never)
    assert seen[1] is False
    assert any(seen[1:10])


def test_a_lamp_is_no_motion() -> None:
    assert looks([frame(WALL, 0.0), frame(WALL + np.uint8(40), 0.1)], Busy.IDLE) == [True, False]


def test_an_open_visit_gets_every_frame_and_a_decided_one_a_few() -> None:
    still = [frame(WALL, index / 10) for index in range(7)]
    assert all(looks(still, Busy.JUDGING))
    assert looks(still, Busy.FOLLOWING) == [True, False, True, False, True, False, True]
    assert all(looks(still, Busy.FOLLOWING, pace.EVERY_FRAME))
    assert all(looks(still, Busy.IDLE, pace.EVERY_FRAME))


def test_a_clock_that_goes_back_is_no_reason_to_look_away() -> None:
    assert looks([frame(WALL, 5.0), frame(WALL, 1.0)], Busy.IDLE) == [True, True]


def test_what_the_reader_has_on_its_hands() -> None:
    there = Track(number=1, detection=detection(), velocity_px_s=(0, 0), started_at=at(0), seen_at=at(1))
    usual = decide.Options()
    assert pace.busy(Scene(), at(1), usual) is Busy.IDLE
    new = Scene(tracks=(there,))
    assert pace.busy(new, at(1), usual) is Busy.JUDGING
    assert pace.busy(Scene(beliefs={1: belief()}, ended=(1,)), at(1), usual) is Busy.JUDGING
    let_in = replace(new, decided={1: (Outcome.GRANT, at(1))})
    assert pace.busy(let_in, at(60), usual) is Busy.FOLLOWING
    unknown = replace(new, decided={1: (Outcome.UNKNOWN, at(1))})
    assert pace.busy(unknown, at(1 + usual.retry_s - 0.1), usual) is Busy.FOLLOWING
    assert pace.busy(unknown, at(1 + usual.retry_s), usual) is Busy.JUDGING
    somebody_else = replace(let_in, tracks=(replace(there, doubtful=True),))
    assert pace.busy(somebody_else, at(60), usual) is Busy.JUDGING
    second = replace(there, number=2)
    assert pace.busy(replace(let_in, tracks=(there, second)), at(2), usual) is Busy.JUDGING


@pytest.mark.parametrize(
    "wrong",
    [{"idle_s": 2.5}, {"idle_s": float("nan")}, {"follow_s": 0.6}, {"moved_by": 0.0}, {"moved_fields": 0}],
    ids=str,
)
def test_dials_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)  # type: ignore[arg-type]
