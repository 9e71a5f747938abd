"""`edgeface access`: who may open which door, when, and why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path

import click

from edgeface import access as rule_book
from edgeface.access import Request, Rules, State, Step, Week
from edgeface.access.schedule import zone
from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.commands.words_records import DecisionRow, DecisionsWanted
from edgeface.errors import ConfigError, UnknownPerson
from edgeface.frame import Instant
from edgeface.image import encode_png, table_picture
from edgeface.service.bootstrap import ACCESS, GALLERY, load_rules
from edgeface.wire import plain as as_plain


@click.group(short_help="Rules of access: check them, try them, see the week.")
def access() -> None:
    """Who may pass which door and when: access.toml in the home folder.

    Without that file, whoever is enrolled may pass this reader's door at all times. `edgeface access show` prints the
    rules in force, as a file to start from.
    """


@access.command()
@click.pass_obj
def show(context: Context) -> None:
    """Print the rules in force: access.toml, or the default that stands for it."""
    click.echo(text_of(context), nl=False)


@access.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding and line.")
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Find mistakes: what cannot be read (exit code 78), and what is hardly meant (exit code 1)."""
    context: Context = ctx.obj
    rules, people = rules_of(context), context.people()
    now = SystemClock().now()
    today = _local(rules, now).date() if now.wall_trusted else None
    found = rule_book.findings(rules, people.keys() if (context.home / GALLERY).exists() else None, today)
    for finding in found:
        click.echo(json.dumps(asdict(finding)) if as_json else f"{finding.path}: {finding.said}")
    if found:
        ctx.exit(1)
    if not as_json:
        click.echo("The rules are valid, and nothing in them looks like a mistake.")


@access.command()
@click.argument("who", required=False)
@click.argument("door", required=False)
@click.option("--at", "moment", help="When, such as 2026-12-24T18:30, by the site's wall clock; default: now.")
@click.option("--decision", type=click.IntRange(min=1), help="Of a visit that was: the number that `audit show` tells.")
@click.option("--untrusted-clock", is_flag=True, help="As if the clock had not been set since the start.")
@click.option("--json", "as_json", is_flag=True, help="The answer and all steps as one JSON object.")
@click.pass_obj
def test(
    context: Context, who: str | None, door: str | None, moment: str | None, decision: int | None,
    untrusted_clock: bool, as_json: bool,
) -> None:  # fmt: skip
    """Could WHO (a name or an id) open DOOR, and why or why not? Asks every question that the reader asks.

    \b
    edgeface access test Ada main --at 2026-12-24T18:30    could she, and why not?
    edgeface access test --decision 4711                   why was this visit denied, and would it be by these rules?
    edgeface access test                                   who could open which door, hours a week

    The answer is that of the rules alone: nobody is inside anywhere, nothing is locked down, no refusals came before.
    """
    rules = rules_of(context)
    now = _instant(rules, moment, trusted=not untrusted_clock)
    if decision is not None:
        row = _decided(context, decision)
        at = replace(now, wall_ns=round(row.at.timestamp() * 1e9), wall_trusted=row.clock_trusted)
        _try(rules, Request(person_id=row.person, door=row.door), at, as_json, row)
    elif who is None:
        _everybody(context, None if moment is None else moment[:10], as_json)
    elif door is None:
        raise click.UsageError("which DOOR? `edgeface access show` lists them; neither WHO nor DOOR means everybody")
    else:
        _try(rules, Request(person_id=find(context.people(), who), door=door), now, as_json)


def _decided(context: Context, seq: int) -> DecisionRow:
    """A decision of the journal. Raises ConfigError if that row is none."""
    found = context.ask("decisions/list", DecisionsWanted(before=seq + 1, most=1)).decisions
    if not found or found[0].seq != seq:
        raise ConfigError(f"row {seq} is no decision that is kept: see `edgeface audit show --kind decision`")
    row: DecisionRow = found[0]
    return row


def _try(rules: Rules, request: Request, now: Instant, as_json: bool, was: DecisionRow | None = None) -> None:
    """What the rules say, after what was decided, if that is asked for."""
    steps = rule_book.explain(State(), rules, request, now)
    _, ruling = rule_book.authorise(State(), rules, request, now)
    if as_json:
        plain = {"verdict": ruling.verdict, "code": ruling.code, "rule": ruling.rule, "reason": ruling.reason}
        decided = {} if was is None else {"decision": as_plain(was)}
        click.echo(json.dumps({**plain, "steps": [asdict(step) for step in steps], **decided}))
        return
    if was is not None:
        click.echo(f"#{was.seq} {was.at.isoformat(timespec='seconds')} {was.outcome}: {was.reason} ({was.rule})")
        click.echo("By the rules of now:")
    for step in steps:
        click.echo(_line(step))
    click.echo(f"{ruling.verdict.value}: {ruling.reason} ({ruling.rule})")


