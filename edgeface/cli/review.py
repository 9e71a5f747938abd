"""`edgeface review`: what the reader is unsure of, and what visits taught it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from edgeface.adapters.clock import SystemClock, boot_id
from edgeface.cli.context import Context
from edgeface.embed import from_template
from edgeface.errors import EnrolmentError
from edgeface.learn import refusal
from edgeface.service.bootstrap import freeze_gallery
from edgeface.store import audit
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore
from edgeface.store.lessons import Lesson, LessonStore, Question


@click.group(invoke_without_command=True, short_help="Answer what the reader is unsure of; take back what it learned.")
@click.pass_context
def review(ctx: click.Context) -> None:
    """What the reader is unsure of, and what visits taught it. Without a subcommand: the open questions.

    The reader learns only with `enabled = true` under [learn] in edgeface.toml, and tells strangers apart only with
    `enabled = true` under [strangers].
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(questions)


@review.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a question and line.")
@click.pass_obj
def questions(context: Context, as_json: bool = False) -> None:
    """Visits of which a person should say whether they were who the reader took them for."""
    with context.gallery() as database:
        store = GalleryStore(database)
        rows = [_asked(question, store, database) for question in _lessons(database).questions()]
    show_rows(rows, as_json, lambda row: f"{row['id']}  was it {row['name']}, {row['when']}{_at(row)}?  {row['why']}")
    if not rows and not as_json:
        click.echo("No open questions. `edgeface review learned` shows what visits taught.")


@review.command()
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def yes(context: Context, question: str, as_json: bool) -> None:
    """Say that a QUESTION's visitor was that person: the shot becomes a template, which can be taken back."""
    options, embedder = context.config().learn, context.models().embedder
    with context.gallery() as database:
        lessons = _lessons(database)
        asked, shot = lessons.shot(question)
        if shot.model_sha256 != embedder.identity:
            raise EnrolmentError(f"{question} was asked with another embedder: answer no, it is deleted with its time")
        pupil = lessons.pupil(asked.person_id, freeze_gallery(GalleryStore(database), embedder))
        if (why := refusal(from_template(shot.vector), pupil, options)) is not None:
            raise EnrolmentError(f"{question} was not learned: {why}")
        template = lessons.confirm(question, SystemClock().now(), options)
    told = {"question": question, "person_id": asked.person_id, "template": template}
    show_rows(
        [told], as_json, lambda _: f"Learned as template {template}; `edgeface review undo {template}` takes it back."
    )


@review.command()
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def no(context: Context, question: str, as_json: bool) -> None:
    """Say that a QUESTION's visitor was somebody else: for a while nothing like it teaches that person's templates."""
    with context.gallery() as database:
        asked = _lessons(database).deny(question)
    told = {"question": question, "person_id": asked.person_id}
    note = "Noted. It was let in all the same: if that was a stranger, see `edgeface calibrate`."
    show_rows([told], as_json, lambda _: note)


@review.command()
@click.argument("who", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a template and line.")
@click.pass_obj
def learned(context: Context, who: str | None, as_json: bool) -> None:
    """The templates that visits taught: of WHO (a name or an id), or of everybody."""
    with context.gallery() as database:
        store = GalleryStore(database)
        rows = [_taught(lesson, store, database) for lesson in _lessons(database).learned(_id_of(store, who))]
    show_rows(
        rows,
        as_json,
        lambda row: f"template {row['template']}  {row['name']}  {row['when']}{_at(row)}  taught by {row['taught_by']}",
    )
    if not rows and not as_json:
        click.echo("Visits have taught nothing.")


@review.command()
@click.argument("template", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def undo(context: Context, template: int, as_json: bool) -> None:
    """Take a learned TEMPLATE back, to the last byte."""
    with context.gallery() as database:
        lesson = _lessons(database).undo(template, SystemClock().now())
    show_rows([asdict(lesson)], as_json, lambda row: f"Template {template} of {row['person_id']} is taken back.")


@review.command()
@click.argument("who")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def drop(context: Context, who: str, as_json: bool) -> None:
    """Take back all that visits taught about WHO (a name or an id): what was enrolled stays."""
    with context.gallery() as database:
        person = GalleryStore(database).find(who)
        gone = _lessons(database).drop(person.id, SystemClock().now())
    told = {"person_id": person.id, "templates": [lesson.template for lesson in gone]}
    show_rows([told], as_json, lambda _: f"{len(gone)} learned template(s) of {person.name} are taken back.")


def _lessons(database: Database) -> LessonStore:
    return LessonStore(database, boot_id())


def _id_of(store: GalleryStore, who: str | None) -> str | None:
    return None if who is None else store.find(who).id


def _asked(question: Question, store: GalleryStore, database: Database) -> dict[str, Any]:
    return {
        "id": question.id,
        "person_id": question.person_id,
        "name": store.name_of(question.person_id),
        "when": when(question.asked_at_wall_ns),
        "door": audit.door_of(database, question.decision_id),
        "decision": question.decision_id,
        "quality": round(question.quality, 1),
        "why": question.why,
    }


def _taught(lesson: Lesson, store: GalleryStore, database: Database) -> dict[str, Any]:
    return {
        "template": lesson.template,
        "person_id": lesson.person_id,
        "name": store.name_of(lesson.person_id),
        "when": when(lesson.taught_at_wall_ns),
        "door": audit.door_of(database, lesson.decision_id),
        "decision": lesson.decision_id,
        "taught_by": lesson.taught_by.value,
    }


def when(wall_ns: int) -> str:
    """A moment as people and machines read it, UTC."""
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="seconds")


def _at(row: dict[str, Any]) -> str:
    return f" at door {row['door']}" if row["door"] else ""


def show_rows(rows: Iterable[dict[str, Any]], as_json: bool, text: Callable[[dict[str, Any]], str]) -> None:
    for row in rows:
        click.echo(json.dumps(row) if as_json else text(row))
