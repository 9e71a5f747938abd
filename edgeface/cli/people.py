"""`edgeface people`: who is enrolled."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.store.consent import Consent, consent_of, duplicates_of
from edgeface.store.gallery import GalleryStore, Person


@click.group(invoke_without_command=True, short_help="List, show, rename or forget people.")
@click.pass_context
def people(ctx: click.Context) -> None:
    """Who is enrolled. Without a subcommand: the list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_people)


@people.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a person and line.")
@click.pass_obj
def list_people(context: Context, as_json: bool = False) -> None:
    """Everybody, with the number of templates that the embedder in use can compare."""
    identity = context.loaded().embedder.identity
    with context.gallery() as database:
        everybody = GalleryStore(database).people()
    for person in everybody:
        row = _row(person, identity)
        click.echo(json.dumps(row) if as_json else _text(row))
    if not everybody and not as_json:
        click.echo("Nobody is enrolled yet: `edgeface enrol NAME PICTURE...`")


@people.command()
@click.argument("who")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(context: Context, who: str, as_json: bool) -> None:
    """All that is kept of WHO (a name or an id): templates, consent, and whose face it is too."""
    identity = context.loaded().embedder.identity
    with context.gallery() as database:
        store = GalleryStore(database)
        person = store.find(who)
        consent, twins = consent_of(database, person.id), duplicates_of(database, person.id)
        names = {twin.of_person_id: store.name_of(twin.of_person_id) for twin in twins}
    if as_json:
        told = None if consent is None else asdict(consent)
        click.echo(json.dumps({**_row(person, identity), "consent": told, "duplicates": [asdict(t) for t in twins]}))
        return
    click.echo(_text(_row(person, identity)))
    click.echo("no consent is on record" if consent is None else _consent(consent))
    for twin in twins:
        click.echo(f"same face as {names[twin.of_person_id]} ({twin.of_person_id}), allowed by {twin.allowed_by}")


@people.command()
@click.argument("who")
@click.argument("name")
@click.pass_obj
def rename(context: Context, who: str, name: str) -> None:
    """Give WHO (a name or an id) the new NAME; the former one is overwritten on the disk."""
    with context.gallery() as database:
        store = GalleryStore(database)
        person = store.rename(store.find(who).id, name)
    click.echo(f"{person.id} is now {person.name}.")


@people.command()
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="The receipt as a JSON object.")
@click.pass_obj
def forget(context: Context, who: str, yes: bool, as_json: bool) -> None:
    """Delete WHO (a name or an id) for good and give a receipt.

    The person's key is destroyed, name and templates are overwritten on the disk, and every file in the home folder is
    searched for what might be left. Copies elsewhere stay; they are unreadable without the device key.
    """
    with context.gallery() as database:
        store = GalleryStore(database)
        person = store.find(who)
        if not yes:
            click.confirm(f"Forget {person.name} ({person.id}) for good?", abort=True)
        receipt = store.forget(person.id, SystemClock().now())
    if as_json:
        click.echo(json.dumps(asdict(receipt)))
        return
    click.echo(f"{person.id} is forgotten; decisions about that id stay in the journal without a name.")
    click.echo(f"Key and {receipt.templates} template(s) destroyed; {receipt.files} files searched.")
    for file in receipt.remains:
        click.echo(f"{file} still holds the person: delete that copy.", err=True)


def _row(person: Person, identity: str) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "templates": person.templates.get(identity, 0),
        "templates_of_other_models": sum(n for model, n in person.templates.items() if model != identity),
    }


def _consent(consent: Consent) -> str:
    when = datetime.fromtimestamp(consent.recorded_at_wall_ns / 1e9, UTC).isoformat(timespec="seconds")
    unsure = "" if consent.wall_trusted else " (by a clock that was not set)"
    return (
        f"consent: {consent.given.value}, recorded by {consent.recorded_by} at {when}{unsure}, "
        f"to {consent.text_version!r}, sha256 {consent.text_sha256}"
    )


def _text(row: dict[str, Any]) -> str:
    note = "" if row["templates"] else "  cannot be recognised: enrol again with the embedder in use"
    return f"{row['id']}  {row['name']}  {row['templates']} template(s){note}"
