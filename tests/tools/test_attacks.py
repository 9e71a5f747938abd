"""Simulated attacks: the same each time, each with the mark of its kind, and a camera that favours neither side."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgeface.detect import Detection, PixelBox
from edgeface.frame import Pixels
from tools import attacks, peer_liveness
from tools.attacks import camera as cameras
from tools.attacks import cutout, media
from tools.attacks.camera import Camera
from tools.attacks.media import Surface
from tools.attacks.photos import Photo, load, photo, save

CAMERA = Camera(
    zoom=1.0,
    blur_px=0.3,
    noise=0.0,
    mosaic=False,
    exposure=0.2,
    balance=(1.0, 1.0, 1.0),
    denoise=0,
    sharpen=0.0,
    contrast=0.3,
    saturation=1.0,
    quality=0,
)
POINTS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


def portrait(seed: int = 0, side: int = 320) -> Photo:
    """A smooth picture with a face-sized box in its middle."""
    random = np.random.default_rng(seed)
    small = random.integers(40, 220, (6, 6, 3)).astype(np.uint8)
    pixels = np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    box = np.array([0.25, 0.25, 0.5, 0.5], np.float32) * side
    return Photo(pixels=pixels, box=box, landmarks=POINTS * box[2:] + box[:2], source="made up")


def room() -> Pixels:
    return np.full((240, 240, 3), (60, 90, 60), np.uint8)


def make(species: str, seed: int = 0, camera: Camera = CAMERA) -> attacks.Shot:
    random = np.random.default_rng(seed)
    return attacks.present(species, portrait(), [portrait(1), portrait(2)], [room()], camera, random)


@pytest.mark.parametrize("species", attacks.SPECIES)
def test_a_seed_gives_the_same_shot_again_and_another_seed_another(species: str) -> None:
    noisy = replace(CAMERA, noise=0.02, mosaic=True)
    first, again, other = make(species, 3, noisy), make(species, 3, noisy), make(species, 4, noisy)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.species == species
    assert first.pixels.shape != other.pixels.shape or not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("species", [*attacks.SPECIES, "bona_fide"])
def test_the_face_is_where_the_shot_says(species: str) -> None:
    for seed in range(4):
        random = np.random.default_rng(seed)
        shot = make(species, seed) if species in attacks.SPECIES else attacks.bona_fide(portrait(), CAMERA, random)
        height, width = shot.pixels.shape[:2]
        low, high = shot.box[:2], shot.box[:2] + shot.box[2:]
        assert (low > -4).all()
        assert (high < np.array([width, height]) + 4).all()
        assert ((shot.landmarks > low) & (shot.landmarks < high)).all()
        assert shot.landmarks[0, 0] < shot.landmarks[1, 0]
        assert shot.landmarks[3, 0] < shot.landmarks[4, 0]


def test_trained_and_held_out_species_are_apart() -> None:
    assert not set(attacks.TRAINED) & set(attacks.HELD_OUT)
    assert set(attacks.SPECIES) == {*attacks.TRAINED, *attacks.HELD_OUT}


def test_training_draws_no_held_out_species() -> None:
    pytest.importorskip("click", reason="the bank shows its progress with click")
    from tools.attacks.bank import draw

    photos = [portrait(seed, 200) for seed in range(3)]
    kinds = {draw(photos, [room()], np.random.default_rng(seed)).species for seed in range(60)}
    assert "bona_fide" in kinds
    assert len(kinds) == 1 + len(attacks.TRAINED)
    assert not kinds & set(attacks.HELD_OUT)


def flat(level: float = 0.3, side: int = 96) -> cameras.Light:
    return np.full((side, side, 3), level, np.float32)


def surface(side: int = 96) -> Surface:
    y, x = np.mgrid[:side, :side].astype(np.float32)
    return Surface(x=x, y=y)


def strongest_period(values: np.ndarray) -> float:
    """Period in pixels of the strongest wave along rows."""
    spectrum = np.abs(np.fft.rfft(values - values.mean(axis=1, keepdims=True), axis=1)).mean(axis=0)
    return values.shape[1] / int(spectrum[1:].argmax() + 1)


@pytest.mark.parametrize(("pitch", "seen"), [(4.0, 4.0), (1.09090909, 12.0)])
def test_pixels_finer_than_the_sensors_show_as_moire(pitch: float, seen: float) -> None:
    """A pattern of 1.0909 px has 0.9167 cycles a pixel, and folds to 0.0833: 12 px."""
    sharp = replace(CAMERA, blur_px=0.1)
    random = np.random.default_rng(0)
    pattern = media._subpixels(surface(), pitch, "stripe", sharp, random)
    assert pattern is not None
    assert strongest_period(pattern[..., 0]) == pytest.approx(seen, rel=0.05)


def test_a_soft_lens_leaves_no_pixels() -> None:
    soft = replace(CAMERA, blur_px=2.0)
    assert media._subpixels(surface(), 1.2, "stripe", soft, np.random.default_rng(0)) is None
    assert cameras.passed(0.25, CAMERA) > cameras.passed(0.5, CAMERA) > cameras.passed(0.5, soft)


def test_stripes_shift_from_colour_to_colour_and_keep_the_mean() -> None:
    pattern = media._subpixels(surface(), 6.0, "stripe", replace(CAMERA, blur_px=0.1), np.random.default_rng(0))
    assert pattern is not None
    assert pattern.mean() == pytest.approx(1, abs=0.15)
    red, green = pattern[..., 0], pattern[..., 1]
    assert np.corrcoef(red.ravel(), np.roll(green, -2, axis=1).ravel())[0, 1] > 0.95
    assert np.corrcoef(red.ravel(), green.ravel())[0, 1] < 0.5


def test_paper_is_neither_black_nor_whiter_than_the_sheet() -> None:
    for seed in range(8):
        random = np.random.default_rng(seed)
        black = media.paper(flat(0.0), surface(), CAMERA, random)
        white = media.paper(flat(1.0), surface(), CAMERA, random)
        assert 0.003 < black.mean() < 0.15
        assert 0.5 < white.mean() < 1.15


def test_the_camera_meters_so_that_its_input_does_not_tell_light_from_dark() -> None:
    random = np.random.default_rng(0)
    pictures = [cameras.capture(flat(level), CAMERA, random) for level in (0.05, 0.3, 0.9)]
    assert np.ptp([picture.mean() for picture in pictures]) < 1


def test_a_camera_with_zoom_gives_a_smaller_picture() -> None:
    taken = cameras.capture(flat(side=120), replace(CAMERA, zoom=1.5, mosaic=True), np.random.default_rng(0))
    assert taken.shape == (80, 80, 3)


def test_holes_are_cut_where_the_eyes_are() -> None:
    one = portrait()
    whole, holed = (cutout.outline(one, np.random.default_rng(0), eye_holes=holes) for holes in (False, True))
    eyes, mouth = one.landmarks[:2].round().astype(int), one.landmarks[3:].mean(axis=0).round().astype(int)
    assert all(whole[y, x] > 240 for x, y in eyes)
    assert all(holed[y, x] < 15 for x, y in eyes)
    assert holed[mouth[1], mouth[0]] > 240
    assert whole[0, 0] == 0


def test_photographs_come_back_as_they_were_kept(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "photos.npz"
    photos = [portrait(0), portrait(1, 200)]
    save(photos, file)
    for before, after in zip(photos, load(file), strict=True):
        assert np.abs(before.pixels.astype(int) - after.pixels).mean() < 3
        assert np.allclose(before.box, after.box)
        assert np.allclose(before.landmarks, after.landmarks)
        assert after.source == "made up"


def test_a_large_photograph_is_scaled_with_its_face() -> None:
    face = Detection(
        box=PixelBox(x=100, y=200, w=400, h=600), landmarks=POINTS * 400, score=1.0, angles_deg=(0.0, 0.0, 0.0)
    )
    one = photo(np.zeros((1280, 960, 3), np.uint8), face, "x")
    assert one.pixels.shape == (640, 480, 3)
    assert one.box.tolist() == [50, 100, 200, 300]


@pytest.mark.parametrize(("scale", "seen"), [(2.0, (40, 120)), (4.0, (0, 160)), (9.0, (0, 160))])
def test_the_peer_sees_what_its_makers_crop_would_show(scale: float, seen: tuple[int, int]) -> None:
    pixels = np.zeros((161, 161, 3), np.uint8)
    pixels[..., 0] = np.arange(161)
    cropped = peer_liveness.crop(pixels, PixelBox(x=60, y=60, w=40, h=40), scale)
    assert cropped.shape == (80, 80, 3)
    assert (cropped[..., :2] == 0).all()  # BGR: red is last
    assert cropped[40, 0, 2] == pytest.approx(seen[0], abs=2)
    assert cropped[40, -1, 2] == pytest.approx(seen[1], abs=2)


def test_the_manifest_feeds_the_network_as_its_training_did() -> None:
    pytest.importorskip("click", reason="the bank shows its progress with click")
    from edgeface.adapters import manifest
    from tools.attacks.bank import SPEC

    entry = manifest.read(manifest.shipped())[SPEC.name].spec
    for key in ("task", "layout", "file", "width_px", "height_px", "mean", "std", "order", "crop"):
        assert getattr(entry, key) == getattr(SPEC, key), key
