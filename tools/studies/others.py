"""Whole visits of people whom nothing here was chosen by: does what was gained on LFW-dev hold for them?

    python -m tools.studies.others --data DATA --people FIW/train --reserved DATA/kin-families-reserved.txt

The reserved families of Families in the Wild: no model has learnt from them, and no setting, threshold or rule was
chosen on them. Visits are made as those of LFW-dev are (`tools.visit_bank`), of everybody's last picture; the first is
enrolled. Galleries hold kin, and strangers may be kin of those enrolled. A section of models/visits.md.
"""

from __future__ import annotations

import argparse
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeface.calibration import threshold_for
from edgeface.service.bootstrap import load_models
from tools import metrics, tail
from tools.evaluate.acquire import Bench, progress
from tools.evaluate.visits import (
    DRAWS,
    RATE,
    World,
    galleries,
    missed_at,
    populate,
    searches,
    strangers,
    times_missed,
    vote_searches,
)
from tools.metrics import Flags, Floats
from tools.page import write_section
from tools.samples.parts import names
from tools.studies.beyond import SIZE, scores
from tools.visit_tail import LOWEST, ROUNDS

PAGE = Path("models/visits.md")
FMR = 1e-5
"""Of a visit compared with one person: 1 in 1,000 strangers' visits, with 100 enrolled."""
PROMISED = f"""\
At the bar for as many, with a dial of 1 in 1,000, by tails fitted to the visits of LFW-dev as the reader's own is: of
strangers' visits compared with one person {FMR:g} are promised, and these were seen. Kin are promised nothing."""
WORK = Path("work/others")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--people", type=Path, required=True, help="folder of families of people")
    parser.add_argument("--reserved", type=Path, required=True, help="families nobody learnt from, one a line")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    bench = Bench(data=arguments.data, loaded=load_models(arguments.home))
    people = pack(arguments.people, names(arguments.reserved), WORK / "people.tar")
    world = populate(bench, people=people, bank=WORK / "visits")
    head = (
        f"{len(world.visits)} people of the reserved families of Families in the Wild, whom no model learnt from and "
        f"nothing was chosen by; {SIZE} enrolled, kin among them, FPIR {RATE:.0%} (`python -m tools.studies.others`)."
    )
    table = [*_table(world), "", PROMISED, "", *_promised(world, populate(bench))]
    write_section(arguments.page, "People whom nothing was chosen by", [head, "", *table])
    print("\n".join(table))


def pack(folder: Path, wanted: set[str], out: Path) -> Path:
    """The pictures of some families as an archive like that of LFW-dev: a folder a person."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(out, "w") as tar:
        for file in sorted(folder.glob("*/*/*.jpg")):
            if file.parts[-3] in wanted:
                tar.add(file, f"images/{file.parts[-3]}-{file.parts[-2]}/{file.name}")
    return out


def _table(world: World) -> list[str]:
    drawn = galleries(world, SIZE, DRAWS, np.random.default_rng(0))
    vote = [vote_searches(world, one) for one in progress(drawn, "votes")]
    rows = ["| rule | FNIR | for one of the vote's |", "|---|---|---|"]
    for what, shown in (("the reader's", world), ("the same, by the cosine alone", replace(world, scoring=None))):
        found = scores(shown)
        mine = [searches(found, world, one) for one in drawn]
        rows.append(f"| {what} | {missed_at(mine)} | {times_missed(mine, vote)} |")
    rows.append(f"| weighted vote of Frigate, its default numbers | {missed_at(vote)} | 1 |")
    return rows


def _promised(world: World, fitted_to: World) -> list[str]:
    family = np.array([name.split("-")[0] for name in world.names])
    everybody = np.ones(len(fitted_to.names), bool)
    rows = ["| rule | bar | strangers | kin | FNIR |", "|---|---|---|---|---|"]
    for what, scoring in (("the reader's", world.scoring), ("the same, by the cosine alone", None)):
        known = replace(fitted_to, scoring=scoring)
        bar = threshold_for(FMR, tail.fit(strangers(scores(known), known, everybody), rounds=ROUNDS, lowest_fmr=LOWEST))
        found = scores(replace(world, scoring=scoring))
        own = np.arange(len(world.names)) == world.owner[:, None]
        kin = (family == family[world.owner][:, None]) & ~own
        rates = " | ".join(_rate(found, world, chosen, bar) for chosen in (~kin & ~own, kin))
        missed_by = metrics.rate_by_person(found[own] < bar, [(str(one), str(one)) for one in world.owner])
        rows.append(f"| {what} | {bar:.3f} | {rates} | {missed_by} |")
    return rows


def _rate(found: Floats, world: World, chosen: Flags, bar: float) -> str:
    """Of comparisons of two people, how many reach the bar."""
    visit, whom = np.nonzero(chosen)
    pairs = [(str(world.owner[one]), str(other)) for one, other in zip(visit, whom, strict=True)]
    rate = metrics.rate_by_person(found[chosen] >= bar, pairs)
    return f"{rate.value:.2g} [{rate.low:.2g}, {rate.high:.2g}] (n = {rate.n})"


if __name__ == "__main__":
    main()
