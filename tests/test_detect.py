"""A detector's maps become faces in the picture's own pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeface import detect
from edgeface.detect import CELL_UNIT, Detection, Detector, Options, decode, overlap, prepare, sigmoid, suppress
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import Letterbox
from edgeface.model import Layout, Tensor
from edgeface.service.bootstrap import Loaded
from fakes import embedder_spec, spec

STRAIGHT = Letterbox(scale=1.0)
STRIDES = (8, 16, 32)
GRID = spec()
BLAZE = spec(layout=Layout.BLAZEFACE, width_px=128, height_px=128)


def empty_maps(width_px: int = 320, height_px: int = 320) -> dict[tuple[int, str], Tensor]:
    """Maps without a face, by stride and kind."""
    sizes = {"score": 1, "shape": 14, "pose": 3}
    return {
        (stride, kind): np.full((1, height_px // stride, width_px // stride, n), -20 if n == 1 else 0, np.float32)
        for stride in STRIDES
        for kind, n in sizes.items()
    }


def plant(
    maps: dict[tuple[int, str], Tensor], stride: int, row: int, column: int, face: Detection, logit: float = 3.0
) -> None:
    """Write one face into a cell, as training writes its targets."""
    unit = CELL_UNIT * stride
    centre = (np.array([column, row]) + 0.5) * stride
    box = face.box
    middle = np.array([box.x + box.w / 2, box.y + box.h / 2])
    maps[stride, "score"][0, row, column, 0] = logit
    maps[stride, "shape"][0, row, column, :2] = (middle - centre) / unit
    maps[stride, "shape"][0, row, column, 2:4] = np.log(np.array([box.w, box.h]) / unit)
    maps[stride, "shape"][0, row, column, 4:] = ((face.landmarks - centre) / unit).reshape(-1)
    assert face.angles_deg is not None
    maps[stride, "pose"][0, row, column] = np.array(face.angles_deg) / 90


def made_face(x: float, y: float, w: float, h: float) -> Detection:
    landmarks = np.array([[0.3, 0.4], [0.7, 0.42], [0.45, 0.6], [0.35, 0.8], [0.65, 0.75]], np.float32)
    return Detection(
        box=detect.PixelBox(x=x, y=y, w=w, h=h),
        landmarks=landmarks * np.array([w, h], np.float32) + np.array([x, y], np.float32),
        score=0.9,
        angles_deg=(12.0, -7.0, 33.0),
    )


def corners(face: Detection) -> tuple[float, float, float, float]:
    return face.box.x, face.box.y, face.box.w, face.box.h


@given(
    stride=st.sampled_from(STRIDES),
    place=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
    size=st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)),
    logit=st.floats(0.1, 12),
    shuffle=st.randoms(use_true_random=False),
)
def test_a_planted_face_comes_back_exactly(
    stride: int, place: tuple[float, float], size: tuple[float, float], logit: float, shuffle: object
) -> None:
    maps = empty_maps()
    w, h = (side * CELL_UNIT * stride for side in size)
    face = made_face(place[0] * 320 - w / 2, place[1] * 320 - h / 2, w, h)
    plant(maps, stride, int(place[1] * 320 / stride), int(place[0] * 320 / stride), face, logit)
    outputs = list(maps.values())
    shuffle.shuffle(outputs)  # type: ignore[attr-defined]
    (found,) = decode(tuple(outputs), STRAIGHT, GRID, Options())
    assert corners(found) == pytest.approx(corners(face), abs=0.01)
    np.testing.assert_allclose(found.landmarks, face.landmarks, atol=0.01)
    assert found.angles_deg == pytest.approx(face.angles_deg, abs=1e-3)
    assert found.score == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


@given(width=st.integers(20, 3000), height=st.integers(20, 3000), side=st.sampled_from([64, 160, 200, 320, 640]))
def test_faces_return_to_the_picture_through_the_letterbox(width: int, height: int, side: int) -> None:
    """A face at the same fractions of the canvas's content as of the picture comes back to the pixel."""
    assume(max(width, height) / min(width, height) < 20)
    options = Options(max_side_px=side)
    canvas, placed = prepare(np.zeros((height, width, 3), np.uint8), GRID, options)
    assert canvas.shape[1] % 32 == canvas.shape[2] % 32 == 0
    factor = side / max(width, height)
    small_w, small_h = max(1, round(width * factor)), max(1, round(height * factor))
    maps = empty_maps(canvas.shape[2], canvas.shape[1])
    on_canvas = made_face(small_w * 0.4, small_h * 0.3, small_w * 0.2, small_h * 0.25)
    plant(maps, 8, int(small_h * 0.425 // 8), int(small_w * 0.5 // 8), on_canvas)
    (found,) = decode(tuple(maps.values()), placed, GRID, options)
    in_picture = made_face(width * 0.4, height * 0.3, width * 0.2, height * 0.25)
    assert corners(found) == pytest.approx(corners(in_picture), rel=1e-3, abs=0.01)
    np.testing.assert_allclose(found.landmarks, in_picture.landmarks, rtol=1e-3, atol=0.01)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (1920, 1080), (128, 128), (60, 300)])
