"""`edgeface access lockdown`, `reset`: change what the doors remember."""

from __future__ import annotations

import click

from edgeface.access.parts import ALL
from edgeface.cli.context import Context
from edgeface.commands import words


@click.command(short_help="Shut a door, or all, to everybody but a few.")
@click.argument("door", default=ALL)
@click.option("--lift", is_flag=True, help="End the lockdown instead.")
@click.pass_obj
def lockdown(context: Context, door: str, lift: bool) -> None:
    """Shut DOOR, or all doors, to everybody but those whom [lockdown] may_pass names. It outlasts a power cut."""
    context.ask("door/lockdown", words.Lockdown(door=door, lift=lift))
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
    context.ask("door/reset", words.Reset(who=who, clock=clock, everything=everything))
    click.echo("It is forgotten.")
