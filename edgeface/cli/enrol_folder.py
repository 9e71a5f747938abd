"""`edgeface enrol --folder`: many people at once, each with the same gate, the same questions and a report."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from edgeface.adapters.album import open_album
from edgeface.adapters.clock import SystemClock
from edgeface.cli.context import Context
from edgeface.cli.enrol_report import Told, plain, printable, summary, write
from edgeface.cli.registrar import DistantRegistrar, registrar
from edgeface.errors import EnrolmentError
from edgeface.service.batch import Desk, Outcome, PersonReport, enrol_group, sort_out
from edgeface.service.batch_log import BatchLog, fingerprint
from edgeface.store.consent import Consent

NAMED = 20
"""People who were not enrolled that are told on the terminal; the report has all."""
MAX_TABLE_BYTES = 16 * 2**20


def enrol_folder(
    context: Context,
    folder: Path,
    table: Path | None,
    report: Path | None,
    consent: Consent | None,
    *,
    strict: bool,
    dry_run: bool,
    as_json: bool,
) -> bool:
    """Whether everybody is enrolled. Raises EnrolmentError if there is nobody to enrol."""
    config, models = context.config(), context.models()
    with open_album(folder) as album, registrar(context, models.embedder, dry_run=dry_run) as books:
        if dry_run and isinstance(books, DistantRegistrar):
            raise EnrolmentError(
                "a folder is not tried beside a running reader, which would not compare its people with each other: "
                "stop the service, or leave --dry-run out"
            )
        batch = sort_out(album.items, None if table is None else read_table(table))
        if not batch.groups:
            raise EnrolmentError(
                f"{folder} shows nobody: put the pictures of each person in a folder with the person's name, or say "
                "whose they are with --table"
            )
        mark = fingerprint(folder, models.embedder.identity, config, strict=strict)
        log = BatchLog(None if report is None else _made(report), mark, dry_run=dry_run)
        total = sum(len(group.items) for group in batch.groups)
        people: list[PersonReport] = []
        with click.progressbar(length=total, label="Looking at pictures", hidden=as_json, file=sys.stderr) as bar:
            desk = Desk(
                album=album,
                registrar=books,
                models=models,
                options=config.pipeline(),
                most=config.enrol.max_templates,
                strict=strict,
                consent=consent,
                looked=lambda: bar.update(1),
            )
            for group in batch.groups:
                known = log.known(group, books)
                if known is None:
                    known = enrol_group(group, desk, SystemClock().now())
                    log.add(group, known)
                else:
                    bar.update(len(group.items))
                people.append(known)
        told = Told(source=str(folder), dry_run=dry_run, people=tuple(people), left_out=batch.left_out)
        if report is not None:
            write(told, album, report)
    _tell(told, report, as_json)
    return told.count(Outcome.REFUSED) == 0


def read_table(path: Path) -> Mapping[str, str]:
    """Path of each picture -> name of whom it shows, of a CSV file whose first line is `picture,name`.

    Raises EnrolmentError.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file.read(MAX_TABLE_BYTES).splitlines(), strict=True))
    except OSError as error:
        raise EnrolmentError(f"{path} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise EnrolmentError(f"{path} is no CSV file in UTF-8: {error}") from error
    named: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        picture, name = row.get("picture"), row.get("name")
        if not picture or not name:
            raise EnrolmentError(f"{path}, line {number}: two columns are needed, picture and name, named in line 1")
        picture = picture.removeprefix("./")
        if named.setdefault(picture, name) != name:
            raise EnrolmentError(f"{path}, line {number}: {printable(picture)} is somebody else in a line before it")
    return named


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EnrolmentError(f"{folder} cannot be made: {error.strerror or error}; see --report") from error
    return folder


def _tell(told: Told, report: Path | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(plain(told)))
        return
    for person in told.people:
        for sentence in person.alike:
            click.echo(f"note: {printable(person.name)} {sentence}", err=True)
    refused = [person for person in told.people if person.outcome is Outcome.REFUSED]
    for person in refused[:NAMED]:
        click.echo(f"not enrolled: {printable(person.name)}: {printable(person.reason)}", err=True)
    if len(refused) > NAMED:
        click.echo(f"... and {len(refused) - NAMED} more", err=True)
    click.echo(summary(told))
    if report is not None:
        click.echo(f"The report is in {report}: report.md, report.csv, report.json. It names people and shows faces.")
