"""Inputs for quantization: what the reader will feed each network, through the reader's own `normalise`.

python -m tools.calibrate embedder --faces train-faces.npz --out work/embedder/calibration.npy
python -m tools.calibrate detector --scenes scenes.npz --out work/detector/calibration.npy
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from edgeface.adapters import manifest
from edgeface.frame import Pixels
from edgeface.model import ModelSpec, Task, normalise

SAMPLES = 400
"""A choice: some minutes of calibration, clean and spoilt inputs alike."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("detector", "embedder"))
    parser.add_argument("--faces", type=Path, help="train-faces.npz, for the embedder")
    parser.add_argument("--scenes", type=Path, help="scenes.npz, for the detector")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    entries = manifest.read(manifest.shipped()).values()
    spec = next(entry.spec for entry in entries if entry.spec.task.value == arguments.kind)
    made = _chips(arguments.faces, spec) if spec.task is Task.EMBEDDER else _scenes(arguments.scenes, spec)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    np.save(arguments.out, normalise(made, spec))


def _chips(archive: Path, spec: ModelSpec) -> Pixels:
    """Held-out faces, half of them clean, half as a bad camera shows them."""
    from tools.faces import load, resize, spoil

    _, faces = load(archive)
    random = np.random.default_rng(0)
    chosen = faces.crops[random.choice(len(faces), SAMPLES, replace=False)]
    spoilt = [spoil(crop, spec.width_px, random, 1.0) for crop in chosen[SAMPLES // 2 :]]
    return np.concatenate([resize(chosen[: SAMPLES // 2], spec.width_px), np.stack(spoilt)])[..., ::-1]


def _scenes(archive: Path, spec: ModelSpec) -> Pixels:
    from tools.scenes import compose, load

    scenes, random = load(archive), np.random.default_rng(0)
    return np.stack([compose(scenes, spec.width_px, random)[0] for _ in range(SAMPLES)])[..., ::-1]


if __name__ == "__main__":
    main()
