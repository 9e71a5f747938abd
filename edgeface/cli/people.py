"""`edgeface people`: who is enrolled."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.commands import words
from edgeface.commands.words_people import ConsentRow, Forget, Keep, PersonCard
from edgeface.store.names import valid_name
from edgeface.wire import plain


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
    somebody = False
    for row in context.everybody():
        click.echo(json.dumps(plain(row)) if as_json else _text(row))
        somebody = True
    if not somebody and not as_json:
        click.echo("Nobody is enrolled yet: `edgeface enrol NAME PICTURE...`")


@people.command()
@click.argument("who")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(context: Context, who: str, as_json: bool) -> None:
    """All that is kept of WHO (a name or an id): templates, consent, and whose face it is too."""
    card = context.ask("people/show", words.Who(who=who))
    if as_json:
        click.echo(json.dumps(_shown(card)))
        return
    click.echo(_text(card))
    click.echo(card.keep_says)
    click.echo("no consent is on record" if card.consent is None else _consent(card.consent))
    for twin in card.twins:
        click.echo(f"same face as {twin.name} ({twin.id}), allowed by {twin.allowed_by}")


@people.command()
@click.argument("who")
@click.argument("name")
@click.pass_obj
def rename(context: Context, who: str, name: str) -> None:
    """Give WHO (a name or an id) the new NAME; the former one is overwritten on the disk."""
    renamed = context.ask("people/rename", words.Rename(who=who, name=name))
    click.echo(f"{renamed.id} is now {valid_name(name)}.")


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
    if days is not None and not SystemClock().now().wall_trusted:
        raise click.UsageError("the clock is not set, so days cannot be counted: use --until")
    try:
        asked = Keep(who=who, until=None if until is None else f"{until:%Y-%m-%d}", days=days, forever=forever)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    found = context.ask("people/keep", asked)
    click.echo(f"{found.id}: {found.says}")


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
    if not yes:
        card = context.ask("people/show", words.Who(who=who))
        click.confirm(f"Forget {card.name} ({card.id}) for good?", abort=True)
        who = card.id
    receipt = context.ask("people/forget", Forget(who=who))
    if as_json:
        click.echo(json.dumps(plain(receipt)))
        return
    click.echo(f"{receipt.id} is forgotten; decisions about that id stay in the journal without a name.")
    click.echo(f"Key and {receipt.templates} template(s) destroyed; {receipt.files} files searched.")
    for file in receipt.remains:
        click.echo(f"{file} still holds the person: delete that copy.", err=True)


def _shown(card: PersonCard) -> dict[str, Any]:
    given = card.consent
    return {
        **{key: getattr(card, key) for key in ("id", "name", "templates", "templates_of_other_models")},
        "consent": None
        if given is None
        else {
            "recorded_by": given.by,
            "given": given.given.value,
            "text_version": given.text,
            "text_sha256": given.text_sha256,
            "recorded_at": _when(given.at),
        },
        "kept_until": None if card.keep_until is None else _when(card.keep_until),
        "duplicates": [{"of_person_id": twin.id, "allowed_by": twin.allowed_by} for twin in card.twins],
    }


def _when(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _consent(consent: ConsentRow) -> str:
    return (
        f"consent: {consent.given.value}, recorded by {consent.by} at {_when(consent.at)}, "
        f"to {consent.text!r}, sha256 {consent.text_sha256}"
    )


def _text(row: words.PersonRow | PersonCard) -> str:
    note = "" if row.templates else "  cannot be recognised: enrol again with the embedder in use"
    return f"{row.id}  {row.name}  {row.templates} template(s){note}"
