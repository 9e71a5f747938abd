"""`edgeface audit`: what happened, and does the log hold?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.errors import AuditError
from edgeface.store import audit as rows
from edgeface.store import transcript
from edgeface.store.audit import Entry, Kind
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore
from edgeface.store.heads import Head, Verifier, read_heads, signed_head, signer_of, verifier_of
from edgeface.store.verify import Report, verify_gallery

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
    with context.gallery() as database:
        store = GalleryStore(database)
        person_id = who if who is None or who.startswith("p_") else store.find(who).id
        found = rows.newest_entries(database, most, None if kind is None else Kind(kind), person_id)
        names = {entry.person_id: store.name_of(entry.person_id) for entry in found if entry.person_id}
    for entry in found:
        name = names.get(entry.person_id or "")
        click.echo(json.dumps(_plain(entry, name)) if as_json else _text(entry, name))
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
    if exported is None:
        with context.gallery() as database, _progress(_count(database), as_json) as tick:
            verifier = signer_of(database.keyring).verifier
            _expect(verifier, expected)
            report = verify_gallery(database, _heads(witnesses, verifier), tick)
    else:
        with exported.open("rb") as lines:
            begun = transcript.begin(next(lines, b""))
            _expect(begun.verifier, expected)
            with _progress(begun.head.link.seq - begun.base.seq, as_json) as tick:
                report = transcript.check(begun, lines, _heads(witnesses, begun.verifier), tick)
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
        with context.gallery() as database, _progress(_count(database), as_json) as tick, file.open("wb") as out:
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
    with context.gallery() as database:
        signer = signer_of(database.keyring)
        text = signed_head(signer, rows.newest(database), SystemClock().now())
    if as_json:
        click.echo(json.dumps({"head": text, "key": str(signer.verifier)}))
        return
    click.echo(text)
    click.echo(f"Key: {signer.verifier}", err=True)


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


def _plain(entry: Entry, name: str | None) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "kind": entry.kind,
        "at": _time(entry),
        "clock_trusted": entry.wall_trusted,
        "person": None if entry.person_id is None else {"id": entry.person_id, "label": name},
        "facts": dict(entry.facts),
        "personal": None if entry.personal is None else dict(entry.personal),
        "hash": entry.hash.hex(),
    }


def _text(entry: Entry, name: str | None) -> str:
    shown = ("outcome", "door", "reason") if entry.kind == Kind.DECISION else tuple(entry.facts)
    told = {key: entry.facts.get(key) for key in shown} | dict(entry.personal or {})
    words = "  ".join(f"{key}={_short(value)}" for key, value in told.items() if value not in (None, [], ""))
    who = f"{name or 'somebody forgotten'} ({entry.person_id})  " if entry.person_id else ""
    unsure = "" if entry.wall_trusted else "?"
    return f"#{entry.seq} {_time(entry)}{unsure} {entry.kind:8} {who}{words}"


def _short(value: object) -> str:
    """Digests by their beginning."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:12] if len(text) == 64 and all(digit in "0123456789abcdef" for digit in text) else text


def _time(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.at_wall_ns / 1e9, UTC).isoformat(timespec="seconds")
