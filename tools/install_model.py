"""Put a quantized file into `models/`, and its digest, thresholds, calibration and golden outputs into the manifest.

python -m tools.install_model edgeface-embed-80 work/embedder/embedder.tflite     a new file
python -m tools.install_model edgeface-embed-80 --calibration work/scores.json    from tools.calibrate_scores
python -m tools.install_model edgeface-embed-80                                   golden outputs only, for example again
                                                                                  with another runtime

Golden outputs are written for the kernels that run here; those of others stay as long as the file is the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgeface.adapters import golden, manifest, tflite

MODELS = Path(__file__).parent.parent / "models"
OF_SCORES = ("scoring", "calibration", "impostor_tail", "visit_tail", "visit_mates", "visit_calibration")
OF_THE_FILE = ("golden", "golden_sample", *OF_SCORES)
"""Keys that were measured on a file, and say nothing of another."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the manifest's entry")
    parser.add_argument("file", type=Path, nargs="?", help="int8 file from tools.quantize; default: what is there")
    parser.add_argument("--threshold", type=float, help="new value of the entry's threshold, from tools.evaluate")
    parser.add_argument(
        "--calibration", type=Path, help="JSON from tools.calibrate_scores, tools.visit_tail or tools.train.scoring"
    )
    arguments = parser.parse_args()
    measured = json.loads(arguments.calibration.read_text(encoding="utf-8")) if arguments.calibration else {}
    install(arguments.name, arguments.file, arguments.threshold, measured, MODELS / "manifest.toml")


def install(name: str, file: Path | None, threshold: float | None, measured: Mapping[str, Any], path: Path) -> None:
    """Copy the file, if one is given, beside the manifest `path`, and rewrite the entry's keys that depend on it."""
    if file is not None:
        _replace(name, file, path)
    changes: dict[str, str] = {}
    if threshold is not None:
        (key,) = manifest.read(path)[name].spec.thresholds
        changes["thresholds"] = f"{{ {key} = {threshold:g} }}"
    if measured:
        changes |= _calibration(name, measured, path)
    changes |= _golden(name, path)
    _rewrite(path, name, changes)


def _replace(name: str, file: Path, path: Path) -> None:
    """Another file: what was measured on the former one is forgotten."""
    spec = manifest.read(path)[name].spec
    target, content = path.parent / spec.file, file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if not (target.exists() and file.samefile(target)):
        shutil.copyfile(file, target)
    if digest != spec.sha256:
        _rewrite(path, name, {"sha256": f'"{digest}"'}, remove=OF_THE_FILE)
    print(f"{name}: sha256 {digest}")


def _calibration(name: str, measured: Mapping[str, Any], path: Path) -> dict[str, str]:
    """The keys of a JSON file that was measured on the entry's file, as TOML. Exits if it is another file's."""
    spec = manifest.read(path)[name].spec
    if measured["sha256"] != spec.sha256:
        raise SystemExit(f"the calibration was measured on a file {measured['sha256'][:12]}..., not on {spec.file}")
    changes = {key: str(measured[key]) for key in ("calibration", "visit_calibration") if key in measured}
    for key in sorted({"scoring", "impostor_tail", "visit_tail", "visit_mates"} & measured.keys()):
        changes[key] = f"{{ {', '.join(f'{name} = {_toml(value)}' for name, value in measured[key].items())} }}"
    return changes


def _toml(value: object) -> str:
    """Texts are base64, and stand as they are, which is read six times as fast: a scoring's are long."""
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


def _golden(name: str, path: Path) -> dict[str, str]:
    """What the entry's model gives for the probes, under the kernels that run here, as TOML."""
    entry = manifest.read(path)[name]
    model = tflite.load(entry.spec, entry.folder)
    rows, key = golden.outputs(model), golden.path(model)
    sampled = golden.sample(rows)
    if sampled is None:
        print(f"{name}: not int8, so its outputs differ by processor and none are written down")
        return {}
    limits = float(np.mean([np.isin(row, (-128, 127)).mean() for row in rows]))
    print(f"{name}: {len(rows)} probes on {key}, {limits:.1%} of the outputs at their limits")
    digests = {**entry.spec.golden, key: golden.digest(rows)}
    table = ", ".join(f'"{where}" = "{digest}"' for where, digest in sorted(digests.items()))
    changes = {"golden": f"{{ {table} }}"}
    if model.pieces == 1 or not entry.spec.golden_sample:
        changes["golden_sample"] = f'"{golden.as_text(sampled)}"'
    return changes


def _rewrite(path: Path, name: str, changes: Mapping[str, str], remove: tuple[str, ...] = ()) -> None:
    """Set keys of one entry, leaving comments and the other entries as they are; each key is on one line."""
    head, mark, rest = path.read_text(encoding="utf-8").partition(f"[{name}]\n")
    if not mark:
        raise SystemExit(f"{path} has no entry [{name}]")
    entry, gap, others = rest.partition("\n[")
    for key in remove:
        entry = re.sub(rf"^{key} = .*\n", "", entry, flags=re.MULTILINE)
    for key, value in changes.items():
        line = f"{key} = {value}\n"
        entry, found = re.subn(rf"^{key} = .*\n", line.replace("\\", r"\\"), entry, flags=re.MULTILINE)
        entry += "" if found else line
    path.write_text(head + mark + entry + gap + others, encoding="utf-8")


if __name__ == "__main__":
    main()
