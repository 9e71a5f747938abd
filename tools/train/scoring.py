"""How an embedder's vectors are compared (`edgeface/scoring.py`), learnt from the faces that it learnt from.

    python -m tools.train.scoring --faces work/embedder/faces.npz --data DATA --json work/scoring.json
    python -m tools.install_model edgeface-embed-80 --calibration work/scoring.json

Before `tools.calibrate_scores` and `tools.visit_tail`, which measure scores as they come of it. Two maps by ridge
regression: from what the embedder gives for faces as they are, and for faces spoilt as a door spoils them, to what its
teachers say of them as they are. Then k-means of the mapped templates; a direction that stands for fewer than `LEAST`
faces would be too near to somebody's template, and is left out.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeface import embed
from edgeface.embed import Embedder, unit
from edgeface.model import Scoring, Tensor
from edgeface.scoring import templates
from edgeface.service.bootstrap import load_models
from tools.calibrate_scores import pictures_of
from tools.comparisons import every
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, progress
from tools.samples.faces import Pixels, load, resize
from tools.samples.visit_faults import as_in_visit

RECOGNISABLE = 0.6
"""Cosine that a spoilt face still has to itself unspoilt: below it, one in ten, there is nothing to be guessed, and a
door's quality gate refuses."""
LEAST = 20
"""Faces."""
ROUNDS = 20
ANCHOR = 1e-4
"""False match rate of single pictures whose threshold stays where it was without a scoring: 1 in 10,000, the
embedder's `grant`. Whoever knows what a score means goes on knowing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `tools.studies.scoring` tried, on visits of LFW-dev (models/visits.md)."""

    directions: int = 1024
    sharpness: float = 18.0
    weight: float = 0.6
    ridge: float | None = 10.0
    """None: nothing is mapped."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learnt:
    """Embeddings of the same faces, (n, d), of length 1."""

    clean: Tensor
    spoilt: Tensor
    targets: Tensor
    """What the teachers say of the clean ones."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="faces.npz of tools.train embedder")
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar: where scores are anchored")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which embedder is in use")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, required=True, help="for tools.install_model")
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    embedder, random = loaded.models.embedder, np.random.default_rng(arguments.seed)
    fitted = fit(both(arguments.faces, embedder, random), random)
    pictures, owners = pictures_of(Archive(arguments.data / "lfw-dev.tar"), Bench(data=arguments.data, loaded=loaded))
    found = anchored(fitted, pictures, owners)
    table = {
        key: base64.b64encode(one).decode() if isinstance(one, bytes) else one for key, one in asdict(found).items()
    }
    report = {"sha256": embedder.spec.sha256, "scoring": table}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found.directions) // found.dimensions} directions, level {found.level}")


def both(archive: Path, embedder: Embedder, random: np.random.Generator) -> Learnt:
    """The faces that the embedder learnt from, as they are and spoilt."""
    learnt, _ = load(archive)
    crops, spec = list(learnt.crops), embedder.spec
    return Learnt(
        clean=embeddings((resize(crop[None], spec.width_px)[0] for crop in progress(crops, "faces")), embedder),
        spoilt=embeddings((as_in_visit(crop, spec, random) for crop in progress(crops, "faces, spoilt")), embedder),
        targets=learnt.targets,
    )


def embeddings(chips: Iterable[Pixels], embedder: Embedder) -> Tensor:
    """What the reader's embedder gives for BGR chips of its size: (n, d), of length 1."""
    return np.stack([embed.embed(np.ascontiguousarray(chip[..., ::-1]), embedder).vector for chip in chips])


def fit(faces: Learnt, random: np.random.Generator, settings: Settings | None = None) -> Scoring:
    """A scoring with a level of 0."""
    chosen = settings or Settings()
    usable = (faces.clean * faces.spoilt).sum(axis=1) > RECOGNISABLE
    bare = Scoring(
        dimensions=faces.clean.shape[1],
        probe=_map(faces.spoilt[usable], faces.targets[usable], chosen.ridge),
        template=_map(faces.clean, faces.targets, chosen.ridge),
        directions=b"\x01" * faces.clean.shape[1],
        sharpness=chosen.sharpness,
        weight=chosen.weight,
        level=0.0,
    )
    means, counts = clustered(templates(faces.clean, bare), chosen.directions, random)
    kept = np.stack([embed.to_template(unit(mean)) for mean in means[counts >= LEAST]])
    return replace(bare, directions=kept.tobytes())


def _map(rows: Tensor, targets: Tensor, ridge: float | None) -> bytes:
    """What rows (n, d) times it come nearest to targets by: float16, (d, d)."""
    one = np.eye(rows.shape[1], dtype=np.float32)
    found = one if ridge is None else np.linalg.solve(rows.T @ rows + ridge * one, rows.T @ targets)
    return found.astype("<f2").tobytes()


def clustered(rows: Tensor, count: int, random: np.random.Generator) -> tuple[Tensor, npt.NDArray[np.intp]]:
    """Spherical k-means (Dhillon and Modha, Machine Learning 2001): means of length 1, and how many rows each has."""
    means = rows[random.permutation(len(rows))[:count]].copy()
    for _ in range(ROUNDS):
        nearest = (rows @ means.T).argmax(axis=1)
        sums = np.zeros_like(means)
        np.add.at(sums, nearest, rows)
        filled = np.bincount(nearest, minlength=count) > 0
        means[filled] = sums[filled] / np.linalg.norm(sums[filled], axis=1, keepdims=True)
    return means, np.bincount((rows @ means.T).argmax(axis=1), minlength=count)


def anchored(bare: Scoring, pictures: Tensor, owners: list[str]) -> Scoring:
    """With the level at which the threshold of `ANCHOR` is what it is for cosines as they are."""
    thresholds = []
    for scoring in (None, bare):
        made = every(pictures, owners, scoring)
        thresholds.append(float(np.quantile(made.scores[~made.same], 1 - ANCHOR)))
    level = (thresholds[0] - thresholds[1]) / bare.weight
    return replace(bare, level=round(level, 4))


if __name__ == "__main__":
    main()
