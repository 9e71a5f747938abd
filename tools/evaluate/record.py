"""What a run measured, kept as JSON a measure, so that a later run need not measure it again.

DIR/lfw.json     models, peers, options, processor time; figures, peers' figures, what ours are ahead, plots, remarks
DIR/lfw-roc.png  a plot
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from edgeface.adapters import download
from tools.evaluate import source
from tools.evaluate.acquire import Bench, Measure, Report, Value
from tools.metrics import Figure

Record = dict[str, Any]
"""As in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A measure that was not taken."""

    name: str
    why: str
    """A sentence."""
    incomplete: bool
    """Whether it was wanted: something is missing, rather than not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A run."""

    records: Mapping[str, Record]
    """By measure."""
    missing: tuple[Missing, ...]


def take(bench: Bench, measures: Mapping[str, Measure], out: Path | None, *, fresh: bool) -> Taken:
    """Runs what can be run and is not in `out` yet. Each measure is kept as soon as it is done."""
    records: dict[str, Record] = {}
    missing: list[Missing] = []
    for place, (name, measure) in enumerate(measures.items(), 1):
        if reason := hindrance(name, measure, bench):
            missing.append(reason)
            continue
        made_with = fingerprint(bench, measure)
        kept = None if out is None or fresh else _kept(out, name, made_with)
        click.echo(f"[{place}/{len(measures)}] {name}{': stands in ' + str(out) if kept else ''}", err=True)
        records[name] = kept or _measure(bench, name, measure, out, made_with)
    return Taken(records=records, missing=tuple(missing))


def fingerprint(bench: Bench, measure: Measure) -> Record:
    """What the figures depend on: digests of the code, the data, the models and the peers' files, the models'
    thresholds, options."""
    return {
        "code": source.digest(measure.run.__module__),
        "data": {name: download.digest(bench.data / name) for name in measure.needs},
        "models": bench.models(),
        "thresholds": bench.thresholds(),
        "peers": bench.weights(),
        "quick": bench.quick,
    }


def hindrance(name: str, measure: Measure, bench: Bench) -> Missing | None:
    """Why a measure cannot be taken, or None."""
    if lacking := [file for file in measure.needs if not (bench.data / file).is_file()]:
        return Missing(name=name, why=f"{name}: there is no {', '.join(lacking)} in {bench.data.name}", incomplete=True)
    if measure.model and getattr(bench.loaded.models, measure.model) is None:
        return Missing(name=name, why=f"{name}: no {measure.model} model is in use", incomplete=False)
    if measure.option and (folder := getattr(bench, measure.option)) is None:
        return Missing(name=name, why=f"{name}: not asked for, it needs --{measure.option}", incomplete=False)
    if measure.option and not folder.is_dir():
        return Missing(name=name, why=f"{name}: --{measure.option} {folder.name} is no folder", incomplete=True)
    return None


def _measure(bench: Bench, name: str, measure: Measure, out: Path | None, made_with: Record) -> Record:
    begun = time.process_time()
    report = measure.run(bench)
    taken = record(report, name, made_with, time.process_time() - begun)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for short, plot in report.plots.items():
            plot.draw(out / plot_file(name, short))
        part = out / f"{name}.json.part"
        part.write_text(to_json(taken), encoding="utf-8")
        part.replace(out / f"{name}.json")
    return taken


def record(report: Report, name: str, made_with: Record, seconds: float) -> Record:
    """A report as it is kept."""
    return {
        **made_with,
        "processor_s": round(seconds, 1),
        "figures": _plain(report.figures),
        "by_peer": {peer: _plain(figures) for peer, figures in report.peers.items()},
        "ahead": {peer: _plain(figures) for peer, figures in report.ahead.items()},
        "plots": {plot_file(name, short): plot.says for short, plot in report.plots.items()},
        "remarks": list(report.remarks),
    }


def _plain(figures: Mapping[str, Value]) -> Record:
    return {name: asdict(value) if isinstance(value, Figure) else value for name, value in figures.items()}


def plot_file(name: str, short: str) -> str:
    """Of a measure's plot."""
    return f"{name}-{short}.png"


def _kept(out: Path, name: str, made_with: Record) -> Record | None:
    """The record in `out`, if it was made with the same models and options and its plots are there."""
    found = read(out, name)
    if found is None or any(found.get(key) != value for key, value in made_with.items()):
        return None
    return found if all((out / file).is_file() for file in found["plots"]) else None


def read(out: Path, name: str) -> Record | None:
    """A measure's record, or None if there is none that can be read."""
    try:
        found = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "figures" in found and "plots" in found else None


def read_all(out: Path, measures: Mapping[str, Measure]) -> dict[str, Record]:
    """Every record of the folder, in the order of the measures."""
    found = {name: read(out, name) for name in measures}
    return {name: one for name, one in found.items() if one is not None}


def to_json(content: Any) -> str:
    """As kept in files."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
