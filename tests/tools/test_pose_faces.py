"""What the head pose network is trained on is what the reader will show it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeface import pose
from edgeface.detect import PixelBox
from edgeface.model import Layout, Task
from edgeface.pose import HEAD
from fakes import spec
from tools.samples import rotation

pytest.importorskip("torch", reason="training pictures need the `tools` extra")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from tools.samples.find import FACE  # noqa: E402
from tools.samples.pose_faces import STORED_CROP, STORED_PX, Faces, load, spoil  # noqa: E402

SPEC = spec(task=Task.POSE, layout=Layout.ANGLES, width_px=64, height_px=64, crop=1.4, thresholds={})
ROTATION = rotation.matrices(np.array([30.0, -10.0, 25.0]))


Made = tuple[Path, np.ndarray, np.ndarray]


class Steady(np.random.Generator):
    """Chance that never does anything."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, *_: object) -> float:  # type: ignore[override]
        return 0.99

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: int | None = None) -> object:  # type: ignore[override]
        return loc if size is None else np.full(size, loc)


@pytest.fixture
def archive(tmp_path: Path) -> Made:
    """An archive of one smooth picture with one face, the picture, and the face's row."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (300, 260), interpolation=cv2.INTER_CUBIC)
    landmarks = (HEAD @ ROTATION.T)[:, :2] * 40 + (150, 110)
    row = np.concatenate([[FACE, 100, 80, 90, 110], landmarks.ravel(), rotation.angles_deg(ROTATION), [0.9]])
    stream = cv2.imencode(".png", picture)[1].ravel()
    path = tmp_path / "scenes.npz"
    faces = np.insert(row[None], 0, 0, axis=1).astype(np.float32)
    np.savez(path, jpeg=stream, offsets=np.array([0, len(stream)]), source=np.array(["crop"]), faces=faces)
    return path, picture, row


def test_an_undisturbed_sample_is_the_readers_own_crop(archive: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    path, picture, row = archive
    monkeypatch.setattr("tools.samples.pose_faces.weather", lambda chip, _: chip)
    faces = load(path)
    chip, turned = spoil(faces.crops[0], faces.rotations[0], 64, SPEC.crop, Steady())
    upright_deg = pose.upright_deg(row[5:15].reshape(5, 2))
    shown = pose.prepare(picture, PixelBox(x=100, y=80, w=90, h=110), upright_deg, SPEC)[0]
    assert np.abs(chip.astype(int) - shown).mean() < 3
    assert np.abs(np.roll(chip, 3, axis=1).astype(int) - shown).mean() > 8  # three pixels aside would be noticed
    found = pose.decode((turned[:2].astype(np.float32),), upright_deg, SPEC)
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx((30, -10, 25), abs=0.01)


def test_a_sample_shows_what_its_rotation_says() -> None:
    """A bright spot on the crop moves with the rotation's own axis, mirrored and turned or not."""
    crop = np.zeros((STORED_PX, STORED_PX, 3), np.uint8)
    facing = rotation.matrices(np.array([50.0, 0.0, 0.0]))
    nose = facing[:2, 2] * 22 + STORED_PX / 2
    cv2.circle(crop, tuple(int(part) for part in nose), 3, (255, 255, 255), -1)
    random = np.random.default_rng(1)
    for _ in range(20):
        chip, turned = spoil(crop, facing, 64, STORED_CROP, random)
        y, x = np.unravel_index(int(cv2.GaussianBlur(chip, (5, 5), 0).sum(2).argmax()), chip.shape[:2])
        if chip.max() > 40 and np.count_nonzero(chip.sum(2) > chip.max()) < 200:
            assert np.array([x, y]) - 31.5 == pytest.approx(turned[:2, 2] * 22 * 64 / STORED_PX, abs=8)


def test_kept_back_faces_are_not_drawn() -> None:
    odds = np.arange(1, 101) / 5050.0
    faces = Faces(crops=np.zeros((100, 1, 1, 3), np.uint8), rotations=np.stack([np.eye(3)] * 100), odds=odds)
    first, rest = faces.split(10)
    kept, drawn = (set(part.draw(np.random.default_rng(0), 5000).tolist()) for part in (first, rest))
    assert len(kept) == 10
    assert not kept & drawn
    assert len(drawn) > 80
