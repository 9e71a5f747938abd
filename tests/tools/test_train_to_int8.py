"""From a folder of pictures to an int8 file that the reader runs, cut off on the way and called again.

The teachers are ours, as theirs are not in this repository; each network begins as the shipped file, as one that has
learnt next to nothing is rightly refused by quantization.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from portraits import astronaut_portrait, hopper_portrait

torch = pytest.importorskip("torch", reason="trainings need the `tools` extra")

from edgeface import align, detect, embed, pose  # noqa: E402
from edgeface.adapters import manifest, tflite  # noqa: E402
from edgeface.detect import Detector  # noqa: E402
from edgeface.pipeline import Models  # noqa: E402
from edgeface.quality.unified import unified  # noqa: E402
from tools import calibrate  # noqa: E402
from tools.install.measure import shipped  # noqa: E402
from tools.peers.embedders import omz_chip  # noqa: E402
from tools.quantize.ours import fresh  # noqa: E402
from tools.samples import label_faces, label_scenes  # noqa: E402
from tools.train import __main__ as command  # noqa: E402
from tools.train import pictures, student, warm_start  # noqa: E402

Pixels = np.ndarray
LABELLED = 0.6
"""Score of ours from where on the stand-ins for the teachers call it a face."""
TINY = ["--images", "32", "--decay-images", "32", "--batch", "4", "--report", "8", "--muon-rate", "0.0005"]


@pytest.fixture(scope="module")
def models() -> Models:
    return shipped().models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people, near and far, in two lights, each picture another; and a wall."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number, side_px in enumerate((160, 220, 300)):
        for name, portrait in (("a", astronaut_portrait()), ("b", hopper_portrait())):
            canvas = np.full((320, 320, 3), 120 + 20 * number, np.uint8)
            width_px = side_px * portrait.shape[1] // portrait.shape[0]
            canvas[:side_px, :width_px] = cv2.resize(portrait, (width_px, side_px), interpolation=cv2.INTER_AREA)
            for light, gain in (("day", 1.0), ("dusk", 0.6)):
                cv2.imwrite(str(place / f"{name}-{side_px}-{light}.png"), (canvas * gain).astype(np.uint8)[..., ::-1])
    return place


class Teachers(label_scenes.Teachers):
    """Ours find the faces; whoever they are, they look a little aside, as what is redrawn must."""

    asked = 0

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.detect = self.look  # type: ignore[assignment]
        self.pose = self  # type: ignore[assignment]

    def look(self, image: Pixels, long_side_px: int, canvas_px: int) -> Pixels:
        type(self).asked += 1
        return rows(image[..., ::-1], self._detector)

    def angles(self, image: Pixels, box: Pixels, landmarks: Pixels) -> Pixels:
        return np.array([12, 0, 0], np.float32)


class Labeller(label_faces.Labeller):
    """Ours find the faces and say who it is."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def faces(self, pixels: Pixels) -> Iterator[tuple[Pixels, Pixels]]:
        for row in rows(pixels, self._models.detector):
            landmarks = row[4:14].reshape(5, 2)
            chip = align.chip(pixels, landmarks, self._models.embedder.spec)
            crop = omz_chip(pixels, landmarks)[label_faces.WINDOW]
            vector = embed.embed(chip, self._models.embedder).vector
            yield np.ascontiguousarray(crop[..., ::-1]), vector


def rows(pixels: Pixels, detector: Detector) -> Pixels:
    """What our detector finds, as YuNet would tell it: (n, 15)."""
    found = detect.detect(np.ascontiguousarray(pixels), detector, detect.Options(min_score=LABELLED))
    lines = [[f.box.x, f.box.y, f.box.w, f.box.h, *f.landmarks.ravel(), max(f.score, 0.8)] for f in found]
    return np.array(lines, np.float32).reshape(-1, 15)


def start(kind: str, name: str, inputs: Pixels, out: Path) -> Path:
    """The shipped file, to go on from."""
    entry = manifest.read(manifest.shipped())[name]
    net, shape = fresh(kind)
    warm_start.restore(net, entry.folder / entry.spec.file, inputs)
    torch.save({"shape": asdict(shape), "average": net.state_dict()}, out)
    return out


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["tools.train", *words])
    command.main()


