"""The example manifest of other people's models, and the decoding that the benchmark adds for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeface.adapters import manifest
from edgeface.errors import ModelError
from edgeface.model import Layout, Task
from tools.peers import ARCFACE_PX, PEER_MANIFEST, Sources, build, decode_scrfd


def test_the_example_manifest_declares_a_detector_and_an_embedder() -> None:
    specs = [entry.spec for entry in manifest.read(PEER_MANIFEST).values()]
    assert [(spec.task, spec.layout) for spec in specs] == [
        (Task.DETECTOR, Layout.BLAZEFACE),
        (Task.EMBEDDER, Layout.EMBEDDING),
    ]
    assert all(spec.licence and spec.origin for spec in specs)


def test_the_example_embedder_uses_the_arcface_template_cut_to_its_width() -> None:
    spec = manifest.read(PEER_MANIFEST)["mobilefacenet-int8"].spec
    placed = np.array(spec.template) * (spec.width_px, spec.height_px) + (8, 0)
    np.testing.assert_allclose(placed, ARCFACE_PX, atol=1e-3)


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="embed_mobilefacenet_int8_zye"):
        build("blazeface", Sources(home=tmp_path, weights=tmp_path), 1)


def test_scrfd_distances_become_boxes_and_points() -> None:
    outputs = [np.zeros((2 * (64 // stride) ** 2, width), np.float32) for width in (1, 4, 10) for stride in (8, 16, 32)]
    second_anchor_of_row_1_column_2 = 2 * (1 * 4 + 2) + 1
    outputs[1][second_anchor_of_row_1_column_2] = 0.9
    outputs[4][second_anchor_of_row_1_column_2] = 1, 0.5, 2, 1.5
    outputs[7][second_anchor_of_row_1_column_2] = np.arange(10) / 10
    found = decode_scrfd(outputs, 64, 64)
    np.testing.assert_allclose(found.scores, [0.9])
    np.testing.assert_allclose(found.boxes, [[32 - 16, 16 - 8, 48, 32]])
    np.testing.assert_allclose(found.landmarks[0, 1], [32 + 3.2, 16 + 4.8], rtol=1e-6)
