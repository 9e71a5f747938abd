"""The page on what an arm64 board computes, from what both sides left: see prove.sh, which calls this.

python -m tools.arm64 RESULTS --out docs/arm64.md       the figures go beside it, into docs/arm64.json
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tools.arm64.compare import Likeness, Machine, compare, kinds, read

HERE = "x86-64 this machine"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder with a .npz of each machine, doctor.jsonl and install.txt")
    parser.add_argument("--out", type=Path, default=Path("docs/arm64.md"), help="page to write")
    arguments = parser.parse_args()
    machines = [read(path) for path in sorted(arguments.results.glob("*.npz"))]
    (here,) = [machine for machine in machines if machine.name == HERE]
    others = [machine for machine in machines if machine is not here]
    install = (arguments.results / "install.txt").read_text(encoding="utf-8").splitlines()
    doctor = [json.loads(line) for line in (arguments.results / "doctor.jsonl").read_text("utf-8").splitlines()]
    told = figures(here, others, install, doctor)
    arguments.out.write_text(page(told), encoding="utf-8")
    arguments.out.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"written: {arguments.out}")


def figures(here: Machine, others: list[Machine], install: list[str], doctor: list[dict[str, Any]]) -> dict[str, Any]:
    """All that was found, as JSON."""
    models, stages = kinds(here.arrays, "model"), kinds(here.arrays, "stage")
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("ai-edge-litert", "numpy", "opencv-python-headless")},
        },
        "digests": {kind.partition("/")[2]: here.digest(kind) for kind in models},
        "decided": {machine.name: machine.said["decided"] for machine in (here, *others)},
        "golden": {machine.name: machine.said["golden"] for machine in (here, *others)},
        "models": {other.name: [compare(other, here, kind).plain for kind in models] for other in others},
        "stages": {other.name: [compare(other, here, kind).plain for kind in stages] for other in others},
        "doctor": {check["check"]: [check["health"], check["detail"]] for check in doctor},
        "install": install,
    }


def page(told: dict[str, Any]) -> str:
    """The page, Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    return f"""# On arm64

A Debian 12 for arm64, emulated by qemu, installs the wheel and does the reader's work: golden probes, enrolment, a
visit of who was enrolled and one of a stranger. `make arm64` (as root; see `tools/arm64/prove.sh`) repeats it and
writes this page; the figures are in [arm64.json](arm64.json). Emulated cores tell what is computed, not how fast, and
no board has confirmed it yet. Here: x86-64, {versions}.

## Models

Each model's outputs, as its file gives them (int8), on pictures of chance: how many are the same to the last bit as on
this machine; and whether the golden probes are proven there.

{_models(told)}

## From a picture to a template

The same walks of two people up to a camera, stage by stage: how many results are the same to the last bit, and how
far the furthest is away.

{_stages(told)}

Between the models OpenCV and numpy reckon in floating point, and round otherwise on each kind of machine, old PCs
included: a face is cut out a grey level otherwise in some places, and its template moves by what stands above. That is
far less than two pictures of one person differ by: templates of one kind of machine are good on the other.

## The main job

{_decided(told)}

## Installed

`systemd/install.sh` in the same system, as root, where no systemd runs: nothing is started, all else is done.

{chr(10).join(f"- {line}" for line in told["install"])}

`edgeface doctor` there: {"; ".join(f"{name} {health}" for name, (health, _) in told["doctor"].items())}.
"""


def _models(told: dict[str, Any]) -> str:
    names = list(told["digests"])
    rows = [f"| machine | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for machine, found in told["models"].items():
        cells = [_cell(Likeness(**one), told["golden"][machine][one["what"]]) for one in found]
        rows.append(f"| {machine} | {' | '.join(cells)} |")
    digests = " | ".join(f"`{digest[:12]}`" for digest in told["digests"].values())
    return "\n".join([*rows, f"| sha256 of all outputs here | {digests} |"])


def _cell(found: Likeness, proof: str) -> str:
    far = "" if found.same == found.n else f", {found.furthest:.3g} steps at most"
    return f"{found.same} of {found.n}{far}; {proof}"


def _stages(told: dict[str, Any]) -> str:
    machines = told["stages"]
    rows = [f"| stage | {' | '.join(machines)} |", "|---" * (len(machines) + 1) + "|"]
    for place, first in enumerate(next(iter(machines.values()))):
        cells = [_stage(Likeness(**found[place])) for found in machines.values()]
        rows.append(f"| {first['what']} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _stage(found: Likeness) -> str:
    if found.same == found.n:
        return f"{found.same} of {found.n}"
    cosine = "" if found.cosine is None else f", cosine {found.cosine:.6f} at least"
    return f"{found.same} of {found.n}, {found.furthest:.2g}{cosine}"


def _decided(told: dict[str, Any]) -> str:
    rows = ["| machine | " + " | ".join(one["who"] for one in told["decided"][HERE]) + " |"]
    rows.append("|---" * (1 + len(told["decided"][HERE])) + "|")
    for machine, decided in told["decided"].items():
        cells = [f"{one['outcome']}, score {one['score']:.4f}" for one in decided]
        rows.append(f"| {machine} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