def cut_off(monkeypatch: pytest.MonkeyPatch, after: int, words: list[str]) -> None:
    """The same command, but the power goes when it has seen so many samples."""
    learn = student.Student.learn

    def until(self: student.Student, loss: torch.Tensor, batch: int) -> None:
        if self.seen >= after:
            raise KeyboardInterrupt
        learn(self, loss, batch)

    with monkeypatch.context() as context:
        context.setattr(student.Student, "learn", until)
        with pytest.raises(KeyboardInterrupt):
            run(context, *words)


def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `--int8` calls runs in this process and on few inputs."""

    def call(module: str, *words: str) -> None:
        monkeypatch.setattr(sys, "argv", [module, *words])
        importlib.import_module("tools.quantize.__main__" if module == "tools.quantize" else module).main()

    monkeypatch.setattr(calibrate, "SAMPLES", 16)
    monkeypatch.setattr(pictures, "_run", call)


def trained(name: str, file: Path) -> tflite.TfliteModel:
    """The new file, loaded as the reader loads the shipped one."""
    content = file.read_bytes()
    spec = manifest.read(manifest.shipped())[name].spec
    return tflite.TfliteModel(replace(spec, sha256=sha256(content).hexdigest()), content)


def inputs(side_px: int) -> Pixels:
    """Both portraits, bright and dark, near and far: (16, side, side, 3), normalised."""
    made = []
    for portrait in (astronaut_portrait(), hopper_portrait()):
        for part in (0.5, 0.65, 0.8, 1.0):
            height, width = (int(side * part) for side in portrait.shape[:2])
            cut = cv2.resize(portrait[:height, :width], (side_px, side_px), interpolation=cv2.INTER_AREA)
            made += [cut, (cut[:, ::-1] * 0.6).astype(np.uint8)]
    return (np.stack(made).astype(np.float32) - 127.5) / 127.5


@pytest.mark.parametrize(
    ("kind", "name", "side_px"),
    [
        ("detector", "edgeface-detect-320", 320),
        ("pose", "edgeface-pose-64", 64),
        ("quality", "edgeface-quality-80", 80),
    ],
)
def test_pictures_become_a_file_that_the_reader_runs(
    kind: str, name: str, side_px: int, folder: Path, models: Models, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(label_scenes, "Teachers", lambda *_: Teachers(models.detector))
    monkeypatch.setattr(label_faces, "Labeller", lambda *_: Labeller(models))
    monkeypatch.setattr(label_faces, "reduce", lambda said, _: (said, said[0], said))  # the embedder's own directions
    inside(monkeypatch)
    begun, file = start(kind, name, inputs(side_px), tmp_path / "start.pt"), tmp_path / "net.tflite"
    words = [kind, "--pictures", f"scene:{folder}", "--weights", str(tmp_path), "--start", str(begun), *TINY]
    words += ["--out", str(tmp_path / "out"), "--int8", str(file)]
    words += ["--count", "60"] if kind == "quality" else ["--turned", "6"]
    cut_off(monkeypatch, 20, words)
    asked = Teachers.asked
    run(monkeypatch, *words)
    curve = [json.loads(line) for line in (tmp_path / "out" / "curve.jsonl").read_text().splitlines()]
    assert [line["images"] for line in curve] == [8, 16, 24, 32]
    assert Teachers.asked == asked
    assert (tmp_path / "out" / "quantize.json").is_file()
    agrees(kind, trained(name, file), models)


def agrees(kind: str, model: tflite.TfliteModel, models: Models) -> None:
    """With so little training, the new file says of a portrait about what the shipped one does."""
    pixels = hopper_portrait()
    face = detect.detect(pixels, models.detector, detect.Options())[0]
    if kind == "detector":
        found = detect.detect(pixels, Detector(spec=model.spec, infer=model), detect.Options())[0]
        assert np.abs(found.landmarks - face.landmarks).max() < 0.1 * face.box.w
    elif kind == "pose":
        assert models.pose is not None
        here, there = (pose.by_model(pixels, face, one) for one in (replace(models.pose, infer=model), models.pose))
        assert abs(here.yaw_deg - there.yaw_deg) < 10
    else:
        assert models.quality is not None
        chip = align.chip(pixels, face.landmarks, model.spec)
        here, there = (unified(chip, one) for one in (replace(models.quality, infer=model), models.quality))
        assert abs(here - there) < 20
