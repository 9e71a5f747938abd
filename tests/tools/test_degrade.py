"""Each fault does what its strength says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tools import degrade

GREY = np.full((80, 120, 3), 128, np.uint8)
FACE = np.array([[40, 30], [60, 30], [50, 42], [43, 52], [57, 52]], np.float32)
RED = (255, 0, 0)


def dot() -> degrade.Pixels:
    """A white point on black, 41 x 41."""
    pixels = np.zeros((41, 41, 3), np.uint8)
    pixels[20, 20] = 255
    return pixels


@pytest.mark.parametrize(("scale", "shape"), [(1.0, (80, 120)), (0.5, (40, 60)), (0.1, (8, 12)), (0.001, (1, 1))])
def test_shrinking_keeps_the_proportions(scale: float, shape: tuple[int, int]) -> None:
    small = degrade.shrink(GREY, scale)
    assert small.shape == (*shape, 3)
    assert (small == 128).all()


@pytest.mark.parametrize("length", [1, 4, 9, 13])
@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2, 3.0])
def test_motion_spreads_a_point_along_a_line_and_loses_no_light(length: int, angle: float) -> None:
    spread = degrade.smear(dot(), length, angle)[:, :, 0].astype(float)
    assert spread.sum() == pytest.approx(255, rel=0.05)
    rows, columns = np.nonzero(spread)
    along = np.hypot(np.ptp(rows), np.ptp(columns)) + 1
    assert along == pytest.approx(length, abs=1.1)
    if length > 4:
        assert np.ptp(columns) >= np.ptp(rows) if abs(np.cos(angle)) > 0.71 else np.ptp(rows) >= np.ptp(columns)


def test_level_motion_stays_level() -> None:
    rows, columns = np.nonzero(degrade.smear(dot(), 7)[:, :, 0])
    assert set(rows.tolist()) == {20}
    assert len(columns) == 7


def test_no_motion_and_no_defocus_change_nothing() -> None:
    assert (degrade.smear(dot(), 1) == dot()).all()
    assert (degrade.defocus(dot(), 0) == dot()).all()


def test_noise_is_as_strong_as_asked_and_repeats() -> None:
    noisy = degrade.add_noise(GREY, 10, np.random.default_rng(1))
    assert noisy.astype(float).std() == pytest.approx(10, rel=0.03)
    assert noisy.astype(float).mean() == pytest.approx(128, abs=0.2)
    assert (noisy == degrade.add_noise(GREY, 10, np.random.default_rng(1))).all()


@pytest.mark.parametrize(("gain", "level"), [(1.0, 128), (0.5, 64), (0.0, 0), (3.0, 255)])
def test_exposure(gain: float, level: int) -> None:
    assert (degrade.expose(GREY, gain) == level).all()


@pytest.mark.parametrize(("contrast", "level"), [(1.0, 28), (0.5, 78), (0.0, 128)])
def test_haze_draws_towards_middle_grey(contrast: float, level: int) -> None:
    assert (degrade.flatten(np.full((2, 2, 3), 28, np.uint8), contrast) == level).all()


def test_compression_loses_more_at_lower_quality() -> None:
    noisy = degrade.add_noise(GREY, 30, np.random.default_rng(0))
    lost = [np.abs(degrade.compress(noisy, q).astype(float) - noisy).mean() for q in (90, 30, 8)]
    assert lost == sorted(lost)
    assert lost[0] < lost[2]


def covered(pixels: degrade.Pixels, x: float, y: float) -> bool:
    """Whether the pixel at a landmark's place has been painted."""
    return tuple(pixels[round(y), round(x)].tolist()) == RED


@pytest.mark.parametrize("angle_deg", [0, 30, -60])
def test_a_mask_hides_nose_and_mouth_and_a_bar_the_eyes(angle_deg: float) -> None:
    """At any roll of the head."""
    turn = np.deg2rad(angle_deg)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    face = ((FACE - FACE.mean(axis=0)) @ matrix.T + (60, 40)).astype(np.float32)
    masked, barred = degrade.wear_mask(GREY, face, RED), degrade.bar_eyes(GREY, face, RED)
    assert [covered(masked, *point) for point in face] == [False, False, True, True, True]
    assert [covered(barred, *point) for point in face] == [True, True, False, False, False]
    assert (GREY == 128).all()


def test_loose_landmarks_err_as_much_as_asked() -> None:
    many = np.zeros((2000, 2), np.float32)
    moved = degrade.loosen(many, 3, np.random.default_rng(0))
    assert moved.dtype == np.float32
    assert moved.std() == pytest.approx(3, rel=0.05)
