"""`edgeface calibrate`: what this gallery asks of a visitor, and what that promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edgeface import bar as bars
from edgeface.bar import DIALS, Bar, expected, missed
from edgeface.cli.calibrate_plot import draw
from edgeface.cli.context import Context
from edgeface.commands.words_device import DialToSet
from edgeface.image import encode_png
from edgeface.match import Gallery
from edgeface.model import ModelSpec


@click.command(short_help="What score opens this door, and how often it errs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; pairs by id, without names.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw both errors over the score, with intervals, and who is too alike (PNG).",
)
@click.option("--set", "dial", metavar='"1 in N"', help="Write the dial into edgeface.toml first, and go by it.")
@click.option("--unset", is_flag=True, help="Take the dial out of edgeface.toml first.")
@click.pass_obj
def calibrate(context: Context, as_json: bool, plot: Path | None, dial: str | None, unset: bool) -> None:
    """Derive the score that lets people in from the dial, false_accepts under [decide], and from who is enrolled.

    Tells of how many visits by strangers one is expected to open the door, with its 95 % interval by the embedder's
    measured tail; which people enrolled are too alike to be told apart at that score; and what other settings of the
    dial would ask for. Without --set and --unset nothing is changed; what cannot be promised is not set.
    """
    if dial is not None and unset:
        raise click.UsageError("--set and --unset exclude each other")
    if dial is not None or unset:
        _set(context, dial)
    config, loaded = context.config(), context.loaded()
    options = config.decide
    spec = loaded.choice.embedder.spec
    gallery, names = context.faces(loaded.models.embedder, learned=config.learn.enabled)
    found = bars.derive(gallery, spec, options.false_accepts, stricter=options.threshold)
    others = {dial: bars.derive(gallery, spec, dial) for dial in DIALS}
    if as_json:
        click.echo(json.dumps(_report(found, options.false_accepts, others, spec)))
    else:
        _tell(found, options.false_accepts, others, spec, gallery, names)
    if plot is not None:
        _plot(plot, found, options.false_accepts, others, spec, names)


def _set(context: Context, dial: str | None) -> None:
    """Raises ConfigError for what cannot be promised."""
    try:
        asked = DialToSet(false_accepts=dial)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--set") from error
    done = context.ask("calibration/set", asked)
    counts = "It counts from the next frame on." if done.in_force else "It counts from the reader's next start on."
    click.echo(f"false_accepts: {_dialled(done.former)} -> {_dialled(done.false_accepts)}. {counts}", err=True)


def _dialled(dial: str | None) -> str:
    return "not set" if dial is None else dial


def _plot(
    path: Path, bar: Bar, dial: str | None, others: dict[str, Bar], spec: ModelSpec, names: Mapping[str, str]
) -> None:
    tail, mates = bars.tail_of(spec), spec.visit_mates
    picture = draw(bar, lambda at: expected(at, tail), lambda at: missed(at, mates), names, others, dial)
    try:
        path.write_bytes(encode_png(picture))
    except OSError as error:
        raise click.BadParameter(f"cannot be written: {error.strerror or error}", param_hint="--plot") from error
    click.echo(f"{path} is written.", err=True)


def _report(bar: Bar, dial: str | None, others: dict[str, Bar], spec: ModelSpec) -> dict[str, Any]:
    share, lost = expected(bar, bars.tail_of(spec)), missed(bar, spec.visit_mates)
    return {
        "embedder": spec.name,
        "people": len(bar.people),
        "false_accepts": dial,
        "threshold": round(bar.threshold, 4),
        "reason": bar.reason,
        "problem": bar.problem,
        "expected_fpir": None if share is None else dict(zip(("value", "low", "high"), share, strict=True)),
        "expected_fnir": None if lost is None else dict(zip(("value", "low", "high"), lost, strict=True)),
        "strictest": bar.strictest,
        "too_alike": [{"people": [a, b], "cosine": round(cosine, 4)} for a, b, cosine in bar.too_alike],
        "others": {
            name: {"threshold": round(other.threshold, 4), "problem": other.problem} for name, other in others.items()
        },
    }


def _tell(
    bar: Bar, dial: str | None, others: dict[str, Bar], spec: ModelSpec, gallery: Gallery, names: Mapping[str, str]
) -> None:
    click.echo(f"Dial: {f'false_accepts = {chr(34)}{dial}{chr(34)}' if dial else 'not set'}. {_capital(bar.reason)}.")
    if bar.problem:
        click.secho(f"Refused: {bar.problem}.", fg="red")
    share = expected(bar, bars.tail_of(spec))
    if share is not None and gallery.people:
        value, low, high = (_one_in(part) for part in share)
        click.echo(f"A stranger's visit is expected to open the door {value} (95 %: {low} to {high}).")
    if (lost := missed(bar, spec.visit_mates)) is not None and gallery.people:
        value, low, high = (f"{100 * part:.0f}" for part in lost)
        click.echo(
            f"Of visits as hard as those simulated of LFW, one old picture enrolled, {value} % are turned away "
            f"(95 %: {low} to {high} %); good pictures and several of them make that less."
        )
    if not gallery.people:
        click.echo("Nobody is enrolled: nobody gets in. `edgeface enrol NAME PICTURE...`")
    for first, second, cosine in bar.too_alike:
        click.secho(
            f"Too alike: {names[first]} ({first}) and {names[second]} ({second}), cosine {cosine:.2f}: each of them "
            "needs more than that to get in. If they are one person, forget one of the two.",
            fg="yellow",
        )
    click.echo("\nfalse_accepts   score needed")
    for name, other in others.items():
        click.echo(f"{name:14}  {'refused: ' + other.problem if other.problem else format(other.threshold, '.3f')}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _one_in(share: float) -> str:
    """0.0001 -> "1 in 10,000"."""
    return "never" if share <= 0 else f"1 in {1 / share:,.0f}"
