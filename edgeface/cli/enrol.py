"""`edgeface enrol`: teach the reader a face."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeface import image
from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.embed import to_template
from edgeface.enrol import Portrait, portrait
from edgeface.errors import EnrolmentError, PictureError, UnknownPerson
from edgeface.pipeline import Models, Options
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore, NewTemplate, Person, valid_name


@click.command(short_help="Teach the reader a face.")
@click.argument("name")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--add", is_flag=True, help="Add the pictures to somebody who is enrolled already.")
@click.option("--strict", is_flag=True, help="Enrol nothing unless every picture is usable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with the outcome of every picture.")
@click.pass_obj
def enrol(context: Context, name: str, pictures: tuple[Path, ...], add: bool, strict: bool, as_json: bool) -> None:
    """Enrol NAME from one or more PICTURES (JPEG or PNG) of that person alone.

    Two or three pictures taken by the door's own camera work best. Every picture passes the same quality gate as at the
    door; one that does not is named with its reason, and the usable ones are enrolled. No picture is kept.
    """
    name = valid_name(name)
    config, models = context.config(), context.models()
    with context.gallery() as database:
        _check_name(GalleryStore(database), name, add)
        outcomes = _look(pictures, models, config.pipeline(), quiet=as_json)
        refused = {path: outcome for path, outcome in outcomes.items() if isinstance(outcome, str)}
        usable = {path: outcome for path, outcome in outcomes.items() if not isinstance(outcome, str)}
        if not usable or (strict and refused):
            raise EnrolmentError(f"{name} was not enrolled. " + " ".join(f"{p}: {r}." for p, r in refused.items()))
        person = _store(database, name, usable, add)
    _report(person, refused, len(usable), as_json)


def _check_name(store: GalleryStore, name: str, add: bool) -> None:
    """Fail before the slow part if the name will not do."""
    try:
        person = store.find(name)
    except UnknownPerson:
        if add:
            raise
        return
    if not add:
        raise EnrolmentError(f"{person.name} is enrolled already: use --add for more pictures, or choose another name")


def _look(pictures: tuple[Path, ...], models: Models, options: Options, *, quiet: bool) -> dict[Path, Portrait | str]:
    outcomes: dict[Path, Portrait | str] = {}
    with click.progressbar(pictures, label="Looking at pictures", hidden=quiet) as bar:
        for path in bar:
            try:
                outcomes[path] = portrait(image.read(path), models, options)
            except PictureError as error:
                outcomes[path] = str(error)
    return outcomes


def _store(database: Database, name: str, usable: dict[Path, Portrait], add: bool) -> Person:
    now, store = SystemClock().now(), GalleryStore(database)
    templates = [
        NewTemplate(
            model_sha256=found.embedding.model_sha256,
            vector=to_template(found.embedding.vector),
            quality=found.quality.score,
            pose=found.pose,
            source=path.name,
        )
        for path, found in usable.items()
    ]
    return store.add(store.find(name).id, templates, now) if add else store.enrol(name, templates, now)


def _report(person: Person, refused: dict[Path, str], used: int, as_json: bool) -> None:
    if as_json:
        reasons = {str(path): reason for path, reason in refused.items()}
        click.echo(json.dumps({"id": person.id, "name": person.name, "pictures_used": used, "refused": reasons}))
        return
    for path, reason in refused.items():
        click.echo(f"not used: {path}: {reason}", err=True)
    click.echo(f"{person.name} is enrolled with {sum(person.templates.values())} template(s), id {person.id}.")
