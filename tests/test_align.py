"""A face is cut out so that eyes, nose and mouth lie where the embedder expects them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeface import align, detect
from edgeface.adapters import manifest
from edgeface.align import chip, similarity
from edgeface.frame import Pixels
from edgeface.service.bootstrap import Loaded
from fakes import embedder_spec

TIGHT = manifest.read(manifest.shipped())["edgeface-embed-80"].spec.template
TARGET = np.array(TIGHT) * 80


def moved(degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    turn = np.radians(degrees)
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.concatenate([rotation, np.array(shift)[:, None]], axis=1)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)),
)
def test_a_similarity_is_found_exactly(degrees: float, scale: float, shift: tuple[float, float]) -> None:
    true = moved(degrees, scale, shift)
    found = similarity(TARGET, apply(true, TARGET))
    np.testing.assert_allclose(found, true, atol=1e-6 * (1 + scale + np.abs(shift).max()))


points = hnp.arrays(np.float64, (5, 2), elements=st.floats(-500, 500))


@given(source=points)
def test_it_is_always_a_rotation_with_one_scale(source: np.ndarray) -> None:
    """Never a mirror image, never a shear, never something that is no number."""
    matrix = similarity(source, TARGET)[:, :2]
    assert np.isfinite(matrix).all()
    assert matrix[0, 0] == pytest.approx(matrix[1, 1], abs=1e-6)
    assert matrix[0, 1] == pytest.approx(-matrix[1, 0], abs=1e-6)


@given(source=points, nudge=hnp.arrays(np.float64, 4, elements=st.floats(-0.05, 0.05)))
def test_nothing_near_fits_better(source: np.ndarray, nudge: np.ndarray) -> None:
    matrix = similarity(source, TARGET)
    a, b, x, y = nudge
    other = matrix + np.array([[a, -b, x], [b, a, y]])
    best, near = (((apply(candidate, source) - TARGET) ** 2).sum() for candidate in (matrix, other))
    assert best <= near + 1e-6 * (1 + best)


def test_points_in_one_place_give_a_shift_alone() -> None:
    matrix = similarity(np.full((5, 2), 7.0), TARGET)
    np.testing.assert_allclose(matrix[:, :2], np.eye(2))
    np.testing.assert_allclose(apply(matrix, np.array([[7.0, 7.0]]))[0], TARGET.mean(axis=0))


def test_the_landmarks_land_on_the_template() -> None:
    """Dots at the landmarks of a tilted, scaled face come out at the template's places."""
    spec = embedder_spec(template=TIGHT)
    landmarks = apply(moved(25, 2.0, (100, 60)), TARGET).astype(np.float32)
    pixels = np.zeros((400, 400, 3), np.uint8)
    for x, y in landmarks:
        pixels[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] = 255
    cut = chip(pixels, landmarks, spec)
    assert cut.shape == (80, 80, 3)
    assert cut.dtype == np.uint8
    for x, y in TARGET:
        assert cut[round(y), round(x)].min() > 200
    assert (cut > 128).mean() < 0.05


def test_a_chip_has_the_models_size_and_black_where_the_picture_ends() -> None:
    spec = embedder_spec(width_px=96, height_px=112, template=TIGHT)
    landmarks = (np.array(TIGHT) * [96, 112] - [40, 0]).astype(np.float32)
    cut = chip(np.full((112, 96, 3), 200, np.uint8), landmarks, spec)
    assert cut.shape == (112, 96, 3)
    assert cut[50, 10].tolist() == [0, 0, 0]
    assert cut[50, 80].tolist() == [200, 200, 200]


def test_a_tilt_of_the_picture_makes_no_difference_to_the_chip(loaded: Loaded, hopper: Pixels) -> None:
    spec = loaded.models.embedder.spec
    found = detect.detect(hopper, loaded.models.detector, detect.Options())[0]
    upside_down = np.ascontiguousarray(hopper[::-1, ::-1])
    landmarks = np.array([hopper.shape[1], hopper.shape[0]], np.float32) - found.landmarks
    straight, turned = (
        align.chip(p, points, spec).astype(int) for p, points in ((hopper, found.landmarks), (upside_down, landmarks))
    )
    assert np.abs(straight - turned).mean() < 3


def test_the_shipped_template_is_the_window_that_training_saw() -> None:
    """Training faces are rows 24:128 and columns 12:116 of 128x128 chips on the second teacher's own template."""
    teacher = [
        (0.31556875, 0.46157410),
        (0.68262291, 0.46157410),
        (0.50026249, 0.64050535),
        (0.34947187, 0.82469196),
        (0.65343645, 0.82325089),
    ]
    assert np.allclose(TIGHT, (np.array(teacher) * 128 - (12, 24)) / 104, atol=5e-4)
