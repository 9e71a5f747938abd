"""Each gate refuses the fault it is there for, and says by how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import align, detect, image, pose
from edgeface.detect import Detection, PixelBox
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.model import Layout, Task, Tensor
from edgeface.pose import Pose
from edgeface.quality import Options, Quality, Refusal, Refused, Scorer, assess, decode, prepare, unified
from edgeface.service.bootstrap import Loaded
from fakes import FACE, FRONTAL, detection, spec
from portraits import blurred

OPTIONS = Options(
    min_eye_distance_px=16,
    min_sharpness=Options().min_sharpness,
    min_brightness=40,
    max_brightness=225,
    min_dynamic_range=35,
    max_yaw_deg=50,
    max_pitch_deg=40,
    max_roll_deg=45,
    min_inside=0.85,
)
"""Limits of these tests' own: a new measurement may move the defaults."""
BOX = PixelBox(x=75.0, y=50.0, w=176.0, h=228.0)
LANDMARKS = np.array([[120, 133], [203, 131], [164, 177], [128, 214], [201, 212]], np.float32)
"""Of Grace Hopper's portrait, by eye: these tests are about quality, not about a detector."""


JOLT = np.array([[9, -9], [-9, 9], [12, 0], [-9, -9], [9, 9]], np.float32)
"""What a detector may err by."""


def face(scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> Detection:
    dx, dy = shift
    box = PixelBox(x=BOX.x * scale + dx, y=BOX.y * scale + dy, w=BOX.w * scale, h=BOX.h * scale)
    landmarks = (LANDMARKS * scale + np.array(shift)).astype(np.float32)
    return Detection(box=box, landmarks=landmarks, score=0.9, angles_deg=None)


def judged(pixels: Pixels, seen: Detection | None = None, angles: Pose = FRONTAL) -> Quality:
    return assess(pixels, seen or face(), angles, OPTIONS)


def told(quality: Quality) -> set[Refusal]:
    return {refused.refusal for refused in quality.refusals}


def shrunk(pixels: Pixels, factor: float) -> Pixels:
    return image.resize(pixels, round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))


def lit(pixels: Pixels, gain: float, offset: float = 0.0) -> Pixels:
    return np.clip(pixels.astype(np.float32) * gain + offset, 0, 255).astype(np.uint8)


def test_a_good_portrait_is_accepted(hopper: Pixels) -> None:
    quality = judged(hopper)
    assert quality.accepted
    assert quality.refusals == ()
    assert 70 < quality.score <= 100
    assert quality.inside == 1.0
    assert quality.inter_eye_distance_px == pytest.approx(83.02, abs=0.1)


def test_the_shipped_detector_and_the_gate_agree_on_both_portraits(
    loaded: Loaded, astronaut: Pixels, hopper: Pixels
) -> None:
    for pixels in (astronaut, hopper):
        found = detect.detect(pixels, loaded.models.detector, detect.Options())[0]
        assert assess(pixels, found, pose.estimate(found), Options()).accepted


