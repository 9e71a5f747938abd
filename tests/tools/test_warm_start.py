"""A shipped file read back into its network: the same answers, and ready to train on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from portraits import astronaut_portrait, hopper_portrait

pytest.importorskip("torch")

import torch

from edgeface.adapters import manifest
from tools.quantize.files import File
from tools.quantize.ours import fresh
from tools.train import warm_start

KINDS = {
    "detector": "edgeface-detect-320",
    "embedder": "edgeface-embed-80",
    "quality": "edgeface-quality-80",
    "pose": "edgeface-pose-64",
    "liveness": "edgeface-live-80",
}


def shipped(kind: str) -> tuple[Path, np.ndarray]:
    """The file of this kind, and faces near and far, bright and dark: (12, height, width, 3), normalised."""
    entry = manifest.read(manifest.shipped())[KINDS[kind]]
    path = entry.folder / entry.spec.file
    _, height_px, width_px, _ = (int(side) for side in File(path).input["shape"])
    made = []
    for portrait in (astronaut_portrait(), hopper_portrait()):
        for part in (0.5, 0.75, 1.0):
            height, width = (int(side * part) for side in portrait.shape[:2])
            cut = cv2.resize(portrait[:height, :width], (width_px, height_px), interpolation=cv2.INTER_AREA)
            made += [cut, (cut[:, ::-1] * 0.6).astype(np.uint8)]
    return path, (np.stack(made).astype(np.float32) - 127.5) / 127.5


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_answers_as_the_file_does(kind: str) -> None:
    file, inputs = shipped(kind)
    net, _ = fresh(kind)
    assert min(warm_start.restore(net, file, inputs)) > 0.98


def test_training_mode_begins_where_the_file_stands() -> None:
    """Batch norm by the batch's own statistics: only if they are those that were put in, the answers stay."""
    file, inputs = shipped("pose")
    net, _ = fresh("pose")
    warm_start.restore(net, file, inputs)
    pictures = torch.from_numpy(inputs).permute(0, 3, 1, 2)
    with torch.no_grad():
        still, moving = net.eval()(pictures), net.train()(pictures)
    assert torch.cosine_similarity(still, moving).min() > 0.99


def test_a_file_of_another_kind_is_refused() -> None:
    file, inputs = shipped("pose")
    net, _ = fresh("quality")
    with pytest.raises(ValueError, match="the file has"):
        warm_start.restore(net, file, np.repeat(np.repeat(inputs, 2, 1), 2, 2)[:, :80, :80])


def test_a_network_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file, inputs = shipped("pose")
    found = list(warm_start.layers(file))
    weights, bias = found[3]
    found[3] = weights[::-1].copy(), bias
    monkeypatch.setattr(warm_start, "layers", lambda _: iter(found))
    net, _ = fresh("pose")
    with pytest.raises(ValueError, match="answers otherwise"):
        warm_start.restore(net, file, inputs)
