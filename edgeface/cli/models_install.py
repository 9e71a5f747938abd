"""`edgeface models install` and `remove`: strong models by other makers, lawfully, in one command."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click

import edgeface
from edgeface.adapters import catalog as catalogs
from edgeface.adapters import download, installed
from edgeface.adapters import manifest as manifests
from edgeface.adapters.catalog import Offer
from edgeface.adapters.spec import Entry
from edgeface.cli.context import Context
from edgeface.cli.models import catalog_option, examine, verdict
from edgeface.errors import ModelError, ToolsMissing

CONVERTERS = ("torch", "litert_torch", "openvino")
"""Without these `tools.install` cannot convert anything."""
ADVICE = "run this from a checkout of edgeface, in a virtual environment made with: pip install -e '.[tools]'"


@click.command()
@click.argument("name")
@click.option("--accept-licence", is_flag=True, help="Do not ask: you have read the model's licence and accept it.")
@click.option(
    "--from",
    "given",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Take the maker's file from here (a file, or a folder of them) instead of the network. May be repeated.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of lfw-dev.tar, pose-dev.tar, train-faces.npz: measure before and after, set the threshold, try int8.",
)
@catalog_option
@click.pass_obj
def install(
    context: Context,
    name: str,
    accept_licence: bool,
    given: tuple[Path, ...],
    data: Path | None,
    catalog: Path | None,
) -> None:
    """Fetch model NAME from its maker, convert it for the reader and put it beside your own.

    Made for a workstation: converting needs PyTorch, the reader never does. The file must be the very one that was
    checked (its sha256 is in the catalogue). `edgeface models list` shows what there is to install. An installation
    that is interrupted or fails leaves nothing behind. Copy the folder HOME/models/NAME to take the model to a reader.
    """
    source = catalog or catalogs.shipped()
    offer = catalogs.find(catalogs.read(source), name)
    if (ready := _whole(context.home, offer)) is not None:
        again = f"; to measure it with --data: first `edgeface models remove {name}`" if data else ""
        click.echo(f"{name} is already installed in {ready}{again}.")
        return _say_how(name)
    tools = _tools()
    _agree(offer, accept_licence)
    with installed.workshop(context.home, name) as part:
        originals = part / "original"
        originals.mkdir()
        _obtain(offer, given, originals)
        _convert(tools, name, source, originals, part, data)
        _clear(originals)
        report = examine(_entry(part, name))
        click.echo(verdict(report))
        target = installed.publish(part, context.home, name)
    click.echo(f"{name} is installed in {target}; its card: {target / f'{name}.md'}")
    return _say_how(name)


@click.command()
@click.argument("name")
@click.pass_obj
def remove(context: Context, name: str) -> None:
    """Delete the installed model NAME. Refused while it is in use, and for models that come with edgeface."""
    there = installed.manifests(context.home)
    if name not in there:
        names = ", ".join(there) or "none"
        raise ModelError(f"{name!r} is no installed model; installed in {context.home / installed.FOLDER}: {names}")
    if any(entry.manifest.resolve() == there[name].resolve() for entry in manifests.chosen(context.home).entries()):
        raise ModelError(f"{name} is in use: choose another with `edgeface models use` first")
    installed.remove(context.home, name)
    click.echo(f"{name} is gone.")


def _whole(home: Path, offer: Offer) -> Path | None:
    """The folder of an earlier installation that still works."""
    path = installed.manifests(home).get(offer.name)
    if path is None:
        return None
    try:
        examine(_entry(path.parent, offer.name))
    except ModelError as error:
        click.echo(f"What is installed does not work ({error}): installing it again.")
        return None
    return path.parent


def _entry(folder: Path, name: str) -> Entry:
    entries = manifests.read(folder / installed.MANIFEST)
    if name not in entries:
        raise ModelError(f"{folder / installed.MANIFEST} has no model named {name}")
    return entries[name]


def _tools() -> Path:
    """The checkout that has the tools. Raises ToolsMissing before anything is asked or fetched."""
    checkout = next((place for place in _places() if (place / "tools" / "install" / "__main__.py").is_file()), None)
    if checkout is None:
        raise ToolsMissing(f"the tools that convert models are not here, as is right on a reader: {ADVICE}")
    if lacking := [package for package in CONVERTERS if importlib.util.find_spec(package) is None]:
        raise ToolsMissing(f"converting needs {', '.join(lacking)}, not installed for {sys.executable}: {ADVICE}")
    return checkout


def _places() -> list[Path]:
    """Where a checkout may be: on Python's path, or around this package."""
    found = importlib.util.find_spec("tools")
    on_path = [Path(place).parent for place in (found.submodule_search_locations or ())] if found else []
    return [*on_path, Path(edgeface.__file__).parents[1]]


def _agree(offer: Offer, accepted: bool) -> None:
    click.echo(f"{offer.name}: {offer.summary}")
    click.echo(f"Maker: {offer.maker}")
    click.echo(f"Licence: {offer.licence}, {offer.licence_url}")
    if accepted:
        return
    try:
        agreed = click.confirm("Do you accept this licence?")
    except click.Abort:
        agreed = False
    if not agreed:
        click.echo("\nNothing was installed: the licence was not accepted (see --accept-licence).", err=True)
        raise SystemExit(1)


def _obtain(offer: Offer, given: tuple[Path, ...], folder: Path) -> None:
    """Every file of the maker, into `folder`, checked."""
    for source in offer.sources:
        if given:
            download.take(source, given, folder)
            click.echo(f"{source.name}: sha256 as in the catalogue")
            continue
        with click.progressbar(length=source.size_bytes, label=source.name) as bar:
            download.fetch(source, folder, bar.update)


def _convert(tools: Path, name: str, catalog: Path, originals: Path, part: Path, data: Path | None) -> None:
    """Let the tools make model, manifest and card out of the maker's files, in a process of their own."""
    folders = {"--catalog": catalog, "--original": originals, "--out": part, **({"--data": data} if data else {})}
    words = [word for key, folder in folders.items() for word in (key, str(folder.resolve()))]
    done = subprocess.run([sys.executable, "-m", "tools.install", name, *words], cwd=tools, check=False)
    if done.returncode < 0:
        why = f"the converter was ended by signal {-done.returncode}; 9 is mostly too little memory"
        raise ModelError(f"{name} could not be converted ({why}): nothing was installed")
    if done.returncode:
        raise ModelError(f"{name} could not be converted (see above): nothing was installed")


def _clear(originals: Path) -> None:
    """The maker's files have done their duty: the model's folder holds what the reader needs and no more."""
    for path in originals.iterdir():
        path.unlink()
    originals.rmdir()


def _say_how(name: str) -> None:
    click.echo(f"Use it from the next start on with: edgeface models use {name}")
