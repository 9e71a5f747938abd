"""The line through the unified score and what it does not see: least squares on the cosine to the person.

    python -m tools.train.combination --bank bank.npz --out edgeface/quality/weights.py

`bank.npz` is from `tools.quality_bank`. The line is scaled so that the score has the mean and the spread that the
unified score has there: what is made for one goes for the other. A forest is fitted to the same numbers, if
scikit-learn is at hand, to see what a line leaves; both are judged on families held out, and on LFW-dev by
`python -m tools.evaluate discard`.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

import click
import numpy as np

from tools.metrics import Flags, Floats

PENALTY = 1.0
"""On the squares of the weights, of features scaled to a spread of 1."""
FOLDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, required=True, help="from tools.quality_bank")
    parser.add_argument("--out", type=Path, required=True, help="Python file to write the numbers into")
    parser.add_argument("--json", type=Path, help="keep the rank correlations in this file, for tools.studies.quality")
    arguments = parser.parse_args()
    with np.load(arguments.bank) as data:
        rows, cosine, person = data["features"], data["cosine"].astype(np.float64), data["person"]
    families = np.array([name.split("/")[0] for name in person])
    report = {"bank": f"{len(cosine):,} comparisons of {len(set(person)):,} people, {len(set(families))} families"}
    for name, predict in {"line": _line, "forest": _forest}.items():
        guesses = np.full(len(cosine), np.nan)
        for held in _folds(families):
            if (found := predict(rows[~held], cosine[~held], rows[held])) is not None:
                guesses[held] = found
        if np.isfinite(guesses).all():
            report[name] = f"{rank(guesses, cosine):.4f}"
    text = json.dumps({**report, "unified score alone": f"{rank(rows[:, 0], cosine):.4f}"}, indent=1)
    click.echo(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    arguments.out.write_text(source(*fit(rows, cosine)), encoding="utf-8")


def fit(rows: Floats, cosine: Floats) -> tuple[Floats, float]:
    """Weights and bias, in units of the first feature, which is the unified score."""
    middle, spread = rows.mean(axis=0), rows.std(axis=0)
    scaled = (rows - middle) / spread
    gram = scaled.T @ scaled + PENALTY * np.eye(rows.shape[1])
    weights = np.linalg.solve(gram, scaled.T @ (cosine - cosine.mean())) / spread
    weights *= spread[0] / (rows @ weights).std()
    return weights, float(middle[0] - middle @ weights)


def _line(rows: Floats, cosine: Floats, unseen: Floats) -> Floats | None:
    weights, bias = fit(rows, cosine)
    return np.asarray(unseen @ weights + bias)


def _forest(rows: Floats, cosine: Floats, unseen: Floats) -> Floats | None:
    try:
        ensemble = importlib.import_module("sklearn.ensemble")
    except ModuleNotFoundError:
        return None
    forest = ensemble.RandomForestRegressor(60, max_depth=6, min_samples_leaf=40, random_state=0)
    return np.asarray(forest.fit(rows, cosine).predict(unseen))


def _folds(families: np.ndarray) -> list[Flags]:
    """Which rows are held out: no family is on both sides."""
    names, places = np.unique(families, return_inverse=True)
    return [np.asarray(places % FOLDS == fold) for fold in range(FOLDS) if len(names) >= FOLDS]


def rank(first: Floats, second: Floats) -> float:
    """Spearman's correlation; ties are rare."""
    places = [np.argsort(np.argsort(values)) for values in (first, second)]
    return float(np.corrcoef(*places)[0, 1])


def source(weights: Floats, bias: float) -> str:
    """The numbers as a Python file."""
    return (
        '"""Numbers of `edgeface.quality.score`, written by `python -m tools.train.combination`."""\n\n'
        f"BIAS = {bias:.4f}\n\nWEIGHTS = ({', '.join(f'{value:.4f}' for value in weights)})\n"
        '"""Unified score, log odds of the detection, landmark misfit, log eye distance, sharpness, occlusion."""\n'
    )


if __name__ == "__main__":
    main()
