"""What of a scoring (`edgeface/scoring.py`) helps, and by how much: whole visits, each setting learnt anew.

    python -m tools.studies.scoring --faces work/embedder/faces.npz --data DATA

In the same galleries as `tools.evaluate visits`: 100 enrolled, an FPIR of 1 %. A section of models/visits.md. The
settings in use were chosen by this table, on the people whom it tells of: expect a little less of others. The vote is
Frigate's; given what the maps make of probes and templates it misses fewer, which its own default is not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeface.model import Scoring
from edgeface.scoring import probes, templates
from edgeface.service.bootstrap import load_models
from tools.evaluate.acquire import Bench, progress
from tools.evaluate.visits import DRAWS, RATE, World, galleries, missed_at, populate, vote_searches
from tools.metrics import Figure
from tools.page import write_section
from tools.studies.beyond import SIZE, compare, scores
from tools.train.scoring import Learnt, Settings, both, fit

PAGE = Path("models/visits.md")
SEEDS = (1, 2, 3)
"""A setting's FNIR depends on where k-means begins."""
TRIED = (
    ("as it is", Settings()),
    ("maps alone: crowds are not thinned out", Settings(weight=0.0)),
    ("crowds alone: nothing is mapped", Settings(ridge=None)),
    *((f"{count:,} directions", Settings(directions=count)) for count in (64, 256, 512, 2048)),
    *((f"sharpness {value:g}", Settings(sharpness=value)) for value in (10.0, 14.0, 24.0)),
    *((f"weight {value:g}", Settings(weight=value)) for value in (0.4, 0.8, 1.0)),
    *((f"ridge {value:g}", Settings(ridge=value)) for value in (1.0, 100.0)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="faces.npz of tools.train embedder")
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which embedder is in use")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    world = populate(Bench(data=arguments.data, loaded=loaded))
    learnt = both(arguments.faces, loaded.models.embedder, np.random.default_rng(0))
    table = ["| scoring | FNIR, begun three times | mean, for one of the vote's |", "|---|---|---|"]
    table += _table(world, learnt)
    head = (
        f"{SIZE} enrolled, FPIR {RATE:.0%} (`python -m tools.studies.scoring`). The first line's settings were chosen "
        "by this table, on the people whom it tells of: expect a little less of others."
    )
    write_section(arguments.page, "How probes and templates are compared", [head, "", *table])
    print("\n".join(table))


def _table(world: World, learnt: Learnt) -> Iterator[str]:
    plain = _vote(world).value
    for what, settings in progress(TRIED, "scorings"):
        fitted = [fit(learnt, np.random.default_rng(seed), settings) for seed in SEEDS]
        found = [compare(scores(replace(world, scoring=one)), world).value for one in fitted]
        yield f"| {what} | {', '.join(f'{one:.3f}' for one in found)} | {np.mean(found) / plain:.3f} |"
    cosine = compare(scores(replace(world, scoring=None)), world).value
    yield f"| none: the cosine alone | {cosine:.3f} | {cosine / plain:.3f} |"
    mapped = _vote(_mapped(world, fit(learnt, np.random.default_rng(SEEDS[0])))).value
    yield f"| the vote as it is | {plain:.3f} | 1 |"
    yield f"| the vote, of mapped probes and templates | {mapped:.3f} | {mapped / plain:.3f} |"


def _mapped(world: World, scoring: Scoring) -> World:
    seen = tuple(
        replace(one, vectors=probes(one.vectors, scoring)) if len(one.vectors) else one for one in world.visits
    )
    return replace(world, visits=seen, references=templates(world.references, scoring))


def _vote(world: World) -> Figure:
    """FNIR of the vote."""
    drawn = galleries(world, SIZE, DRAWS, np.random.default_rng(0))
    return missed_at([vote_searches(world, one) for one in progress(drawn, "votes")])


if __name__ == "__main__":
    main()
