"""Rotations of heads: angles come back, and turning or mirroring a picture does to them what it does to the head."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import pose
from edgeface.pose import HEAD
from tools.samples import rotation

yaws = st.floats(-85, 85)
others = st.floats(-175, 175)
turns = st.floats(-180, 180)


def seen(rotations: np.ndarray) -> np.ndarray:
    """The mean head's landmarks as a far camera sees them."""
    return np.asarray((HEAD @ rotations.T)[:, :2])


@given(yaw=yaws, pitch=others, roll=others)
def test_angles_come_back(yaw: float, pitch: float, roll: float) -> None:
    turned = rotation.matrices(np.array([yaw, pitch, roll]))
    assert turned @ turned.T == pytest.approx(np.eye(3), abs=1e-9)
    assert rotation.angles_deg(turned) == pytest.approx([yaw, pitch, roll], abs=1e-6)


@given(yaw=st.floats(-60, 60), pitch=st.floats(-60, 60), roll=st.floats(-60, 60))
def test_the_reader_reads_the_same_angles_off_the_landmarks(yaw: float, pitch: float, roll: float) -> None:
    landmarks = seen(rotation.matrices(np.array([yaw, pitch, roll])))
    found = pose.from_landmarks((landmarks * 50 + 100).astype(np.float32))
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx((yaw, pitch, roll), abs=0.01)


@given(yaw=yaws, pitch=others, roll=others, turn=turns, mirrored=st.booleans())
def test_turning_and_mirroring_a_picture_moves_its_landmarks_alike(
    yaw: float, pitch: float, roll: float, turn: float, mirrored: bool
) -> None:
    angles = np.array([yaw, pitch, roll])
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    before = seen(rotation.matrices(angles)) * ((-1, 1) if mirrored else (1, 1))
    after = seen(rotation.matrices(rotation.moved(angles, turn, mirrored=mirrored)))
    order = [1, 0, 2, 4, 3] if mirrored else range(5)  # a mirror makes the left eye the right one
    assert after[order] == pytest.approx(before @ np.array([[cosine, sine], [-sine, cosine]]), abs=1e-6)


def test_in_profile_a_tilt_of_the_picture_is_no_change_of_roll_alone() -> None:
    """Adding the turn to the roll, which is right for a face that looks ahead, would be wrong by tens of degrees."""
    ahead = rotation.moved(np.array([0.0, 0.0, 0.0]), 20, mirrored=False)
    aside = rotation.moved(np.array([75.0, 0.0, 0.0]), 20, mirrored=False)
    assert ahead == pytest.approx([0, 0, 20], abs=1e-6)
    assert np.abs(aside - [75, 0, 20]).max() > 25


@given(yaw=yaws, pitch=others, roll=others)
def test_the_mean_of_a_rotation_and_its_neighbours_is_itself(yaw: float, pitch: float, roll: float) -> None:
    middle = rotation.matrices(np.array([yaw, pitch, roll]))
    around = np.stack([rotation.in_plane(turn) @ middle for turn in (-12, 0, 12)])
    assert rotation.mean(around) == pytest.approx(middle, abs=1e-6)


def test_the_loss_does_not_mind_which_of_two_names_a_rotation_is_given() -> None:
    torch = pytest.importorskip("torch", reason="trainings need the `tools` extra")
    from tools.train.detector_net import turned_apart

    first = torch.tensor([[89.99, 30.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    second = torch.tensor([[89.99, 0.0, 30.0], [0.0, 0.0, 0.0], [0.0, 10.0, 0.0]])
    apart = turned_apart(first, second)
    assert apart.tolist()[1:] == pytest.approx([0, 2 * np.sin(np.radians(5))], abs=1e-3)
    same = rotation.matrices(first[0].numpy().astype(float)), rotation.matrices(second[0].numpy().astype(float))
    assert float(apart[0]) == pytest.approx(np.linalg.norm(same[0] - same[1]) / np.sqrt(2), abs=1e-3)


@given(aside=st.floats(-85, 85), nod=st.floats(-60, 60))
def test_a_head_that_nods_and_turns_keeps_its_nose_as_high_as_the_nod_put_it(aside: float, nod: float) -> None:
    from tools.samples.turn_faces import Angles

    nose = Angles(yaw_deg=0, pitch_deg=0, roll_deg=0).turned(aside, nod).matrix()[:, 2]
    assert nose[1] == pytest.approx(-np.sin(np.radians(nod)), abs=1e-9)  # y counts down: raised is negative
    assert nose[0] == pytest.approx(-np.sin(np.radians(aside)) * np.cos(np.radians(nod)), abs=1e-9)
