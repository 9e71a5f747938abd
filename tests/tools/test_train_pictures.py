"""A trainer takes pictures or what was made of them before, and says so if it gets neither."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="trainings need the `tools` extra")

from tools.attacks import bank  # noqa: E402
from tools.attacks.photos import Photo, save  # noqa: E402
from tools.samples import label_faces, label_scenes  # noqa: E402
from tools.samples.find import FACE  # noqa: E402
from tools.samples.scenes import load  # noqa: E402
from tools.train import __main__ as command  # noqa: E402
from tools.train import pictures, training  # noqa: E402
from tools.train.nets import PoseNet, PoseShape  # noqa: E402


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["tools.train", *words])
    command.main()


@pytest.mark.parametrize(("kind", "lacks"), [("embedder", "faces"), ("detector", "scenes"), ("pose", "scenes")])
def test_without_pictures_or_archive_it_says_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, lacks: str
) -> None:
    with pytest.raises(SystemExit, match=f"give --{lacks}, or --pictures and --weights"):
        run(monkeypatch, kind, "--out", str(tmp_path))


def test_liveness_wants_rooms_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="--pictures and --rooms"):
        run(monkeypatch, "liveness", "--out", str(tmp_path), "--pictures", str(tmp_path))


def test_there_are_five_networks_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="there is no gait"):
        run(monkeypatch, "gait")


def test_what_was_made_before_is_taken(tmp_path: Path) -> None:
    (tmp_path / "faces.npz").touch()
    found = Namespace(faces=None, out=tmp_path, pictures=None, weights=None)
    assert pictures.faces(found) == tmp_path / "faces.npz"
    found.faces = tmp_path / "others.npz"
    assert pictures.faces(found) == tmp_path / "others.npz"


def test_each_network_takes_of_the_folders_what_it_can_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, list[str]] = {}
    monkeypatch.setattr(label_faces, "make", lambda sources, *_, **__: taken.update(faces=sources))
    monkeypatch.setattr(label_scenes, "make", lambda sources, *_, **__: taken.update(scenes=sources))
    monkeypatch.setattr(label_scenes, "Teachers", lambda *_: None)
    named = ["fiw_train:a/FIW", "a/UTK", "ages:a/UTK:4", "crop:a/UTK:2", "empty:a/rooms", "boxes:a/streets"]
    found = Namespace(faces=None, scenes=None, out=tmp_path, pictures=named, weights=tmp_path, apart=[], reserved=None)
    pictures.faces(found)
    pictures.scenes(found)
    assert taken["faces"] == ["fiw_train:a/FIW", "a/UTK", "ages:a/UTK:4", "UTK:a/UTK:2"]
    assert taken["scenes"] == ["mixed:a/FIW:1", "mixed:a/UTK:1", "mixed:a/UTK:4", *named[3:]]


def test_what_goes_wrong_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"tools.train: .*No such file"):
        run(monkeypatch, "pose", "--scenes", str(tmp_path / "none.npz"), "--out", str(tmp_path))


def test_a_network_on_another_device_gets_and_gives_what_the_trainer_has() -> None:
    net = training.settle(PoseNet(PoseShape()), "cpu").double()
    seen: list[str] = []
    net.trunk.register_forward_pre_hook(lambda _, inputs: seen.append(str(inputs[0].device)))
    answers = net(torch.zeros(2, 3, 64, 64, dtype=torch.float64))
    assert (seen, answers.device.type, answers.shape) == (["cpu"], "cpu", (2, 6))
    inside = training.moved([torch.zeros(1), (torch.zeros(1), torch.zeros(2))], "meta")
    assert [inside[0].device.type, inside[1][1].device.type, type(inside[1])] == ["meta", "meta", tuple]


def scene(source: str, faces: list[list[float]]) -> label_scenes.Labelled:
    picture = np.full((80, 80, 3), 90, np.uint8)
    return label_scenes.labelled(source, picture, np.array(faces, np.float32).reshape(-1, 19))


def test_a_detector_learns_from_any_one_kind_of_picture_with_a_face(tmp_path: Path) -> None:
    face = [FACE, 20, 20, 40, 40, *(30, 30, 50, 30, 40, 40, 32, 50, 48, 50), 0, 0, 0, 0.9]
    for source in ("scene", "crop"):
        label_scenes.save([scene(source, [face])], tmp_path / "scenes.npz")
        found = load(tmp_path / "scenes.npz")
        assert all(len(pile.pictures) == 1 for pile in (found.scenes, found.crops, found.empty))
        assert not len(found.empty.pictures[0].faces)
    label_scenes.save([scene("empty", [])], tmp_path / "scenes.npz")
    with pytest.raises(ValueError, match="no face to learn from"):
        load(tmp_path / "scenes.npz")


def test_liveness_goes_from_photographs_to_a_curve_and_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    looks = random.integers(0, 256, (24, 88, 176, 3), np.uint8)
    monkeypatch.setattr(bank, "fill", lambda *_: (looks, np.arange(24, dtype=np.int8) % 3))
    photo = Photo(pixels=looks[0], box=np.ones(4, np.float32), landmarks=np.ones((5, 2), np.float32), source="x")
    save([photo], tmp_path / "photos-train.npz")
    words = ["liveness", "--pictures", str(tmp_path), "--rooms", str(tmp_path), "--out", str(tmp_path), "--shards", "2"]
    for images in (16, 32):
        run(monkeypatch, *words, "--images", str(images), "--batch", "8", "--report", "16", "--no-bf16")
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [line["images"] for line in curve] == [16, 32]
    assert sorted(file.name for file in (tmp_path / "bank").iterdir()) == ["shard-000.npz", "shard-001.npz"]
