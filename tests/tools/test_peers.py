"""Peers without their weights at hand: what they decode, and what is said when they are missing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edgeface.detect import yunet
from tools.peers import ALL_CHAINS, EMBEDDERS, PeerMissing, Sources, build, build_embedder
from tools.peers.detectors import yunet_maps

HEIGHT_PX, WIDTH_PX = 64, 96


def test_yunet_rows_become_maps_with_each_cell_in_its_place() -> None:
    cells = [(HEIGHT_PX // stride) * (WIDTH_PX // stride) for stride in yunet.STRIDES]
    outputs = [np.zeros((1, count, channels), np.float32) for channels in (1, 1, 4, 10) for count in cells]
    row, column, columns = 5, 7, WIDTH_PX // 8
    for kind in (0, 3):  # class and object, at the finest stride
        outputs[kind][0, row * columns + column] = 0.81
    found = yunet.decode(yunet_maps(outputs, HEIGHT_PX, WIDTH_PX), 0.5)
    np.testing.assert_allclose(found.scores, [0.81], rtol=1e-6)
    np.testing.assert_allclose(found.boxes, [[8 * column - 4, 8 * row - 4, 8, 8]])
    np.testing.assert_allclose(found.landmarks[0], np.tile([8 * column, 8 * row], (5, 1)))


@pytest.mark.parametrize("key", EMBEDDERS)
def test_an_embedder_without_its_file_is_left_out_by_name(key: str, tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match=f"{key} left out: .* has no {EMBEDDERS[key][0]}"):
        build_embedder(key, tmp_path, 1)


@pytest.mark.parametrize("key", [key for key in ALL_CHAINS if key not in ("edgeface", "blazeface")])
def test_a_chain_without_its_files_is_left_out_by_name(key: str, tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match=f"{key} left out"):
        build(key, Sources(home=tmp_path, weights=tmp_path), 1)


def test_a_runtime_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _ = EMBEDDERS["omz"]
    (tmp_path / file).touch()
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(PeerMissing, match="omz left out: openvino is not installed"):
        build_embedder("omz", tmp_path, 1)
