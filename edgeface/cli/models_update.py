"""`edgeface models pack`, `update`, `roll-back`, `status`: models come signed, and prove themselves or go again."""

from __future__ import annotations

import json
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import click
import numpy as np

from edgeface.adapters import manifest as manifests
from edgeface.adapters import release, slots, tflite
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.slots import State
from edgeface.adapters.spec import Entry
from edgeface.bridge import Bridge
from edgeface.cli import models_beside
from edgeface.cli.context import Context
from edgeface.cli.keys import seed_of
from edgeface.commands import words
from edgeface.errors import ModelError, UpdateRefused
from edgeface.model import Task
from edgeface.service import updating
from edgeface.service.updating import Taken
from edgeface.store import files


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=True,
              help="The publisher's key: `edgeface keys make`.")  # fmt: skip
@click.option("--version", type=click.IntRange(1), required=True, help="Whole number; more than in any bundle before.")
@click.option("--says", default="", help="What is new, in a line.")
@click.option(
    "--map",
    "maps",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="From a former embedder, by tools.fit_map: people need not be enrolled anew. May be repeated.",
)
def pack(folder: Path, file: Path, key: Path, version: int, says: str, maps: tuple[Path, ...]) -> None:
    """Sign the models of FOLDER (a manifest.toml and its files) as one bundle, FILE. For a workstation.

    Readers take it with `edgeface models update FILE` once the public part of the key may publish for them:
    `edgeface keys add ed25519:... --role publish --name NAME`.
    """
    entries = manifests.read(folder / "manifest.toml")
    tables = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    models = {}
    for name, entry in entries.items():
        if not entry.spec.golden:
            raise ModelError(f"{name} has no golden outputs: readers could not tell that it works; measure them first")
        models[name] = (tables[name], (folder / entry.spec.file).read_bytes())
    packed = release.pack(seed_of(key), version, says, models, [_map(one, entries) for one in maps])
    try:
        files.create_private(file, packed)
    except OSError as error:
        raise ModelError(f"{file} cannot be made: {error.strerror}") from error
    file.chmod(0o644)
    click.echo(f"{file}: version {version}, {len(models)} models, {len(packed) / 1e6:.1f} MB")


def _map(file: Path, entries: Mapping[str, Entry]) -> Bridge:
    """A map as tools.fit_map writes it, if it leads to the folder's embedder. Raises ModelError."""
    try:
        with np.load(file, allow_pickle=False) as told:
            to = str(told["to"])
            bridge = Bridge(
                former=str(told["former"]),
                matrix=told["matrix"].astype(np.float32),
                offset=told["offset"].astype(np.float32),
                scale=float(told["scale"]),
                shift=float(told["shift"]),
                measured=str(told["measured"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{file} is no map of tools.fit_map: {error}") from error
    embedders = [entry for entry in entries.values() if entry.spec.task is Task.EMBEDDER]
    if to not in (tflite.load(entry.spec, entry.folder).identity for entry in embedders):
        raise ModelError(f"{file} leads to another embedder than the folder's: fit it again")
    return bridge


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--strand", is_flag=True, help="Even if nobody enrolled would be known any more.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; of a refusal its name.")
@click.pass_obj
def update(context: Context, file: Path, strand: bool, as_json: bool) -> None:
    """Take the bundle FILE: its models are in use, on trial, from the next start on; a reader that runs starts anew.

    Its publisher must be trusted and its version newer than all before. Every model is tried in a process of its own
    first. If the reader then dies, or people are recognised less often, the former models are in use again.
    """
    try:
        taken, running = _taken(context, updating.read(file), strand=strand)
    except UpdateRefused as refused:
        if as_json:
            click.echo(json.dumps({"ok": False, "problem": refused.problem.value, "detail": refused.detail}))
        raise
    if as_json:
        click.echo(json.dumps({"ok": True, **asdict(taken)}))
        return
    for said in taken.models:
        click.echo(f"  {said}")
    for task in taken.set_aside:
        click.echo(f"  the {task} is not used: `edgeface models use` chose another", err=True)
    since = "now on: the reader starts anew with it" if running else "the next start on"
    click.echo(f"Version {taken.version} is in use from {since}, on trial.")


def _taken(context: Context, content: bytes, *, strand: bool) -> tuple[Taken, bool]:
    """By the reader that runs, or here while none does; and whether one runs."""
    with context.reader() as reader:
        if reader is not None:
            return models_beside.take(context, reader, content, strand=strand), True
    runtime = context.config().run.runtime
    with context.gallery() as database:
        now = SystemClock().now
        taken = updating.take(context.home, database, content, now, by=context.by, runtime=runtime, strand=strand)
    return taken, False


@click.command("roll-back")
@click.pass_obj
def roll_back(context: Context) -> None:
    """Go back to the models that were in use before the last bundle. Its version is never taken again.

    A reader that runs starts anew with them.
    """
    left = context.ask("models/rollback", words.Nothing())
    click.echo(f"Version {left.version} is left. In use from the next start on: {_called(slots.read(context.home))}.")


@click.command()
@click.option("--dismiss", is_flag=True, help="You have seen that a bundle was given up: no alarm any more.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def status(context: Context, dismiss: bool, as_json: bool) -> None:
    """Which bundle of models is in use, which is there to go back to, and how a trial stands."""
    state = slots.read(context.home)
    if dismiss and state.returned is not None:
        if not state.returned.audited:
            raise ModelError("the audit log does not have it yet: start the reader once")
        slots.dismiss(context.home)
        state = slots.read(context.home)
    if as_json:
        click.echo(json.dumps({**asdict(state), "slots": {name: asdict(held) for name, held in state.slots}}))
        return
    click.echo(f"In use: {_called(state)}.")
    if state.former != state.active:
        click.echo(f"To go back to: {_called(replace(state, active=state.former))}.")
    if state.trial is not None:
        trial = state.trial
        click.echo(
            f"On trial: {trial.ran_s / 60:.0f} minutes, {trial.frames} frames so far; "
            f"{trial.starts} starts without an orderly end."
        )
    if state.returned is not None:
        click.echo(f"Version {state.returned.version} was given up: {state.returned.why}.")


def _called(state: State) -> str:
    return "the models that came with edgeface" if state.version is None else f"the models of version {state.version}"
