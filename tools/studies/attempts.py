"""Measure former versions of our models as the shipped ones are measured: what was tried, and what it was worth.

    python -m tools.studies.attempts edgeface-detect-320 --data DATA
    python -m tools.studies.attempts edgeface-embed-80 --data DATA --peers WEIGHTS
    python -m tools.studies.attempts edgeface-detect-320 --data DATA --file net.tflite --says "more real profiles"

The files come out of this repository's history, at the commits of ATTEMPTS; all else is as shipped. One that was tried
and not shipped is measured from its own file, and added. With `--peers`, embedders are timed beside EdgeFace-XXS.
Writes models/records/MODEL/attempts.json, which `tools.targets` makes tables of.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edgeface.adapters import tflite
from edgeface.model import Task
from tools.evaluate.__main__ import MEASURES
from tools.evaluate.acquire import Bench, Value
from tools.evaluate.budget import OURS, ratio
from tools.evaluate.speed import race_embedders
from tools.install.measure import shipped, with_model
from tools.install_model import MODELS
from tools.metrics import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A former version, or the shipped one in another use."""

    commit: str | None
    """None: the shipped file."""
    says: str
    """What is known of it."""
    one_pass: bool = False
    """Of an embedder: the face alone, without its mirror image."""


ATTEMPTS = {
    "edgeface-detect-320": (
        Attempt(commit="51c5697", says="rate raised again after 238,000 samples"),
        Attempt(commit="f0c71ec", says="535,008 samples, the rate to zero three times"),
    ),
    "edgeface-embed-80": (
        Attempt(commit="a85ec98", says="1,660,032 samples, the rate to zero"),
        Attempt(commit=None, says="the shipped file in one pass, without the mirror image", one_pass=True),
    ),
}
WANTED = {
    Task.DETECTOR: {
        "pose": ("recall_yaw_0_30", "recall_yaw_30_60", "recall_yaw_60_99", "landmark_error_yaw_60_99"),
        "boxes": ("ap50_faces_24px_at_320",),
    },
    Task.EMBEDDER: {"lfw": ("accuracy", "tar_at_far_1e-2"), "robust": ("tar_mean",)},
}
"""Figures to keep, by measure."""
BESIDE, TIME = "edgeface-xxs", "edgeface_xxs_takes_times_as_long"
"""Whom embedders are timed beside, and the figure: its processor time in theirs, both on the same faces in one race."""


def main() -> None:
    arguments = _parse()
    out = MODELS / "records" / arguments.name / "attempts.json"
    try:
        tried = _tried(arguments)
    except subprocess.CalledProcessError as error:
        sys.exit(f"tools.studies.attempts: {error.stderr.decode().strip()}: it takes a clone with its history")
    rows = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else []
    for attempt, content in tried:
        figures = measure(arguments.name, content, arguments.data, arguments.peers, one_pass=attempt.one_pass)
        row = {"says": attempt.says, "sha256": hashlib.sha256(content).hexdigest(), "figures": figures}
        rows = [*(other for other in rows if other["says"] != attempt.says), row]
        print(attempt.says, {name: str(value) for name, value in figures.items()}, flush=True)
    order = [one.says for one in ATTEMPTS[arguments.name]]
    rows.sort(key=lambda row: order.index(row["says"]) if row["says"] in order else len(order))
    out.write_text(json.dumps(rows, indent=1, default=_plain) + "\n", encoding="utf-8")
    print(f"wrote {out}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=ATTEMPTS)
    parser.add_argument("--data", type=Path, required=True, help="folder of the archives")
    parser.add_argument("--peers", type=Path, help="folder of other people's models, to time an embedder beside one")
    parser.add_argument("--file", type=Path, help="one more, that was never shipped")
    parser.add_argument(
        "--one-pass", action="store_true", help="the file sees the face alone, not its mirror image too"
    )
    parser.add_argument("--says", help="what the file was; without one: measure only what is known by this")
    return parser.parse_args()


def _tried(arguments: argparse.Namespace) -> list[tuple[Attempt, bytes]]:
    """What to measure: the file that was named, or the known attempts. Raises CalledProcessError."""
    if arguments.file:
        says = arguments.says or "tried, not shipped"
        return [(Attempt(commit=None, says=says, one_pass=arguments.one_pass), arguments.file.read_bytes())]
    known = [one for one in ATTEMPTS[arguments.name] if arguments.says in (None, one.says)]
    return [(one, former(arguments.name, one.commit)) for one in known]


def former(name: str, commit: str | None) -> bytes:
    """The model's file at a commit, or as it ships. Raises CalledProcessError where the history is not at hand."""
    if commit is None:
        return (MODELS / f"{name}.tflite").read_bytes()
    command = ["git", "show", f"{commit}:models/{name}.tflite"]
    return subprocess.run(command, cwd=MODELS, check=True, capture_output=True).stdout


def measure(name: str, content: bytes, data: Path, peers: Path | None, *, one_pass: bool) -> dict[str, Value]:
    """The wanted figures, by the measures of `tools.evaluate`, of this file in place of the shipped one."""
    loaded = shipped()
    spec = next(entry.spec for entry in loaded.choice.entries() if entry.spec.name == name)
    spec = replace(spec, sha256=hashlib.sha256(content).hexdigest(), mirror=spec.mirror and not one_pass)
    bench = Bench(data=data, loaded=with_model(spec, tflite.TfliteModel(spec, content), loaded))
    figures: dict[str, Value] = {}
    for measure_name, wanted in WANTED[spec.task].items():
        found = MEASURES[measure_name].run(bench).figures
        figures |= {figure: found[figure] for figure in wanted}
    if peers and spec.task is Task.EMBEDDER:
        times, _ = race_embedders(replace(bench, peers=peers), [BESIDE])
        figures[TIME] = ratio(times[BESIDE], times[OURS])
    return figures


def _plain(value: object) -> object:
    """For JSON: a figure as its parts."""
    if isinstance(value, Figure):
        return asdict(value)
    raise TypeError(f"{value} is no figure")


if __name__ == "__main__":
    main()
