"""`edgeface access grant`, `deny`, `revoke`, `group`, `pin`, `card`: change access.toml, each change checked first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from edgeface.cli.access import day
from edgeface.cli.context import Context
from edgeface.commands import words
from edgeface.service.bootstrap import GALLERY
from edgeface.service.desk import RuleBook, rulebook


def _right(command: Callable[..., None]) -> Callable[..., None]:
    """What grant and deny take."""
    for decorate in (
        click.pass_obj,
        click.option("--name", default="", help="What decisions call this rule."),
        click.option("--until", help="Last day, such as 2026-12-31."),
        click.option("--from", "first", help="First day, such as 2026-12-01."),
        click.option("--schedule", default="always", show_default=True, help="Name of a schedule in the file."),
        click.option(
            "--door", "doors", multiple=True, default=("all",), help="A door of the file; default: all doors."
        ),
        click.argument("who", nargs=-1, required=True),
    ):
        command = decorate(command)
    return command


@click.command(short_help="Give people a right.")
@_right
def grant(context: Context, **said: Any) -> None:
    """Give WHO (names or ids of people, groups, or everyone) a right."""
    _added(_edit(context, "access/grant", _words(**said)))


@click.command(short_help="Keep people out, whatever else grants.")
@_right
def deny(context: Context, **said: Any) -> None:
    """Keep WHO (names or ids of people, groups, or everyone) out: a deny wins over every grant."""
    _added(_edit(context, "access/deny", _words(**said)))


def _words(
    who: tuple[str, ...], doors: tuple[str, ...], schedule: str, first: str | None, until: str | None, name: str
) -> words.Right:
    for text in (first, until):
        if text:
            day(text)
    return words.Right(who=who, doors=doors, schedule=schedule, valid_from=first, valid_until=until, name=name)


def _added(rule: words.RuleName) -> None:
    click.echo(f"{rule.rule} is added.")


@click.command(short_help="Take a right or a deny away.")
@click.argument("rule")
@click.pass_obj
def revoke(context: Context, rule: str) -> None:
    """Take RULE out of the file: a name, or a place such as grants[2]."""
    _edit(context, "access/revoke", words.RuleName(rule=rule))
    click.echo(f"{rule} is gone.")


@click.group(short_help="Put people into groups, or take them out.")
def group() -> None:
    """Who belongs to which group of access.toml."""


@group.command("add")
@click.argument("name")
@click.argument("who", nargs=-1, required=True)
@click.pass_obj
def add_members(context: Context, name: str, who: tuple[str, ...]) -> None:
    """Put WHO (names or ids of people) into the group NAME; a new group is made."""
    now = _edit(context, "access/join", words.Members(group=name, who=who))
    click.echo(f"{name} has {now.count} member(s).")


@group.command("remove")
@click.argument("name")
@click.argument("who", nargs=-1, required=True)
@click.pass_obj
def remove_members(context: Context, name: str, who: tuple[str, ...]) -> None:
    """Take WHO (names or ids of people, forgotten ones by id) out of the group NAME."""
    now = _edit(context, "access/leave", words.Members(group=name, who=who))
    click.echo(f"{name} has {now.count} member(s).")


@click.command(short_help="Set somebody's PIN.")
@click.argument("who")
@click.option("--duress", is_flag=True, help="The PIN that opens and silently raises the alarm.")
@click.option("--pin", prompt=True, hide_input=True, confirmation_prompt=True, help="4 to 12 digits; better typed.")
@click.pass_obj
def pin(context: Context, who: str, duress: bool, pin: str) -> None:
    """Set the PIN of WHO (a name or an id). Only a slow hash of it is written."""
    try:
        asked = words.Pin(who=who, pin=pin, duress=duress)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--pin") from error
    found = _edit(context, "access/pin", asked)
    click.echo(f"{found.id} has a new {'duress ' if duress else ''}PIN.")


@click.command(short_help="Give somebody a card.")
@click.argument("who")
@click.option("--number", prompt=True, hide_input=True, help="The card's number, as the reader sends it.")
@click.pass_obj
def card(context: Context, who: str, number: str) -> None:
    """Give WHO (a name or an id) a card. Only a slow hash of its number is written."""
    try:
        asked = words.Card(who=who, number=number)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--number") from error
    now = _edit(context, "access/card", asked)
    click.echo(f"{who} has {now.count} card(s).")


def _edit(context: Context, verb: str, asked: Any) -> Any:
    """Change the rules, and audit it; before anybody was ever enrolled there is nothing to audit it in."""
    if (context.home / GALLERY).exists():
        return context.ask(verb, asked)
    book = RuleBook(home=context.home, door=context.config().decide.door, people={}, note=lambda facts: None)
    return _ALONE[verb](book, asked)


_ALONE: Mapping[str, Callable[[RuleBook, Any], Any]] = {
    "access/grant": rulebook.grant,
    "access/deny": rulebook.deny,
    "access/revoke": rulebook.revoke,
    "access/join": rulebook.join,
    "access/leave": rulebook.leave,
    "access/pin": rulebook.set_pin,
    "access/card": rulebook.give_card,
}