def test_blazeface_returns_to_the_picture_too(width: int, height: int) -> None:
    canvas, placed = prepare(np.zeros((height, width, 3), np.uint8), BLAZE, Options())
    assert canvas.shape == (1, 128, 128, 3)
    outputs = blaze_outputs(0, [0, 0, 8, 8, *[0.0] * 12], 2.0)
    (found,) = decode(outputs, placed, BLAZE, Options())
    assert found.landmarks[0] == pytest.approx([max(width, height) * 4 / 128] * 2, rel=0.02)


def test_faint_faces_come_last_if_asked_for_and_beside_the_others_only() -> None:
    """Logits 2, 0 and -1 are scores of 0.88, 0.5 and 0.27."""
    maps = empty_maps()
    plant(maps, 16, 8, 8, made_face(100, 100, 60, 60), 2.0)
    plant(maps, 16, 9, 9, made_face(105, 105, 60, 60), 0.0)  # the same face, seen by another cell
    plant(maps, 16, 3, 16, made_face(240, 40, 60, 60), 0.0)
    plant(maps, 16, 16, 16, made_face(240, 240, 60, 60), -1.0)
    options, outputs = Options(min_score=0.8, faint_score=0.4), tuple(maps.values())
    (alone,) = decode(outputs, STRAIGHT, GRID, options)
    first, faint = decode(outputs, STRAIGHT, GRID, options, with_faint=True)
    assert corners(first) == corners(alone)
    assert [one.faint for one in (alone, first, faint)] == [False, False, True]
    assert (round(faint.box.x), faint.score) == (240, pytest.approx(0.5))
    assert len(decode(outputs, STRAIGHT, GRID, Options(min_score=0.3), with_faint=True)) == 2


def test_the_weaker_of_two_overlapping_boxes_goes() -> None:
    maps = empty_maps()
    plant(maps, 16, 8, 8, made_face(100, 100, 60, 60), 4.0)
    plant(maps, 16, 9, 9, made_face(125, 125, 60, 60), 3.0)
    plant(maps, 16, 16, 16, made_face(240, 240, 60, 60), 1.0)
    close, far = decode(tuple(maps.values()), STRAIGHT, GRID, Options(max_overlap=0.1))
    assert (round(close.box.x), round(far.box.x)) == (100, 240)
    assert len(decode(tuple(maps.values()), STRAIGHT, GRID, Options(max_overlap=0.5))) == 3


def test_sightings_of_one_face_are_averaged() -> None:
    """Two cells that saw the same face, one pixel apart: the result lies between, nearer to the stronger."""
    maps = empty_maps()
    plant(maps, 16, 8, 8, made_face(100, 100, 60, 60), 4.0)
    plant(maps, 16, 8, 9, made_face(102, 100, 60, 60), 1.0)
    (found,) = decode(tuple(maps.values()), STRAIGHT, GRID, Options())
    assert 100 < found.box.x < 101
    assert found.score == pytest.approx(float(sigmoid(np.float32(4.0))))


@pytest.mark.parametrize(("min_score", "count"), [(None, 2), (0.6, 2), (0.85, 1), (0.99, 0), (0.01, 3)])
def test_scores_below_the_floor_are_dropped(min_score: float | None, count: int) -> None:
    maps = empty_maps()
    for index, logit in enumerate((3.0, 1.0, -1.0)):  # scores 0.95, 0.73, 0.27; the card says 0.5
        plant(maps, 8, 5 + 12 * index, 5, made_face(20, 20 + 96 * index, 40, 40), logit)
    assert len(decode(tuple(maps.values()), STRAIGHT, GRID, Options(min_score=min_score))) == count


def test_at_most_so_many_faces_strongest_first() -> None:
    maps = empty_maps()
    for index in range(9):
        row, column = divmod(index, 3)
        plant(
            maps, 8, 5 + 12 * row, 5 + 12 * column, made_face(20 + 96 * column, 20 + 96 * row, 40, 40), 1.0 + index / 4
        )
    found = decode(tuple(maps.values()), STRAIGHT, GRID, Options(max_faces=4))
    assert [round(face.score, 3) for face in found] == [
        pytest.approx(float(sigmoid(np.float32(1.0 + index / 4))), abs=1e-3) for index in (8, 7, 6, 5)
    ]


