"""`edgeface audit`: what happened, and does the log hold?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import click

from edgeface.adapters.clock import SystemClock
from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.cli.context import Context
from edgeface.commands import words
from edgeface.commands.words_records import AuditLines, AuditPart, AuditRow, AuditWanted
from edgeface.errors import AuditError
from edgeface.store import transcript
from edgeface.store.audit import Kind
from edgeface.store.chain import Link
from edgeface.store.database import Database
from edgeface.store.heads import Head, Verifier, read_heads, signer_of, verifier_of
from edgeface.store.verify import Report, verify_gallery
from edgeface.wire import plain, record

BROKEN = 65
"""Exit code when the log does not hold."""


@click.group(short_help="See, check and export what happened here.")
def audit() -> None:
    """The log of decisions, enrolments, commands, starts, alarms, and changes of clock, settings and rules.

    Each row holds the hash of all before it: a row that was altered or taken out is named. That the end was cut off, or
    an older copy put back, shows only where somebody outside keeps signed heads: `edgeface audit head`, the MQTT topic
    `<base>/<device>/head`, or head_file under [audit] in edgeface.toml.
    """


@audit.command()
@click.option("--last", "most", type=click.IntRange(min=1), default=20, show_default=True, help="How many rows.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only rows of this kind.")
@click.option("--who", help="Only rows about this person, by name or id; of somebody forgotten, by id.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row and line.")
@click.pass_obj
def show(context: Context, most: int, kind: str | None, who: str | None, as_json: bool) -> None:
    """The newest rows, with the names of people who have not been forgotten."""
    found: list[AuditRow] = []
    more = True
    while more and len(found) < most:
        before = found[-1].seq if found else None
        asked = AuditWanted(before=before, most=min(100, most - len(found)), kind=kind, who=who)
        page = context.ask("audit/list", asked)
        found, more = [*found, *page.rows], page.more
    for row in reversed(found):
        click.echo(json.dumps(_plain(row)) if as_json else _text(row))
    if not found and not as_json:
        click.echo("There is no such row.")


@audit.command()
@click.option("--witness", "witnesses", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="File of signed heads that somebody outside kept; may be given several times.")  # fmt: skip
@click.option("--from", "exported", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Check this file of `edgeface audit export` instead of the gallery.")  # fmt: skip
@click.option("--key", help="Key that must have signed, as `edgeface audit head` prints it; needed to trust --from.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def verify(
    context: Context, witnesses: tuple[Path, ...], exported: Path | None, key: str | None, as_json: bool
) -> None:
    """Check every row, and hold the log against the heads of witnesses. Exit 65 if a row is wrong: the first is named.

    Without --witness a log that was cut, replaced by an older copy or made anew as a whole looks whole.
    """
    expected = None if key is None else verifier_of(key)
    with ExitStack() as stack:
        reader = stack.enter_context(context.reader()) if exported is None else None
        if exported is not None:
            report = _check(stack.enter_context(exported.open("rb")), witnesses, expected, as_json)
        elif reader is not None:
            report = _check(_lines(reader), witnesses, expected, as_json)
        else:
            database = stack.enter_context(context.gallery())
            tick = stack.enter_context(_progress(_count(database), as_json))
            verifier = signer_of(database.keyring).verifier
            _expect(verifier, expected)
            report = verify_gallery(database, _heads(witnesses, verifier), tick)
    _report(report, bool(witnesses), exported is None or expected is not None, as_json)


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Say what was written as a JSON object.")
@click.pass_obj
def export(context: Context, file: Path, as_json: bool) -> None:
    """Write the whole log to FILE, for an auditor: `edgeface audit verify --from FILE` checks it anywhere.

    One JSON object a line. It holds ids, never names; what is sealed stays sealed.
    """
    try:
        with context.reader() as reader, file.open("wb") as out:
            if reader is not None:
                newest = _exported(reader, out, as_json)
            else:
                with context.gallery() as database, _progress(_count(database), as_json) as tick:
                    newest = transcript.write(database, out, SystemClock().now(), tick)
    except OSError as error:
        raise AuditError(f"{file} cannot be written: {error.strerror}") from error
    said = {"file": str(file), "last_seq": newest.seq, "hash": newest.hash.hex()}
    click.echo(json.dumps(said) if as_json else f"{file} has the log up to row {newest.seq}.")


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def head(context: Context, as_json: bool) -> None:
    """Print the newest row, signed, for a witness to keep, and on stderr the key that checks it.

    Keep the output away from this machine: append it to a file, and name that to `edgeface audit verify --witness`.
    """
    found = context.ask("audit/head", words.Nothing())
    if as_json:
        click.echo(json.dumps(plain(found)))
        return
    click.echo(found.head)
    click.echo(f"Key: {found.key}", err=True)


def _lines(reader: ReaderSocket) -> Iterator[bytes]:
    """The log of a running reader, as a file of it; the door goes on between the parts."""
    asked = AuditPart()
    while True:
        part = record(AuditLines, reader.local("audit/export", plain(asked)), "part")
        yield from (one.encode() for one in part.lines)
        if part.last >= part.through:
            return
        asked = AuditPart(after=part.last, through=part.through)


def _check(lines: Iterable[bytes], witnesses: tuple[Path, ...], expected: Verifier | None, as_json: bool) -> Report:
    """Check a log that comes line by line."""
    rest = iter(lines)
    begun = transcript.begin(next(rest, b""))
    _expect(begun.verifier, expected)
    with _progress(begun.head.link.seq - begun.base.seq, as_json) as tick:
        return transcript.check(begun, rest, _heads(witnesses, begun.verifier), tick)


def _exported(reader: ReaderSocket, out: IO[bytes], as_json: bool) -> Link:
    """Write the log of a running reader; its newest row."""
    lines = _lines(reader)
    first = next(lines)
    out.write(first)
    begun = transcript.begin(first)
    with _progress(begun.head.link.seq - begun.base.seq, as_json) as tick:
        for one in lines:
            out.write(one)
            tick()
    return begun.head.link


def _count(database: Database) -> int:
    return int(database.read("SELECT count(*) AS n FROM audit")[0]["n"])


@contextmanager
def _progress(length: int, hidden: bool) -> Iterator[Callable[[], None]]:
    with click.progressbar(
        length=length, label="Reading rows", hidden=hidden, update_min_steps=500, file=sys.stderr
    ) as bar:
        yield lambda: bar.update(1)


def _expect(verifier: Verifier, expected: Verifier | None) -> None:
    if expected is not None and verifier != expected:
        raise AuditError(f"the log bears the key {verifier}, not {expected}: it is another device's, or was made anew")


def _heads(files: tuple[Path, ...], verifier: Verifier) -> tuple[Head, ...]:
    found: list[Head] = []
    for file in files:
        try:
            found += read_heads(file.read_text(encoding="utf-8"), verifier)
        except (OSError, UnicodeDecodeError, AuditError) as error:
            raise AuditError(f"{file}: {error}") from error
    return tuple(sorted(found, key=lambda head: head.link.seq))


def _report(report: Report, witnessed: bool, key_known: bool, as_json: bool) -> None:
    broken = report.broken
    if as_json:
        told = None if broken is None else {"seq": broken.seq, "says": broken.says}
        said: dict[str, object] = {"holds": broken is None, "first_bad_row": told, "first_seq": report.base.seq + 1}
        said |= {"last_seq": report.last.seq, "hash": report.last.hash.hex(), "heads": report.heads}
        click.echo(json.dumps({**said, "heads_too_old": report.too_old}))
    elif broken is not None:
        click.echo(f"The log does not hold. Row {broken.seq}: {broken.says}.", err=True)
    else:
        click.echo(f"Rows {report.base.seq + 1} to {report.last.seq} hold.")
        if report.heads or report.too_old:
            pruned = f"; {report.too_old} more are of rows pruned since" if report.too_old else ""
            click.echo(f"They agree with {report.heads} signed head(s){pruned}.")
        if not witnessed:
            click.echo("No witness was asked: that the end was cut off could not be seen. See --witness.", err=True)
        if not key_known:
            click.echo("Who made this file was not checked: give the device's key with --key.", err=True)
    if broken is not None:
        raise SystemExit(BROKEN)


def _plain(row: AuditRow) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "kind": row.kind,
        "at": row.at.isoformat(timespec="seconds"),
        "clock_trusted": row.clock_trusted,
        "person": None if row.person is None else {"id": row.person, "label": row.name},
        "facts": json.loads(row.facts),
        "personal": None if row.personal is None else json.loads(row.personal),
        "hash": row.hash,
    }


def _text(row: AuditRow) -> str:
    facts = json.loads(row.facts)
    shown = ("outcome", "door", "reason") if row.kind == Kind.DECISION else tuple(facts)
    told = {key: facts.get(key) for key in shown} | dict(json.loads(row.personal) if row.personal else {})
    said = "  ".join(f"{key}={_short(value)}" for key, value in told.items() if value not in (None, [], ""))
    who = f"{row.name or 'somebody forgotten'} ({row.person})  " if row.person else ""
    unsure = "" if row.clock_trusted else "?"
    return f"#{row.seq} {row.at.isoformat(timespec='seconds')}{unsure} {row.kind:8} {who}{said}"


def _short(value: object) -> str:
    """Digests by their beginning."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:12] if len(text) == 64 and all(digit in "0123456789abcdef" for digit in text) else text
