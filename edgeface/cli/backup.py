"""`edgeface backup` and `edgeface restore`: a copy of the gallery, and back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.commands import words_local
from edgeface.errors import BackupError
from edgeface.service.bootstrap import GALLERY
from edgeface.store import backup as copies
from edgeface.store import keyfile
from edgeface.store.backup import Copy
from edgeface.wire import plain, record


@click.command(short_help="Copy the gallery to a file.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def backup(context: Context, file: Path, as_json: bool) -> None:
    """Copy people, templates and the audit log to FILE, and check that all of it can be read back.

    FILE is sealed as the gallery is: it opens with the device key, which is not in it. Keep a copy of the key as well,
    somewhere else than FILE. Forgetting a person does not reach FILE; changing the device key afterwards does.
    """
    if file.exists():
        raise BackupError(f"{file} is there already: name another file")
    copy, key = _copied(context, file, as_json), keyfile.beside(context.home / GALLERY)
    if as_json:
        click.echo(json.dumps({"file": str(file), **asdict(copy)}))
        return
    click.echo(f"{file} has {_content(copy)}; sha256 {copy.sha256}.")
    where = key if key.exists() else f"the credential {keyfile.CREDENTIAL}"
    click.echo(f"Not in it: the device key {copy.device_key_id} ({where}), access.toml, edgeface.toml.", err=True)


@click.command(short_help="Put a copy of the gallery back.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Move the gallery that is there aside; without this it must be gone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def restore(context: Context, file: Path, replace: bool, as_json: bool) -> None:
    """Check all of FILE, a backup, and put it in the gallery's place. The device key must be here first.

    Stop the service first: nobody may use a gallery that is exchanged.

    What happened after the backup is gone from the gallery, and the audit log tells of the restoration. People whom the
    gallery that is there has forgotten are forgotten again.
    """
    context.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = SystemClock().now()
    with _checking(as_json) as tick:
        done = copies.restore(file, context.home / GALLERY, now, replace=replace, by=context.by, tick=tick)
    if as_json:
        told = asdict(done) | {"replaced": None if done.replaced is None else str(done.replaced)}
        click.echo(json.dumps(told))
        return
    click.echo(f"The gallery is back, with {_content(done.copy)}.")
    for person_id in done.forgotten_again:
        click.echo(f"{person_id} was forgotten after the backup, and is forgotten again.")
    for key in done.revoked:
        click.echo(f"The key {key} may command no more: pair another, see `edgeface keys`.", err=True)
    if done.replaced is not None:
        click.echo(f"What was there is {done.replaced}: delete it when you do not need it.", err=True)


def _copied(context: Context, file: Path, as_json: bool) -> Copy:
    """By the reader that runs, into its own folder, from where the copy is taken; or here."""
    with context.reader() as reader:
        if reader is not None:
            done = record(words_local.Backup, reader.local("backup", {}), "backup")
            copies.bring(Path(done.file), file, done.sha256)
            return Copy(**{key: value for key, value in plain(done).items() if key != "file"})
    with context.gallery() as database, _checking(as_json) as tick:
        return copies.backup(database, file, SystemClock().now(), by=context.by, tick=tick)


def _content(copy: Copy) -> str:
    return f"{copy.people} people, and the audit log up to row {copy.last_seq}"


@contextmanager
def _checking(hidden: bool) -> Iterator[Callable[[int], None]]:
    """What a check calls for each of so many things."""
    with click.progressbar(length=1, label="Checking", hidden=hidden, file=sys.stderr, update_min_steps=500) as bar:

        def tick(total: int) -> None:
            bar.length = total
            bar.update(1)

        yield tick
