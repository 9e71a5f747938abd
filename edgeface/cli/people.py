"""`edgeface people`: who is enrolled."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.frame import Instant
from edgeface.store.consent import Consent, consent_of, duplicates_of
from edgeface.store.gallery import GalleryStore, Person
from edgeface.store.retention import DAY_NS, FOREVER_NS, RetentionStore, Term


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
        term = RetentionStore(database, context.config().retention).term(person.id)
        names = {twin.of_person_id: store.name_of(twin.of_person_id) for twin in twins}
    if as_json:
        told = None if consent is None else asdict(consent)
        kept = {"kept_until": _day(term.ends_wall_ns), "duplicates": [asdict(twin) for twin in twins]}
        click.echo(json.dumps({**_row(person, identity), "consent": told, **kept}))
        return
    click.echo(_text(_row(person, identity)))
    click.echo(_kept(term, context.config().retention.people_days))
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
        person = store.rename(store.find(who).id, name, SystemClock().now(), by=context.by)
    click.echo(f"{person.id} is now {person.name}.")


@people.command()
@click.argument("who")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day, UTC.")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="So many days from now on.")
@click.option("--forever", is_flag=True, help="Until somebody forgets the person, whatever the general rule.")
@click.option("--as-usual", is_flag=True, help="By the general rule: people_days under [retention].")
@click.pass_obj
def keep(context: Context, who: str, until: datetime | None, days: float | None, forever: bool, as_usual: bool) -> None:
    """Set how long WHO (a name or an id) is kept; then the running reader forgets the person by itself.

    It does so only while its clock is set and has run evenly for a while.
    """
    if (until is not None) + (days is not None) + forever + as_usual != 1:
        raise click.UsageError("say one of --until, --days, --forever and --as-usual")
    now, options = SystemClock().now(), context.config().retention
    if days is not None and not now.wall_trusted:
        raise click.UsageError("the clock is not set, so days cannot be counted: use --until")
    with context.gallery() as database:
        person, terms = GalleryStore(database).find(who), RetentionStore(database, options)
        terms.keep(person.id, _moment(until, days, forever, now))
        term = terms.term(person.id)
    click.echo(f"{person.name} ({person.id}): {_kept(term, options.people_days)}")


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
        receipt = store.forget(person.id, SystemClock().now(), by=context.by)
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


def _moment(until: datetime | None, days: float | None, forever: bool, now: Instant) -> int | None:
    """The date that was asked for, in nanoseconds since 1970; None for the general rule."""
    if until is not None:
        return int(until.replace(tzinfo=UTC).timestamp() + 86_400) * 10**9
    if days is not None:
        return min(now.wall_ns + int(days * DAY_NS), FOREVER_NS)
    return FOREVER_NS if forever else None


def _kept(term: Term, people_days: float | None) -> str:
    """How long somebody is kept, and why, as a sentence."""
    if term.set_wall_ns == FOREVER_NS:
        return "kept until somebody forgets the person, by a setting of its own"
    if term.set_wall_ns is not None:
        return f"kept until {_day(term.ends_wall_ns)}, a date of its own"
    if people_days is None:
        return "kept until somebody forgets the person"
    if term.ends_wall_ns is None:
        return f"kept for {people_days:g} days after the last visit, once the reader has run with its clock set"
    return f"kept until {_day(term.ends_wall_ns)}, {people_days:g} days after the last visit"


def _day(wall_ns: int | None) -> str | None:
    """A moment as people and machines read it, UTC."""
    if wall_ns is None:
        return None
    return datetime.fromtimestamp(min(wall_ns / 1e9, _LAST_S), UTC).isoformat(timespec="seconds")


_LAST_S = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


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
