"""YuNet's maps become the faces that OpenCV makes of them."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface.adapters import tflite
from edgeface.detect import Options, decode, prepare
from edgeface.errors import ModelError
from edgeface.image import Letterbox
from edgeface.model import Layout, Tensor
from edgeface.service.bootstrap import Loaded
from fakes import spec

YUNET = spec(layout=Layout.YUNET, mean=0.0, std=1.0, order="BGR", thresholds={"min_score": 0.6})
STRAIGHT = Letterbox(scale=1.0)
STRIDES = (8, 16, 32)


def made_maps(random: np.random.Generator, height_px: int, width_px: int, faces: int) -> dict[tuple[str, int], Tensor]:
    """Maps with quiet background and a few loud cells."""
    maps = {}
    for stride in STRIDES:
        size = (1, height_px // stride, width_px // stride)
        for kind, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            top = 0.3 if channels == 1 else 1.5
            maps[kind, stride] = random.uniform(0, top, (*size, channels)).astype(np.float32)
    for _ in range(faces):
        stride = int(random.choice(STRIDES))
        row, column = random.integers(0, height_px // stride), random.integers(0, width_px // stride)
        maps["cls", stride][0, row, column] = random.uniform(0.7, 1.1)
        maps["obj", stride][0, row, column] = random.uniform(0.7, 1.1)
    return maps


def by_opencv(maps: dict[tuple[str, int], Tensor], floor: float) -> list[list[float]]:
    """Rows of score, box and landmarks, cell by cell, as OpenCV's face_detect.cpp goes through them."""
    rows = []
    for stride in STRIDES:
        cls, obj, bbox, kps = (maps[kind, stride][0] for kind in ("cls", "obj", "bbox", "kps"))
        for r in range(cls.shape[0]):
            for c in range(cls.shape[1]):
                score = math.sqrt(min(max(cls[r, c, 0], 0), 1) * min(max(obj[r, c, 0], 0), 1))
                if score < floor:
                    continue
                cx, cy = (c + bbox[r, c, 0]) * stride, (r + bbox[r, c, 1]) * stride
                w, h = math.exp(bbox[r, c, 2]) * stride, math.exp(bbox[r, c, 3]) * stride
                points = [(kps[r, c, i] + (c, r)[i % 2]) * stride for i in range(10)]
                rows.append([score, cx - w / 2, cy - h / 2, w, h, *points])
    return sorted(rows, reverse=True)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    faces=st.integers(0, 3),
    shuffle=st.integers(0, 999),
)
def test_the_same_faces_as_opencv(seed: int, rows: int, columns: int, faces: int, shuffle: int) -> None:
    """Every map size, outputs in any order. Nothing is suppressed or averaged that overlaps less than 0.6."""
    maps = made_maps(np.random.default_rng(seed), 32 * rows, 32 * columns, faces)
    outputs = list(maps.values())
    Random(shuffle).shuffle(outputs)
    expected = by_opencv(maps, 0.6)
    found = decode(tuple(outputs), STRAIGHT, YUNET, Options(max_overlap=0.599))
    assert len(found) <= len(expected)
    if expected:
        assert found[0].score == pytest.approx(expected[0][0], abs=1e-5)
    if len(expected) == 1:
        box = found[0].box
        assert (box.x, box.y, box.w, box.h) == pytest.approx(expected[0][1:5], abs=1e-2)
        assert found[0].landmarks.ravel() == pytest.approx(expected[0][5:], abs=1e-2)
        assert found[0].angles_deg is None


@pytest.mark.parametrize("stride", STRIDES)
def test_a_face_lies_where_its_cell_says(stride: int) -> None:
    maps = made_maps(np.random.default_rng(0), 128, 192, 0)
    maps["cls", stride][0, 2, 3] = maps["obj", stride][0, 2, 3] = 0.81
    maps["bbox", stride][0, 2, 3] = (0.5, 0.25, math.log(4), math.log(5))
    maps["kps", stride][0, 2, 3] = np.arange(10) / 4
    (found,) = decode(tuple(maps.values()), STRAIGHT, YUNET, Options())
    assert found.score == pytest.approx(0.81)
    box = found.box
    assert (box.x, box.y, box.w, box.h) == pytest.approx(
        ((3.5 - 2) * stride, (2.25 - 2.5) * stride, 4 * stride, 5 * stride), abs=1e-3
    )
    assert found.landmarks[1] == pytest.approx([(3 + 0.5) * stride, (2 + 0.75) * stride])


def test_the_score_is_the_mean_of_both_probabilities_clipped() -> None:
    maps = made_maps(np.random.default_rng(0), 64, 64, 0)
    maps["cls", 8][0, 1, 1], maps["obj", 8][0, 1, 1] = 0.49, 1.7
    (found,) = decode(tuple(maps.values()), STRAIGHT, YUNET, Options())
    assert found.score == pytest.approx(0.7)


@pytest.mark.parametrize("logarithm", [1000, -1000])
def test_a_size_beyond_measure_stays_finite_and_above_0(logarithm: float) -> None:
    maps = made_maps(np.random.default_rng(0), 64, 64, 0)
    maps["cls", 8][0, 1, 1] = maps["obj", 8][0, 1, 1] = 1
    maps["bbox", 8][0, 1, 1, 2:] = logarithm
    (found,) = decode(tuple(maps.values()), STRAIGHT, YUNET, Options())
    assert np.isfinite([found.box.w, found.box.h]).all()
    assert min(found.box.w, found.box.h) > 0


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (90, 400)])
def test_pictures_are_laid_on_multiples_of_32(width: int, height: int) -> None:
    canvas, _ = prepare(np.zeros((height, width, 3), np.uint8), YUNET, Options(max_side_px=320))
    assert max(canvas.shape[1:3]) == 320
    assert canvas.shape[1] % 32 == canvas.shape[2] % 32 == 0


def broken() -> dict[str, tuple[Tensor, ...]]:
    maps = made_maps(np.random.default_rng(0), 64, 96, 1)
    flat = tuple(one.reshape(1, -1, one.shape[-1]) for one in maps.values())
    return {
        "nothing": (),
        "flattened, as the maker publishes it": flat,
        "one map too few": tuple(maps.values())[:-1],
        "without objectness": tuple(value for (kind, _), value in maps.items() if kind != "obj"),
        "maps of different sizes": tuple((maps | {("kps", 8): np.zeros((1, 8, 11, 10), np.float32)}).values()),
    }


@pytest.mark.parametrize("kind", broken())
def test_outputs_that_are_not_yunets_are_a_model_error(kind: str) -> None:
    with pytest.raises(ModelError, match="four maps at three strides"):
        decode(broken()[kind], STRAIGHT, YUNET, Options())


def test_a_file_of_this_layout_may_be_run_at_any_size(loaded: Loaded) -> None:
    """Our own detector's file stands for one; a layout of fixed size is refused."""
    entry = loaded.choice.detector
    model = tflite.load(replace(entry.spec, layout=Layout.YUNET), entry.folder)
    assert model(np.zeros((1, 96, 160, 3), np.uint8))[0].shape[1] in (12, 6, 3)
    model = tflite.load(replace(entry.spec, layout=Layout.BLAZEFACE), entry.folder)
    with pytest.raises(ModelError, match="its manifest says"):
        model(np.zeros((1, 96, 160, 3), np.uint8))
