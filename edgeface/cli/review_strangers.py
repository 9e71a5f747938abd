"""`edgeface review strangers` and what can be done about one: name, ignore, forget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgeface.cli.consent import ask, told_of
from edgeface.cli.context import Context
from edgeface.cli.review import show_rows
from edgeface.commands.words_review import Ignored, Named, StrangerId, StrangersWanted
from edgeface.store.consent import TEXT_FILE, Given
from edgeface.store.names import valid_name
from edgeface.wire import plain


@click.command(short_help="Visitors whom nobody enrolled, told apart.")
@click.option("--all", "everybody", is_flag=True, help="Those who are ignored as well.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a stranger and line.")
@click.pass_obj
def strangers(context: Context, everybody: bool, as_json: bool) -> None:
    """Visitors whom nobody enrolled, who came most often first. No picture of them is kept."""
    shown = context.ask("strangers/list", StrangersWanted(everybody=everybody)).strangers
    rows = [
        {**plain(one), **{key: getattr(one, key).isoformat(timespec="seconds") for key in ("first_seen", "last_seen")}}
        for one in shown
    ]
    show_rows(rows, as_json, _text)
    if not rows and not as_json:
        click.echo("No strangers are remembered.")


@click.command(short_help="Enrol a stranger.")
@click.argument("stranger")
@click.argument("name")
@click.option("--consent-by", envvar="EDGEFACE_CONSENT_BY", help="Who took the person's consent: your name.")
@click.option("--consent-text", type=click.Path(path_type=Path), default=TEXT_FILE, show_default="the text shipped",
              help="The words that the person agreed to; their digest is kept.")  # fmt: skip
@click.option("--consent-given", type=click.Choice([given.value for given in Given]), default=Given.WRITTEN.value,
              show_default=True, help="How the consent was given.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def name(
    context: Context,
    stranger: str,
    name: str,
    consent_by: str | None,
    consent_text: Path,
    consent_given: str,
    as_json: bool,
) -> None:
    """Enrol STRANGER as NAME, with the mean of the visits as the first template; consent is needed as for anybody.

    Add pictures with `edgeface enrol NAME PICTURE... --add`: one template of chance visits recognises less well.
    """
    valid = valid_name(name)
    consent = ask(consent_by, consent_text, Given(consent_given), required=context.config().enrol.require_consent)
    made = context.ask("strangers/name", Named(stranger=stranger, name=valid, consent=told_of(consent)))
    row = {"stranger": stranger, "id": made.id, "name": valid, "visits": made.visits}
    show_rows([row], as_json, lambda _: f"{stranger} is {valid} from now on, id {made.id}.")


@click.command(short_help="Do not show a stranger any more.")
@click.argument("stranger")
@click.option("--undo", is_flag=True, help="Show the stranger again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def ignore(context: Context, stranger: str, undo: bool, as_json: bool) -> None:
    """Say that STRANGER is of no interest: still told apart, not shown."""
    context.ask("strangers/ignore", Ignored(stranger=stranger, ignored=not undo))
    told = {"stranger": stranger, "ignored": not undo}
    show_rows([told], as_json, lambda _: f"{stranger} is {'shown again' if undo else 'ignored'}.")


@click.command(short_help="Delete a stranger at once.")
@click.argument("stranger")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def forget(context: Context, stranger: str, as_json: bool) -> None:
    """Delete what is known of STRANGER, to the last byte."""
    context.ask("strangers/forget", StrangerId(stranger=stranger))
    show_rows([{"stranger": stranger, "forgotten": True}], as_json, lambda _: f"{stranger} is forgotten.")


def _text(row: dict[str, Any]) -> str:
    like = "" if row["most_like"] is None else f"  most like {row['most_like']} ({row['similarity']:.2f})"
    hidden = "  ignored" if row["ignored"] else ""
    return f"{row['id']}  {row['visits']} visit(s), {row['first_seen']} to {row['last_seen']}{like}{hidden}"
