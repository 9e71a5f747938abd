"""`edgeface review strangers` and what can be done about one: name, ignore, forget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from edgeface.adapters.clock import SystemClock
from edgeface.cli.consent import ask
from edgeface.cli.context import Context
from edgeface.cli.review import show_rows, when
from edgeface.embed import to_template, unit
from edgeface.enrol import bars
from edgeface.errors import EnrolmentError
from edgeface.match import Gallery, likeness
from edgeface.service.bootstrap import freeze_gallery
from edgeface.store.consent import TEXT_FILE, Given
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.names import valid_name
from edgeface.store.strangers import StrangerStore
from edgeface.strangers import Stranger


@click.command(short_help="Visitors whom nobody enrolled, told apart.")
@click.option("--all", "everybody", is_flag=True, help="Those who are ignored as well.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a stranger and line.")
@click.pass_obj
def strangers(context: Context, everybody: bool, as_json: bool) -> None:
    """Visitors whom nobody enrolled, who came most often first. No picture of them is kept."""
    embedder = context.models().embedder
    with context.gallery() as database:
        store = GalleryStore(database)
        gallery = freeze_gallery(store, embedder)
        known = StrangerStore(database, embedder.identity).all()
        shown = sorted((one for one in known if everybody or not one.ignored), key=lambda one: -one.visits)
        rows = [_row(one, gallery, store) for one in shown]
    show_rows(rows, as_json, _text)
    if not rows and not as_json:
        click.echo("No strangers are remembered.")


@click.command(short_help="Enrol a stranger.")
@click.argument("stranger")
@click.argument("name")
@click.option("--consent-by", envvar="EDGEFACE_CONSENT_BY", help="Who took the person's consent: your name.")
@click.option("--consent-text", type=click.Path(path_type=Path), default=TEXT_FILE, show_default="the text shipped",
              help="The words that the person agreed to; their digest is kept.")  # fmt: skip
@click.option("--consent-given", type=click.Choice([given.value for given in Given]), default=Given.WRITTEN.value,
              show_default=True, help="How the consent was given.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def name(
    context: Context,
    stranger: str,
    name: str,
    consent_by: str | None,
    consent_text: Path,
    consent_given: str,
    as_json: bool,
) -> None:
    """Enrol STRANGER as NAME, with the mean of the visits as the first template; consent is needed as for anybody.

    Add pictures with `edgeface enrol NAME PICTURE... --add`: one template of chance visits recognises less well.
    """
    config, embedder = context.config(), context.models().embedder
    valid = valid_name(name)
    consent = ask(consent_by, consent_text, Given(consent_given), required=config.enrol.require_consent)
    with context.gallery() as database:
        store, now = GalleryStore(database), SystemClock().now()
        found = StrangerStore(database, embedder.identity).find(stranger)
        _refuse_known(found, freeze_gallery(store, embedder), store, bars(embedder.spec).same)
        template = NewTemplate(
            model_sha256=embedder.identity,
            vector=to_template(unit(found.total)),
            quality=0.0,
            pose=None,
            source=f"{found.visits} visits of {found.id}",
        )
        person = store.enrol(valid, [template], now, consent=consent, stranger=found.id)
    told = {"stranger": stranger, "id": person.id, "name": person.name, "visits": found.visits}
    show_rows([told], as_json, lambda _: f"{stranger} is {person.name} from now on, id {person.id}.")


@click.command(short_help="Do not show a stranger any more.")
@click.argument("stranger")
@click.option("--undo", is_flag=True, help="Show the stranger again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def ignore(context: Context, stranger: str, undo: bool, as_json: bool) -> None:
    """Say that STRANGER is of no interest: still told apart, not shown."""
    with context.gallery() as database:
        StrangerStore(database, context.models().embedder.identity).ignore(stranger, not undo)
    told = {"stranger": stranger, "ignored": not undo}
    show_rows([told], as_json, lambda _: f"{stranger} is {'shown again' if undo else 'ignored'}.")


@click.command(short_help="Delete a stranger at once.")
@click.argument("stranger")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def forget(context: Context, stranger: str, as_json: bool) -> None:
    """Delete what is known of STRANGER, to the last byte."""
    with context.gallery() as database:
        StrangerStore(database, context.models().embedder.identity).forget(stranger)
    show_rows([{"stranger": stranger, "forgotten": True}], as_json, lambda _: f"{stranger} is forgotten.")


def _refuse_known(stranger: Stranger, gallery: Gallery, store: GalleryStore, same: float) -> None:
    scores = likeness(unit(stranger.total), gallery)
    if scores.size and (best := int(np.argmax(scores))) is not None and scores[best] >= same:
        known = gallery.people[best]
        raise EnrolmentError(
            f"this face is already enrolled as {store.name_of(known)} ({known}, similarity {scores[best]:.2f}): "
            "add pictures to that person with `edgeface enrol --add`"
        )


def _row(stranger: Stranger, gallery: Gallery, store: GalleryStore) -> dict[str, Any]:
    scores = likeness(unit(stranger.total), gallery)
    best = int(np.argmax(scores)) if scores.size else None
    return {
        "id": stranger.id,
        "visits": stranger.visits,
        "first_seen": when(stranger.first_seen_wall_ns),
        "last_seen": when(stranger.last_seen_wall_ns),
        "ignored": stranger.ignored,
        "most_like": None if best is None else store.name_of(gallery.people[best]),
        "similarity": None if best is None else round(float(scores[best]), 3),
    }


def _text(row: dict[str, Any]) -> str:
    like = "" if row["most_like"] is None else f"  most like {row['most_like']} ({row['similarity']:.2f})"
    hidden = "  ignored" if row["ignored"] else ""
    return f"{row['id']}  {row['visits']} visit(s), {row['first_seen']} to {row['last_seen']}{like}{hidden}"
