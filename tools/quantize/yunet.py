"""A network that is not ours, end to end: the faces that YuNet finds in float, in int8, and as OpenCV runs it.

    python -m tools.quantize model yunet_n_320_320.onnx --inputs pictures/ --manifest my.toml --spec yunet-320 \\
        --out y320.tflite --report y320
    python -m tools.quantize.yunet y320.tflite --onnx yunet_n_320_320.onnx --manifest my.toml --spec yunet-320 \\
        --data DATA --report y320

Pictures are the held-out ones of boxes-dev; the report folder gets faces.md and faces.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tools import metrics
from tools.evaluate import boxes
from tools.metrics import Figure
from tools.peers.detectors import YUNET_MIN_SCORE, Find, Yunet
from tools.quantize.inputs import spec_of
from tools.quantize.tasks import find_with, street

Rows = dict[str, dict[str, Figure]]
"""By way of running it: figure by name."""


def main() -> None:
    arguments = _parse()
    spec, file = spec_of(arguments.manifest, arguments.spec), arguments.int8
    finders: dict[str, Find] = {
        "OpenCV, float": Yunet(arguments.onnx, 1, side_px=spec.width_px, min_score=boxes.LOWEST_SCORE),
        "TFLite, float": find_with(spec, file.with_suffix(".float.tflite")),
        "TFLite, int8": find_with(spec, file),
    }
    found = street(arguments.data, list(finders.values()), arguments.limit)
    rows = figures(dict(zip(finders, found, strict=True)))
    text = table(rows, len(found[0]))
    print(text)
    if arguments.report:
        arguments.report.mkdir(parents=True, exist_ok=True)
        plain = {way: {key: asdict(one) for key, one in row.items()} for way, row in rows.items()}
        (arguments.report / "faces.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
        (arguments.report / "faces.md").write_text(text + "\n", encoding="utf-8")


def figures(scored: dict[str, list[boxes.Scored]]) -> Rows:
    """Average precision, recall and precision at YuNet's own threshold, and precision ahead of the first way's."""
    first = next(iter(scored.values()))
    return {
        way: {
            "ap50": boxes.precision(pictures),
            "ahead": boxes.precision_ahead(pictures, first),
            **_at_threshold(pictures),
        }
        for way, pictures in scored.items()
    }


def _at_threshold(pictures: Sequence[boxes.Scored]) -> dict[str, Figure]:
    kept = [hit for found, _ in pictures for score, hit in found if score >= YUNET_MIN_SCORE]
    faces = sum(large for _, large in pictures)
    return {"recall": metrics.wilson(sum(kept), faces), "right": metrics.wilson(sum(kept), len(kept))}


def table(rows: Rows, pictures: int) -> str:
    """Markdown."""
    lines = [
        f"Faces of {boxes.LARGE_PX} px and more on {pictures} street pictures; 95 % intervals.\n",
        f"| | average precision | minus the first | recall at {YUNET_MIN_SCORE:g} | share of right detections |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {way} | {' | '.join(map(str, row.values()))} |" for way, row in rows.items())])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("int8", type=Path, help="file that tools.quantize wrote, its float file beside it")
    parser.add_argument("--onnx", type=Path, required=True, help="the network as it came, for OpenCV")
    parser.add_argument("--manifest", type=Path, required=True, help="says how the reader feeds it")
    parser.add_argument("--spec", required=True, help="its name in the manifest")
    parser.add_argument("--data", type=Path, required=True, help="folder of boxes-dev.tar")
    parser.add_argument("--limit", type=int, help="so many pictures; all if not given")
    parser.add_argument("--report", type=Path, help="folder for faces.md and faces.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
