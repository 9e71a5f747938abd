"""`edgeface access lockdown`, `reset`: change what the doors remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import click

from edgeface import access as rule_book
from edgeface.access import State
from edgeface.access.parts import ALL
from edgeface.adapters.clock import SystemClock, boot_id
from edgeface.cli.access import find, people_of, rules_of
from edgeface.cli.context import Context
from edgeface.errors import ConfigError, GalleryError
from edgeface.service.guard import recall
from edgeface.store import access_state, audit
from edgeface.store.audit import Facts, Kind


@click.command(short_help="Shut a door, or all, to everybody but a few.")
@click.argument("door", default=ALL)
@click.option("--lift", is_flag=True, help="End the lockdown instead.")
@click.pass_obj
def lockdown(context: Context, door: str, lift: bool) -> None:
    """Shut DOOR, or all doors, to everybody but those whom [lockdown] may_pass names. It outlasts a power cut."""
    if door != ALL and door not in rules_of(context).doors:
        raise ConfigError(f"no door {door!r} stands in the rules; name one of them, or none for all")
    now = SystemClock().now()
    asked = {"what": "lift lockdown" if lift else "lockdown", "door": door}
    _change(context, asked, lambda state: rule_book.unlock(state, door) if lift else rule_book.lock(state, door, now))
    what = "all doors" if door == ALL else door
    click.echo(f"The lockdown of {what} {'is over' if lift else 'holds, until it is lifted with --lift'}.")


@click.command(short_help="Forget who is inside, pauses, or a clock that was wrong.")
@click.option("--who", help="Only what is remembered of this person, by name or id: where he is, and his pauses.")
@click.option("--clock", is_flag=True, help="Only the latest time seen: for a clock that once was ahead.")
@click.option("--all", "everything", is_flag=True, help="Everything, lockdowns included; also after damage.")
@click.pass_obj
def reset(context: Context, who: str | None, clock: bool, everything: bool) -> None:
    """Forget what the doors remember of WHO, of the clock, or all of it. Who is forgotten is neither in nor out."""
    if (who is not None) + clock + everything != 1:
        raise click.UsageError("say one of --who, --clock and --all")
    if everything:
        with context.gallery() as database, database.transaction() as tables:
            access_state.replace_all(tables, {})
            audit.note(tables, Kind.COMMAND, SystemClock().now(), {"by": context.by, "what": "reset all"})
    elif clock:
        _change(context, {"what": "reset clock"}, lambda state: replace(state, clock={}))
    else:
        person_id = find(people_of(context), str(who))
        _change(context, {"what": "reset", "who": person_id}, lambda state: rule_book.forget(state, person_id))
    click.echo("It is forgotten.")


def _change(context: Context, asked: Facts, change: Callable[[State], State]) -> None:
    now = SystemClock().now()
    with context.gallery() as database:
        state = recall(database, boot_id(), now)
        if state.lost is not None:
            raise GalleryError(f"what the doors remember is damaged ({state.lost}): `edgeface access reset --all`")
        with database.transaction() as tables:
            access_state.replace_all(tables, rule_book.encode(change(state), boot_id()))
            audit.note(tables, Kind.COMMAND, now, {"by": context.by, **asked})
