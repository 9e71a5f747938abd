"""`edgeface access grant`, `deny`, `revoke`, `group`, `pin`, `card`: change access.toml, each change checked first."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from edgeface import access as rule_book
from edgeface.access import Rules
from edgeface.access.parts import EVERYONE, Group, PersonRules, Right
from edgeface.access.rules import rights
from edgeface.adapters.access_file import append_table, expect, remove_table, replace_file, set_key
from edgeface.adapters.clock import SystemClock
from edgeface.cli.access import day, find, people_of, rules_of, text_of
from edgeface.cli.context import Context
from edgeface.errors import ConfigError
from edgeface.service.bootstrap import ACCESS, GALLERY
from edgeface.store import audit
from edgeface.store.audit import Kind

R = TypeVar("R", Rules, PersonRules)


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
def grant(context: Context, **words: Any) -> None:
    """Give WHO (names or ids of people, groups, or everyone) a right."""
    _add(context, "grants", **words)


@click.command(short_help="Keep people out, whatever else grants.")
@_right
def deny(context: Context, **words: Any) -> None:
    """Keep WHO (names or ids of people, groups, or everyone) out: a deny wins over every grant."""
    _add(context, "denies", **words)


def _add(
    context: Context, table: str, who: tuple[str, ...], doors: tuple[str, ...], schedule: str,
    first: str | None, until: str | None, name: str,
) -> None:  # fmt: skip
    rules, people = rules_of(context), people_of(context)
    named = tuple(one if one in rules.groups or one == EVERYONE else find(people, one) for one in who)
    days = {"valid_from": first and day(first), "valid_until": until and day(until)}
    made: dict[str, Any] = {"name": name, "who": named, "doors": doors}
    made |= {} if schedule == "always" else {"schedule": schedule}
    made |= {key: value for key, value in days.items() if value}
    meant = _checked(lambda: _with(rules, table, (*getattr(rules, table), Right(**made))))
    _write(context, append_table(text_of(context), f"[[{table}]]", made), meant)
    added = list(getattr(meant, table))[-1]
    click.echo(f"{added.name or f'{table}[{len(getattr(meant, table)) - 1}]'} is added.")


@click.command(short_help="Take a right or a deny away.")
@click.argument("rule")
@click.pass_obj
def revoke(context: Context, rule: str) -> None:
    """Take RULE out of the file: a name, or a place such as grants[2]."""
    rules = rules_of(context)
    path = next((path for path, right in rights(rules) if rule in (path, right.name)), None)
    if path is None:
        known = ", ".join(right.name or path for path, right in rights(rules))
        raise ConfigError(f"there is no rule {rule!r}; there are {known or 'none'}")
    table, index = path[:-1].split("[")
    kept = tuple(right for i, right in enumerate(getattr(rules, table)) if i != int(index))
    _write(context, remove_table(text_of(context), f"[[{table}]]", int(index)), _with(rules, table, kept))
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
    people = people_of(context)
    _members(context, name, lambda old: (*old, *(i for i in (find(people, one) for one in who) if i not in old)))


@group.command("remove")
@click.argument("name")
@click.argument("who", nargs=-1, required=True)
@click.pass_obj
def remove_members(context: Context, name: str, who: tuple[str, ...]) -> None:
    """Take WHO (names or ids of people, forgotten ones by id) out of the group NAME."""
    people = people_of(context)
    gone = {one if one.startswith("p_") else find(people, one) for one in who}
    _members(context, name, lambda old: tuple(member for member in old if member not in gone))


def _members(context: Context, name: str, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
    rules = rules_of(context)
    members = tuple(dict.fromkeys(change(rules.groups.get(name, Group()).members)))
    meant = _checked(lambda: replace(rules, groups={**rules.groups, name: Group(members=members)}))
    _write(context, set_key(text_of(context), f"groups.{name}", "members", members), meant)
    click.echo(f"{name} has {len(members)} member(s).")


@click.command(short_help="Set somebody's PIN.")
@click.argument("who")
@click.option("--duress", is_flag=True, help="The PIN that opens and silently raises the alarm.")
@click.option("--pin", prompt=True, hide_input=True, confirmation_prompt=True, help="4 to 12 digits; better typed.")
@click.pass_obj
def pin(context: Context, who: str, duress: bool, pin: str) -> None:
    """Set the PIN of WHO (a name or an id). Only a slow hash of it is written."""
    rules, person_id = rules_of(context), find(people_of(context), who)
    entry, key = rules.people.get(person_id, PersonRules()), "duress_pin" if duress else "pin"
    if rule_book.verify_pin(pin, entry.pin if duress else entry.duress_pin):
        raise ConfigError("the duress PIN must differ from the PIN")
    try:
        verifier = rule_book.hash_pin(pin, secrets.token_bytes(16))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--pin") from error
    meant = _checked(lambda: _with_person(rules, person_id, _with(entry, key, verifier)))
    _write(context, set_key(text_of(context), f"people.{person_id}", key, verifier), meant)
    click.echo(f"{person_id} has a new {'duress ' if duress else ''}PIN.")


@click.command(short_help="Give somebody a card.")
@click.argument("who")
@click.option("--number", prompt=True, hide_input=True, help="The card's number, as the reader sends it.")
@click.pass_obj
def card(context: Context, who: str, number: str) -> None:
    """Give WHO (a name or an id) a card. Only a slow hash of its number is written."""
    rules, person_id = rules_of(context), find(people_of(context), who)
    text, salt = text_of(context), rules.site.card_salt or secrets.token_hex(16)
    if not rules.site.card_salt:
        text = set_key(text, "site", "card_salt", salt)
        rules = replace(rules, site=replace(rules.site, card_salt=salt))
    try:
        hashed = rule_book.hash_card(number, salt)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--number") from error
    if any(hashed in entry.cards for entry in rules.people.values()):
        raise ConfigError("this card belongs to somebody already")
    entry = rules.people.get(person_id, PersonRules())
    cards = (*entry.cards, hashed)
    meant = _checked(lambda: _with_person(rules, person_id, replace(entry, cards=cards)))
    _write(context, set_key(text, f"people.{person_id}", "cards", cards), meant)
    click.echo(f"{person_id} has {len(cards)} card(s).")


def _with(record: R, key: str, value: object) -> R:
    """The record with one field changed."""
    changed: dict[str, Any] = {key: value}
    return replace(record, **changed)


def _with_person(rules: Rules, person_id: str, entry: PersonRules) -> Rules:
    return replace(rules, people={**rules.people, person_id: entry})


def _checked(make: Callable[[], Rules]) -> Rules:
    """The rules as they would be. Raises ConfigError for what they cannot be."""
    try:
        return make()
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _write(context: Context, text: str, meant: Rules) -> None:
    """Audited first: a row of a change that a power cut undid is told by the next start, a change without a row not."""
    path = context.home / ACCESS
    expect(path, text, meant)
    if (context.home / GALLERY).exists():
        former = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "default"
        facts = {"by": context.by, "what": click.get_current_context().command_path.partition(" ")[2], "from": former}
        with context.gallery() as database, database.transaction() as tables:
            digest = hashlib.sha256(text.encode()).hexdigest()
            audit.note(tables, Kind.RULES, SystemClock().now(), {**facts, "to": digest})
    replace_file(path, text)
    click.echo("A running reader takes it over at its next start.", err=True)
