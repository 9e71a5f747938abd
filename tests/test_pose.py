"""A head turned by known angles is told to be turned by them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import align, detect, pose
from edgeface.detect import PixelBox
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import warp
from edgeface.model import Layout, Task
from edgeface.pose import FUSION, HEAD, UNDEFINED, Pose, PoseModel, from_landmarks
from edgeface.quality import Options as QualityOptions
from edgeface.service.bootstrap import Loaded
from fakes import detection, spec

Points = npt.NDArray[np.float32]
angles = st.floats(-60, 60)


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float, size: float = 40.0) -> Points:
    """The mean head's landmarks seen from afar: first tilted, then turned aside, then raised."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    aside = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    up = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    seen = HEAD @ (up @ aside @ tilt).T
    return (seen[:, :2] * size + [200, 100]).astype(np.float32)


@given(yaw=angles, pitch=angles, roll=angles, size=st.floats(5, 500))
def test_known_angles_come_back(yaw: float, pitch: float, roll: float, size: float) -> None:
    found = from_landmarks(turned(yaw, pitch, roll, size))
    assert found.yaw_deg == pytest.approx(yaw, abs=1)
    assert found.pitch_deg == pytest.approx(pitch, abs=1)
    assert found.roll_deg == pytest.approx(roll, abs=1)


def test_signs() -> None:
    """By eye: where the nose goes, and which way the eyes lean."""
    straight = turned(0, 0, 0)
    assert turned(30, 0, 0)[2, 0] < straight[2, 0]  # yaw: the nose points to the left side of the picture
    assert turned(0, 30, 0)[2, 1] - turned(0, 30, 0)[:2, 1].mean() < straight[2, 1] - straight[:2, 1].mean()  # up
    leaning = turned(0, 0, 30)
    assert leaning[1, 1] > leaning[0, 1]  # roll: clockwise, so the eye on the right is lower
    assert from_landmarks(turned(30, 0, 0)).yaw_deg > 25
    assert from_landmarks(turned(0, 30, 0)).pitch_deg > 25
    assert from_landmarks(leaning).roll_deg > 25


@given(yaw=angles, pitch=angles, roll=angles)
def test_a_mirror_turns_yaw_and_roll_round(yaw: float, pitch: float, roll: float) -> None:
    points = turned(yaw, pitch, roll) * np.array([-1, 1], np.float32)
    found = from_landmarks(points[[1, 0, 2, 4, 3]])
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx((-yaw, pitch, -roll), abs=1)


@given(direction=st.floats(0, 360), spread=st.floats(1, 300), where=st.floats(-500, 500), data=st.data())
def test_points_on_a_line_have_no_pose_that_a_gate_accepts(
    direction: float, spread: float, where: float, data: st.DataObject
) -> None:
    # A hundredth of a pixel apart or more: nearer ones are on no line any more once they are rounded to float32.
    along = np.array(data.draw(st.lists(st.integers(-100, 100), min_size=5, max_size=5))) / 100
    line = np.array([np.cos(np.radians(direction)), np.sin(np.radians(direction))])
    found = from_landmarks((along[:, None] * line * spread + where).astype(np.float32))
    gate = QualityOptions()
    beyond = abs(found.yaw_deg) > gate.max_yaw_deg or abs(found.pitch_deg) > gate.max_pitch_deg
    assert beyond or abs(found.roll_deg) > gate.max_roll_deg


@pytest.mark.parametrize("direction", range(0, 180, 15))
def test_evenly_spaced_points_on_a_line_have_no_pose(direction: int) -> None:
    """At 30 degrees these once passed for a head turned by 27, raised by 31 and tilted by 30."""
    along = np.array([np.cos(np.radians(direction)), np.sin(np.radians(direction))])
    assert from_landmarks((np.arange(5)[:, None] * along * 20).astype(np.float32)) == UNDEFINED


def test_points_in_one_place_have_no_pose() -> None:
    assert from_landmarks(np.full((5, 2), 33, np.float32)) == UNDEFINED
    assert (UNDEFINED.yaw_deg, UNDEFINED.pitch_deg, UNDEFINED.roll_deg) == (90, 90, 90)


def test_the_detectors_word_counts_where_it_gives_one() -> None:
    assert pose.estimate(detection(angles_deg=(1.0, 2.0, 3.0))) == Pose(yaw_deg=1.0, pitch_deg=2.0, roll_deg=3.0)
    silent = detection(angles_deg=None, landmarks=turned(20, -10, 5))
    assert pose.estimate(silent).yaw_deg == pytest.approx(20, abs=1)


@pytest.mark.parametrize("degrees", [-25, 25])
def test_a_real_face_tilted_clockwise_rolls_up(loaded: Loaded, hopper: Pixels, degrees: int) -> None:
    """All estimates, from the shipped models and from the landmarks, follow a turn of the picture."""
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([150.0, 170.0])
    source = np.array([[0.0, 0], [1, 0], [0, 1]]) + middle
    matrix = align.similarity(source, (source - middle) @ rotation.T + middle)
    tilted = warp(hopper, matrix, 300, 340)
    before, after = (detect.detect(p, loaded.models.detector, detect.Options())[0] for p in (hopper, tilted))
    for estimate in (lambda face: from_landmarks(face.landmarks), pose.estimate):
        assert estimate(after).roll_deg - estimate(before).roll_deg == pytest.approx(degrees, abs=12)
    model = loaded.models.pose
    assert model is not None
    first, second = pose.measure(hopper, before, model), pose.measure(tilted, after, model)
    assert second.roll_deg - first.roll_deg == pytest.approx(degrees, abs=6)
    assert second.yaw_deg == pytest.approx(first.yaw_deg, abs=6)


