"""How densely an embedder's vectors lie where (`edgeface/crowd.py`), learnt from the faces that it learnt from.

    python -m tools.train.crowd --faces work/embedder/faces.npz --json work/crowd.json
    python -m tools.install_model edgeface-embed-80 --calibration work/crowd.json

Before `tools.calibrate_scores` and `tools.visit_tail`, which measure scores as they count with it. k-means of the
faces' embeddings; a direction that stands for fewer than `LEAST` of them would be too near to a template, and is left
out.
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path

import numpy as np
from scipy.cluster.vq import kmeans2

from edgeface import embed
from edgeface.crowd import density
from edgeface.embed import Embedder, unit
from edgeface.model import Crowd, Tensor
from edgeface.service.bootstrap import load_models
from tools.evaluate.acquire import progress
from tools.samples.faces import Faces, load, resize

DIRECTIONS, SHARPNESS, WEIGHT = 128, 10.0, 0.7
"""Of 128, 192 and 256 directions, sharpness 6 to 16 and weight 0.6 to 1 these were among the best, and little depended
on them (models/visits.md)."""
LEAST = 20
"""Faces."""
ROUNDS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="faces.npz of tools.train embedder")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which embedder is in use")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, required=True, help="for tools.install_model")
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    learnt, held_out = load(arguments.faces)
    found = fit(*(embeddings(part, loaded.models.embedder) for part in (learnt, held_out)), arguments.seed)
    report = {
        "sha256": loaded.choice.embedder.spec.sha256,
        "crowd": {
            "directions": base64.b64encode(found.directions).decode(),
            "sharpness": found.sharpness,
            "weight": found.weight,
            "level": found.level,
        },
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found.directions) // loaded.choice.embedder.spec.dimensions} directions, level {found.level}")


def embeddings(faces: Faces, embedder: Embedder) -> Tensor:
    """What the reader's embedder gives for the faces as they are: (n, d), of length 1."""
    spec = embedder.spec
    chips = (resize(crop[None], spec.width_px)[0, ..., ::-1] for crop in faces.crops)
    rows = [embed.embed(np.ascontiguousarray(chip), embedder).vector for chip in progress(list(chips), "faces")]
    return np.stack(rows)


def fit(learnt: Tensor, held_out: Tensor, seed: int) -> Crowd:
    """The crowd of embeddings (n, d); the level is that of those held out."""
    means, nearest = kmeans2(learnt, DIRECTIONS, iter=ROUNDS, minit="++", seed=np.random.default_rng(seed))
    many = np.bincount(nearest, minlength=DIRECTIONS) >= LEAST
    rows = np.stack([embed.to_template(unit(mean)) for mean in means[many]])
    bare = Crowd(directions=rows.tobytes(), sharpness=SHARPNESS, weight=WEIGHT, level=0.0)
    return Crowd(
        directions=bare.directions,
        sharpness=SHARPNESS,
        weight=WEIGHT,
        level=round(float(density(held_out, bare).mean()), 4),
    )


if __name__ == "__main__":
    main()
