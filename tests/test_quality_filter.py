"""The gate against bad input and growing faults; its words; what may be covered, torn, or somebody else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgeface import image
from edgeface.detect import Detection, PixelBox
from edgeface.frame import Pixels
from edgeface.pipeline import Options as FlowOptions
from edgeface.pipeline import examine
from edgeface.pose import Pose
from edgeface.quality import Options, Quality, Refusal, Refused, assess, placed
from edgeface.quality.measures import Measures
from edgeface.service.bootstrap import Loaded
from fakes import FRONTAL, detection
from portraits import blurred, hopper_portrait
from tools import degrade

OPTIONS = Options()
BOX = PixelBox(x=75.0, y=50.0, w=176.0, h=228.0)
LANDMARKS = np.array([[120, 133], [203, 131], [164, 177], [128, 214], [201, 212]], np.float32)
HOPPER = hopper_portrait()
nan, inf = float("nan"), float("inf")


def face() -> Detection:
    return Detection(box=BOX, landmarks=LANDMARKS, score=0.9, angles_deg=None)


def judged(pixels: Pixels, seen: Detection | None = None, pose: Pose = FRONTAL) -> Quality:
    return assess(pixels, seen or face(), pose, OPTIONS)


def told(quality: Quality) -> set[Refusal]:
    return {refused.refusal for refused in quality.refusals}


def torn(pixels: Pixels, rows: float) -> Pixels:
    """The last `rows` of a frame never arrived: grey, as a decoder fills them."""
    spoilt = pixels.copy()
    spoilt[round(len(pixels) * (1 - rows)) :] = 128
    return spoilt


def shaded(pixels: Pixels, least: float) -> Pixels:
    return degrade.light_from_side(pixels, float(LANDMARKS[:, 0].mean()), 90.0, least)


FAULTS: dict[str, tuple[Refusal, str, Callable[[], Quality]]] = {
    "torn": (Refusal.TORN, "blank", lambda: judged(torn(HOPPER, 0.5))),
    "lit from one side": (Refusal.UNEVEN_LIGHT, "illumination_uniformity", lambda: judged(shaded(HOPPER, 0.0))),
    "black": (Refusal.TOO_DARK, "under_exposure", lambda: judged(degrade.expose(HOPPER, 0.05))),
    "white": (Refusal.OVER_EXPOSED, "over_exposure", lambda: judged(degrade.expose(HOPPER, 4.0))),
    "masked": (Refusal.COVERED, "occlusion", lambda: judged(degrade.wear_mask(HOPPER, LANDMARKS, (150, 190, 210)))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_refused_by_its_own_measure(fault: str) -> None:
    refusal, measure, look = FAULTS[fault]
    quality = look()
    (refused,) = [one for one in quality.refusals if one.measure == measure]
    assert refused.refusal is refusal
    assert refused.value == getattr(quality, measure)


def test_a_good_portrait_has_none_of_them(astronaut: Pixels) -> None:
    quality = judged(HOPPER)
    assert quality.accepted
    assert quality.blank < 0.05
    assert quality.illumination_uniformity > 0.6
    assert quality.occlusion < 0.5
    assert max(quality.under_exposure, quality.over_exposure) < 0.3


def test_the_darker_half_is_found_whatever_the_tilt() -> None:
    """The whole portrait turned by a quarter, and the face with it: the shadow turns too."""
    plain = judged(shaded(HOPPER, 0.2)).illumination_uniformity
    pixels = np.ascontiguousarray(np.rot90(shaded(HOPPER, 0.2)))
    landmarks = np.stack([LANDMARKS[:, 1], HOPPER.shape[1] - LANDMARKS[:, 0]], axis=1).astype(np.float32)
    box = PixelBox(x=BOX.y, y=HOPPER.shape[1] - BOX.x - BOX.w, w=BOX.h, h=BOX.w)
    turned = Detection(box=box, landmarks=landmarks, score=0.9, angles_deg=None)
    assert judged(pixels, turned).illumination_uniformity == pytest.approx(plain, abs=0.02)
    assert plain < 0.7 * judged(HOPPER).illumination_uniformity


def test_another_face_counts_only_where_it_is_given() -> None:
    small, large = detection(side=0.2 * BOX.w), detection(side=0.6 * BOX.w)
    assert judged(HOPPER).accepted
    assert assess(HOPPER, face(), FRONTAL, OPTIONS, others=(small,)).accepted
    (refused,) = assess(HOPPER, face(), FRONTAL, OPTIONS, others=(small, large)).refusals
    assert (refused.refusal, refused.value) == (Refusal.SECOND_FACE, pytest.approx(0.6))
    nowhere = replace(large, landmarks=np.full((5, 2), nan, np.float32))
    assert assess(HOPPER, face(), FRONTAL, OPTIONS, others=(nowhere,)).accepted


WORDS = [
    (Refusal.POSE, "yaw_deg", -62.0, 50.0, "turn 12 degrees less to your left (62, at most 50)"),
    (Refusal.POSE, "yaw_deg", 51.0, 50.0, "turn 1 degree less to your right (51, at most 50)"),
    (Refusal.POSE, "pitch_deg", 45.0, 40.0, "look 5 degrees less upwards (45, at most 40)"),
    (Refusal.POSE, "roll_deg", -50.0, 45.0, "tilt your head 5 degrees less to your right (50, at most 45)"),
    (Refusal.TOO_DARK, "brightness", 14.0, 18.0, "too dark: brightness 14, at least 18 needed"),
    (Refusal.TOO_DARK, "brightness", 17.96, 18.0, "too dark: brightness 17.96, at least 18 needed"),
    (Refusal.OVER_EXPOSED, "over_exposure", 0.6, 0.4, "too bright: 60 % of the face is white, at most 40 % allowed"),
]


@pytest.mark.parametrize(("refusal", "measure", "value", "limit", "says"), WORDS)
def test_advice_reads_as_a_sentence(refusal: Refusal, measure: str, value: float, limit: float, says: str) -> None:
    assert Refused(refusal=refusal, measure=measure, value=value, limit=limit).advice == says


def everything_wrong() -> list[Refused]:
    """Every refusal that the gate can give, by limits that nothing keeps, too high and too low."""
    floors = Options(
        min_eye_distance_px=999, min_sharpness=99, min_brightness=254, max_brightness=255, min_dynamic_range=255,
        min_illumination_uniformity=1, min_inside=1, min_unified_score=100,
    )  # fmt: skip
    ceilings = Options(
        max_under_exposure=0, max_over_exposure=0, max_blank=0, max_occlusion=0, max_second_face=0, max_yaw_deg=1,
        max_pitch_deg=1, max_roll_deg=1, min_brightness=0, max_brightness=1,
    )  # fmt: skip
    bad = Pose(yaw_deg=70.0, pitch_deg=-70.0, roll_deg=70.0)
    pixels = torn(degrade.expose(shaded(HOPPER, 0.1), 3.0), 0.45)
    found = [
        refused
        for options in (floors, ceilings)
        for refused in assess(pixels[:, 90:], shifted(-90.0), bad, options, 12.0, others=(face(),)).refusals
    ]
    return [*found, *judged(HOPPER, replace(face(), landmarks=np.zeros((5, 2), np.float32))).refusals]


def shifted(dx: float) -> Detection:
    return replace(face(), box=replace(BOX, x=BOX.x + dx), landmarks=LANDMARKS + np.array([dx, 0], np.float32))


def test_every_refusal_has_its_words_and_says_by_how_much() -> None:
    found = everything_wrong()
    assert {refused.refusal for refused in found} == set(Refusal)
    for refused in found:
        assert refused.advice
        assert refused.refusal is Refusal.BROKEN or any(sign.isdigit() for sign in refused.advice)
    assert len({refused.advice for refused in found}) >= len({(one.refusal, one.measure) for one in found})


def is_sound(quality: Quality) -> bool:
    """Every number is one, and an accepted face has no refusal."""
    numbers = [getattr(quality, name) for name in Measures.__slots__] + [quality.score]
    numbers += [number for one in quality.refusals for number in (one.value, one.limit)]
    return all(math.isfinite(number) for number in numbers)


@pytest.fixture
def look(loaded: Loaded) -> Callable[[Pixels, Detection], Quality]:
    """The whole examination, by the shipped models."""
    return lambda pixels, seen: examine(pixels, seen, loaded.models, FlowOptions()).quality


def test_a_black_frame_is_too_dark(look: Callable[[Pixels, Detection], Quality]) -> None:
    quality = look(np.zeros_like(HOPPER), face())
    assert told(quality) >= {Refusal.TOO_DARK, Refusal.UNRECOGNISABLE}
    assert is_sound(quality)


@pytest.mark.parametrize("rows", [0.4, 0.5, 0.6])
def test_half_a_frame_is_torn(look: Callable[[Pixels, Detection], Quality], rows: float) -> None:
    quality = look(torn(HOPPER, rows), face())
    assert Refusal.TORN in told(quality)
    assert is_sound(quality)


NOWHERE = {
    "landmarks nan": detection(landmarks=np.full((5, 2), nan, np.float32)),
    "landmarks infinite": detection(landmarks=np.full((5, 2), inf, np.float32)),
    "landmarks in one place": detection(landmarks=np.full((5, 2), 50, np.float32)),
    "too few landmarks": detection(landmarks=np.zeros((3, 2), np.float32)),
    "box nan": detection(box=PixelBox(x=nan, y=nan, w=nan, h=nan)),
    "box infinite": detection(box=PixelBox(x=0.0, y=0.0, w=inf, h=10.0)),
    "box without extent": detection(box=PixelBox(x=5.0, y=5.0, w=0.0, h=0.0)),
    "box inside out": detection(box=PixelBox(x=5.0, y=5.0, w=-20.0, h=20.0)),
}


@pytest.mark.parametrize("which", NOWHERE)
def test_a_face_that_is_nowhere_is_broken_and_nobody(look: Callable[[Pixels, Detection], Quality], which: str) -> None:
    quality = look(HOPPER, NOWHERE[which])
    assert not placed(NOWHERE[which])
    assert [refused.refusal for refused in quality.refusals] == [Refusal.BROKEN, Refusal.UNRECOGNISABLE]
    assert is_sound(quality)


def test_a_box_of_one_pixel_is_too_small(look: Callable[[Pixels, Detection], Quality]) -> None:
    quality = look(HOPPER, detection(150.0, 150.0, side=1.0))
    assert Refusal.TOO_SMALL in told(quality)
    assert is_sound(quality)


@pytest.mark.parametrize("place", [(-500.0, 0.0), (0.0, 9000.0), (1e7, 1e7)])
def test_a_box_outside_of_the_picture_is_cut_off(
    look: Callable[[Pixels, Detection], Quality], place: tuple[float, float]
) -> None:
    quality = look(HOPPER, detection(*place))
    assert Refusal.CUT_OFF in told(quality)
    assert is_sound(quality)


def test_forty_faces_are_each_judged_alone(look: Callable[[Pixels, Detection], Quality]) -> None:
    """A wall of portraits, every other one dark: each verdict is as if nobody stood beside."""
    tile = image.resize(HOPPER, 120, 136)
    rows = [[degrade.expose(tile, 0.05) if (row + column) % 2 else tile for column in range(8)] for row in range(5)]
    crowd = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    points, box = LANDMARKS * np.float32(0.4), replace(BOX, x=BOX.x * 0.4, y=BOX.y * 0.4, w=BOX.w * 0.4, h=BOX.h * 0.4)
    verdicts = []
    for row, column in np.ndindex(5, 8):
        corner = np.array([120 * column, 136 * row], np.float32)
        placed_box = replace(box, x=box.x + float(corner[0]), y=box.y + float(corner[1]))
        quality = look(crowd, Detection(box=placed_box, landmarks=points + corner, score=0.9, angles_deg=None))
        verdicts.append(quality.accepted)
        assert is_sound(quality)
    assert verdicts == [(row + column) % 2 == 0 for row, column in np.ndindex(5, 8)]


GROWING: dict[str, tuple[Refusal, float, float, Callable[[float], Quality]]] = {
    "darkness": (Refusal.TOO_DARK, 0.0, 1.0, lambda much: judged(degrade.expose(HOPPER, 1 - much))),
    "light": (Refusal.OVER_EXPOSED, 1.0, 8.0, lambda much: judged(degrade.expose(HOPPER, much))),
    "haze": (Refusal.LOW_CONTRAST, 0.0, 1.0, lambda much: judged(degrade.flatten(HOPPER, 1 - much))),
    "defocus": (Refusal.BLURRED, 0.5, 12.0, lambda much: judged(blurred(HOPPER, much))),
    "shadow": (Refusal.UNEVEN_LIGHT, 0.0, 1.0, lambda much: judged(shaded(HOPPER, 1 - much))),
    "cut": (Refusal.CUT_OFF, 0.0, 200.0, lambda much: judged(HOPPER[:, int(much) :], shifted(-float(int(much))))),
    "tear": (Refusal.TORN, 0.0, 0.55, lambda much: judged(torn(HOPPER, much))),
    "left": (Refusal.POSE, 0.0, 180.0, lambda much: judged(HOPPER, pose=replace(FRONTAL, yaw_deg=-much))),
    "up": (Refusal.POSE, 0.0, 180.0, lambda much: judged(HOPPER, pose=replace(FRONTAL, pitch_deg=much))),
    "tilt": (Refusal.POSE, 0.0, 180.0, lambda much: judged(HOPPER, pose=replace(FRONTAL, roll_deg=much))),
}
"""Refusal that a fault calls for, least and most of it."""


@pytest.mark.parametrize("fault", GROWING)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_more_of_a_fault_never_passes_where_less_was_refused(fault: str, data: st.DataObject) -> None:
    refusal, least, most, look = GROWING[fault]
    less, more = sorted(data.draw(st.tuples(st.floats(least, most), st.floats(least, most))))
    if refusal in told(look(less)):
        assert refusal in told(look(more))


@pytest.mark.parametrize("fault", GROWING)
def test_enough_of_a_fault_is_refused_and_none_is_not(fault: str) -> None:
    refusal, least, most, look = GROWING[fault]
    assert refusal not in told(look(least))
    assert refusal in told(look(most))


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=14, max_size=14),
    angles=st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 3),
    score=st.one_of(st.none(), st.floats(allow_nan=True)),
    seed=st.integers(0, 9),
)
@example(values=[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.7e16, 1.9e19, *[0.0] * 6], angles=(0.0, 0.0, 0.0), score=None, seed=0)
def test_no_measure_is_ever_nan(
    values: list[float], angles: tuple[float, float, float], score: float | None, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)
    x, y, w, h = values[:4]
    points = np.array(values[4:], np.float32).reshape(5, 2)
    seen = Detection(box=PixelBox(x=x, y=y, w=w, h=h), landmarks=points, score=0.5, angles_deg=None)
    pose = Pose(yaw_deg=angles[0], pitch_deg=angles[1], roll_deg=angles[2])
    quality = assess(pixels, seen, pose, OPTIONS, score)
    assert is_sound(quality)
    if not all(map(math.isfinite, (*values, *angles, score or 0.0))):
        assert not quality.accepted


def test_every_limit_has_its_effect() -> None:
    """Set so that nothing keeps it, each option alone refuses the portrait that the others accept."""
    strictest = {
        "min_eye_distance_px": 999.0, "min_sharpness": 100.0, "min_brightness": 211.0, "max_brightness": 19.0,
        "max_under_exposure": 0.0, "max_over_exposure": 0.0, "min_dynamic_range": 255.0,
        "min_illumination_uniformity": 1.0, "max_yaw_deg": 1.0, "max_pitch_deg": 1.0, "max_roll_deg": 1.0,
        "min_inside": 1.0, "max_blank": 0.0, "max_occlusion": 0.0, "max_second_face": 0.0, "min_unified_score": 100.0,
    }  # fmt: skip
    assert set(strictest) == {field.name for field in fields(Options)}
    turned = Pose(yaw_deg=5.0, pitch_deg=5.0, roll_deg=5.0)
    bright, beside = degrade.expose(HOPPER, 1.2), (detection(side=20.0),)
    cut, seen = bright[:, 80:], shifted(-80.0)
    assert assess(cut, seen, turned, OPTIONS, 60.0, others=beside).accepted
    for name, limit in strictest.items():
        options = replace(OPTIONS, **{name: limit})
        refusals = assess(cut, seen, turned, options, 60.0, others=beside).refusals
        assert len(refusals) == 1, name
        assert refusals[0].limit == limit