def pose_model(rows: Points, crop: float = 1.4) -> tuple[PoseModel, list[Pixels]]:
    """A model that always gives these two rows, and what it was shown."""
    shown: list[Pixels] = []

    def infer(chip: Pixels) -> tuple[Points, ...]:
        shown.append(chip)
        return (rows.reshape(1, 6).astype(np.float32),)

    made_up = spec(task=Task.POSE, layout=Layout.ANGLES, width_px=64, height_px=64, crop=crop, thresholds={})
    return PoseModel(spec=made_up, infer=infer), shown


AHEAD = np.array([[1.0, 0, 0], [0, 1, 0]], np.float32)


@given(roll=st.floats(-180, 180))
def test_a_model_sees_every_face_upright_and_its_answer_is_turned_back(roll: float) -> None:
    model, _ = pose_model(AHEAD)
    found = pose.measure(np.zeros((200, 300, 3), np.uint8), detection(landmarks=turned(0, 0, roll)), model)
    difference = (found.roll_deg - roll + 180) % 360 - 180
    assert (found.yaw_deg, found.pitch_deg, difference) == pytest.approx((0, 0, 0), abs=0.01)


@given(yaw=angles, pitch=angles, roll=angles, first=st.floats(0.01, 3), second=st.floats(0.01, 3))
def test_rows_of_any_length_give_the_nearest_rotation(
    yaw: float, pitch: float, roll: float, first: float, second: float
) -> None:
    basis = np.stack([np.eye(3)[0], np.eye(3)[1]])
    y, p, r = np.radians([yaw, pitch, roll])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    aside = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    up = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    rows = (basis @ up @ aside @ tilt + 0.02 * np.array([[1, -1, 1], [1, 1, -1]])) * [[first], [second]]
    found = pose.decode((rows.astype(np.float32),), 0.0, pose_model(AHEAD)[0].spec)
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx((yaw, pitch, roll), abs=5)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_landmarks_have_a_say_in_yaw_and_in_nothing_else(side: int) -> None:
    """A model that sees a head straight ahead, landmarks of one that looks aside: something between."""
    model, _ = pose_model(AHEAD)
    face, picture = detection(landmarks=turned(side * 40, 0, 0)), np.zeros((200, 300, 3), np.uint8)
    alone, found = pose.by_model(picture, face, model), pose.measure(picture, face, model)
    assert 5 < side * found.yaw_deg < 38
    assert found.yaw_deg == pytest.approx(side * 40 * FUSION.landmark_share, abs=0.5)
    assert (found.pitch_deg, found.roll_deg) == (alone.pitch_deg, alone.roll_deg)


@given(model=st.floats(-90, 90), landmarks=st.floats(-90, 90), more=st.floats(0, 40))
def test_fused_yaw_never_falls_when_a_witness_turns_farther(model: float, landmarks: float, more: float) -> None:
    first = FUSION.yaw_deg(model, landmarks)
    assert -90 <= first <= FUSION.yaw_deg(min(90, model + more), landmarks) <= 90
    assert FUSION.yaw_deg(-model, -landmarks) == pytest.approx(-first)
    if abs(model) <= FUSION.knee_deg and abs(landmarks) <= FUSION.knee_deg:
        assert min(model, landmarks) - 1e-9 <= first <= max(model, landmarks) + 1e-9


def test_landmarks_that_say_nothing_leave_yaw_to_the_model() -> None:
    model, _ = pose_model(AHEAD)
    flat = detection(landmarks=np.array([[i, i] for i in range(5)], np.float32))
    assert pose.measure(np.zeros((200, 300, 3), np.uint8), flat, model).yaw_deg == 0


def test_the_crop_is_the_box_in_the_middle_turned_upright() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[80:120, 130:170] = 50
    picture[60:80, 140:160] = (0, 250, 0)  # lies above the face, which hangs upside down: below, once upright
    face = detection(box=PixelBox(x=130, y=80, w=40, h=40), landmarks=turned(0, 0, 180))
    model, shown = pose_model(AHEAD, crop=2.0)
    pose.measure(picture, face, model)
    chip = shown[0][0]
    assert chip.shape == (64, 64, 3)
    assert (chip[20:44, 20:44] == 50).all()
    assert (chip[52:60, 28:36] == (0, 250, 0)).all()
    assert not chip[:14].any()


def test_beyond_the_picture_the_crop_is_black() -> None:
    model, shown = pose_model(AHEAD)
    face = detection(box=PixelBox(x=-20, y=0, w=40, h=40), landmarks=turned(0, 0, 0))
    pose.measure(np.full((40, 40, 3), 9, np.uint8), face, model)
    assert not shown[0][0, :, :30].any()
    assert (shown[0][0, 32, 36:60] == 9).all()


@pytest.mark.parametrize(
    "outputs", [(), (np.zeros((1, 3), np.float32),), (np.array([[1, 0, 0, 0, np.nan, 0]], np.float32),)]
)
def test_a_model_that_gives_no_rotation_is_refused(outputs: tuple[Points, ...]) -> None:
    with pytest.raises(ModelError, match="made-up gives no head rotation"):
        pose.decode(outputs, 0.0, pose_model(AHEAD)[0].spec)


def test_rows_that_say_nothing_give_no_pose_that_a_gate_accepts() -> None:
    assert pose.decode((np.zeros((1, 6), np.float32),), 0.0, pose_model(AHEAD)[0].spec) == UNDEFINED
