"""`edgeface people snapshots`: the pictures that are kept of somebody's visits."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from edgeface.cli.context import Context
from edgeface.errors import GalleryError
from edgeface.store.files import create_private
from edgeface.store.gallery import GalleryStore
from edgeface.store.snapshots import Snapshot, SnapshotStore


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
    with context.gallery() as database:
        person, store = GalleryStore(database).find(who), SnapshotStore(database, context.config().snapshots)
        found = store.of(person.id)
        if delete:
            store.delete(person.id)
    for one in found:
        file = None if out is None else _write(one, out)
        row = {"decision": one.decision_id, "taken": _when(one), "bytes": len(one.picture)}
        told = {**row, "file": None if file is None else str(file)}
        text = f"{row['taken']}  visit {one.decision_id}, {len(one.picture)} bytes" + (f"  {file}" if file else "")
        click.echo(json.dumps(told) if as_json else text)
    if not as_json:
        click.echo(f"{len(found)} picture(s) of {person.name}{' deleted' if delete else ''}.")


def _when(one: Snapshot) -> str:
    return datetime.fromtimestamp(one.taken_at_wall_ns / 1e9, UTC).isoformat(timespec="seconds")


def _write(one: Snapshot, folder: Path) -> Path:
    """A file that only its owner may read. Raises GalleryError."""
    file = folder / f"{one.decision_id}.jpg"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        create_private(file, one.picture)
    except OSError as error:
        raise GalleryError(f"{file} cannot be written: {error.strerror}; name another folder") from error
    return file
