"""`edgeface review`: what the reader is unsure of, and what visits taught it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import click

from edgeface.cli.context import Context
from edgeface.commands import words
from edgeface.commands.words_review import LessonRow, QuestionId, QuestionRow, TemplateId, Whose
from edgeface.wire import plain


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
    rows = [_row(one) for one in context.ask("review/questions", words.Nothing()).questions]
    show_rows(rows, as_json, lambda row: f"{row['id']}  was it {row['name']}, {row['when']}{_at(row)}?  {row['why']}")
    if not rows and not as_json:
        click.echo("No open questions. `edgeface review learned` shows what visits taught.")


@review.command()
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def yes(context: Context, question: str, as_json: bool) -> None:
    """Say that a QUESTION's visitor was that person: the shot becomes a template, which can be taken back."""
    found = context.ask("review/yes", QuestionId(question=question))
    template = found.template
    told = {"question": question, "person_id": found.person_id, "template": template}
    show_rows(
        [told], as_json, lambda _: f"Learned as template {template}; `edgeface review undo {template}` takes it back."
    )


@review.command()
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def no(context: Context, question: str, as_json: bool) -> None:
    """Say that a QUESTION's visitor was somebody else: for a while nothing like it teaches that person's templates."""
    found = context.ask("review/no", QuestionId(question=question))
    told = {"question": question, "person_id": found.person_id}
    note = "Noted. It was let in all the same: if that was a stranger, see `edgeface calibrate`."
    show_rows([told], as_json, lambda _: note)


@review.command()
@click.argument("who", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a template and line.")
@click.pass_obj
def learned(context: Context, who: str | None, as_json: bool) -> None:
    """The templates that visits taught: of WHO (a name or an id), or of everybody."""
    rows = [_row(one) for one in context.ask("review/learned", Whose(who=who)).lessons]
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
    gone = context.ask("review/undo", TemplateId(template=template))
    told = {"template": template, "person_id": gone.person_id}
    show_rows([told], as_json, lambda row: f"Template {template} of {gone.person_id} is taken back.")


@review.command()
@click.argument("who")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def drop(context: Context, who: str, as_json: bool) -> None:
    """Take back all that visits taught about WHO (a name or an id): what was enrolled stays."""
    gone = context.ask("review/drop", words.Who(who=who))
    show_rows([plain(gone)], as_json, lambda _: f"{len(gone.templates)} learned template(s) of {who} are taken back.")


def _row(one: QuestionRow | LessonRow) -> dict[str, Any]:
    return {**plain(one), "when": one.when.isoformat(timespec="seconds")}


def _at(row: dict[str, Any]) -> str:
    return f" at door {row['door']}" if row["door"] else ""


def show_rows(rows: Iterable[dict[str, Any]], as_json: bool, text: Callable[[dict[str, Any]], str]) -> None:
    for row in rows:
        click.echo(json.dumps(row) if as_json else text(row))
