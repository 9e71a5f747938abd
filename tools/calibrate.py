"""Inputs for quantization: what the reader will feed each network, through the reader's own `normalise`.

python -m tools.calibrate embedder --faces train-faces.npz --out work/embedder/calibration.npy
python -m tools.calibrate quality --samples work/quality/samples.npz --out work/quality/calibration.npy
python -m tools.calibrate detector --scenes scenes.npz --out work/detector/calibration.npy
python -m tools.calibrate pose --scenes scenes.npz --out work/pose/calibration.npy
python -m tools.calibrate liveness --samples work/liveness/bank/shard-000.npz --out work/liveness/calibration.npy
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
    parser.add_argument("kind", choices=("detector", "embedder", "quality", "pose", "liveness"))
    parser.add_argument("--faces", type=Path, help="train-faces.npz, for the embedder")
    parser.add_argument("--scenes", type=Path, help="scenes.npz, for the detector and head pose")
    parser.add_argument(
        "--samples", type=Path, help="samples.npz of tools.train.quality, or a shard of tools.attacks.bank"
    )
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.kind == "liveness":
        _save(arguments.out, *_looks(arguments.samples))
        return
    entries = manifest.read(manifest.shipped()).values()
    # The quality score is judged on the embedder's chip.
    task = Task.EMBEDDER if arguments.kind == "quality" else Task(arguments.kind)
    spec = next(entry.spec for entry in entries if entry.spec.task is task)
    if arguments.kind == "quality":
        made = _samples(arguments.samples)
    elif task is Task.POSE:
        made = _heads(arguments.scenes, spec)
    else:
        made = _chips(arguments.faces, spec) if task is Task.EMBEDDER else _scenes(arguments.scenes, spec)
    _save(arguments.out, made, spec)


def _save(out: Path, pictures: Pixels, spec: ModelSpec) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    np.save(out, normalise(pictures, spec))


def _chips(archive: Path, spec: ModelSpec) -> Pixels:
    """Held-out faces, half of them clean, half as a bad camera shows them."""
    from tools.samples.faces import load, resize, spoil

    _, faces = load(archive)
    random = np.random.default_rng(0)
    chosen = faces.crops[random.choice(len(faces), SAMPLES, replace=len(faces) < SAMPLES)]
    spoilt = [spoil(crop, spec.width_px, random, 1.0) for crop in chosen[SAMPLES // 2 :]]
    return np.concatenate([resize(chosen[: SAMPLES // 2], spec.width_px), np.stack(spoilt)])[..., ::-1]


def _samples(archive: Path) -> Pixels:
    """Chips that were learnt from, of every quality and of no face at all."""
    from tools.samples.quality import load

    samples = load(archive)
    learnt = np.flatnonzero(~samples.held_out)
    chosen = np.random.default_rng(0).choice(learnt, SAMPLES, replace=len(learnt) < SAMPLES)
    return samples.chips[chosen][..., ::-1]


def _looks(shard: Path) -> tuple[Pixels, ModelSpec]:
    """Both looks at bona fide presentations and attacks, and how the reader feeds them."""
    from tools.attacks.bank import SPEC
    from tools.train.liveness import middle, read

    samples, _ = read(shard)
    return middle(samples[:SAMPLES], SPEC.height_px), SPEC


def _heads(archive: Path, spec: ModelSpec) -> Pixels:
    """Upright faces, at every angle, as a bad camera shows them."""
    from tools.samples.pose_faces import load, spoil

    faces, random = load(archive), np.random.default_rng(0)
    drawn = faces.draw(random, SAMPLES)
    made = [spoil(faces.crops[i], faces.rotations[i], spec.width_px, spec.crop, random)[0] for i in drawn]
    return np.stack(made)[..., ::-1]


def _scenes(archive: Path, spec: ModelSpec) -> Pixels:
    from tools.samples.scenes import compose, load

    scenes, random = load(archive), np.random.default_rng(0)
    return np.stack([compose(scenes, spec.width_px, random)[0] for _ in range(SAMPLES)])[..., ::-1]


if __name__ == "__main__":
    main()
