"""`edgeface enrol`: teach the reader a face."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from edgeface import image
from edgeface.adapters.clock import SystemClock
from edgeface.bar import keeps
from edgeface.cli.consent import ask
from edgeface.cli.context import Context
from edgeface.cli.enrol_folder import enrol_folder
from edgeface.cli.enrol_guided import guide
from edgeface.cli.registrar import registrar
from edgeface.commands import words
from edgeface.enrol import Portrait, Unfit, bars, gather, portrait
from edgeface.errors import EnrolmentError, PictureError
from edgeface.pipeline import Models, Options
from edgeface.service.bootstrap import GALLERY
from edgeface.service.enrolment import Admitted, Shot, Wish
from edgeface.store.consent import TEXT_FILE, Given
from edgeface.store.names import valid_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Pictures that become templates, and the reasons of those that do not."""

    kept: Mapping[Path, Portrait]
    refused: Mapping[Path, str]


@click.command(short_help="Teach the reader a face.")
@click.argument("name", required=False)
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path, readable=False))
@click.option("--guided", is_flag=True, help="Ask the person, before a camera, to turn the head to all sides.")
@click.option("--source", envvar="EDGEFACE_SOURCE", default="0", show_default=True,
              help="Camera or film of --guided: 0, rtsp://..., picamera2, a file or a folder.")  # fmt: skip
@click.option("--glasses", is_flag=True, help="With --guided: the person wears glasses; see them with and without.")
@click.option("--preview", type=click.Path(path_type=Path, dir_okay=False),
              help="With --guided: a picture of how far it is, written anew all along; it shows no face.")  # fmt: skip
@click.option("--folder", type=click.Path(path_type=Path),
              help="Enrol many people: a folder, or zip file, with a folder of pictures a person.")  # fmt: skip
@click.option("--table", type=click.Path(path_type=Path, dir_okay=False),
              help="With --folder: a CSV file, columns picture and name, instead of folders' names.")  # fmt: skip
@click.option("--report", type=click.Path(path_type=Path, file_okay=False),
              help="With --folder: a folder for what became of each picture; a stopped run goes on there.")  # fmt: skip
@click.option("--add", is_flag=True, help="Add the pictures to somebody who is enrolled already.")
@click.option("--strict", is_flag=True, help="Enrol nothing unless every picture is usable.")
@click.option("--consent-by", envvar="EDGEFACE_CONSENT_BY", help="Who took the person's consent: your name.")
@click.option("--consent-text", type=click.Path(path_type=Path), default=TEXT_FILE, show_default="the text shipped",
              help="The words that the person agreed to; their digest is kept.")  # fmt: skip
@click.option("--consent-given", type=click.Choice([given.value for given in Given]), default=Given.WRITTEN.value,
              show_default=True, help="How the consent was given.")  # fmt: skip
