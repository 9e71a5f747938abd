"""Is part of the face covered? 96 statistics and one line, learnt from faces that masks, bars and hands are painted on.

    python -m tools.train.occlusion --faces train-faces.npz --masks DATASET --out edgeface/quality/covered.py

Half of the faces are covered; all go through the same light, film and detector (`tools.samples.quality_faults`), so
that no other fault passes for a cover. MASKS holds pictures of people with real masks and without, as folders
`with_mask` and `without_mask`: never learnt from, they say what the line is worth on cloth instead of paint.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import click
import cv2
import numpy as np
from scipy.optimize import minimize

from edgeface import image
from edgeface.detect import Points
from edgeface.errors import PictureError
from edgeface.quality import occlusion
from edgeface.service.bootstrap import load_models
from tools import degrade, metrics
from tools.evaluate.acquire import central_face, progress
from tools.metrics import Floats
from tools.samples import quality_faults
from tools.samples.quality_faults import CROP_PX, MASKED_SETS, Pixels, Random

COVERS = (0.55, 0.25, 0.20)
"""How often a mask, a bar over the eyes, and anything anywhere; a choice."""
MARGIN_PX = 24
"""Made up around a tight crop, for a door's camera would see more."""
LEAST = 100
"""Faces; fewer than there are numbers to learn would teach nothing."""
PENALTY = 10.0
"""On the squares of the weights. Of 3, 10 and 30 the figures differ by less than their intervals."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="train-faces.npz")
    parser.add_argument("--masks", type=Path, help="folder with with_mask/ and without_mask/, to judge by")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: whose detector finds them")
    parser.add_argument("--count", type=int, default=16_000, help="faces to learn from, a seventh of them to judge by")
    parser.add_argument("--json", type=Path, help="keep what it is worth in this file, for tools.studies.quality")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="Python file to write the numbers into")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    seen, covered, held_out = samples(arguments.faces, arguments.count, np.random.default_rng(arguments.seed))
    weights, bias = fit(seen[~held_out], covered[~held_out])
    arguments.out.write_text(source(weights, bias), encoding="utf-8")
    scores = seen[held_out] @ weights + bias
    report = {"painted, held out": worth(scores[covered[held_out]], scores[~covered[held_out]])}
    if arguments.masks:
        folders = [arguments.masks / name for name in ("with_mask", "without_mask")]
        found = [real(folder, arguments.home) @ weights + bias for folder in folders]
        report["real masks"] = worth(*found)
    text = json.dumps(report, indent=1)
    click.echo(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")


def samples(archive: Path, count: int, random: Random) -> tuple[Floats, np.ndarray, np.ndarray]:
    """What is measured on `count` faces, which are covered, and which are held out."""
    with np.load(archive) as data:
        stream, starts, held, sets = data["webp"], list(pairwise(data["offsets"])), data["val"], data["set"]
    bare = np.flatnonzero(~np.isin(sets, MASKED_SETS))
    count = min(count, len(bare))
    if count < LEAST:
        raise SystemExit(f"{archive} has {count} faces without masks; {LEAST} are the least to learn from")
    chosen = random.choice(bare, count, replace=False)
    covered = random.random(count) < 0.5
    rows = []
    for index, bad in zip(progress(list(chosen), "faces"), covered, strict=True):
        first, last = starts[index]
        rows.append(_one(np.asarray(cv2.imdecode(stream[first:last], cv2.IMREAD_COLOR), np.uint8), bool(bad), random))
    return np.stack(rows), covered, held[chosen] | (np.arange(count) % 7 == 0)


def _one(crop: Pixels, covered: bool, random: Random) -> Floats:
    landmarks = np.array(occlusion.TEMPLATE, np.float32) * CROP_PX
    crop = cover(crop, landmarks, random) if covered else crop
    scale = 1.0
    if random.random() < 0.7:
        crop, scale = quality_faults.film(quality_faults.light(crop, random), random)
    around = cv2.copyMakeBorder(crop, *[MARGIN_PX] * 4, cv2.BORDER_REPLICATE)
    points = quality_faults.misplace(landmarks * np.float32(scale), crop.shape[0], random) + np.float32(MARGIN_PX)
    return occlusion.statistics(np.ascontiguousarray(around[..., ::-1]), points)


def cover(crop: Pixels, landmarks: Points, random: Random) -> Pixels:
    """A mask, a bar or anything, of one colour with folds and weave of some strength."""
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    colour = (red, red, red) if random.random() < 0.5 else (red, green, blue)
    kind = random.choice(3, p=COVERS)
    if kind == 0:
        covered = degrade.wear_mask(crop, landmarks, colour)
    elif kind == 1:
        covered = degrade.bar_eyes(crop, landmarks, colour)
    else:
        height, width = (int(CROP_PX * random.uniform(0.3, 0.6)) for _ in range(2))
        top, left = random.integers(0, CROP_PX - height), random.integers(0, CROP_PX - width)
        covered = crop.copy()
        covered[top : top + height, left : left + width] = colour
    folds = cv2.GaussianBlur(random.normal(0, 1, crop.shape[:2]), (0, 0), random.uniform(2, 12))
    folds *= random.uniform(3, 25) / folds.std() * (covered != crop).any(axis=-1)
    return np.asarray(np.clip(covered + folds[..., None], 0, 255), np.uint8)


def fit(seen: Floats, covered: np.ndarray) -> tuple[Floats, float]:
    """Weights and bias of a logistic regression, for the statistics as they are."""
    middle, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-3
    rows, sign = (seen - middle) / spread, 2.0 * covered - 1

    def cost(line: Floats) -> tuple[float, Floats]:
        odds = rows @ line[:-1] + line[-1]
        error = 1 / (1 + np.exp(-odds)) - covered
        value = np.logaddexp(0, -sign * odds).sum() + PENALTY * line[:-1] @ line[:-1] / 2
        return float(value), np.append(rows.T @ error + PENALTY * line[:-1], error.sum())

    line = minimize(cost, np.zeros(seen.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    weights = line[:-1] / spread
    return weights, float(line[-1] - weights @ middle)


def real(folder: Path, home: Path) -> Floats:
    """What is measured on the central face of every picture of a folder, those without one left out."""
    models, rows = load_models(home).models, []
    for file in progress(sorted(folder.iterdir()), folder.name):
        try:
            pixels = image.read(file)
        except PictureError:
            continue
        if (face := central_face(pixels, models)) is not None:
            rows.append(occlusion.statistics(pixels, face.landmarks))
    return np.stack(rows)


def worth(covered: Floats, bare: Floats) -> str:
    """Area under the ROC, and which part of the covered faces is above what 1 % of the bare ones are above."""
    area = float((np.searchsorted(np.sort(bare), covered) / len(bare)).mean())
    found = covered > np.quantile(bare, 0.99)
    hit = metrics.wilson(int(found.sum()), len(found))
    least = float(np.quantile(1 / (1 + np.exp(-bare)), 0.99))
    return (
        f"area {area:.3f}; {hit} of the covered above the {least:.3f} that 1 % of {len(bare)} bare faces are above; at "
        + ", ".join(
            f"{limit:g}: {(1 / (1 + np.exp(-covered)) > limit).mean():.3f} of the covered, "
            f"{(1 / (1 + np.exp(-bare)) > limit).mean():.4f} of the bare"
            for limit in (0.9, 0.95, 0.98, 0.99)
        )
    )


def source(weights: Floats, bias: float) -> str:
    """The numbers as a Python file."""
    rows = weights.reshape(-1, occlusion.CELLS // 2)
    lines = "".join(f"    ({', '.join(f'{value:.3f}' for value in row)}),\n" for row in rows)
    return (
        '"""Numbers of `edgeface.quality.occlusion`, written by `python -m tools.train.occlusion`."""\n\n'
        f"BIAS = {bias:.3f}\n\nWEIGHTS = (\n{lines})\n"
        '"""Light, colour and detail, eight rows each of the four cells from the edge of the face to its middle."""\n'
    )


if __name__ == "__main__":
    main()
