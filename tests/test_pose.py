"""A head turned by known angles is told to be turned by them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import align, detect, pose
from edgeface.frame import Pixels
from edgeface.image import warp
from edgeface.pose import HEAD, UNDEFINED, Pose, from_landmarks
from edgeface.quality import Options as QualityOptions
from edgeface.service.bootstrap import Loaded
from fakes import detection

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


@given(direction=st.floats(0, 360), spread=st.floats(1e-3, 300), where=st.floats(-500, 500), data=st.data())
def test_points_on_a_line_have_no_pose_that_a_gate_accepts(
    direction: float, spread: float, where: float, data: st.DataObject
) -> None:
    along = np.array(data.draw(st.lists(st.floats(-1, 1), min_size=5, max_size=5)))
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
    """Both estimates, from the shipped detector and from its landmarks, follow a turn of the picture."""
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([150.0, 170.0])
    source = np.array([[0.0, 0], [1, 0], [0, 1]]) + middle
    matrix = align.similarity(source, (source - middle) @ rotation.T + middle)
    tilted = warp(hopper, matrix, 300, 340)
    before, after = (detect.detect(p, loaded.models.detector, detect.Options())[0] for p in (hopper, tilted))
    for estimate in (lambda face: from_landmarks(face.landmarks), pose.estimate):
        assert estimate(after).roll_deg - estimate(before).roll_deg == pytest.approx(degrees, abs=12)
