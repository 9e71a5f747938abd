"""Does the reader err alike for everybody? London Set: neutral against smiling, by gender, ethnicity and age.

A stranger of one's own gender, ethnicity and age is the hardest to tell apart, so a group's FMR counts its own members
against each other, and is held against that of all groups of its kind together. Two thresholds: the shipped one, at
which errors are rare, and the one at which 1 % of all strangers' pairs match, which needs fewer people to tell groups
apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from edgeface.match import compared
from edgeface.model import Tensor
from tools import metrics
from tools.comparisons import gallery_of
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, stored
from tools.metrics import Figure, Flags, Floats

EVEN = "_at_fmr_1e-2"
"""Ends the names of the figures at the second threshold."""
LEAST = 5
"""Groups of fewer people are left out: their FMR would rest on a dozen pairs."""
AGES = ((0, 25), (25, 35), (35, 120))
"""From, below: the set's students, its young adults, and the few who are older."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """People with two pictures each, every one against every one."""

    names: tuple[str, ...]
    scores: Floats
    """shape (people, people): neutral picture (row) against smiling one (column); the diagonal is mated."""


def fairness(bench: Bench) -> Report:
    """FMR and FNMR of every group of the London Set."""
    archive, floor = Archive(bench.data / "london-cc-by.tar"), bench.loaded.floor
    rows = list(archive.rows("info.csv"))
    names = tuple(row["face_id"] for row in rows)
    vectors = bench.vectors(archive, [_file(n, side) for n in names for side in (0, 1)], "London Set")
    templates = {file: stored(vector) for file, vector in vectors.items()}
    enrolled, seen = (_rows([templates[_file(name, side)] for name in names]) for side in (0, 1))
    scores = compared(seen, gallery_of(enrolled, bench.loaded.choice.embedder.spec.scoring)).T
    panel = Panel(names=names, scores=np.nan_to_num(scores.astype(np.float64), nan=-1))
    even = metrics.threshold_at_fmr(panel.scores[~np.eye(len(names), dtype=bool)], 0.01)
    figures: dict[str, Value] = {"people": float(len(names)), "threshold": floor, "threshold_fmr_1e-2": even}
    for suffix, threshold in (("", floor), (EVEN, even)):
        for kind, groups in kinds(rows).items():
            figures |= compare(panel, groups, kind, threshold, suffix)
    lost = sum(vector is None for vector in templates.values())
    figures["failure_to_acquire"] = metrics.wilson(lost, len(templates))
    return Report(figures=figures, plots={"fnmr": _plot(figures, "fnmr"), "fmr": _plot(figures, "fmr")})


def _rows(found: Sequence[Tensor | None]) -> Tensor:
    """(n, d); no numbers where no face was found."""
    width = next(len(row) for row in found if row is not None)
    return np.stack([np.full(width, np.nan, np.float32) if row is None else row for row in found])


def _plot(figures: Mapping[str, Value], rate: str) -> Plot:
    """One rate of every group at both thresholds."""
    kinds = {"the reader's threshold": "", "FMR 1 % over all": EVEN}
    groups = {
        name.removeprefix(f"{rate}_").replace("_", " "): {
            kind: figure for kind, suffix in kinds.items() if isinstance(figure := figures[name + suffix], Figure)
        }
        for name, value in figures.items()
        if name.startswith(f"{rate}_") and isinstance(value, Figure) and not name.endswith(EVEN)
    }
    texts = {"fnmr": "FNMR: people not known again, %", "fmr": "FMR: strangers of the same group that match, %"}
    says = f"{rate.upper()} by group, London Set, at two thresholds."
    return Plot(says=says, draw=partial(plots.dots, groups, texts[rate]))


def kinds(rows: Sequence[Mapping[str, str]]) -> dict[str, dict[str, Flags]]:
    """Gender, ethnicity and age: who belongs to each group. A person whose age is not known is in no group of ages."""
    ages = np.array([float(row["face_age"]) if row["face_age"].isdigit() else np.nan for row in rows])
    return {
        "gender": _by_label([row["face_gender"] for row in rows]),
        "ethnicity": _by_label([row["face_eth"] for row in rows]),
        "age": {f"{low}_to_{high - 1}": (ages >= low) & (ages < high) for low, high in AGES},
    }


def compare(panel: Panel, groups: Mapping[str, Flags], kind: str, threshold: float, suffix: str) -> dict[str, Value]:
    """Both rates of each group and of all together, with a remark on what the numbers can tell."""
    kept = {name: members for name, members in groups.items() if members.sum() >= LEAST}
    square = [np.outer(members, members) for members in kept.values()]
    everybody = _rates(panel, np.logical_or.reduce(square), threshold)
    figures: dict[str, Value] = {f"{rate}_{kind}_all{suffix}": figure for rate, figure in everybody.items()}
    for name, pairs in zip(kept, square, strict=True):
        for rate, figure in _rates(panel, pairs, threshold).items():
            figures[f"{rate}_{kind}_{name}{suffix}"] = figure
            figures[f"{rate}_{kind}_{name}{suffix}_says"] = says(figure, everybody[rate].value)
    figures[f"people_left_out_of_{kind}{suffix}"] = float(sum(m.sum() for m in groups.values() if m.sum() < LEAST))
    return figures


def says(figure: Figure, everybody: float) -> str:
    """What a group's interval tells beside everybody's rate; too little if twice and half as much both fit into it."""
    if figure.low > everybody:
        return "higher than all"
    if figure.high < everybody:
        return "lower than all"
    if figure.low >= everybody / 2 and figure.high <= everybody * 2:
        return "within a factor of two of all"
    return "too few to tell"


def _rates(panel: Panel, pairs: Flags, threshold: float) -> dict[str, Figure]:
    own = np.eye(len(panel.names), dtype=bool)
    mated = panel.scores[pairs & own]
    strangers = np.argwhere(pairs & ~own)
    matched = panel.scores[pairs & ~own] >= threshold
    return {
        "fnmr": metrics.wilson(int((mated < threshold).sum()), len(mated)),
        "fmr": metrics.rate_by_person(matched, _named(panel.names, strangers)),
    }


def _named(names: Sequence[str], places: npt.NDArray[np.intp]) -> list[tuple[str, str]]:
    return [(names[first], names[second]) for first, second in places.tolist()]


def _by_label(labels: Sequence[str]) -> dict[str, Flags]:
    array = np.array(labels)
    return {label.replace("/", "_"): array == label for label in sorted(set(labels))}


def _file(name: str, side: int) -> str:
    return (f"neutral_front/{name}_03.jpg", f"smiling_front/{name}_08.jpg")[side]
