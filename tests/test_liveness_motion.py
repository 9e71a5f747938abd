"""What turns like a head is solid, what turns like a sheet is not, and frames that say nothing are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.detect import Detection, PixelBox
from edgeface.liveness import motion
from edgeface.liveness.motion import KEPT, Depth, Noted, Options, Trace
from edgeface.pose import HEAD
from fakes import detection
from portraits import at

OPTIONS = Options()
EYES_PX = 40.0
nan = float("nan")


def turned(yaw_deg: float, pitch_deg: float = 0.0) -> np.ndarray:
    """A mean head's landmarks (5, 2), in eye distances, as a camera far away sees them."""
    yaw, pitch = np.radians((-yaw_deg, pitch_deg))
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    return (HEAD @ (about_y @ about_x).T)[:, :2]


def face(shape: np.ndarray, *, x: float = 300.0, y: float = 200.0) -> Detection:
    box = PixelBox(x=x - 50, y=y - 40, w=100, h=120)
    points = (EYES_PX * shape + np.array([x, y])).astype(np.float32)
    return Detection(box=box, landmarks=points, score=0.9, angles_deg=None)


def seen(shapes: list[np.ndarray], *, every_s: float = 0.1, noise: float = 0.0, seed: int = 0) -> Trace:
    """A trace of these shapes in turn; noise in eye distances."""
    random, trace = np.random.default_rng(seed), Trace()
    for index, shape in enumerate(shapes):
        shown = shape + random.normal(0, noise, (5, 2)) if noise else shape
        trace = motion.note(trace, face(shown, x=300.0 + index / 7), 1.0, at(index * every_s), OPTIONS)
    return trace


def swing(reach_deg: float, frames: int = 15) -> list[float]:
    return [reach_deg * float(np.sin(2 * np.pi * index / frames)) for index in range(frames)]


@pytest.mark.parametrize("axis", ["yaw", "pitch"])
def test_a_head_that_turns_has_depth(axis: str) -> None:
    shapes = [turned(angle, 0.0) if axis == "yaw" else turned(0.0, angle) for angle in swing(20)]
    said = motion.judge(seen(shapes, noise=0.01), OPTIONS)
    assert said.depth is Depth.SOLID
    assert said.parallax == pytest.approx(2 * 0.42 * np.sin(np.radians(16)), rel=0.25)


def test_a_head_that_does_not_move_is_undecided() -> None:
    assert motion.judge(seen([turned(0.0)] * 15, noise=0.01), OPTIONS).depth is Depth.UNDECIDED


def test_a_print_that_turns_like_a_sheet_is_flat() -> None:
    shapes = [turned(10.0) * (np.cos(np.radians(angle)), 1.0) for angle in swing(40)]
    said = motion.judge(seen(shapes, noise=0.01), OPTIONS)
    assert said.depth is Depth.FLAT
    assert said.foreshortening == pytest.approx(0.2, abs=0.06)


@given(
    pose_deg=st.tuples(st.floats(-35, 35), st.floats(-25, 25)),
    maps=st.lists(
        st.tuples(st.floats(0.6, 1.5), st.floats(0.6, 1.5), st.floats(-0.4, 0.4), st.floats(-0.5, 0.5)),
        min_size=8,
        max_size=20,
    ),
)
def test_no_affine_motion_of_a_picture_is_ever_solid(
    pose_deg: tuple[float, float], maps: list[tuple[float, float, float, float]]
) -> None:
    shapes = []
    for wide, high, shear, roll in maps:
        spin = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        shapes.append(turned(*pose_deg) @ (spin @ np.array([[wide, shear], [0, high]])).T)
    said = motion.judge(seen(shapes), OPTIONS)
    assert said.depth is not Depth.SOLID
    assert said.parallax < 1e-3


def test_two_pictures_shown_in_turn_are_not_a_head_that_turns() -> None:
    """Faces that are turned apart differ as a turning head does, but not from one glimpse to the next."""
    shapes = [turned(25.0 if index % 8 < 4 else -25.0) for index in range(40)]
    assert motion.judge(seen(shapes), OPTIONS).depth is Depth.UNDECIDED


def test_too_few_glimpses_decide_nothing() -> None:
    shapes = [turned(angle) for angle in np.linspace(-20, 20, OPTIONS.min_glimpses - 1)]
    assert motion.judge(seen(shapes), OPTIONS).depth is Depth.UNDECIDED


def test_the_record_does_not_grow() -> None:
    trace = seen([turned(angle) for angle in swing(15) * 40])
    assert len(trace.glimpses) == KEPT
    assert trace.glimpses[-1].at == at(59.9)


def test_frames_between_are_skipped() -> None:
    trace = seen([turned(angle) for angle in swing(15, 30)], every_s=1 / 60)
    assert trace.noted is Noted.TOO_SOON
    assert len(trace.glimpses) == 5


PLAIN = face(turned(0.0))
LINE = replace(PLAIN, landmarks=np.array([[280, 200], [320, 200], [300, 200], [285, 200], [315, 200]], np.float32))
LOST = replace(PLAIN, landmarks=np.full((5, 2), np.nan, np.float32))


@pytest.mark.parametrize(
    ("shown", "inside", "seconds", "noted", "kept"),
    [
        (face(turned(1.0)), 1.0, 0.1, Noted.TAKEN, 2),
        (face(turned(1.0)), 1.0, 0.05, Noted.TOO_SOON, 1),
        (face(turned(1.0)), 1.0, 0.0, Noted.NOT_NEWER, 1),
        (face(turned(1.0)), 1.0, -0.4, Noted.NOT_NEWER, 1),
        (PLAIN, 1.0, 0.1, Noted.REPEATED, 1),
        (LOST, 1.0, 0.1, Noted.NO_NUMBER, 1),
        (replace(PLAIN, box=PixelBox(x=nan, y=0, w=100, h=100)), 1.0, 0.1, Noted.NO_NUMBER, 1),
        (PLAIN, nan, 0.1, Noted.NO_NUMBER, 1),
        (LINE, 1.0, 0.1, Noted.NO_NUMBER, 1),
        (detection(side=40.0), 1.0, 0.1, Noted.TOO_SMALL, 1),
        (face(turned(1.0)), 0.8, 0.1, Noted.CUT_OFF, 1),
        (face(turned(1.0), x=380.0), 1.0, 0.1, Noted.JUMPED, 1),
        (face(turned(40.0)), 1.0, 0.1, Noted.JUMPED, 1),
        (face(turned(1.0)), 1.0, 1.5, Noted.JUMPED, 1),
    ],
)
def test_what_became_of_a_frame_is_named(
    shown: Detection, inside: float, seconds: float, noted: Noted, kept: int
) -> None:
    trace = motion.note(Trace(), PLAIN, 1.0, at(0), OPTIONS)
    after = motion.note(trace, shown, inside, at(seconds), OPTIONS)
    assert (after.noted, len(after.glimpses)) == (noted, kept)
    if noted in (Noted.JUMPED, Noted.TAKEN):
        assert after.glimpses[-1].at == at(seconds)
    else:
        assert after.glimpses == trace.glimpses


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_parallax": 0.0},
        {"min_parallax": nan},
        {"min_foreshortening": 1.0},
        {"min_foreshortening": nan},
        {"min_glimpses": 4},
        {"min_glimpses": 17},
        {"interval_s": -0.1},
        {"interval_s": nan},
        {"min_face_px": nan},
        {"patience_s": 0.0},
        {"patience_s": nan},
    ],
)
def test_options_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)  # type: ignore[arg-type]
