"""`edgeface door`: the lock, and what its controller needs to know."""

from __future__ import annotations

import click

from edgeface.cli.context import Context
from edgeface.commands import words
from edgeface.errors import GalleryMissing
from edgeface.service.bootstrap import GALLERY


@click.group(short_help="The lock, and the key its controller checks decisions with.")
def door() -> None:
    """What moves the lock. A controller of your own is a few lines: see edgeface.controller in the README."""


@door.command(short_help="Print the public key of this reader's decisions.")
@click.pass_obj
def key(context: Context) -> None:
    """Print the key with which a door's controller checks that a decision comes from this reader.

    It is no secret, but bring it to the controller by a way on which nobody can exchange it: not over the broker. It
    belongs to the gallery and stays the same when the device key is changed.
    """
    if not (context.home / GALLERY).exists():
        raise GalleryMissing(
            f"there is no gallery in {context.home} yet: enrol somebody first, `edgeface enrol --help`"
        )
    click.echo(context.ask("door/key", words.Nothing()).key)
