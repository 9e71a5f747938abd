"""Convert a model of the catalogue, out of the maker's files: `edgeface models install` runs this.

    python -m tools.install yunet --catalog models/catalog.toml --original FOLDER --out FOLDER [--data DATA]

Writes NAME.tflite, manifest.toml, NAME.md and measured.json into the output folder. The maker's files must have been
checked before. With DATA, a folder of lfw-dev.tar (and pose-dev.tar for detectors), accuracy before and after
conversion is measured and the threshold is taken from there; else it is the catalogue's. With train-faces.npz in it,
embedders are tried in int8 too.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edgeface.adapters import catalog, download, golden, tflite
from edgeface.adapters.catalog import Offer
from edgeface.adapters.spec import to_spec
from edgeface.errors import EdgefaceError
from edgeface.model import Infer, Task
from edgeface.service.bootstrap import Loaded
from tools.install import card, shrink
from tools.install.measure import Measured, measure, shipped
from tools.install.original import as_infer
from tools.install.quiet import quiet
from tools.install.shrink import Trial

LOSABLE = 0.002
"""LFW-dev accuracy that int8 may cost: the limit that edgeface sets for its own embedder."""


def main() -> None:
    arguments = _parse()
    try:
        offer = catalog.find(catalog.read(arguments.catalog), arguments.name)
        install(offer, arguments.original, arguments.out, arguments.data)
    except (EdgefaceError, ValueError, OSError) as error:
        sys.exit(f"tools.install: {error}")


def install(offer: Offer, originals: Path, out: Path, data: Path | None) -> None:
    """Convert, measure, write. Raises ValueError or ModelError if what comes out is not what went in."""
    file, own = out / f"{offer.name}.tflite", shipped()
    click.echo(f"converting {offer.name}: this takes a minute or two")
    with quiet():
        from tools.install.build import build  # takes ten seconds and talks

        feed = build(offer, originals, file)
    given = {"mean": feed.mean, "std": feed.std, "order": feed.order}
    trial = _try_int8(offer, out, given, data)
    notes = [str(trial)] if trial else []
    form = "int8" if trial and trial.taken else "float"
    click.echo("measuring it beside the original" + ("" if data else " (accuracy only with --data)"))
    original = as_infer(offer, originals)
    entry, measured = _described(offer, file, given, form, original, data, own)
    if form == "int8" and measured.lost > LOSABLE:
        notes.append(f"int8 lost {measured.lost:.4f} of LFW-dev accuracy, {LOSABLE} may be: float was taken after all")
        form = "float"
        shrink.back(file)
        entry, measured = _described(offer, file, given, form, original, data, own)
    shrink.forget(file)
    notes.insert(0, f"{form} TFLite")
    entry |= golden.promise(tflite.load(to_spec(offer.name, entry, file), out))
    (out / "manifest.toml").write_text(card.manifest(offer, entry), encoding="utf-8")
    (out / f"{offer.name}.md").write_text(card.card(offer, entry, measured, notes), encoding="utf-8")
    (out / "measured.json").write_text(json.dumps({"form": form, **asdict(measured)}, indent=1), encoding="utf-8")
    click.echo("\n".join([*notes, *card.summary(measured)]))


def _described(
    offer: Offer, file: Path, given: dict[str, Any], form: str, original: Infer, data: Path | None, own: Loaded
) -> tuple[dict[str, Any], Measured]:
    """The manifest entry of a converted file, its threshold measured if that can be, and all that was measured."""
    origin = f"{offer.maker}; converted to {form} TFLite, see {offer.name}.md"
    entry = offer.entry(download.digest(file), origin, **given)
    spec = to_spec(offer.name, entry, file)
    measured = measure(spec, file.parent, original, data, own, exact=form == "float")
    if measured.score is not None:
        name, value = measured.score
        entry["thresholds"] = {**entry["thresholds"], name: round(value, 4)}
    return entry, measured


def _try_int8(offer: Offer, out: Path, given: dict[str, Any], data: Path | None) -> Trial | None:
    """Int8 in the place of the float file where that is better; None if it could not be tried.

    Detectors stay float: YuNet in int8 took 0.72 of the time, but its landmarks moved by 1.7 % of a face's size (32
    faces of street pictures), which every embedding would feel.
    """
    if offer.task is not Task.EMBEDDER or data is None or not (data / shrink.ARCHIVE).is_file():
        return None
    file = out / f"{offer.name}.tflite"
    click.echo("trying int8")
    with quiet():
        spec = to_spec(offer.name, offer.entry(download.digest(file), offer.maker, **given), file)
        return shrink.shrink(spec, out, data / shrink.ARCHIVE)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.install", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="of the catalogue's entry")
    parser.add_argument("--catalog", type=Path, required=True, help="catalogue that has the entry")
    parser.add_argument("--original", type=Path, required=True, help="folder of the maker's files, already checked")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--data", type=Path, help="folder of lfw-dev.tar, pose-dev.tar and train-faces.npz")
    return parser.parse_args()


if __name__ == "__main__":
    main()
