"""The decoder takes good pictures only, upright, and says why it refuses; what it gives scales and maps back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import odd_pictures
from edgeface import image
from edgeface.errors import PictureError, PictureProblem
from edgeface.frame import Pixels
from edgeface.image import DecodeLimits, Kind, Letterbox

GOOD, BAD = odd_pictures.good(), odd_pictures.bad()


def refusal(data: bytes, **limits: int) -> PictureProblem:
    with pytest.raises(PictureError) as caught:
        image.decode(data, limits=DecodeLimits(**limits))
    return caught.value.reason


def stored_as(upright: Pixels, orientation: int) -> Pixels:
    """What a camera held that way stores, by the eight cases of the EXIF standard, spelt out one by one."""
    turned = {
        1: upright,
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    return np.ascontiguousarray(turned[orientation])


@pytest.mark.parametrize("name", GOOD)
def test_good_pictures_are_read(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    pixels = image.decode(GOOD[name])
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3 and pixels.shape[2] == 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", BAD)
def test_odd_pictures_are_refused_by_name_and_in_silence(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data, reason = BAD[name]
    assert refusal(data) is reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", sorted(BAD.keys() - odd_pictures.PIXEL_DAMAGE))
def test_they_are_refused_before_any_codec_sees_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("edgeface.image.codec.cv2.imdecode")
    data, reason = BAD[name]
    assert refusal(data) is reason


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("jpeg arithmetic coded", "save it as an ordinary JPEG"), ("jpeg with a part of no length", "has no length")],
)
def test_the_sentence_fits_the_fault(name: str, sentence: str) -> None:
    with pytest.raises(PictureError, match=sentence):
        image.decode(BAD[name][0])


def test_colours_are_rgb_and_grey_becomes_rgb() -> None:
    rows = bytes((0, 200, 100, 50)) + bytes((0, 1, 2, 3))
    assert image.decode(odd_pictures.png(1, 2, rows=rows)).tolist() == [[[200, 100, 50]], [[1, 2, 3]]]
    assert image.decode(odd_pictures.png(2, 1, colour=0, rows=bytes((0, 7, 9)))).tolist() == [[[7] * 3, [9] * 3]]
    difference = image.decode(odd_pictures.jpeg()).astype(int) - odd_pictures.scene()
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_all_eight_orientations_give_the_same_pixels(orientation: int, order: str) -> None:
    upright = odd_pictures.scene()
    stored = stored_as(upright, orientation)
    rows = b"".join(b"\0" + row.tobytes() for row in stored)
    block = odd_pictures.chunk(b"eXIf", odd_pictures.exif(orientation, order))
    data = odd_pictures.png(stored.shape[1], stored.shape[0], between=block, rows=rows)
    assert np.array_equal(image.decode(data), upright)
    jpeg = image.decode(odd_pictures.exif_jpeg(orientation, stored, order))
    assert jpeg.shape == upright.shape
    assert np.abs(jpeg.astype(int) - upright).mean() < 3


@pytest.mark.parametrize(
    "block",
    [b"", b"MM", b"XX\0*\0\0\0\x08", odd_pictures.exif(0), odd_pictures.exif(9), odd_pictures.exif(6, "<", kind=4)]
    + [odd_pictures.exif(6)[:cut] for cut in (8, 9, 12, 18)],
)
def test_exif_that_says_nothing_valid_means_upright(block: bytes) -> None:
    data = odd_pictures.jpeg(None, odd_pictures.segment(0xE1, b"Exif\0\0" + block))
    assert np.array_equal(image.decode(data), image.decode(odd_pictures.jpeg()))


def test_the_first_of_two_exif_blocks_counts() -> None:
    blocks = [odd_pictures.segment(0xE1, b"Exif\0\0" + odd_pictures.exif(turn)) for turn in (1, 6)]
    assert image.decode(odd_pictures.jpeg(None, *blocks)).shape == odd_pictures.scene().shape


def test_limits_hold_for_pixels_and_bytes(tmp_path: Path) -> None:
    data = odd_pictures.png(10, 10)
    assert image.decode(data, limits=DecodeLimits(max_pixels=100, max_bytes=len(data))).shape == (10, 10, 3)
    assert refusal(data, max_pixels=99) is PictureProblem.TOO_LARGE
    assert refusal(data, max_bytes=len(data) - 1) is PictureProblem.TOO_LARGE
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(PictureError, match="too_large"):
        image.read(tmp_path / "a.png", limits=DecodeLimits(max_bytes=len(data) - 1))
    with pytest.raises(ValueError, match="max_pixels"):
        DecodeLimits(max_pixels=0)


def test_a_picture_of_too_many_parts_or_passes_is_refused() -> None:
    comments = odd_pictures.segment(0xFE, b"") * 5000
    assert refusal(odd_pictures.jpeg(None, comments)) is PictureProblem.CORRUPT
    whole = odd_pictures.jpeg()
    scan = whole[whole.index(b"\xff\xda") : -2]
    assert refusal(whole[:-2] + scan * 101 + odd_pictures.EOI) is PictureProblem.CORRUPT
    chunks = odd_pictures.chunk(b"teXt", b"") * 100_001
    assert refusal(odd_pictures.png(between=chunks)) is PictureProblem.CORRUPT


def test_a_bomb_of_the_largest_size_keeps_memory_bounded() -> None:
    """40 million black pixels in 40 KB: 120 MB of pixels, and not more than twice that on top."""
    code = (
        "import odd_pictures, re; from edgeface import image\n"
        # ru_maxrss would do, did it not begin with the size of whoever started this process
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "data = odd_pictures.png(8000, 5000, colour=0)\n"
        "before = peak()\n"
        "assert image.decode(data).shape == (5000, 8000, 3)\n"
        "print(peak() - before)\n"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(image.__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    per_pixel = int(done.stdout) * (1024 if sys.platform == "linux" else 1) / 40e6
    assert 3 <= per_pixel <= 10


@pytest.mark.parametrize("name", ["missing.jpg", "folder", "a\0b.jpg", "x" * 300, "pipe"])
def test_what_cannot_be_read_is_unreadable(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureError) as caught:
        image.read(tmp_path / name)
    assert caught.value.reason is PictureProblem.UNREADABLE


def test_lines_of_others_still_reach_stderr(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeface.image import codec

    inner = codec.cv2.imdecode

    def talkative(*arguments: object) -> object:
        os.write(2, b"the broker is gone\n")
        return inner(*arguments)

    monkeypatch.setattr(codec.cv2, "imdecode", talkative)
    assert refusal(BAD["jpeg cut, but ended"][0]) is PictureProblem.CORRUPT
    assert capfd.readouterr().err == "the broker is gone\n"


def test_a_process_without_stderr_still_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stderr__", None)
    assert image.decode(GOOD["jpeg"]).shape == (32, 48, 3)


def takes_or_refuses(data: bytes) -> None:
    try:
        pixels = image.decode(data, limits=DecodeLimits(max_pixels=100_000))
    except PictureError as error:
        assert str(error).startswith(f"{error.reason.value}: ")
    else:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", odd_pictures.png()[:33]]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_pixels_or_a_picture_error(data: bytes, head: bytes) -> None:
    takes_or_refuses(head + data)


@given(
    st.sampled_from([*GOOD.values(), *(data for data, _ in BAD.values() if len(data) < 10_000)]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5),
    st.floats(0, 1),
)
@settings(max_examples=300, deadline=None)
def test_altered_and_shortened_pictures_do_too(data: bytes, changes: list[tuple[float, int]], length: float) -> None:
    altered = bytearray(data)
    for place, value in changes:
        if altered:
            altered[int(place * len(altered))] = value
    takes_or_refuses(bytes(altered))
    takes_or_refuses(bytes(altered[: int(length * len(altered))]))


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(["jpeg", "png"]))
@settings(max_examples=60, deadline=None)
def test_no_part_of_a_picture_is_taken_for_the_whole(length: float, name: str) -> None:
    data = GOOD[name]
    assert refusal(data[: int(length * len(data))]) in (PictureProblem.TRUNCATED, PictureProblem.NOT_A_PICTURE)


def test_encoded_pictures_come_back() -> None:
    assert np.array_equal(image.decode(image.encode_png(odd_pictures.scene())), odd_pictures.scene())
    small, big = (len(image.encode_jpeg(odd_pictures.scene(), quality=quality)) for quality in (10, 95))
    assert small < big


def test_kinds_are_known_by_their_first_bytes() -> None:
    assert image.kind_of(GOOD["jpeg"]) is Kind.JPEG
    assert image.kind_of(b"II*\0rest") is Kind.TIFF
    assert image.kind_of(b"\0\0\0\x18ftypmp42") is Kind.OTHER


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([32, 64, 160, 320]))
@settings(max_examples=60, deadline=None)
def test_letterbox_maps_corners_back_to_corners(width_px: int, height_px: int, side_px: int) -> None:
    canvas, placed = image.letterbox(np.full((height_px, width_px, 3), 200, np.uint8), side_px)
    assert canvas.dtype == np.uint8 and canvas.shape[0] == 1 and canvas.shape[3] == 3
    assert canvas.shape[1] % 32 == 0 and canvas.shape[2] % 32 == 0 and max(canvas.shape[1:3]) == side_px
    content = (canvas[0, :, :, 0] == 200).nonzero()
    right, bottom = content[1].max() + 1, content[0].max() + 1
    assert np.allclose(placed.to_picture([[0, 0], [right, bottom]]), [[0, 0], [width_px, height_px]], rtol=0, atol=1e-3)
    assert max(right, bottom) == side_px
    outside = np.ones(canvas.shape[1:3], bool)
    outside[:bottom, :right] = False
    assert (canvas[0][outside] == 127).all()


def test_letterbox_keeps_a_spot_where_it_was() -> None:
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[300:308, 500:508] = 255
    canvas, placed = image.letterbox(pixels, 320)
    y, x = (places.mean() + 0.5 for places in (canvas[0, :, :, 0] == 255).nonzero())
    assert np.allclose(placed.to_picture([x, y]), [504, 304], atol=1e-3)
    assert placed.scale == 2


def test_a_plain_scale_is_a_letterbox() -> None:
    assert Letterbox(scale=2.0).to_picture([[3, 4]]).tolist() == [[6, 8]]


@pytest.mark.parametrize(("width_px", "height_px"), [(128, 128), (64, 200)])
def test_fit_to_fills_a_fixed_size(width_px: int, height_px: int) -> None:
    canvas, placed = image.fit_to(np.full((100, 50, 3), 9, np.uint8), width_px, height_px, fill=1)
    assert canvas.shape == (1, height_px, width_px, 3)
    scale = min(width_px / 50, height_px / 100)
    assert np.allclose(placed.to_picture([50 * scale, 100 * scale]), [50, 100], atol=1e-3)
    assert (canvas == 9).all(axis=(0, 3)).sum() == 50 * scale * 100 * scale


def stripes(side_px: int) -> Pixels:
    """Black and white columns in turn: the finest detail there is, grey from afar."""
    pixels = np.zeros((side_px, side_px, 3), np.uint8)
    pixels[:, ::2] = 255
    return pixels


def test_shrinking_does_not_alias() -> None:
    assert np.abs(image.resize(stripes(120), 40, 40).astype(int) - 128).max() <= 45
    assert np.array_equal(np.unique(image.resize(stripes(120), 60, 60)), [128])


@given(st.integers(1, 64), st.integers(1, 64))
@settings(max_examples=30, deadline=None)
def test_warp_by_identity_changes_nothing(width_px: int, height_px: int) -> None:
    pixels = odd_pictures.scene(width_px, height_px)
    assert np.array_equal(image.warp(pixels, np.eye(2, 3), width_px, height_px), pixels)


def test_warp_shifts_and_is_black_outside() -> None:
    pixels = odd_pictures.scene()
    chip = image.warp(pixels, np.array([[1.0, 0, -40], [0, 1, 5]]), 20, 20)
    assert np.array_equal(chip[5:, :8], pixels[:15, 40:])
    assert not chip[:5].any() and not chip[:, 8:].any()
    assert not image.warp(pixels, np.array([[1.0, 0, 500], [0, 1, 0]]), 20, 20).any()


@pytest.mark.parametrize("scale", [0.45, 0.3, 0.11])
def test_warp_that_shrinks_neither_aliases_nor_shifts(scale: float) -> None:
    fine = image.warp(stripes(400), np.array([[scale, 0, -20], [0, scale, -20]]), 20, 20)
    assert np.abs(fine.astype(int)[:, 2:-2] - 128).max() <= 45
    spot = np.zeros((401, 399, 3), np.uint8)
    spot[180:221, 180:221] = 255
    small = image.warp(spot, np.array([[scale, 0, 0], [0, scale, 0]]), 200, 200)[..., 0].astype(float)
    centre = (small.sum(axis=0) @ np.arange(200) / small.sum(), small.sum(axis=1) @ np.arange(200) / small.sum())
    assert np.allclose(centre, 200 * scale, atol=0.05)


def test_warp_takes_pictures_wider_than_opencv_can_warp() -> None:
    wide = np.zeros((8, 40_000, 3), np.uint8)
    wide[:, 39_000:] = 80
    assert (image.warp(wide, np.array([[1.0, 0, -39_100], [0, 1, 0]]), 8, 8) == 80).all()


def test_warp_by_nonsense() -> None:
    assert not image.warp(stripes(8), np.zeros((2, 3)), 4, 4).any()
    with pytest.raises(ValueError, match="warped"):
        image.warp(stripes(8), np.full((2, 3), np.nan), 4, 4)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 4, 3), (2, 3, 7, 3), (1, 80, 80, 3)])
@pytest.mark.parametrize("step", [1, -1])
def test_a_table_is_looked_up_as_numpy_does(shape: tuple[int, ...], dtype: type, step: int) -> None:
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, shape, np.uint8)[..., ::step]
    table = chance.permutation(256).astype(np.uint8).view(dtype)
    found = image.looked_up(pixels, table)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, table[pixels])


def test_a_mirror_exchanges_left_and_right() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    np.testing.assert_array_equal(image.mirrored(pixels), pixels[:, ::-1])


def test_luminance_weighs_as_bt_601() -> None:
    pure = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert image.luminance(pure).tolist() == [[76, 150, 29, 255]]
