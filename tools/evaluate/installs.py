"""Other people's models in this reader: each of the catalogue, installed from its maker's files, and a reader on them.

Each is installed as an owner would, by `edgeface models install NAME --from WEIGHTS --data DATA`, into a home of its
own that is thrown away. The catalogue's detector then stands before every embedder of it, both converted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeface.adapters import catalog, manifest
from edgeface.model import Task
from edgeface.service.bootstrap import load_models
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Report, Value
from tools.evaluate.budget import race, ratio, recognise, spread
from tools.evaluate.verification import lfw
from tools.metrics import Figure
from tools.peers.chains import reader

CATALOG = Path(__file__).parents[2] / "models" / "catalog.toml"
CONVERTER = "litert_torch"
"""Of the `tools` extra; without it nothing can be installed."""
KEPT = ("accuracy", "tar_at_far_1e-2", "threshold_at_fmr_1e-4", "fnmr_at_fmr_1e-4")


def installs(bench: Bench) -> Report:
    """For each model its accuracy before and after conversion, and its time; for each reader on them likewise."""
    assert bench.peers is not None
    if find_spec(CONVERTER) is None:
        return Report(figures={}, remarks=("Nothing was installed: that needs `pip install -e '.[tools]'`.",))
    names = bench.sample(catalog.read(CATALOG))
    figures: dict[str, Value] = {}
    with TemporaryDirectory() as folder:
        home = Path(folder)
        for name in names:
            edgeface(home, "models", "install", name, "--accept-licence", "--from", str(bench.peers.resolve()),
                     "--data", str(bench.data.resolve()))  # fmt: skip
            figures |= told(name, json.loads((home / "models" / name / "measured.json").read_text(encoding="utf-8")))
        figures |= readers(home, names, bench)
    return Report(figures=figures)


def edgeface(home: Path, *words: str) -> None:
    """The command line, with a home of its own. Raises CalledProcessError."""
    environment = os.environ | {"EDGEFACE_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "edgeface", *words], check=True, env=environment)


def told(name: str, measured: Mapping[str, object]) -> dict[str, Value]:
    """What an installation measured, as figures that begin with the model's name."""
    found: dict[str, Value] = {f"{name}_form": str(measured["form"]), f"{name}_parity": float(str(measured["parity"]))}
    found |= {f"{name}_{key}": Figure(**measured[key]) for key in ("to_original", "to_ours")}  # type: ignore[arg-type]
    for side in ("before", "after"):
        kept = measured[side]
        assert isinstance(kept, dict)
        found |= {f"{name}_{key}_{side}": _value(kept[key]) for key in KEPT if key in kept}
    return found


def _value(kept: object) -> Value:
    return Figure(**kept) if isinstance(kept, dict) else float(str(kept))


def readers(home: Path, names: Sequence[str], bench: Bench) -> dict[str, Value]:
    """The catalogue's detector with each of its embedders: LFW-dev, and time as a multiple of our own chain's."""
    entries, own = manifest.known(home), bench.loaded.choice
    finders = [entries[name] for name in names if entries[name].spec.task is Task.DETECTOR]
    namers = [entries[name] for name in names if entries[name].spec.task is Task.EMBEDDER]
    archive = Archive(bench.data / "lfw-dev.tar")
    pictures = [archive.picture(name) for name in spread(archive.names("images/"))]
    found: dict[str, Value] = {}
    for finder in finders:
        chains = {"ours": reader("ours", "", own.detector, own.embedder, 1)}
        chains |= {one.spec.name: reader(one.spec.name, "", finder, one, 1) for one in namers}
        times = race({name: partial(recognise, chain) for name, chain in chains.items()}, pictures)
        edgeface(home, "models", "use", finder.spec.name)
        for namer in namers:
            edgeface(home, "models", "use", namer.spec.name)
            figures = lfw(Bench(data=bench.data, loaded=load_models(home), home=home, quick=bench.quick)).figures
            both = f"{finder.spec.name}_with_{namer.spec.name}"
            found |= {f"{both}_{key}": figures[key] for key in KEPT}
            found[f"{both}_time_in_ours"] = ratio(times[namer.spec.name], times["ours"])
    return found
