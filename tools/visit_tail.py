"""How near strangers come in whole visits, for the bar of the reader, and what a score says of who it is.

Measured on simulated visits of LFW-dev people.

    python -m tools.visit_tail --data DATA --json work/visit-tail.json
    python -m tools.install_model edgeface-embed-80 --calibration work/visit-tail.json

The generalised Pareto fit of `tools.tail`, to the best moment of every visit against everybody else's reference, and
the line of `tools.likelihood`, to those and to everybody's own. How well both hold for other people is measured by
`python -m tools.evaluate visits`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeface.decide import Options
from edgeface.service.bootstrap import load_models
from tools import likelihood, tail
from tools.evaluate.acquire import Bench
from tools.evaluate.visit_strength import comparisons
from tools.evaluate.visits import fused, populate, strangers
from tools.metrics import Floats

ROUNDS = 100
"""Of the bootstrap over people."""
QUANTILES = 41
LOWEST = 1e-5
"""Promises were kept within a factor of 2 down to here (100 people, 1 visit in 1,000), on people not fitted to."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--json", type=Path, required=True, help="for tools.install_model")
    arguments = parser.parse_args()
    loaded, options = load_models(arguments.home), Options()
    world = populate(Bench(data=arguments.data, loaded=loaded))
    least, most, enrolled = options.min_shots, options.unknown_shots, world.enrolled()
    scores = np.stack([fused(one, enrolled, least, most) for one in world.visits])
    everybody = np.ones(len(world.names), bool)
    fitted = tail.fit(strangers(scores, world, everybody), rounds=ROUNDS, lowest_fmr=LOWEST)
    kept = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(fitted).items()}
    report = {
        "sha256": loaded.choice.embedder.spec.sha256,
        "visit_tail": kept,
        "visit_mates": _mates(scores, world.owner),
        "visit_calibration": [list(corner) for corner in likelihood.fit(comparisons(scores, world.owner, everybody))],
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(kept, indent=1))


def _mates(scores: Floats, owner: npt.NDArray[np.intp]) -> dict[str, Any]:
    """What each visit comes to as its own person."""
    own = scores[np.arange(len(owner)), owner]
    quantiles = np.quantile(own, np.linspace(0, 1, QUANTILES), method="lower")
    return {"quantiles": [round(float(cosine), 4) for cosine in quantiles], "visits": len(own)}


if __name__ == "__main__":
    main()
