"""Pictures in a folder become a training archive: part by part, each face once, nobody who is measured."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Set
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.samples import label_faces, label_scenes, parts
from tools.samples.faces import load
from tools.samples.label_faces import Floats, Labeller, Pixels, source

SAYS = 160
"""Length of what the stand-ins for the teachers say."""


class Stub(Labeller):
    """One face a picture; what is said of it hangs on the picture alone. Fails at the picture `fails`."""

    def __init__(self, fails: int = 10**9) -> None:
        self.asked, self.fails = 0, fails

    def faces(self, pixels: Pixels) -> Iterator[tuple[Pixels, Floats]]:
        self.asked += 1
        if self.asked == self.fails:
            raise KeyboardInterrupt
        random = np.random.default_rng(int(pixels.astype(np.int64).sum()))
        yield cv2.resize(pixels, (104, 104))[..., ::-1].copy(), random.normal(0, 1, SAYS).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """70 pictures, each another; a part holds 20."""
    monkeypatch.setattr(parts, "SIZE", 20)
    place, random = tmp_path / "pictures", np.random.default_rng(0)
    place.mkdir()
    for number in range(70):
        coarse = random.integers(0, 256, (8, 8, 3), np.uint8)
        cv2.imwrite(str(place / f"{number:03d}.png"), cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC))
    return place


def made(
    folder: Path, labeller: Labeller, apart: Floats | None = None, reserved: Set[str] = frozenset()
) -> dict[str, np.ndarray]:
    out = folder.parent / "faces.npz"
    strangers = np.zeros((0, 0), np.float32) if apart is None else apart
    return label_faces.label([source(f"some:{folder}")], labeller, strangers, out, reserved)


def test_every_face_has_a_target_and_one_in_thirty_is_held_out(folder: Path) -> None:
    out = folder.parent / "faces.npz"
    label_faces.save(made(folder, Stub()), out)
    training, held_out = load(out)
    assert (len(training) + len(held_out), training.crops.shape[1:]) == (70, (104, 104, 3))
    assert 0 < len(held_out) < 12
    assert training.targets.shape[1] == label_faces.DIMENSIONS
    assert np.linalg.norm(training.targets, axis=1) == pytest.approx(1, abs=1e-5)
    with np.load(out) as data:
        assert set(data["set"]) == {"some"}


def test_what_was_done_before_it_was_cut_off_is_not_done_again(folder: Path) -> None:
    whole = made(folder, Stub())
    for file in folder.parent.rglob("faces.parts/*/*.npz"):
        file.unlink()
    first = Stub(fails=47)
    with pytest.raises(KeyboardInterrupt):
        made(folder, first)
    second = Stub()
    again = made(folder, second)
    assert second.asked == 70 - 40  # two parts of 20 stood
    assert all(np.array_equal(whole[key], again[key]) for key in whole)


def test_other_pictures_are_not_taken_for_done(folder: Path) -> None:
    made(folder, Stub())
    (folder / "000.png").unlink()
    labeller = Stub()
    assert len(made(folder, labeller)["val"]) == labeller.asked == 69


def test_a_copy_counts_once_even_after_a_restart(folder: Path) -> None:
    (folder / "zzz.png").write_bytes((folder / "003.png").read_bytes())
    assert len(made(folder, Stub())["val"]) == 70
    next(iter(folder.parent.rglob("faces.parts/*/0000060.npz"))).unlink()
    assert len(made(folder, Stub())["val"]) == 70


def test_who_looks_like_somebody_measured_is_left_out_and_counted(folder: Path) -> None:
    everybody = made(folder, Stub())
    measured = label_faces.embed_unit(everybody["said"][[5, 6]])
    rest = made(folder, Stub(), measured)
    assert (len(rest["val"]), int(rest["alike"])) == (68, 2)
    assert len(parts.split(rest)) == 68


def test_reserved_folders_are_not_looked_into(folder: Path) -> None:
    (folder / "F0016" / "MID1").mkdir(parents=True)
    (folder / "000.png").rename(folder / "F0016" / "MID1" / "000.png")
    assert len(made(folder, Stub(), reserved={"F0016"})["val"]) == 69
    assert len(made(folder, Stub())["val"]) == 70


def test_of_few_pictures_one_is_held_out(folder: Path) -> None:
    for path in sorted(folder.iterdir())[3:]:
        path.unlink()
    assert made(folder, Stub())["val"].sum() == 1


def test_a_folder_without_faces_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no face"):
        made(tmp_path, Stub())


@pytest.mark.parametrize(
    ("text", "name", "folder", "every"), [("a/b", "b", "a/b", 1), ("x:a/b", "x", "a/b", 1), ("x:a/b:3", "x", "a/b", 3)]
)
def test_a_source_is_a_folder_perhaps_with_a_name(text: str, name: str, folder: str, every: int) -> None:
    assert source(text) == label_faces.Source(name=name, folder=Path(folder), every=every)


class Nobody(label_scenes.Teachers):
    """Teachers who find no face; count how often they look."""

    def __init__(self) -> None:
        self.looks = 0

        def look(image: Pixels, long_side_px: int, canvas_px: int) -> Floats:
            self.looks += 1
            return np.zeros((0, 15), np.float32)

        self.detect = look  # type: ignore[assignment]


def test_the_detector_s_labels_are_kept_in_parts_too(folder: Path) -> None:
    out = folder.parent / "scenes.npz"
    label_scenes.make([f"empty:{folder}"], out, Nobody())
    first = out.read_bytes()
    again = Nobody()
    label_scenes.make([f"empty:{folder}"], out, again)
    assert again.looks == 0
    assert out.read_bytes() == first
    with np.load(out) as data:
        assert (len(data["source"]), data["faces"].shape) == (70, (0, 20))


def test_of_an_archive_to_measure_on_no_copy_is_taken(folder: Path) -> None:
    """Whether it is packed or lies in a folder."""
    copies = sorted(folder.iterdir())[:3]
    with tarfile.open(folder.parent / "measured.tar", "w") as archive:
        archive.add(copies[0], "images/0.png")
        archive.add(copies[1], "images/1.png")
    (folder.parent / "more").mkdir()
    (folder.parent / "more" / "2.png").write_bytes(copies[2].read_bytes())
    out, measured = folder.parent / "scenes.npz", [folder.parent / "measured.tar", folder.parent / "more"]
    label_scenes.make([f"empty:{folder}"], out, Nobody(), measured=measured)
    with np.load(out) as data:
        assert len(data["source"]) == 67
