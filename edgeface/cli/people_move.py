"""`edgeface people export` and `import`: people go to another device."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import click

from edgeface.cli.context import Context
from edgeface.commands import words, words_local
from edgeface.errors import BackupError
from edgeface.store import bundle, files
from edgeface.wire import plain

MOST_BYTES = 256 << 20
"""Of a file of people; while the reader runs 6 MiB, some 15,000 people."""


@click.command("export", short_help="Put people into a file for another device.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("who", nargs=-1)
@click.option("--passphrase", envvar="EDGEFACE_PASSPHRASE",
              help="Seals the file; 12 characters or more. Asked for unless $EDGEFACE_PASSPHRASE is set.")  # fmt: skip
@click.option("--to", "recipient", metavar="KEY",
              help="Seal it for one device instead: what `edgeface people recipient` prints there.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def export(
    context: Context, file: Path, who: tuple[str, ...], passphrase: str | None, recipient: str | None, as_json: bool
) -> None:
    """Write WHO (names or ids; default: everybody) to FILE, sealed under a passphrase or, with --to, for one device.

    Names, templates of the embedder in use and consents travel; what visits taught does not. Give the passphrase by
    another way than FILE. Nobody is removed here, and forgetting somebody here does not reach FILE.
    """
    if recipient is None and passphrase is None:
        passphrase = str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True))
    asked = words_local.Export(who=who, passphrase=None if recipient else passphrase, recipient=recipient)
    if file.exists():
        raise BackupError(f"{file} is there already: name another file")
    sealed = context.ask("people/export", asked)
    try:
        files.create_private(file, base64.b64decode(sealed.file))
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}") from error
    said = {"file": str(file), "people": sealed.people}
    click.echo(json.dumps(said) if as_json else f"{file} has {sealed.people} people.")


@click.command("import", short_help="Take people in from another device's file.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--passphrase", envvar="EDGEFACE_PASSPHRASE",
              help="That sealed the file, if one did. Asked for unless $EDGEFACE_PASSPHRASE is set.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a person and line.")
@click.pass_obj
def import_people(context: Context, file: Path, passphrase: str | None, as_json: bool) -> None:
    """Enrol the people of FILE, made by `edgeface people export` on a device with the same embedder and runtime.

    They keep their ids. Whoever is enrolled already, by name or by face, was forgotten here or has no consent on record
    is left out, with the reason. Exit 65 if somebody was left out.
    """
    try:
        data = file.read_bytes() if file.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error
    if data is None:
        raise BackupError(f"{file} is too large for a file of people")
    if not bundle.needs_passphrase(data):
        passphrase = None
    elif passphrase is None:
        passphrase = str(click.prompt("Passphrase", hide_input=True))
    asked = words_local.Import(file=base64.b64encode(data).decode(), passphrase=passphrase)
    _report(context.ask("people/import", asked).people, as_json)


@click.command("recipient", short_help="Print the key for which others seal people that come here.")
@click.pass_obj
def recipient(context: Context) -> None:
    """Print this device's key for `edgeface people export --to` on another one: such a file opens here alone.

    It is no secret, but bring it there by a way on which nobody can exchange it. It belongs to the gallery.
    """
    click.echo(context.ask("people/recipient", words.Nothing()).key)


def _report(arrived: tuple[words_local.ImportedRow, ...], as_json: bool) -> None:
    for one in arrived:
        if as_json:
            click.echo(json.dumps(plain(one)))
        elif one.refused is not None:
            click.echo(f"not taken in: {one.name} ({one.id}): {one.refused}", err=True)
    left = sum(one.refused is not None for one in arrived)
    if not as_json:
        click.echo(f"{len(arrived) - left} of {len(arrived)} people are taken in.")
    if left:
        raise SystemExit(65)