boxes = hnp.arrays(np.float32, st.tuples(st.integers(1, 25), st.just(4)), elements=st.floats(1, 60, width=32))


@given(boxes=boxes, data=st.data(), max_overlap=st.floats(0.05, 0.95))
def test_suppression(boxes: Tensor, data: st.DataObject, max_overlap: float) -> None:
    """What is kept does not overlap; what is dropped overlaps something kept that is stronger; order is no matter."""
    n = len(boxes)
    scores = np.array(data.draw(st.permutations(range(n))), np.float32) / n
    kept = suppress(boxes, scores, max_overlap)
    assert kept[0] == scores.argmax()
    assert (np.diff(scores[kept]) < 0).all()
    shared = np.stack([overlap(box, boxes) for box in boxes])
    for i in kept:
        assert all(shared[i, j] <= max_overlap for j in kept if j != i)
    for i in set(range(n)) - set(kept.tolist()):
        assert any(shared[j, i] > max_overlap and scores[j] > scores[i] for j in kept)
    order = np.array(data.draw(st.permutations(range(n))))
    again = suppress(boxes[order], scores[order], max_overlap)
    assert order[again].tolist() == kept.tolist()


@given(boxes=boxes)
def test_overlap_is_a_share(boxes: Tensor) -> None:
    shared = overlap(boxes[0], boxes)
    assert shared[0] == pytest.approx(1, abs=1e-4)
    assert ((shared >= 0) & (shared <= 1 + 1e-5)).all()
    for other, share in zip(boxes, shared, strict=True):
        assert overlap(other, boxes[:1])[0] == pytest.approx(float(share), abs=1e-5)


def test_overlap_of_known_boxes() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    others = np.array([[5, 0, 10, 10], [10, 0, 10, 10], [2, 2, 5, 5], [50, 50, 1, 1]], np.float32)
    np.testing.assert_allclose(overlap(box, others), [1 / 3, 0, 0.25, 0], atol=1e-6)


def blaze_outputs(anchor: int, values: list[float], logit: float) -> tuple[Tensor, Tensor]:
    boxes, logits = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -50, np.float32)
    boxes[0, anchor], logits[0, anchor, 0] = values, logit
    return boxes, logits


@pytest.mark.parametrize(
    ("anchor", "centre"),
    [
        (0, (4, 4)),  # two anchors a cell at stride 8, row by row
        (1, (4, 4)),
        (2, (12, 4)),
        (32, (4, 12)),
        (511, (124, 124)),
        (512, (8, 8)),  # then six a cell at stride 16
        (517, (8, 8)),
        (518, (24, 8)),
        (895, (120, 120)),
    ],
)
def test_blazeface_anchors(anchor: int, centre: tuple[int, int]) -> None:
    points = [-10, -10, 10, -10, 0, 0, 0, 12, -30, 0, 30, 0]
    boxes, logits = blaze_outputs(anchor, [2, 3, 40, 50, *points], 2.0)
    (found,) = decode((logits, boxes), STRAIGHT, BLAZE, Options())
    x, y = centre
    assert corners(found) == pytest.approx((x + 2 - 20, y + 3 - 25, 40, 50), abs=1e-3)
    expected = [[-10, -10], [10, -10], [0, 0], [-8.3, 12], [8.3, 12]]
    np.testing.assert_allclose(found.landmarks, np.array(expected) + np.array([x, y]), atol=1e-3)
    assert found.angles_deg is None
    assert found.score == pytest.approx(0.8808, abs=1e-4)


def broken_grids() -> dict[str, tuple[Tensor, ...]]:
    maps = empty_maps()
    without_pose = tuple(value for (_, kind), value in maps.items() if kind != "pose")
    without_one = tuple(maps.values())[:-1]
    other_size = dict(maps) | {(8, "shape"): np.zeros((1, 39, 40, 14), np.float32)}
    return {
        "nothing": (),
        "a number": (np.float32(3).reshape(()),),
        "an embedding": (np.zeros((1, 128), np.float32),),
        "without pose": without_pose,
        "one map too few": without_one,
        "maps of different sizes": tuple(other_size.values()),
        "blazeface": blaze_outputs(0, [0.0] * 16, 0.0),
    }


@pytest.mark.parametrize("kind", broken_grids())
def test_outputs_that_are_no_grid_are_a_model_error(kind: str) -> None:
    with pytest.raises(ModelError, match="three strides"):
        decode(broken_grids()[kind], STRAIGHT, GRID, Options())


