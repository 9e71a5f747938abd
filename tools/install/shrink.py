"""An embedder in int8, if that is faster and gives all but the same vectors; else it stays float.

The ranges of its activations come from aligned faces, cut out by the reader's own code for the model's own template.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from edgeface import align
from edgeface.adapters import download, manifest, tflite
from edgeface.adapters.tflite import TfliteModel
from edgeface.embed import unit
from edgeface.frame import Pixels
from edgeface.model import ModelSpec, Task, normalise
from tools.install.measure import race
from tools.metrics import Figure, bootstrap_mean

ARCHIVE = "train-faces.npz"
FACES, TESTS = 200, 60
"""For the ranges, and others to judge the result by."""
CROP_PX = 104
FAITHFUL = 0.99
"""Least mean cosine of int8 to float vectors. A choice; LFW-dev before and after says what it costs."""
FASTER = 0.8
"""Greatest share of the float file's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of int8."""

    cosine: Figure
    """Of int8 to float vectors of faces that gave no ranges, -1..1."""
    time: Figure
    """Of int8 over float, one thread."""
    pieces: int
    """Parts of the graph that XNNPACK runs: 1 is all of it."""

    @property
    def taken(self) -> bool:
        """Whether int8 is what gets installed."""
        return self.pieces == 1 and self.cosine.value >= FAITHFUL and self.time.value <= FASTER

    def __str__(self) -> str:
        told = "int8 was taken" if self.taken else "int8 was tried and not taken"
        return (
            f"{told}: cosine to float {self.cosine.value:.4f} [{self.cosine.low:.4f}, {self.cosine.high:.4f}] "
            f"(n = {self.cosine.n}; needs {FAITHFUL}), time over float {self.time.value:.2f} "
            f"[{self.time.low:.2f}, {self.time.high:.2f}] (needs {FASTER}), XNNPACK pieces {self.pieces} (needs 1)"
        )


def shrink(spec: ModelSpec, folder: Path, archive: Path) -> Trial:
    """Try int8, and put it in the place of the float file of `spec` if it is better."""
    from tools.quantize import quantize  # loads the quantizer, which a float file can do without

    faces = chips(archive, spec)
    float_file = folder / spec.file
    int8_file = float_file.with_suffix(".int8")
    quantize(float_file, [normalise(one, spec) for one in faces[:FACES]], int8_file)
    floating = tflite.load(spec, folder)
    small = tflite.load(replace(spec, file=int8_file.name, sha256=download.digest(int8_file)), folder)
    tests = faces[FACES:]
    trial = Trial(
        cosine=bootstrap_mean([_cosine(floating, small, one, spec.output) for one in tests]),
        time=race(small, floating, tests, tests),
        pieces=small.pieces,
    )
    if trial.taken:
        float_file.replace(_kept(float_file))
        int8_file.replace(float_file)
    else:
        int8_file.unlink()
    return trial


def back(file: Path) -> None:
    """Put the float file back in its place."""
    _kept(file).replace(file)


def forget(file: Path) -> None:
    """The float file is not needed any more."""
    _kept(file).unlink(missing_ok=True)


def _kept(file: Path) -> Path:
    return file.with_suffix(".float")


def chips(archive: Path, spec: ModelSpec) -> list[Pixels]:
    """Held-out faces, uint8 (1, height, width, 3) RGB each. The archive's crops are tight: black where they end."""
    own = next(entry.spec for entry in manifest.read(manifest.shipped()).values() if entry.spec.task is Task.EMBEDDER)
    landmarks = np.array(own.template, np.float32) * CROP_PX + 0.5
    return [align.chip(crop, landmarks, spec)[None] for crop in _crops(archive)]


def _crops(archive: Path) -> list[Pixels]:
    with np.load(archive) as data:
        stream, places = data["webp"], list(pairwise(data["offsets"]))
        chosen = np.random.default_rng(0).permutation(np.flatnonzero(data["val"]))[: FACES + TESTS]
        return [
            np.asarray(cv2.imdecode(stream[slice(*places[i])], cv2.IMREAD_COLOR), np.uint8)[..., ::-1] for i in chosen
        ]


def _cosine(first: TfliteModel, second: TfliteModel, chip: Pixels, output: int) -> float:
    one, other = (unit(model(chip)[output].reshape(-1)) for model in (first, second))
    return float(one @ other)
