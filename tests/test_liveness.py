"""A face is judged by what the camera gave, and one that cannot be judged is not live."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import liveness
from edgeface.detect import PixelBox
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.liveness import Judge, Liveness, Options, Unjudged
from edgeface.model import Layout, Task, Tensor
from fakes import detection, spec

SPEC = spec(task=Task.LIVENESS, layout=Layout.LIVENESS, width_px=160, height_px=80, crop=1.8, thresholds={"live": 0.6})
OPTIONS = Options()
GREY = np.full((480, 640, 3), 128, np.uint8)


def judge(logit: float) -> Judge:
    return Judge(spec=SPEC, infer=lambda _: (np.array([[logit]], np.float32),))


def ramp() -> Pixels:
    """Each pixel tells its place: red its column, green its row, modulo 256."""
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[..., 0] = np.arange(640) % 256
    pixels[..., 1] = (np.arange(480) % 256)[:, None]
    return pixels


def test_a_high_score_is_live_and_a_low_one_is_not() -> None:
    face = detection(x=200, y=150, side=150)
    alive = liveness.assess(GREY, face, judge(4.0), OPTIONS)
    assert alive == Liveness(score=pytest.approx(0.982, abs=1e-3), live=True)
    assert not liveness.assess(GREY, face, judge(-4.0), OPTIONS).live


def test_the_card_gives_the_threshold_unless_the_options_do() -> None:
    face = detection(x=200, y=150, side=150)
    assert not liveness.assess(GREY, face, judge(0.2), OPTIONS).live  # 0.55, the card wants 0.6
    assert liveness.assess(GREY, face, judge(0.2), Options(min_score=0.5)).live


@pytest.mark.parametrize(
    ("x", "y", "side", "why"),
    [
        (200, 150, 71, Unjudged.TOO_SMALL),
        (200, 150, 73, None),
        (-40, 150, 150, Unjudged.NO_ROOM),
        (-15, 150, 150, None),
        (0, 0, 470, Unjudged.NO_ROOM),
        (560, 150, 150, Unjudged.NO_ROOM),
        (float("nan"), 150, 150, Unjudged.TOO_SMALL),
        (200, 150, float("nan"), Unjudged.TOO_SMALL),
        (200, 150, float("inf"), Unjudged.TOO_SMALL),
    ],
)
def test_what_cannot_be_judged_is_not_live_and_says_why(x: float, y: float, side: float, why: Unjudged | None) -> None:
    face = replace(detection(x=200, y=150, side=150), box=PixelBox(x=x, y=y, w=side, h=side))
    verdict = liveness.assess(GREY, face, judge(9.0), OPTIONS)
    assert verdict.unjudged is why
    assert verdict.live is (why is None)
    assert verdict.score > 0.9 if why is None else verdict.score == 0.0


@pytest.mark.parametrize("logit", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_is_not_live(logit: float) -> None:
    verdict = liveness.assess(GREY, detection(x=200, y=150, side=150), judge(logit), OPTIONS)
    assert verdict == Liveness(score=0.0, live=False, unjudged=Unjudged.NO_NUMBER)


@pytest.mark.parametrize("outputs", [(), (np.zeros((1, 2), np.float32),), (np.zeros((1, 1), np.float32),) * 2])
def test_a_model_with_other_outputs_is_refused(outputs: tuple[Tensor, ...]) -> None:
    with pytest.raises(ModelError, match="not one number"):
        liveness.decode(outputs, SPEC, OPTIONS)


def test_the_surroundings_are_left_and_the_detail_right_in_the_cameras_own_pixels() -> None:
    pixels, face = ramp(), detection(x=240, y=160, side=120)
    looks = liveness.prepare(pixels, face, SPEC)
    assert looks.shape == (1, 80, 160, 3)
    square = liveness.detail(pixels, face, SPEC)
    assert square.side == 80
    own = pixels[square.top : square.top + 80, square.left : square.left + 80]
    assert (looks[0, :, 80:] == own).all()
    middle = face.landmarks.mean(axis=0)
    assert abs(square.left + 40 - middle[0]) <= 1
    assert abs(square.top + 40 - middle[1]) <= 1


def test_the_surroundings_are_as_wide_as_the_model_wants_and_shift_to_stay_inside() -> None:
    pixels = ramp()
    inner = liveness.around(pixels, detection(x=240, y=160, side=120), SPEC)
    assert inner.side == 216
    assert (inner.left + 108, inner.top + 108) == (300, 220)
    corner = liveness.around(pixels, detection(x=5, y=5, side=120), SPEC)
    assert (corner.left, corner.top, corner.side) == (0, 0, 216)


def test_a_large_face_is_seen_by_a_larger_detail() -> None:
    assert liveness.detail(GREY, detection(x=100, y=50, side=300), SPEC).side == 120


@given(
    x=st.floats(-800, 800),
    y=st.floats(-800, 800),
    side=st.floats(1, 1500),
    height=st.integers(8, 300),
    width=st.integers(8, 300),
)
def test_whatever_the_face_the_looks_lie_inside_or_it_is_unjudged(
    x: float, y: float, side: float, height: int, width: int
) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    verdict = liveness.assess(pixels, detection(x=x, y=y, side=side), judge(9.0), OPTIONS)
    assert verdict.live is (verdict.unjudged is None)


@pytest.mark.parametrize(
    "wrong",
    [{"min_score": 0.0}, {"min_score": 1.0}, {"min_face_px": 3}, {"min_face_px": float("nan")}, {"min_room": 0.1}],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Options(**wrong)