@pytest.mark.parametrize(
    "outputs",
    [
        (),
        (np.zeros((1, 896, 16), np.float32),),
        (np.zeros((1, 700, 16), np.float32), np.zeros((1, 700, 1), np.float32)),
        (np.zeros((1, 896, 16), np.float32), np.zeros((1, 895, 1), np.float32)),
        tuple(empty_maps().values()),
    ],
)
def test_outputs_that_are_no_anchors_are_a_model_error(outputs: tuple[Tensor, ...]) -> None:
    with pytest.raises(ModelError, match="896 anchors"):
        decode(outputs, STRAIGHT, BLAZE, Options())


def test_an_embedder_is_no_detector() -> None:
    with pytest.raises(ModelError, match=r"is no detector .embedder."):
        decode((np.zeros((1, 128), np.float32),), STRAIGHT, embedder_spec(thresholds={"min_score": 0.5}), Options())


def test_a_face_at_no_number_is_a_model_error_and_a_score_of_none_is_no_face() -> None:
    maps = empty_maps()
    plant(maps, 8, 3, 3, made_face(20, 20, 30, 30))
    maps[16, "score"][0, 1, 1, 0] = np.nan
    assert len(decode(tuple(maps.values()), STRAIGHT, GRID, Options())) == 1
    maps[8, "shape"][0, 3, 3, 2] = np.nan
    with pytest.raises(ModelError, match="no numbers"):
        decode(tuple(maps.values()), STRAIGHT, GRID, Options())


def test_angles_that_are_no_numbers_are_a_model_error() -> None:
    maps = empty_maps(64, 96)
    maps[16, "score"][0, 1, 1, 0], maps[16, "pose"][0, 1, 1, 2] = 5.0, np.nan
    with pytest.raises(ModelError, match="no numbers"):
        decode(tuple(maps.values()), STRAIGHT, GRID, Options())


def test_no_face_is_without_size() -> None:
    """The pose model's square is scaled by the box's side: it must not be 0."""
    maps = empty_maps(64, 96)
    maps[8, "score"][0, 3, 3, 0], maps[8, "shape"][0, 3, 3, 2:4] = 5.0, -1000
    (small,) = decode(tuple(maps.values()), STRAIGHT, GRID, Options())
    (flat,) = decode(blaze_outputs(40, [0.0, 0.0, -5.0, 0.0, *[0.0] * 12], 3.0), STRAIGHT, BLAZE, Options())
    for found in (small, flat):
        assert found.box.w > 0 and found.box.h > 0


def test_a_map_of_huge_sizes_stays_finite() -> None:
    maps = empty_maps()
    plant(maps, 32, 3, 3, made_face(20, 20, 30, 30), logit=500.0)
    maps[32, "shape"][0, 3, 3, 2:4] = 1000.0
    (found,) = decode(tuple(maps.values()), STRAIGHT, GRID, Options())
    assert np.isfinite(corners(found)).all()
    assert found.score == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_side_px": 63},
        {"max_side_px": 4096},
        {"min_score": 0.0},
        {"min_score": 1.0},
        {"min_score": float("nan")},
        {"max_overlap": 0.0},
        {"max_overlap": 1.0},
        {"max_faces": 0},
    ],
)
def test_options_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("turned", [0, 1])
def test_the_shipped_detector_finds_the_portrait(loaded: Loaded, astronaut: Pixels, turned: int) -> None:
    """Her face is where a person sees it, also on a wide canvas with much wall on either side."""
    pixels = np.pad(astronaut, ((0, 0), (300 * turned, 100 * turned), (0, 0)), constant_values=127)
    strongest = detect.detect(pixels, loaded.models.detector, Options(max_side_px=640 if turned else 320))[0]
    eyes = np.array([[97, 90], [138, 95]], np.float32) + np.array([300 * turned, 0], np.float32)
    np.testing.assert_allclose(strongest.landmarks[:2], eyes, atol=10)
    assert strongest.box.x < eyes[0, 0] < eyes[1, 0] < strongest.box.x + strongest.box.w


def test_an_empty_wall_has_no_face(loaded: Loaded) -> None:
    wall = np.full((480, 640, 3), 128, np.uint8)
    assert detect.detect(wall, loaded.models.detector, Options()) == ()


def test_inference_is_a_parameter() -> None:
    seen = []

    def infer(canvas: Pixels) -> tuple[Tensor, ...]:
        seen.append(canvas.shape)
        return tuple(empty_maps(320, 192).values())

    assert detect.detect(np.zeros((90, 160, 3), np.uint8), Detector(spec=GRID, infer=infer), Options()) == ()
    assert seen == [(1, 192, 320, 3)]
