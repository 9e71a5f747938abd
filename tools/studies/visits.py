"""Ways to fuse the shots of a visit, tried on people whom nothing was fitted to: models/visits.md, second part.

    python -m tools.studies.visits --data DATA

Simulated visits (`tools.visit_bank`), 100 people enrolled with one old picture each, FNIR where 1 % of the strangers
get in. The people fall into halves; what a design has to learn it learns on one half, and its figure is of the visits
and galleries of the other alone: the mean of both.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeface import evidence, quality
from edgeface.match import Gallery
from edgeface.model import Tensor
from edgeface.service.bootstrap import load_models
from tools import metrics
from tools.evaluate.acquire import Bench, progress
from tools.evaluate.visits import RATE, World, moments, populate, searches
from tools.maps import unit_rows
from tools.metrics import Floats
from tools.page import write_section
from tools.visit_bank import Visit

PAGE = Path("models/visits.md")
SIZE, DRAWS = 100, 150
TAIL = """\
Nothing is gained by fusing the pixels of a visit's shots, registered to each other or not, by weighing shots by the
length of their embeddings, or by normalising probes by the crowd around them as templates are (scratch runs, FNIR
within a hundredth). What all frames of a visit have in common, and no map guesses back, is left to the embedder."""
Half = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How the shots of a visit become one score a person."""

    what: str
    sharpness: float = 3.0
    """Gate."""
    steepness: float = float(evidence.STEEPNESS)
    least: int = 3
    most: int = 20
    slack: float = 0.0
    """By how much the newest shot may be less alike than all together; infinity: it need not agree."""
    whiten: float | None = None
    """Within-class whitening, learnt from the other half's visits, with so much of the identity mixed in."""
    scoring: bool = True
    """Whether probes and templates are compared as the reader does, or by their cosine alone."""


USED = Design(what="as it is")
DESIGNS = (
    Design(what="as it was: gate at sharpness 6, weights by quality, 9 shots", sharpness=6, steepness=1, most=9),
    *(Design(what=f"gate at sharpness {value:g}", sharpness=value) for value in (6.0, 4.0, 2.0, 0.0)),
    *(Design(what=f"weights by quality to the power of {power}", steepness=power) for power in (0, 1, 2, 4, 12)),
    *(Design(what=f"unknown after {most} good shots", most=most) for most in (6, 9, 12, 15, 30, 40)),
    Design(what="two shots are enough", least=2),
    Design(what="four shots are needed", least=4),
    Design(what="the newest shot may be 0.05 less alike", slack=0.05),
    Design(what="the newest shot need not agree", slack=float("inf")),
    Design(what="compared by the cosine alone", scoring=False),
    *(Design(what=f"by the cosine after within-class whitening, {mix:g}", whiten=mix) for mix in (1.0, 2.0, 4.0)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    bench = Bench(data=arguments.data, loaded=load_models(arguments.home))
    worlds = {
        value: populate(bench, quality.Options(min_sharpness=value))
        for value in sorted({design.sharpness for design in (USED, *DESIGNS)})
    }
    rows = ["| design | FNIR | of the two halves |", "|---|---|---|"]
    for design in progress([USED, *DESIGNS], "designs"):
        first, second = measure(worlds[design.sharpness], design)
        rows.append(f"| {design.what} | {(first + second) / 2:.3f} | {first:.3f}, {second:.3f} |")
    world = worlds[USED.sharpness]
    head = (
        f"{len(world.visits)} visits, {SIZE} enrolled, FPIR {RATE:.0%}; each line changes one thing of the first. "
        "Learnt on one half of the people, told of the other (`python -m tools.studies.visits`). The halves differ by "
        "chance by a few hundredths, lines by less, as they share visits and galleries."
    )
    write_section(arguments.page, "What was tried", [head, "", *rows, "", TAIL])
    print("\n".join(rows))


def measure(world: World, design: Design) -> tuple[float, float]:
    """FNIR of either half of the people, whatever is learnt being the other's."""
    mine = np.random.default_rng(3).permutation(len(world.names)) < len(world.names) // 2
    return _missed(world, design, mine), _missed(world, design, ~mine)


def _missed(world: World, design: Design, fit: Half) -> float:
    shown = world if design.scoring else replace(world, scoring=None)
    shown = _of(shown if design.whiten is None else _whitened(shown, fit, design.whiten), ~fit)
    enrolled = shown.enrolled()
    scores = np.stack([_score(one, enrolled, design) for one in shown.visits])
    found = [searches(scores, shown, gallery) for gallery in _galleries(world, ~fit)]
    kept = [(one.mates, one.strangers) for one in found]
    threshold = metrics.threshold_at_fmr(np.concatenate([strangers for _, strangers in kept]), RATE)
    return float(np.mean(np.concatenate([mates for mates, _ in kept]) < threshold))


def _of(world: World, people: Half) -> World:
    """With the visits of some people alone."""
    kept = np.flatnonzero(people[world.owner])
    visits = tuple(world.visits[place] for place in kept)
    return replace(world, visits=visits, owner=world.owner[kept])


def _galleries(world: World, people: Half) -> list[npt.NDArray[np.intp]]:
    """Random galleries of one half, half of each people who visit."""
    random = np.random.default_rng(1)
    visitors = np.intersect1d(np.unique(world.owner), np.flatnonzero(people))
    others = np.setdiff1d(np.flatnonzero(people), visitors)
    mates = min(SIZE // 2, len(visitors) // 2)
    return [
        np.concatenate([random.permutation(visitors)[:mates], random.permutation(others)[: SIZE - mates]])
        for _ in range(DRAWS)
    ]


def _score(visit: Visit, enrolled: Gallery, design: Design) -> Floats:
    found = moments(visit, enrolled, design.most, steepness=design.steepness, slack=design.slack)
    if len(found) < design.least:
        return np.full(len(enrolled.vectors), -1.0)
    return np.asarray(found[design.least - 1 :].max(axis=0), np.float64)


def _whitened(world: World, fit: Half, mix: float) -> World:
    """Embeddings in which what the shots of one person differ by counts less (Hatch et al., Within-class covariance
    normalization, Interspeech 2006)."""
    apart = [
        (one.vectors[one.accepted] - world.references[owner]) / np.sqrt(max(1, int(one.accepted.sum())))
        for one, owner in zip(world.visits, world.owner, strict=True)
        if fit[owner] and one.accepted.any()
    ]
    return turned(world, whitener(np.concatenate(apart), mix))


def whitener(apart: Tensor, mix: float) -> Tensor:
    """(d, d): of what the pictures of one person differ by, (n, d), with so much of no turn at all mixed in."""
    spread = apart.T @ apart
    spread *= len(spread) / np.trace(spread)
    values, axes = np.linalg.eigh(spread + mix * np.eye(len(spread)))
    return np.asarray(axes @ np.diag(values**-0.5) @ axes.T, np.float32)


def turned(world: World, turn: Tensor) -> World:
    """With all embeddings mapped by a matrix, at length 1 again; how crowded they lie there nobody measured."""
    visits = tuple(_turned(one, turn) for one in world.visits)
    return replace(world, references=unit_rows(world.references @ turn), visits=visits, scoring=None)


def _turned(visit: Visit, turn: Tensor) -> Visit:
    return visit if not len(visit.vectors) else replace(visit, vectors=unit_rows(visit.vectors @ turn))


if __name__ == "__main__":
    main()
