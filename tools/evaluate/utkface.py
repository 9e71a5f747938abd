"""Are strangers of one group mixed up more often than those of another? UTKFace, hardly two pictures of one person.

Its file names say age, gender and ethnicity, for many more people than the London Set has; but nearly every picture is
of somebody else, so that only false matches can be counted. Our embedder was trained on it: a rate from here is
optimistic, a comparison of groups is what it is for.

Hardly is not never: a few hundred pairs show one person, unmarked, and at a threshold that one in 10,000 strangers pass
they are a good part of all matches. So each rate is bounded from both sides: with every pair counted as strangers, and
without the matches that a stronger recogniser, if the peers are at hand, takes for one person, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeface import image
from edgeface.match import compared
from edgeface.model import Scoring, Tensor
from tools import metrics
from tools.comparisons import gallery_of
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, central_face, progress, template, vector_at
from tools.metrics import Figure, Floats
from tools.peers import PeerEmbedder, PeerMissing, build_embedder

NAME = re.compile(r"(?P<age>\d+)_(?P<gender>[01])_(?P<ethnicity>[0-4])_\d+\.")
GENDERS = ("male", "female")
ETHNICITIES = ("white", "black", "asian", "indian", "other")
"""As the set numbers and calls them."""
ADULT = 18
EACH = 300
"""Pictures of every gender and ethnicity: 45,000 pairs of two in each."""
AGES = ((18, 30), (30, 45), (45, 60), (60, 120))
"""From, below."""
JUDGE, JUDGE_THRESHOLD = "mobilefacenet-large", 0.33
"""The stronger recogniser, and its cosine at a false match rate of 1 in 100,000 on LFW-dev."""
WITHOUT = "_without_alike"
"""Ends the names of the rates without what the judge takes for one person."""


def utkface(bench: Bench) -> Report:
    """FMR within and across the groups of UTKFace's adults, at the reader's threshold."""
    assert bench.utkface is not None
    judge, remarks = _judge(bench)
    chosen = bench.sample(choose(bench.utkface))
    ours: dict[Path, Tensor] = {}
    theirs: dict[Path, Tensor] = {}
    for path in progress(chosen, "UTKFace"):
        pixels = image.read(path)
        if (face := central_face(pixels, bench.loaded.models)) is None:
            continue
        ours[path] = template(vector_at(pixels, face.landmarks, bench.loaded.models))
        if judge:
            theirs[path] = judge.embed(judge.cut_ours(pixels, face.landmarks))
    figures: dict[str, Value] = {"people": float(len(ours)), "threshold": bench.loaded.floor}
    figures["failure_to_acquire"] = metrics.wilson(len(chosen) - len(ours), len(chosen))
    matches = _scores(ours, bench.loaded.choice.embedder.spec.scoring) >= bench.loaded.floor
    figures |= _figures(matches, list(ours), "")
    if judge:
        alike = _scores(theirs) >= JUDGE_THRESHOLD
        figures["matches_that_look_like_one_person"] = float(np.triu(matches & alike, 1).sum())
        figures |= _figures(matches & ~alike, list(ours), WITHOUT)
    return Report(figures=figures, plots={"fmr": _plot(figures)}, remarks=remarks)


def _judge(bench: Bench) -> tuple[PeerEmbedder | None, tuple[str, ...]]:
    if bench.peers is None:
        return None, ("Without --peers nobody looks for pairs of one person: the rates are upper bounds.",)
    try:
        return build_embedder(JUDGE, bench.peers, 1), ()
    except PeerMissing as reason:
        return None, (str(reason),)


def choose(folder: Path) -> list[Path]:
    """The same number of adults of every gender and ethnicity, drawn by a fixed seed."""
    cells: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.rglob("*.jpg")):
        label = NAME.match(path.name)
        if label and int(label["age"]) >= ADULT:
            cells.setdefault((label["gender"], label["ethnicity"]), []).append(path)
    random = np.random.default_rng(0)
    return [paths[i] for _, paths in sorted(cells.items()) for i in sorted(random.permutation(len(paths))[:EACH])]


def labels_of(paths: list[Path]) -> dict[str, npt.NDArray[np.str_]]:
    """Group of each picture by kind of group. Raises ValueError for a name that is not UTKFace's."""
    labels = [NAME.match(path.name) for path in paths]
    if None in labels:
        raise ValueError(f"{paths[labels.index(None)].name} does not say age, gender and ethnicity")
    found = [label for label in labels if label]
    return {
        "gender": np.array([GENDERS[int(label["gender"])] for label in found]),
        "ethnicity": np.array([ETHNICITIES[int(label["ethnicity"])] for label in found]),
        "age": np.array([_age(int(label["age"])) for label in found]),
    }


def _age(years: int) -> str:
    low, high = next((low, high) for low, high in AGES if low <= years < high)
    return f"{low}_to_{high - 1}"


def _scores(vectors: Mapping[Path, Tensor], scoring: Scoring | None = None) -> Floats:
    """Every picture as a probe (row) against every one as a template."""
    matrix = np.stack(list(vectors.values()))
    return compared(matrix, gallery_of(matrix, scoring)).astype(np.float64)


def _figures(matches: metrics.Flags, paths: list[Path], suffix: str) -> dict[str, Value]:
    matched = np.argwhere(np.triu(matches, 1))
    everybody = metrics.match_rates(matched, np.full(len(paths), "all"))["all"]
    figures: dict[str, Value] = {f"fmr_all_pairs{suffix}": everybody}
    for kind, labels in labels_of(paths).items():
        rates = metrics.match_rates(matched, labels)
        figures |= {f"fmr_{kind}_{group}{suffix}": rate for group, rate in rates.items()}
    return figures


def _plot(figures: Mapping[str, Value]) -> Plot:
    kinds = {"every pair counts": "", "without pairs that look like one person": WITHOUT}
    groups = {
        name.removeprefix("fmr_").replace("_", " "): {
            kind: figure for kind, end in kinds.items() if isinstance(figure := figures.get(name + end), Figure)
        }
        for name in figures
        if name.startswith("fmr_") and not name.endswith(WITHOUT)
    }
    says = "FMR within the groups of UTKFace, and across them; the axis is logarithmic."
    return Plot(says=says, draw=partial(plots.dots, groups, "FMR: pairs of strangers that match, %", log=True))
