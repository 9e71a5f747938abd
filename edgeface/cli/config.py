"""`edgeface config`: what is set, and to what."""

from __future__ import annotations

import click

from edgeface.cli.context import Context
from edgeface.config import to_toml
from edgeface.service.bootstrap import broker_options


@click.group(short_help="Show or check the configuration.")
def config() -> None:
    """The settings in edgeface.toml: one table for each stage, every key with a measured default."""


@config.command()
@click.pass_obj
def show(context: Context) -> None:
    """Print all settings in force, with what they mean, as a file that can be edited and used."""
    click.echo(to_toml(context.config()), nl=False)


@config.command()
@click.pass_obj
def check(context: Context) -> None:
    """Say whether the configuration is valid; the first mistake is named with its key."""
    mqtt = context.config().mqtt
    if mqtt.broker:
        broker_options(mqtt)
    click.echo("The configuration is valid.")