FAULTS: dict[str, tuple[Refusal, str, float, Callable[[Pixels], Quality]]] = {
    "dark": (Refusal.TOO_DARK, "brightness", OPTIONS.min_brightness, lambda p: judged(lit(p, 0.1))),
    "over-exposed": (Refusal.OVER_EXPOSED, "brightness", OPTIONS.max_brightness, lambda p: judged(lit(p, 1.0, 120))),
    "grey": (Refusal.LOW_CONTRAST, "dynamic_range", OPTIONS.min_dynamic_range, lambda p: judged(lit(p, 0.15, 100))),
    "blurred": (Refusal.BLURRED, "sharpness", OPTIONS.min_sharpness, lambda p: judged(blurred(p, 10))),
    "small": (
        Refusal.TOO_SMALL,
        "inter_eye_distance_px",
        OPTIONS.min_eye_distance_px,
        lambda p: judged(shrunk(p, 0.1), face(0.1)),
    ),
    "cut off": (Refusal.CUT_OFF, "inside", OPTIONS.min_inside, lambda p: judged(p[:, 140:], face(shift=(-140, 0)))),
    "aside": (
        Refusal.POSE,
        "yaw_deg",
        OPTIONS.max_yaw_deg,
        lambda p: judged(p, angles=replace(FRONTAL, yaw_deg=-70.0)),
    ),
    "up": (
        Refusal.POSE,
        "pitch_deg",
        OPTIONS.max_pitch_deg,
        lambda p: judged(p, angles=replace(FRONTAL, pitch_deg=60.0)),
    ),
    "tilted": (
        Refusal.POSE,
        "roll_deg",
        OPTIONS.max_roll_deg,
        lambda p: judged(p, angles=replace(FRONTAL, roll_deg=80.0)),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_refused_by_its_own_gate(hopper: Pixels, fault: str) -> None:
    refusal, measure, limit, look = FAULTS[fault]
    quality = look(hopper)
    assert not quality.accepted
    (refused,) = [refused for refused in quality.refusals if (refused.refusal, refused.measure) == (refusal, measure)]
    assert refused.limit == limit
    value = getattr(quality, measure, None)
    assert value is None or refused.value == value
    assert str(refused).startswith(f"{refusal.value}: {measure} ")
    assert f"limit {limit:.4g}" in str(refused)
    # A tilt costs nothing but at its limit: the chip is turned upright.
    assert fault == "tilted" or quality.score < judged(hopper).score


@pytest.mark.parametrize("fault", ["dark", "over-exposed", "small", "cut off", "aside", "up", "tilted"])
def test_a_fault_is_not_taken_for_another(hopper: Pixels, fault: str) -> None:
    refusal, *_, look = FAULTS[fault]
    goes_with = {
        "dark": Refusal.LOW_CONTRAST,
        "over-exposed": Refusal.LOW_CONTRAST,
        "small": Refusal.BLURRED,  # too few pixels hold too little detail
    }
    assert told(look(hopper)) <= {refusal, goes_with.get(fault, refusal)}


def test_measures_fall_as_the_fault_grows(hopper: Pixels) -> None:
    sharpness = [judged(hopper if sigma == 0 else blurred(hopper, sigma)).sharpness for sigma in (0, 2, 5, 10)]
    assert sharpness == sorted(sharpness, reverse=True)
    light = [judged(lit(hopper, gain)).brightness for gain in (1.0, 0.6, 0.3, 0.1)]
    assert light == sorted(light, reverse=True)
    inside = [judged(hopper[:, cut:], face(shift=(-cut, 0))).inside for cut in (0, 90, 120, 160)]
    assert inside == sorted(inside, reverse=True)
    assert inside[2] == pytest.approx(1 - 45 / 176, abs=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
def test_motion_blurs_whatever_its_direction(hopper: Pixels, axis: int) -> None:
    """The mean of 20 pictures, each a pixel further: an exposure in which the head moved 20 px."""
    smeared = np.mean([np.roll(hopper, step - 10, axis).astype(np.float32) for step in range(20)], axis=0)
    assert judged(smeared.astype(np.uint8)).sharpness < judged(hopper).sharpness / 2


def test_light_and_size_hardly_change_the_sharpness(hopper: Pixels) -> None:
    plain = judged(hopper).sharpness
    assert judged(lit(hopper, 0.5)).sharpness == pytest.approx(plain, rel=0.15)
    assert judged(shrunk(hopper, 0.5), face(0.5)).sharpness == pytest.approx(plain, rel=0.3)


def test_a_turned_head_is_measured_by_its_true_eye_distance(hopper: Pixels) -> None:
    quality = judged(hopper, angles=replace(FRONTAL, yaw_deg=45.0))
    assert quality.inter_eye_distance_px == pytest.approx(83.02 / np.cos(np.radians(45)), abs=0.2)


def test_limits_are_inclusive(hopper: Pixels) -> None:
    """A value equal to its limit passes, one just beyond does not."""
    turned = replace(FRONTAL, yaw_deg=-OPTIONS.max_yaw_deg)
    assert judged(hopper, angles=turned).accepted
    assert told(judged(hopper, angles=replace(turned, yaw_deg=-OPTIONS.max_yaw_deg - 1e-6))) == {Refusal.POSE}
    quality = judged(hopper)
    for name, measure in (
        ("min_eye_distance_px", "inter_eye_distance_px"),
        ("min_sharpness", "sharpness"),
        ("min_dynamic_range", "dynamic_range"),
    ):
        value = getattr(quality, measure)
        assert assess(hopper, face(), FRONTAL, replace(OPTIONS, **{name: value})).accepted
        stricter = assess(hopper, face(), FRONTAL, replace(OPTIONS, **{name: value + 0.01}))
        assert [refused.measure for refused in stricter.refusals] == [measure]
    brightness = quality.brightness
    assert assess(hopper, face(), FRONTAL, replace(OPTIONS, min_brightness=brightness)).accepted
    assert assess(hopper, face(), FRONTAL, replace(OPTIONS, max_brightness=brightness)).accepted
    assert told(assess(hopper, face(), FRONTAL, replace(OPTIONS, max_brightness=brightness - 0.01))) == {
        Refusal.OVER_EXPOSED
    }


def test_the_worst_comes_first(hopper: Pixels) -> None:
    quality = judged(lit(shrunk(hopper, 0.15), 0.05), face(0.15), replace(FRONTAL, yaw_deg=OPTIONS.max_yaw_deg + 1))
    assert len(quality.refusals) >= 3
    excess = [abs(refused.value - refused.limit) / refused.limit for refused in quality.refusals]
    assert excess == sorted(excess, reverse=True)
    assert quality.refusals[-1].refusal is Refusal.POSE
    quality = judged(shrunk(hopper, 0.19), face(0.19), replace(FRONTAL, pitch_deg=80.0))
    assert [refused.refusal for refused in quality.refusals][:2] == [Refusal.POSE, Refusal.TOO_SMALL]


@pytest.mark.parametrize("limit", [96.0, 120.0])
def test_a_limit_above_the_usual_best_still_gives_a_score(hopper: Pixels, limit: float) -> None:
    """96 px between the eyes would be twice the best: half of it is where the score begins, which divided by zero."""
    twice = image.resize(hopper, 600, 680)
    quality = assess(twice, face(2.0), FRONTAL, replace(OPTIONS, min_eye_distance_px=limit))
    assert quality.accepted
    assert quality.score > 50


nan = float("nan")


@pytest.mark.parametrize(
    ("seen", "angles"),
    [
        (detection(landmarks=np.full((5, 2), nan, np.float32)), FRONTAL),
        (detection(box=PixelBox(x=nan, y=nan, w=nan, h=nan)), FRONTAL),
        (detection(), Pose(yaw_deg=nan, pitch_deg=0.0, roll_deg=0.0)),
        (detection(), Pose(yaw_deg=0.0, pitch_deg=nan, roll_deg=0.0)),
        (detection(), Pose(yaw_deg=0.0, pitch_deg=0.0, roll_deg=nan)),
    ],
)
def test_what_is_no_number_is_never_accepted(hopper: Pixels, seen: Detection, angles: Pose) -> None:
    assert judged(hopper, face(), FRONTAL).accepted
    assert not judged(hopper, seen, angles).accepted


def test_a_face_outside_the_picture_is_refused_not_an_error(hopper: Pixels) -> None:
    for shift in ((-2000.0, 0.0), (2000.0, 2000.0), (0.0, -1e7)):
        quality = judged(hopper, face(shift=shift))
        assert Refusal.CUT_OFF in told(quality)
        assert quality.inside == 0.0


numbers = st.floats(-2000, 2000)


@given(
    x=numbers,
    y=numbers,
    side=st.floats(0, 3000),
    yaw=st.floats(-180, 180),
    pitch=st.floats(-180, 180),
    data=st.data(),
)
def test_any_box_gets_a_score(x: float, y: float, side: float, yaw: float, pitch: float, data: st.DataObject) -> None:
    """Never an error, never beyond 0..100, and never both accepted and beyond a limit."""
    pixels = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    options = Options(
        min_eye_distance_px=data.draw(st.floats(0, 300)),
        min_sharpness=data.draw(st.floats(0, 100)),
        min_dynamic_range=data.draw(st.floats(0, 255)),
        min_brightness=data.draw(st.floats(0, 254)),
        max_brightness=255.0,
        min_inside=data.draw(st.floats(0.01, 1)),
        max_blank=1.0,  # the noise of a pixel that fills the whole face is flat
        max_occlusion=1.0,
        min_illumination_uniformity=0.0,
        max_under_exposure=1.0,
        max_over_exposure=1.0,
    )
    quality = assess(pixels, detection(x, y, side), Pose(yaw_deg=yaw, pitch_deg=pitch, roll_deg=0.0), options)
    assert 0 <= quality.score <= 100
    assert 0 <= quality.inside <= 1 + 1e-6
    assert quality.accepted == (
        quality.inter_eye_distance_px >= options.min_eye_distance_px
        and quality.sharpness >= options.min_sharpness
        and quality.dynamic_range >= options.min_dynamic_range
        and options.min_brightness <= quality.brightness <= options.max_brightness
        and quality.inside >= options.min_inside
        and abs(yaw) <= options.max_yaw_deg
        and abs(pitch) <= options.max_pitch_deg
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_yaw_deg": 0.0},
        {"max_pitch_deg": 91.0},
        {"max_roll_deg": 90.0},
        {"max_roll_deg": nan},
        {"min_brightness": 230.0},
        {"max_brightness": 256.0},
        {"min_inside": 0.0},
        {"min_inside": 1.1},
        {"min_sharpness": -1.0},
        {"min_sharpness": nan},
        {"min_eye_distance_px": -1.0},
        {"min_dynamic_range": -1.0},
    ],
)
def test_options_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)


def test_a_refusal_reads_as_a_sentence() -> None:
    refused = Refused(refusal=Refusal.BLURRED, measure="sharpness", value=3.14159, limit=12.0)
    assert str(refused) == "blurred: sharpness 3.142, limit 12"


SCORE = spec(
    task=Task.QUALITY,
    layout=Layout.SCORE,
    width_px=80,
    height_px=80,
    thresholds={},
    template=tuple((float(x), float(y)) for x, y in FACE),
)


def answering(*outputs: Tensor) -> Scorer:
    return Scorer(spec=SCORE, infer=lambda chip: outputs)


def one(value: float) -> Tensor:
    return np.array([[value]], np.float32)


@pytest.mark.parametrize(("value", "score"), [(0.0, 0.0), (0.62, 62.0), (1.0, 100.0), (1.004, 100.0), (-0.1, 0.0)])
def test_the_unified_score_is_the_models_number_in_percent(value: float, score: float) -> None:
    assert unified(np.zeros((80, 80, 3), np.uint8), answering(one(value))) == pytest.approx(score)


def test_the_model_sees_the_chip_as_it_is() -> None:
    chip = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    assert np.array_equal(prepare(chip, SCORE), chip[None])


def test_a_chip_of_another_size_is_scaled() -> None:
    chip = np.full((112, 112, 3), (10, 20, 30), np.uint8)
    seen = prepare(chip, SCORE)
    assert seen.shape == (1, 80, 80, 3)
    assert (seen == (10, 20, 30)).all()


@pytest.mark.parametrize(
    ("outputs", "says"),
    [((), "one number"), ((np.zeros((1, 2), np.float32),), "one number"), ((one(float("nan")),), "no number")],
)
def test_a_model_that_breaks_its_promise_is_no_score(outputs: tuple[Tensor, ...], says: str) -> None:
    with pytest.raises(ModelError, match=f"made-up.*{says}"):
        decode(outputs, SCORE)


@pytest.fixture
def scorer(loaded: Loaded) -> Scorer:
    """The shipped one."""
    assert loaded.models.quality is not None
    return loaded.models.quality


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(0).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def scored(pixels: Pixels, scorer: Scorer, seen: Detection | None = None) -> float:
    return unified(align.chip(pixels, (seen or face()).landmarks, scorer.spec), scorer)


def test_the_shipped_score_falls_as_the_picture_gets_worse(hopper: Pixels, scorer: Scorer) -> None:
    spoilt: dict[str, list[float]] = {
        "blurred": [scored(hopper if sigma == 0 else blurred(hopper, sigma), scorer) for sigma in (0, 5, 10, 20)],
        "far": [scored(shrunk(hopper, part), scorer, face(part)) for part in (1.0, 0.12, 0.08, 0.05)],
        "noisy": [scored(noisy(hopper, deviation), scorer) for deviation in (0, 60, 120, 400)],
    }
    for name, scores in spoilt.items():
        assert all(worse <= better + 3 for better, worse in pairwise(scores)), name
        assert scores[-1] < scores[0] / 2, name


def test_the_shipped_score_is_high_for_portraits_and_low_for_what_is_no_face(
    hopper: Pixels, astronaut: Pixels, loaded: Loaded, scorer: Scorer
) -> None:
    for pixels in (hopper, astronaut):
        found = detect.detect(pixels, loaded.models.detector, detect.Options())[0]
        assert scored(pixels, scorer, found) > 60
        noise = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
        assert scored(noise, scorer, found) < 25
        assert scored(np.full_like(pixels, 128), scorer, found) < 25


def test_a_loose_landmark_costs(hopper: Pixels, scorer: Scorer) -> None:
    """Landmarks of a face half a face to the side, and of one twice as large."""
    beside = detection(landmarks=LANDMARKS + np.float32(45))
    twice = detection(landmarks=(LANDMARKS - LANDMARKS.mean(axis=0)) * np.float32(2.2) + LANDMARKS.mean(axis=0))
    plain = scored(hopper, scorer)
    assert scored(hopper, scorer, beside) < plain - 20
    assert scored(hopper, scorer, twice) < plain - 20


def test_the_unified_score_weighs_and_gates_where_there_is_one(hopper: Pixels) -> None:
    seen = detection(box=BOX, landmarks=LANDMARKS)
    plain, good, bad = (assess(hopper, seen, FRONTAL, OPTIONS, score) for score in (None, 70.0, 29.9))
    assert (plain.unified_score, plain.accepted) == (None, True)
    assert (good.unified_score, good.accepted) == (70.0, True)
    assert abs(good.score - 70.0) < 15  # of a sharp portrait that the detector is sure of
    assert bad.score < good.score - 20
    unsure, loose = replace(seen, score=0.3), replace(seen, landmarks=LANDMARKS + JOLT)
    assert assess(hopper, unsure, FRONTAL, OPTIONS, 70.0).score < good.score - 10
    assert assess(hopper, loose, FRONTAL, OPTIONS, 70.0).score < good.score - 1
    (refused,) = bad.refusals
    assert refused == Refused(refusal=Refusal.UNRECOGNISABLE, measure="unified_score", value=29.9, limit=30.0)
    assert not assess(hopper, seen, FRONTAL, OPTIONS, float("nan")).accepted
