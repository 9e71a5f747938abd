"""Measure the reader on development sets, through its own code: detector, alignment, int8 embedder, template.

    python -m tools.evaluate lfw --data DATA        LFW-dev pairs: accuracy, TAR at FMR, thresholds, failures to
                                                    acquire, what the template costs; --plot: ROC and scores
    python -m tools.evaluate identify --data DATA   who is it, or nobody: FPIR and FNIR for 10 to 1,000 people enrolled;
                                                    --plot: DET
    python -m tools.evaluate robust --data DATA     TAR on far, noisy, dark, covered, smeared and compressed faces
    python -m tools.evaluate fairness --data DATA   FMR and FNMR by gender, ethnicity and age
    python -m tools.evaluate pose --data DATA       detection, landmarks and head pose by yaw
    python -m tools.evaluate boxes --data DATA      average precision on street pictures

DATA is the folder of the archives (lfw-dev.tar, london-cc-by.tar, pose-dev.tar, boxes-dev.tar). Every rate comes with n
and a 95 % interval; `--json FILE` keeps them all. `--home` chooses the models: those in use in that edgeface home, the
shipped ones where there is none.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from edgeface.service.bootstrap import Loaded, load_models
from tools.evaluate.acquire import Report
from tools.evaluate.detection import boxes_dev, pose_dev
from tools.evaluate.fairness import fairness
from tools.evaluate.identification import identify
from tools.evaluate.robustness import robust
from tools.evaluate.verification import lfw
from tools.metrics import Figure

MEASURES: dict[str, Callable[[Path, Loaded], Report]] = {
    "lfw": lfw,
    "identify": identify,
    "robust": robust,
    "fairness": fairness,
    "pose": pose_dev,
    "boxes": boxes_dev,
}
DRAWN = ("lfw", "identify")


def main() -> None:
    arguments = _parse()
    report = MEASURES[arguments.what](arguments.data, load_models(arguments.home))
    for name, figure in report.figures.items():
        print(f"{name:48} {figure}")
    if arguments.json:
        plain = {name: asdict(f) if isinstance(f, Figure) else f for name, f in report.figures.items()}
        arguments.json.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    if arguments.plot and report.draw:
        report.draw(arguments.plot)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=MEASURES)
    parser.add_argument("--data", type=Path, required=True, help="folder of the archives")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--plot", type=Path, help=f"draw {' or '.join(DRAWN)} into this file, for example roc.png")
    arguments = parser.parse_args()
    if arguments.plot and arguments.what not in DRAWN:
        parser.error(f"{arguments.what} has no plot; --plot goes with {' and '.join(DRAWN)}")
    return arguments


if __name__ == "__main__":
    main()
