"""`edgeface people snapshots`: the pictures that are kept of somebody's visits."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import click

from edgeface.cli.context import Context
from edgeface.commands import words
from edgeface.commands.words_review import SnapshotRow, Visit
from edgeface.errors import GalleryError
from edgeface.store.files import create_private


@click.command(short_help="Pictures kept of somebody's visits.")
@click.argument("who")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write them into this folder, unsealed.")
@click.option("--delete", is_flag=True, help="Delete them, to the last byte.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a picture and line.")
@click.pass_obj
def snapshots(context: Context, who: str, out: Path | None, delete: bool, as_json: bool) -> None:
    """List the pictures of WHO's visits (a name or an id). None are kept unless `enabled = true` under [snapshots].

    They are sealed under the person's key and deleted with the person, and after keep_days. Files written with --out
    are yours to look after: forgetting the person finds them in the home folder only.
    """
    found = context.ask("snapshots/list", words.Who(who=who))
    for one in found.snapshots:
        file = None if out is None else _write(context, found.id, one.decision, out)
        told = {"decision": one.decision, "taken": _when(one), "bytes": one.bytes}
        text = f"{_when(one)}  visit {one.decision}, {one.bytes} bytes" + (f"  {file}" if file else "")
        click.echo(json.dumps({**told, "file": None if file is None else str(file)}) if as_json else text)
    if delete:
        context.ask("snapshots/delete", words.Who(who=found.id))
    if not as_json:
        click.echo(f"{len(found.snapshots)} picture(s) of {found.name}{' deleted' if delete else ''}.")


def _when(one: SnapshotRow) -> str:
    return one.taken.isoformat(timespec="seconds")


def _write(context: Context, person_id: str, visit: str, folder: Path) -> Path:
    """A file that only its owner may read. Raises GalleryError."""
    picture = context.ask("snapshots/show", Visit(who=person_id, decision=visit))
    file = folder / f"{visit}.jpg"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        create_private(file, base64.b64decode(picture.jpeg))
    except OSError as error:
        raise GalleryError(f"{file} cannot be written: {error.strerror}; name another folder") from error
    return file
