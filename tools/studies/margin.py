"""What the lead that a grant asks for costs and saves: models/visits.md, last part.

    python -m tools.studies.margin --data DATA

Simulated visits (`tools.visit_bank`) at galleries of 100: who is let in as himself, who as somebody else, and how many
strangers, at the reader's own bar and at the one where 1 % of the strangers get in.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeface import evidence
from edgeface.decide import Options
from edgeface.match import Gallery, compared
from edgeface.model import Tensor
from edgeface.service.bootstrap import load_models
from tools import metrics
from tools.evaluate.acquire import Bench, progress
from tools.evaluate.visits import World, galleries, populate
from tools.page import write_section
from tools.visit_bank import Visit

PAGE = Path("models/visits.md")
BARS = (0.484, 0.548)
MARGINS = (0.0, 0.02, 0.05, 0.1, 0.15)
SIZE, DRAWS = 100, 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    world = populate(Bench(data=arguments.data, loaded=load_models(arguments.home)))
    drawn = galleries(world, SIZE, DRAWS, np.random.default_rng(0))
    rows = ["| bar | lead | let in as oneself | as somebody else | strangers let in |", "|---|---|---|---|---|"]
    cases = [(bar, margin) for bar in BARS for margin in MARGINS]
    for bar, margin in progress(cases, "leads"):
        told = " | ".join(str(figure) for figure in _rates(world, drawn, bar, margin))
        rows.append(f"| {bar:g} | {margin:g} | {told} |")
    head = f"`decide.min_margin`, {SIZE} enrolled, {DRAWS} galleries (`python -m tools.studies.margin`); Wilson's "
    write_section(
        arguments.page, "The lead over the next", [f"{head}intervals over visits that recur: too narrow.", "", *rows]
    )
    print("\n".join(rows))


def _rates(
    world: World, drawn: list[npt.NDArray[np.intp]], bar: float, margin: float
) -> tuple[metrics.Figure, metrics.Figure, metrics.Figure]:
    right = wrong = mated = let_in = strange = 0
    for gallery in drawn:
        enrolled = world.enrolled(gallery)
        for visit, owner in zip(world.visits, world.owner, strict=True):
            who = _granted(visit, enrolled, bar, margin)
            known = owner in gallery
            mated, strange = mated + known, strange + (not known)
            right += known and who is not None and bool(gallery[who] == owner)
            wrong += known and who is not None and bool(gallery[who] != owner)
            let_in += not known and who is not None
    return metrics.wilson(right, mated), metrics.wilson(wrong, mated), metrics.wilson(let_in, strange)


def _granted(visit: Visit, enrolled: Gallery, bar: float, margin: float) -> int | None:
    """Place in the gallery of whoever the visit is let in as first; None if nobody."""
    options = Options()
    for shots, (together, newest) in enumerate(_moments(visit, enrolled, options.unknown_shots), 1):
        second, best = np.argsort(together)[-2:]
        lead = together[best] - together[second]
        if shots >= options.min_shots and min(together[best], newest[best]) >= bar and lead >= margin:
            return int(best)
    return None


def _moments(visit: Visit, enrolled: Gallery, most: int) -> Iterator[tuple[Tensor, Tensor]]:
    good = np.flatnonzero(visit.accepted)[:most]
    if not len(good):
        return
    weights = np.array([evidence.weight_of(float(score)) for score in visit.quality[good]], np.float32)
    sums = np.cumsum(visit.vectors[good] * weights[:, None], axis=0)
    yield from zip(
        compared(sums / np.linalg.norm(sums, axis=1, keepdims=True), enrolled),
        compared(visit.vectors[good], enrolled),
        strict=True,
    )


if __name__ == "__main__":
    main()