@click.option("--allow-duplicate", is_flag=True, help="Enrol a face that is enrolled already; who allowed it is kept.")
@click.option("--dry-run", is_flag=True, help="Say what would become of every picture; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with the outcome of every picture.")
@click.pass_context
def enrol(
    ctx: click.Context,
    name: str | None,
    pictures: tuple[Path, ...],
    guided: bool,
    source: str,
    glasses: bool,
    preview: Path | None,
    folder: Path | None,
    table: Path | None,
    report: Path | None,
    add: bool,
    strict: bool,
    consent_by: str | None,
    consent_text: Path,
    consent_given: str,
    allow_duplicate: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Enrol NAME from one or more PICTURES (JPEG or PNG) of that person alone.

    Two or three pictures taken by the door's own camera work best, the head turned a little differently in each. Every
    picture passes the same quality gate as at the door; one that does not is named with its reason, and the usable ones
    are enrolled. All must show one person, and one whom the reader does not know yet. No picture is kept.

    With --guided no PICTURES are needed: the person looks into the camera and is told where to turn the head. What
    [liveness] requires at the door is required of whoever sits there, too.

    With --folder many people are enrolled, NAME being the name of each one's folder; one statement of consent counts
    for all. Exit 1 if somebody was not enrolled. Call it again to go on after a stop, or once pictures were replaced.
    """
    _check_manner(ctx.params)
    context: Context = ctx.obj
    wish = Wish(name=valid_name(name) if name is not None else "", add=add, allow_duplicate=allow_duplicate)
    required = context.config().enrol.require_consent and not (add or dry_run)
    consent = ask(consent_by, consent_text, Given(consent_given), required=required)
    if folder is not None:
        whole = enrol_folder(context, folder, table, report, consent, strict=strict, dry_run=dry_run, as_json=as_json)
        _warn_of_dial(context)
        ctx.exit(0 if whole else 1)
    config, loaded = context.config(), context.loaded()
    models = loaded.models
    with registrar(context, models.embedder, dry_run=dry_run) as books:
        books.expect(wish)
        if guided:
            shown = guide(source, loaded, config, glasses=glasses, preview=preview, quiet=as_json)
            outcomes: dict[Path, Portrait | Unfit] = {
                Path(f"{shot.source} #{number}"): shot.portrait for number, shot in enumerate(shown, 1)
            }
        else:
            outcomes = _look(pictures, models, config.pipeline(), quiet=as_json)
        found = _sort(outcomes, wish.name, bars(models.embedder.spec).apart, config.enrol.max_templates, strict=strict)
        shots = [Shot(source=path.name, portrait=shot) for path, shot in found.kept.items()]
        admitted = books.admit(wish, shots, consent, SystemClock().now())
    _report(admitted, found, as_json, dry_run=dry_run)
    _warn_of_dial(context)


def _warn_of_dial(context: Context) -> None:
    """Each person more is one more whom a stranger may be taken for: a dial that cannot be kept shuts the door."""
    dial = context.config().decide.false_accepts
    if dial is None or not (context.home / GALLERY).exists():
        return
    people = context.ask("people/list", words.Page(most=1)).total
    if not keeps(dial, people, context.loaded().choice.embedder.spec):
        said = f'false_accepts = "{dial}" cannot be promised to {people} people: the reader will not start with it'
        click.echo(f"warning: {said}. `edgeface calibrate` says which dial can be kept.", err=True)


def _check_manner(given: Mapping[str, Any]) -> None:
    """One way at a time. Raises UsageError."""
    if given["folder"] is not None:
        if given["name"] is not None or given["guided"] or given["add"] or given["allow_duplicate"]:
            raise click.UsageError(
                "--folder names its people itself: leave out NAME, PICTURES and what is for one person"
            )
    elif given["table"] or given["report"]:
        raise click.UsageError("--table and --report go with --folder")
    elif given["name"] is None:
        raise click.UsageError("say whom to enrol: NAME and PICTURES, NAME and --guided, or --folder")
    if given["guided"] and given["pictures"]:
        raise click.UsageError("--guided takes its pictures from the camera: leave PICTURES out")
    if not given["guided"] and (given["glasses"] or given["preview"]):
        raise click.UsageError("--glasses and --preview go with --guided")
    if not (given["guided"] or given["folder"] or given["pictures"]):
        raise click.UsageError("name PICTURES of the person, or use --guided before a camera")


def _look(pictures: tuple[Path, ...], models: Models, options: Options, *, quiet: bool) -> dict[Path, Portrait | Unfit]:
    outcomes: dict[Path, Portrait | Unfit] = {}
    with click.progressbar(pictures, label="Looking at pictures", hidden=quiet) as bar:
        for path in bar:
            try:
                outcomes[path] = portrait(image.read(path), models, options)
            except PictureError as error:
                outcomes[path] = Unfit(kind=error.reason.value, advice=str(error))
    return outcomes


def _sort(outcomes: dict[Path, Portrait | Unfit], name: str, apart: float, most: int, *, strict: bool) -> Sorted:
    """The pictures that agree on one person, and of them those that cover most. Raises EnrolmentError."""
    refused = {path: outcome.advice for path, outcome in outcomes.items() if isinstance(outcome, Unfit)}
    usable = {path: outcome for path, outcome in outcomes.items() if not isinstance(outcome, Unfit)}
    paths, gathered = list(usable), gather(list(usable.values()), apart, most)
    if usable and gathered.problem is not None:
        raise EnrolmentError(f"{name} was not enrolled: {gathered.problem}")
    refused |= {paths[place]: "shows somebody else than the other pictures" for place in gathered.outliers}
    if not usable or (strict and refused):
        raise EnrolmentError(f"{name} was not enrolled. " + " ".join(f"{p}: {r}." for p, r in refused.items()))
    refused |= {paths[place]: "adds nothing to the pictures that were kept" for place in gathered.spare}
    return Sorted(kept={paths[place]: usable[paths[place]] for place in gathered.kept}, refused=refused)


def _report(admitted: Admitted, found: Sorted, as_json: bool, *, dry_run: bool) -> None:
    if as_json:
        reasons = {str(path): reason for path, reason in found.refused.items()}
        told = {"id": admitted.person_id, "name": admitted.name, "dry_run": dry_run, "pictures_used": len(found.kept)}
        click.echo(json.dumps({**told, "refused": reasons, "looks_like": list(admitted.alike)}))
        return
    for path, reason in found.refused.items():
        click.echo(f"not used: {path}: {reason}", err=True)
    for sentence in admitted.alike:
        click.echo(f"note: {admitted.name} {sentence}", err=True)
    if dry_run:
        click.echo(f"{admitted.name} would be enrolled with {admitted.templates} template(s). Nothing was written.")
        return
    click.echo(f"{admitted.name} is enrolled with {admitted.templates} template(s), id {admitted.person_id}.")
