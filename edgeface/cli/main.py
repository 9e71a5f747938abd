"""The command line: one group, a file a command."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import click

from edgeface import __version__
from edgeface.cli.access import access
from edgeface.cli.access_edit import card, deny, grant, group, pin, revoke
from edgeface.cli.access_state import lockdown, reset
from edgeface.cli.audit import audit
from edgeface.cli.backup import backup, restore
from edgeface.cli.bench import bench
from edgeface.cli.calibrate import calibrate
from edgeface.cli.config import config
from edgeface.cli.console import console
from edgeface.cli.context import Context
from edgeface.cli.device_key import rotate_device
from edgeface.cli.doctor import doctor
from edgeface.cli.door import door
from edgeface.cli.enrol import enrol
from edgeface.cli.explain import explain
from edgeface.cli.inspect import inspect
from edgeface.cli.keys import keys
from edgeface.cli.models import models
from edgeface.cli.models_install import install, remove
from edgeface.cli.models_update import pack, roll_back, update
from edgeface.cli.models_update import status as models_status
from edgeface.cli.people import people
from edgeface.cli.people_move import export, import_people, recipient
from edgeface.cli.replay import replay
from edgeface.cli.review import review
from edgeface.cli.review_strangers import forget, ignore, name, strangers
from edgeface.cli.run import run
from edgeface.cli.snapshots import snapshots
from edgeface.cli.status import status
from edgeface.errors import EdgefaceError


class SpeakingGroup(click.Group):
    """Turns an EdgefaceError into its sentence and its exit code; anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgefaceError as error:
            click.echo(f"edgeface: {error}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            click.echo("edgeface: the output cannot be written: no space left", err=True)
            # What is still buffered would fail again when Python leaves, and change the exit code.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            ctx.exit(74)


def default_home() -> Path:
    """Where the gallery, the choice of models and the configuration live unless --home says otherwise."""
    try:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    except RuntimeError:  # a user without a home folder, as services have
        base = "/var/lib"
    return Path(base) / "edgeface"


@click.group(cls=SpeakingGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="edgeface")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="EDGEFACE_HOME",
    default=default_home,
    show_default="~/.local/share/edgeface",
    help="Folder of the gallery, the chosen models and edgeface.toml.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="EDGEFACE_CONFIG",
    help="Configuration file; default: edgeface.toml in the home folder, if it exists.",
)
@click.pass_context
def main(ctx: click.Context, home: Path, config_file: Path | None) -> None:
    """A door reader that knows faces.

    \b
    First steps:
      edgeface doctor                       is everything here that a reader needs?
      edgeface enrol "Ada" ada1.jpg ada2.jpg    teach it a face; asks who took her consent
      edgeface run --source 0               watch the first camera and decide
      edgeface calibrate                    what score opens the door, and how often it errs
      edgeface inspect photo.jpg            why was or wasn't this face usable?
      edgeface explain clip.mp4             what happened to each face, gate by gate, as a picture

    Everything stays on this machine; only decisions leave it, and only to the broker you name.
    """
    ctx.obj = Context(home=home, config_file=config_file)


EVERY = (
    enrol, people, review, access, door, audit, run, status, replay, inspect, explain, calibrate, models, keys, config,
    console, doctor, bench,
)  # fmt: skip
for command in EVERY:
    main.add_command(command)
for command in (backup, restore):
    main.add_command(command)
people.add_command(export)
people.add_command(import_people)
people.add_command(recipient)
for command in (grant, deny, revoke, group, pin, card, lockdown, reset):
    access.add_command(command)
people.add_command(snapshots)
for command in (strangers, name, ignore, forget):
    review.add_command(command)
for command in (install, remove, pack, update, roll_back, models_status):
    models.add_command(command)
keys.add_command(rotate_device)
