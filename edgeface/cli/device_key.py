"""`edgeface keys rotate-device`: another device key."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.store import keyfile, rotation


@click.command("rotate-device", short_help="Change the key that opens the gallery.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def rotate_device(context: Context, yes: bool, as_json: bool) -> None:
    """Wrap everybody's keys with a new device key and destroy the former one. Stop the service first.

    Do it after forgetting people, now and then, and whenever somebody may have seen the key: backups and old pages of
    the card that only the former key opens become unreadable. So do backups that you want to keep: make new ones.
    A power cut on the way leaves a gallery that opens; repeat the command.
    """
    with context.gallery() as database:
        if not yes:
            click.confirm("Backups made so far will be unreadable without the former key. Change it?", abort=True)
        done = rotation.rotate(database, SystemClock().now(), by=context.by)
        file = keyfile.beside(database.path)
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    click.echo(f"The device key is now {done.key_id}; {done.keys} keys are wrapped anew; {done.former_key_id} is gone.")
    where = f"the credential {keyfile.CREDENTIAL}" if done.from_credential else str(file)
    click.echo(f"Keep a copy of {where} elsewhere, and make a new backup.", err=True)
