"""`edgeface models`: which models there are, which are in use, and whether each is what it claims to be."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edgeface.adapters import catalog as catalogs
from edgeface.adapters import golden, proving, tflite
from edgeface.adapters import manifest as manifests
from edgeface.adapters.catalog import Offer
from edgeface.adapters.golden import Proof
from edgeface.adapters.spec import Entry
from edgeface.cli.context import Context
from edgeface.errors import ModelError
from edgeface.model import Task

manifest_option = click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Another manifest.toml, with the model files beside it.",
)
catalog_option = click.option(
    "--catalog",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Another catalogue of models to install; default: the one that comes with edgeface.",
)


@click.group(short_help="List, choose, check and install models.")
def models() -> None:
    """Which models there are, and which are in use.

    Any TFLite detector (laid out as ours, YuNet or BlazeFace) or embedder works once a manifest declares it: input
    size, normalisation, colour order, alignment template, threshold, licence. Strong open ones are installed in one
    command. Templates are bound to the model that made them: after choosing another embedder everybody has to be
    enrolled again, and going back brings the old templates back.
    """


@models.command("list")
@manifest_option
@catalog_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a model and line.")
@click.pass_obj
def list_models(context: Context, manifest: Path | None, catalog: Path | None, as_json: bool) -> None:
    """List models with their licence: `*` marks those in use, `+` those that `edgeface models install` can fetch."""
    entries = manifests.known(context.home) | (manifests.read(manifest) if manifest else {})
    choice = manifests.chosen(context.home)
    used = {(entry.manifest.resolve(), entry.spec.name) for entry in choice.entries()}
    for entry in entries.values():
        row = _row(entry, (entry.manifest.resolve(), entry.spec.name) in used)
        click.echo(json.dumps(row) if as_json else _text(row))
    for offer in catalogs.read(catalog or catalogs.shipped()).values():
        if offer.name not in entries:
            click.echo(json.dumps(_offered(offer)) if as_json else _text(_offered(offer)))


@models.command()
@click.argument("name")
@manifest_option
@click.pass_obj
def use(context: Context, name: str, manifest: Path | None) -> None:
    """Use model NAME from the next start on, after checking that it runs."""
    entry = _find(context, name, manifest)
    report = examine(entry)
    manifests.choose(context.home, entry)
    click.echo(f"{name} is now the {entry.spec.task} ({report['kernels']}).")
    click.echo(f"Licence: {entry.spec.licence}. Origin: {entry.spec.origin}.")
    if entry.spec.task is Task.EMBEDDER:
        click.echo("Templates made with another embedder are kept but not compared: see `edgeface people list`.")


@models.command()
@click.argument("names", nargs=-1)
@manifest_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a model and line.")
@click.pass_obj
def check(context: Context, names: tuple[str, ...], manifest: Path | None, as_json: bool) -> None:
    """Check the file's digest, run the model, and see that it gives what its manifest promises. All, or NAMES.

    A model with golden outputs is also run on pictures whose results were written down where it was measured: it is
    proven, alike (a rounding step off) or not proven (other kernels, or nothing was written down).
    """
    failed = False
    for name in names or tuple(manifests.read(manifest) if manifest else manifests.known(context.home)):
        try:
            report: dict[str, Any] = examine(_find(context, name, manifest))
        except ModelError as error:
            report, failed = {"name": name, "ok": False, "error": str(error)}, True
        click.echo(json.dumps(report) if as_json else verdict(report))
    raise SystemExit(1 if failed else 0)


def examine(entry: Entry) -> dict[str, Any]:
    """Load and run a model on a grey picture. Raises ModelError if anything is not as declared."""
    spec = entry.spec
    model = tflite.load(spec, entry.folder, content=entry.content)
    proving.exercise(model)
    finding = golden.verify(model)
    return {
        "name": spec.name,
        "ok": True,
        "kernels": model.kernels,
        "pieces": model.pieces,
        "sha256": spec.sha256,
        "proof": finding.proof.value,
        "finding": finding.detail,
        "calibrated": bool(spec.calibration),
        "lowest_fmr": spec.impostor_tail.lowest_fmr if spec.impostor_tail else None,
    }


def _find(context: Context, name: str, manifest: Path | None) -> Entry:
    entries = manifests.read(manifest) if manifest else manifests.known(context.home)
    if name not in entries:
        fetch = f"; `edgeface models install {name}` fetches it" if name in catalogs.read(catalogs.shipped()) else ""
        raise ModelError(f"no model is named {name}; there are: {', '.join(sorted(entries))}{fetch}")
    return entries[name]


def _row(entry: Entry, used: bool) -> dict[str, Any]:
    spec = entry.spec
    return {
        "name": spec.name,
        "task": spec.task.value,
        "in_use": used,
        "input": [spec.width_px, spec.height_px],
        "licence": spec.licence,
        "origin": spec.origin,
        "manifest": str(entry.manifest),
        "golden": sorted(spec.golden),
        "calibration": spec.calibration,
        "impostor_tail": asdict(spec.impostor_tail) if spec.impostor_tail else None,
    }


def _offered(offer: Offer) -> dict[str, Any]:
    """A row for a model that is not here yet: without a manifest."""
    spec = offer.spec()
    return {**_row(Entry(spec=spec, folder=Path(), manifest=Path()), False), "origin": offer.summary, "manifest": None}


def _text(row: dict[str, Any]) -> str:
    mark = "*" if row["in_use"] else "+" if row["manifest"] is None else " "
    size = "x".join(map(str, row["input"]))
    return f"{mark} {row['task']:9} {row['name']:37} {size:9} {row['licence']}\n            {row['origin']}"


def verdict(report: dict[str, Any]) -> str:
    """What `examine` found, as a line, and a second one where something is to be said."""
    if not report["ok"]:
        return f"FAILED  {report['error']}"
    pieces = report["pieces"]
    note = {0: "; not under XNNPACK: slow", 1: ""}.get(
        pieces, f"; XNNPACK runs {pieces} pieces of it, the rest is slow"
    )
    why = "" if report["proof"] == Proof.PROVEN else f"\n        {report['finding']}"
    return f"ok      {report['name']}: {report['kernels']}, {report['proof']}{note}{why}"