@access.command()
@click.argument("door")
@click.option("--who", help="Only this person, by name or id; default: everybody enrolled.")
@click.option("--from", "first", help="The first day, such as 2026-12-21; default: today.")
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a picture to this file.")
@click.option("--json", "as_json", is_flag=True, help="The counts as one JSON object.")
@click.pass_obj
def week(context: Context, door: str, who: str | None, first: str | None, png: Path | None, as_json: bool) -> None:
    """How many people could open DOOR, half hour by half hour, over a week of the site's wall clock."""
    rules, people = rules_of(context), context.people()
    if door not in rules.doors:
        raise ConfigError(f"no door {door!r} stands in the rules; they know {', '.join(rules.doors) or 'none'}")
    begin = day(first) if first else _local(rules, SystemClock().now()).date()
    whom = [find(people, who)] if who else list(people)
    counted = rule_book.week(rules, door, whom, begin)
    if as_json:
        click.echo(json.dumps({**asdict(counted), "first": begin.isoformat(), "people": len(whom)}))
        return
    if png is not None:
        _paint(counted, len(whom), rules.site.time_zone, png)
        return
    _draw(counted, len(whom))


@access.command()
@click.option("--from", "first", help="The first day, such as 2026-12-21; default: today.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a person, door and line.")
@click.pass_obj
def who(context: Context, first: str | None, as_json: bool) -> None:
    """Who could open which door: hours a week, from a day on, of everybody enrolled at every door."""
    _everybody(context, first, as_json)


def _everybody(context: Context, first: str | None, as_json: bool) -> None:
    rules, people = rules_of(context), context.people()
    begin = day(first) if first else _local(rules, SystemClock().now()).date()
    for person_id, name in people.items():
        for door in rules.doors:
            cells = rule_book.week(rules, door, [person_id], begin).cells
            hours = sum(count for row in cells for count in row if count > 0) / 2
            told = {"person": {"id": person_id, "label": name}, "door": door, "hours": hours}
            click.echo(json.dumps(told) if as_json else f"{name:24} {door:16} {_spoken(hours)}")
    if not people and not as_json:
        click.echo("Nobody is enrolled yet: `edgeface enrol NAME PICTURE...`")


def _spoken(hours: float) -> str:
    return {0.0: "never"}.get(hours, "always" if hours >= 167 else f"{hours:g} hours a week")


def _paint(counted: Week, people: int, zone_name: str, path: Path) -> None:
    days = [date.fromordinal(counted.first.toordinal() + index) for index in range(7)]
    rows = [f"{one:%a %Y-%m-%d}" for one in days]
    note = f"the darker the more of {people} people; time of {zone_name}; grey: no such hour"
    picture = table_picture(f"Who could open {counted.door}", rows, counted.cells, people, note)
    try:
        path.write_bytes(encode_png(picture))
    except OSError as error:
        raise click.BadParameter(f"cannot be written: {error.strerror or error}", param_hint="--png") from error
    click.echo(f"{path} is written.")


def _draw(counted: Week, people: int) -> None:
    click.echo(f"{counted.door}: of {people}, how many could open it (. none, # all, - no such hour)")
    click.echo(" " * 15 + "".join(f"{hour:<6}" for hour in range(0, 24, 3)))
    for index, row in enumerate(counted.cells):
        today = date.fromordinal(counted.first.toordinal() + index)
        click.echo(f"{today:%a %Y-%m-%d} " + "".join(_cell(count, people) for count in row))


def _cell(count: int, people: int) -> str:
    if count < 0:
        return "-"
    if count == 0:
        return "."
    return "#" if count == people else str(count) if count < 10 else "+"


def _line(step: Step) -> str:
    mark = click.style("yes", fg="green") if step.passed else click.style("no ", fg="red")
    return f"  {mark} {step.code.value.replace('_', ' '):22} {step.reason} ({step.rule})"


def text_of(context: Context) -> str:
    """The rules in force, as they are written."""
    path = context.home / ACCESS
    if not path.exists():
        return rule_book.default_text(context.config().decide.door)
    rules_of(context)
    return path.read_text(encoding="utf-8-sig")


def rules_of(context: Context) -> Rules:
    """The rules in force."""
    return load_rules(context.home, context.config().decide.door)


def find(people: Mapping[str, str], who: str) -> str:
    """The id of somebody enrolled, by name or id. Raises UnknownPerson."""
    for person_id, name in people.items():
        if who == person_id or who.strip().casefold() == name.casefold():
            return person_id
    raise UnknownPerson(f"nobody called {who[:80]!r} is enrolled; `edgeface people` lists everybody")


def _instant(rules: Rules, moment: str | None, *, trusted: bool) -> Instant:
    now = SystemClock().now()
    if moment is None:
        return Instant(monotonic_ns=now.monotonic_ns, wall_ns=now.wall_ns, wall_trusted=trusted)
    try:
        local = datetime.fromisoformat(moment)
        there = local if local.tzinfo else local.replace(tzinfo=zone(rules.site.time_zone))
        wall_ns = int(there.timestamp()) * 10**9
    except (ValueError, OverflowError):
        raise click.BadParameter("use a time such as 2026-12-24T18:30", param_hint="--at") from None
    return Instant(monotonic_ns=now.monotonic_ns, wall_ns=wall_ns, wall_trusted=trusted)


def day(text: str) -> date:
    """A day as people write it. Raises click.BadParameter."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("use a day such as 2026-12-21", param_hint="a day") from None


def _local(rules: Rules, now: Instant) -> datetime:
    return datetime.fromtimestamp(now.wall_ns / 1e9, UTC).astimezone(zone(rules.site.time_zone))
