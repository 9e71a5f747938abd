"""`edgeface access grant`, `deny`, `revoke`, `group`, `pin`, `card`: change access.toml, each change checked first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.access import day, people_of
from edgeface.cli.context import Context
from edgeface.commands import words
from edgeface.service.bootstrap import GALLERY
from edgeface.service.desk import RuleBook, rulebook
from edgeface.store import audit
from edgeface.store.audit import Facts, Kind


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
    _added(rulebook.grant(book_of(context), _words(**said)))


@click.command(short_help="Keep people out, whatever else grants.")
@_right
def deny(context: Context, **said: Any) -> None:
    """Keep WHO (names or ids of people, groups, or everyone) out: a deny wins over every grant."""
    _added(rulebook.deny(book_of(context), _words(**said)))


def _words(
    who: tuple[str, ...], doors: tuple[str, ...], schedule: str, first: str | None, until: str | None, name: str
) -> words.Right:
    for text in (first, until):
        if text:
            day(text)
    return words.Right(who=who, doors=doors, schedule=schedule, valid_from=first, valid_until=until, name=name)


def _added(rule: words.RuleName) -> None:
    _tell(f"{rule.rule} is added.")


@click.command(short_help="Take a right or a deny away.")
@click.argument("rule")
@click.pass_obj
def revoke(context: Context, rule: str) -> None:
    """Take RULE out of the file: a name, or a place such as grants[2]."""
    rulebook.revoke(book_of(context), words.RuleName(rule=rule))
    _tell(f"{rule} is gone.")


@click.group(short_help="Put people into groups, or take them out.")
def group() -> None:
    """Who belongs to which group of access.toml."""


@group.command("add")
@click.argument("name")
@click.argument("who", nargs=-1, required=True)
@click.pass_obj
def add_members(context: Context, name: str, who: tuple[str, ...]) -> None:
    """Put WHO (names or ids of people) into the group NAME; a new group is made."""
    now = rulebook.join(book_of(context), words.Members(group=name, who=who))
    _tell(f"{name} has {now.count} member(s).")


@group.command("remove")
@click.argument("name")
@click.argument("who", nargs=-1, required=True)
@click.pass_obj
def remove_members(context: Context, name: str, who: tuple[str, ...]) -> None:
    """Take WHO (names or ids of people, forgotten ones by id) out of the group NAME."""
    now = rulebook.leave(book_of(context), words.Members(group=name, who=who))
    _tell(f"{name} has {now.count} member(s).")


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
    found = rulebook.set_pin(book_of(context), asked)
    _tell(f"{found.id} has a new {'duress ' if duress else ''}PIN.")


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
    book = book_of(context)
    now = rulebook.give_card(book, asked)
    _tell(f"{book.find(who)} has {now.count} card(s).")


def book_of(context: Context) -> RuleBook:
    """The rules of the home folder. Changes are audited if there is a gallery to audit them in."""

    def note(facts: Facts) -> None:
        if (context.home / GALLERY).exists():
            with context.gallery() as database, database.transaction() as tables:
                audit.note(tables, Kind.RULES, SystemClock().now(), {"by": context.by, **facts})

    return RuleBook(home=context.home, door=context.config().decide.door, people=people_of(context), note=note)


def _tell(done: str) -> None:
    click.echo(done)
    click.echo("A running reader takes it over at its next start.", err=True)
