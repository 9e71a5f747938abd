"""Learning what a covered face looks like: as many faces as there are, and none at all from too few."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from portraits import hopper_portrait
from tools.train.occlusion import LEAST, samples


def archive(folder: Path, count: int, masked: int) -> Path:
    """The same face again and again; some are said to wear masks."""
    face = cv2.resize(hopper_portrait(), (104, 104))[..., ::-1]
    webp = np.frombuffer(cv2.imencode(".webp", face)[1], np.uint8)
    offsets = np.arange(count + 1) * len(webp)
    sets = np.array(["mask_pr"] * masked + ["utk"] * (count - masked))
    file = folder / "faces.npz"
    np.savez(file, webp=np.tile(webp, count), offsets=offsets, val=np.zeros(count, bool), set=sets)
    return file


def test_it_makes_do_with_what_there_is(tmp_path: Path) -> None:
    seen, covered, held_out = samples(archive(tmp_path, LEAST + 9, masked=5), 16_000, np.random.default_rng(1))
    assert len(seen) == len(covered) == len(held_out) == LEAST + 4
    assert 0 < covered.sum() < len(covered)
    assert held_out.sum() == pytest.approx(len(seen) / 7, abs=1)


def test_too_few_are_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=f"has {LEAST - 1} faces without masks"):
        samples(archive(tmp_path, LEAST + 4, masked=5), 16_000, np.random.default_rng(1))
