"""`edgeface replay`: send past decisions once more."""

from __future__ import annotations

import json

import click

from edgeface.cli.context import Context
from edgeface.commands import words_records


@click.command(short_help="Send past decisions to the broker once more, as history.")
@click.argument("first", type=click.IntRange(1, 2**53))
@click.argument("last", type=click.IntRange(1, 2**53))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def replay(context: Context, first: int, last: int, as_json: bool) -> None:
    """Send the rows FIRST to LAST of the journal once more: now, or when the reader runs next.

    For a consumer with a gap in `seq`. They go out on `history` and on `door/<door>/event`, marked as replayed, and
    open nothing; consumers drop what they know by its id. Rows that are no messages, such as starts, are named: who
    lacks them lacks nothing. So are rows that are deleted (audit_days and audit_rows under [retention]).
    """
    if last < first:
        raise click.BadParameter("LAST must not be below FIRST")
    again = context.ask("history/replay", words_records.Rows(first=first, last=last))
    if as_json:
        click.echo(json.dumps({"waiting": again.waiting, "silent": list(again.silent), "oldest": again.oldest}))
        return
    silent = f"; no messages: {', '.join(map(str, again.silent))}" if again.silent else ""
    gone = f"; deleted: {first} to {min(last, again.oldest - 1)}" if first < again.oldest else ""
    click.echo(f"{again.waiting} will be sent again{silent}{gone}")
