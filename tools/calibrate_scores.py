"""What an embedder's scores mean: likelihood ratios, and how often strangers reach a score. Measured on LFW-dev.

    python -m tools.calibrate_scores --data DATA --json work/scores.json
    python -m tools.install_model edgeface-embed-80 --calibration work/scores.json

Every picture of lfw-dev.tar goes through the reader (detector, alignment, int8 embedder, template) and is compared with
every other one. `--home` chooses the models; `--qq FILE.png` shows how well the fit to the highest impostor scores
holds. The line of likelihood ratios is judged on people that it was not fitted to, fold by fold of LFW; the tail on the
other half of the people.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgeface.calibration import Calibration, threshold_for
from edgeface.model import ImpostorTail, Tensor
from edgeface.service.bootstrap import load_models
from tools import likelihood, tail
from tools.comparisons import Comparisons, every
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, person_of, stored
from tools.metrics import Figure, Floats, draws

ROUNDS = 200
"""Of each bootstrap."""
SPLITS = 100
"""Halvings of the people that promises are averaged over."""


def main() -> None:
    arguments = _parse()
    loaded = load_models(arguments.home)
    archive = Archive(arguments.data / "lfw-dev.tar")
    trials, folds = _measure(archive, Bench(data=arguments.data, loaded=loaded))
    line, figures = _likelihoods(trials, folds)
    impostors = trials.only(~trials.same)
    promises = tail.extrapolate(impostors, splits=SPLITS)
    fitted = tail.fit(impostors, rounds=ROUNDS, lowest_fmr=tail.lowest_kept(promises))
    spec = loaded.choice.embedder.spec
    report = {
        "model": spec.name,
        "sha256": spec.sha256,
        "kernels": loaded.embedder.kernels,
        "detector": loaded.choice.detector.spec.sha256,
        "pairs_of_one_person": int(trials.same.sum()),
        "people": trials.people,
        "calibration": [list(corner) for corner in line],
        "impostor_tail": {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(fitted).items()},
        "figures": {name: asdict(figure) for name, figure in figures.items()},
        "promises": [asdict(promise) for promise in promises],
    }
    _tell(report, figures, promises, fitted)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if arguments.qq:
        _draw(*tail.quantiles(impostors, fitted), arguments.qq)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--json", type=Path, help="keep everything here, for tools.install_model")
    parser.add_argument("--qq", type=Path, help="draw expected over found scores of the tail into this file")
    return parser.parse_args()


def _measure(archive: Archive, bench: Bench) -> tuple[Comparisons, dict[int, int]]:
    """All comparisons of an archive's pictures, and the fold of each person by place."""
    vectors, owners = pictures_of(archive, bench)
    sides = ((row, side) for row in archive.rows("pairs.csv") for side in ("file_a", "file_b"))
    folds = {person_of(row[side]): int(row["fold"]) for row, side in sides}
    places = {place: folds[name] for place, name in enumerate(sorted(set(owners)))}
    return every(vectors, owners, bench.loaded.choice.embedder.spec.scoring), places


def pictures_of(archive: Archive, bench: Bench) -> tuple[Tensor, list[str]]:
    """Templates of an archive's pictures, as stored, (n, d), and who is on each."""
    found = bench.vectors(archive, archive.names("images/"), "LFW-dev, every picture")
    kept = {name: template for name, vector in found.items() if (template := stored(vector)) is not None}
    return np.stack(list(kept.values())), [person_of(name) for name in kept]


def _likelihoods(trials: Comparisons, folds: dict[int, int]) -> tuple[Calibration, dict[str, Figure]]:
    """The line fitted to all, and what lines fitted without a fold's people cost on that fold."""
    fold = np.array([folds[place] for place in range(trials.people)])
    first, second = fold[trials.first], fold[trials.second]
    logs = np.zeros(len(trials.scores))
    for number in sorted(set(folds.values())):
        line = likelihood.fit(trials.only((first != number) & (second != number)))
        inside = (first == number) & (second == number)
        logs[inside] = likelihood.read_off(trials.scores[inside], line)
    within = first == second
    judged, said = trials.only(within), logs[within]
    figures = {
        "cllr": _interval(judged, lambda weights: likelihood.cllr(said, judged.same, weights)),
        "min_cllr": _interval(judged, lambda weights: likelihood.min_cllr(judged.scores, judged.same, weights)),
    }
    return likelihood.fit(trials), figures


def _interval(trials: Comparisons, statistic: Callable[[Floats], float]) -> Figure:
    """A statistic of trial weights, and its 95 % interval, drawing people with replacement."""
    again = [statistic(trials.weights(drawn)) for drawn in draws(trials.people, ROUNDS, 0)]
    low, high = np.percentile(again, [2.5, 97.5])
    value = statistic(np.ones(len(trials.scores)))
    return Figure(value=value, low=float(low), high=float(high), n=len(trials.scores))


def _tell(
    report: dict[str, Any], figures: dict[str, Figure], promises: list[tail.Promise], fitted: ImpostorTail
) -> None:
    print(f"{report['model']}: {report['people']} people, {report['pairs_of_one_person']} pairs of one person")
    print("cosine -> log10 likelihood ratio:", ", ".join(f"{x:.3f} {y:+.2f}" for x, y in report["calibration"]))
    for name, figure in figures.items():
        print(f"{name:10} {figure} bits, on people that the line was not fitted to")
    for key, value in report["impostor_tail"].items():
        print(f"tail {key:15} {value}")
    print("FMR promised   on the other half of the people (95 % of the splits)")
    for one in promises:
        print(f"{one.promised:<12.0e}   {one.observed:.2e} [{one.low:.2e}, {one.high:.2e}]   {one.pairs:,} pairs")
    for rate in (rate for rate in tail.RATES if rate >= fitted.lowest_fmr):
        print(f"threshold for FMR {rate:.0e}: {threshold_for(rate, fitted):.3f}, by the fit to all people")


def _draw(expected: Floats, found: Floats, file: Path) -> None:
    """Expected over found: a straight line if strangers come as near as the fit says."""
    with plots.canvas(file, width=6, height=6) as axes:
        axes.plot(expected, found, ".", color=plots.OURS, markersize=3)
        ends = [min(expected[0], found[0]), max(expected[-1], found[-1])]
        axes.plot(ends, ends, color=plots.GREY, linewidth=1)
        axes.set(xlabel="cosine expected by the generalised Pareto fit", ylabel="cosine found between two people")
        axes.set_title(f"The {len(found):,} most alike pairs of strangers")


if __name__ == "__main__":
    main()
