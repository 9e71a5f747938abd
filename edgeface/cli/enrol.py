"""`edgeface enrol`: teach the reader a face."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from edgeface import image
from edgeface.adapters.clock import SystemClock
from edgeface.cli.consent import ask
from edgeface.cli.context import Context
from edgeface.embed import Embedder, to_template
from edgeface.enrol import Portrait, Resemblance, agreement, bars, choose, portrait, resemblances
from edgeface.errors import EnrolmentError, PictureError, UnknownPerson
from edgeface.match import Gallery
from edgeface.pipeline import Models, Options
from edgeface.service.bootstrap import freeze_gallery
from edgeface.store.consent import TEXT_FILE, Consent, Duplicate, Given, duplicates_of
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore, NewTemplate, Person, valid_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for."""

    name: str
    add: bool
    strict: bool
    allow_duplicate: bool
    most: int
    """Templates to keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Pictures that become templates, and the reasons of those that do not."""

    kept: Mapping[Path, Portrait]
    refused: Mapping[Path, str]


@click.command(short_help="Teach the reader a face.")
@click.argument("name")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--add", is_flag=True, help="Add the pictures to somebody who is enrolled already.")
@click.option("--strict", is_flag=True, help="Enrol nothing unless every picture is usable.")
@click.option("--consent-by", envvar="EDGEFACE_CONSENT_BY", help="Who took the person's consent: your name.")
@click.option("--consent-text", type=click.Path(path_type=Path), default=TEXT_FILE, show_default="the text shipped",
              help="The words that the person agreed to; their digest is kept.")  # fmt: skip
@click.option("--consent-given", type=click.Choice([given.value for given in Given]), default=Given.WRITTEN.value,
              show_default=True, help="How the consent was given.")  # fmt: skip
@click.option("--allow-duplicate", is_flag=True, help="Enrol a face that is enrolled already; who allowed it is kept.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with the outcome of every picture.")
@click.pass_obj
def enrol(
    context: Context,
    name: str,
    pictures: tuple[Path, ...],
    add: bool,
    strict: bool,
    consent_by: str | None,
    consent_text: Path,
    consent_given: str,
    allow_duplicate: bool,
    as_json: bool,
) -> None:
    """Enrol NAME from one or more PICTURES (JPEG or PNG) of that person alone.

    Two or three pictures taken by the door's own camera work best, the head turned a little differently in each. Every
    picture passes the same quality gate as at the door; one that does not is named with its reason, and the usable ones
    are enrolled. All must show one person, and one whom the reader does not know yet. No picture is kept.
    """
    name = valid_name(name)
    config = context.config()
    wish = Wish(name=name, add=add, strict=strict, allow_duplicate=allow_duplicate, most=config.enrol.max_templates)
    needed = config.enrol.require_consent and not add
    consent = ask(consent_by, consent_text, Given(consent_given), required=needed)
    models = context.models()
    with context.gallery() as database:
        _check_name(GalleryStore(database), name, add)
        found = _sort(_look(pictures, models, config.pipeline(), quiet=as_json), models.embedder, wish)
        person, alike = _store(database, found, models.embedder, wish, consent)
    _report(person, found, alike, as_json)


def _check_name(store: GalleryStore, name: str, add: bool) -> None:
    """Fail before the slow part if the name will not do."""
    try:
        person = store.find(name)
    except UnknownPerson:
        if add:
            raise
        return
    if not add:
        raise EnrolmentError(f"{person.name} is enrolled already: use --add for more pictures, or choose another name")


def _look(pictures: tuple[Path, ...], models: Models, options: Options, *, quiet: bool) -> dict[Path, Portrait | str]:
    outcomes: dict[Path, Portrait | str] = {}
    with click.progressbar(pictures, label="Looking at pictures", hidden=quiet) as bar:
        for path in bar:
            try:
                outcomes[path] = portrait(image.read(path), models, options)
            except PictureError as error:
                outcomes[path] = str(error)
    return outcomes


def _sort(outcomes: dict[Path, Portrait | str], embedder: Embedder, wish: Wish) -> Sorted:
    """The pictures that agree on one person, and of them those that cover most. Raises EnrolmentError."""
    refused = {path: outcome for path, outcome in outcomes.items() if isinstance(outcome, str)}
    usable = {path: outcome for path, outcome in outcomes.items() if not isinstance(outcome, str)}
    if usable:
        paths, shots = list(usable), list(usable.values())
        agreed = agreement(shots, bars(embedder.spec).apart)
        if agreed.problem is not None:
            raise EnrolmentError(f"{wish.name} was not enrolled: {agreed.problem}")
        for place in agreed.outliers:
            refused[paths[place]] = "shows somebody else than the other pictures"
        together = [shots[place] for place in agreed.together]
        usable = {paths[agreed.together[place]]: together[place] for place in choose(together, wish.most)}
        left = set(agreed.together) - {paths.index(path) for path in usable}
    if not usable or (wish.strict and refused):
        raise EnrolmentError(f"{wish.name} was not enrolled. " + " ".join(f"{p}: {r}." for p, r in refused.items()))
    for place in sorted(left):
        refused[paths[place]] = "adds nothing to the pictures that were kept"
    return Sorted(kept=usable, refused=refused)


def _store(
    database: Database, found: Sorted, embedder: Embedder, wish: Wish, consent: Consent | None
) -> tuple[Person, tuple[str, ...]]:
    """The person enrolled, and the sentences about look-alikes. Raises EnrolmentError."""
    now, store = SystemClock().now(), GalleryStore(database)
    gallery, levels = freeze_gallery(store, embedder), bars(embedder.spec)
    shots = list(found.kept.values())
    alike = resemblances(shots, gallery, levels.alike)
    own = store.find(wish.name) if wish.add else None
    if own is not None:
        _expect_same(own, shots, gallery, levels.apart)
        twins = {own.id, *(twin.of_person_id for twin in duplicates_of(database, own.id))}
        alike = tuple(other for other in alike if other.person_id not in twins)
    same = [other for other in alike if other.score >= levels.same]
    if same and not wish.allow_duplicate:
        raise EnrolmentError(_known(store, same, wish.name))
    sentences = tuple(_looks_like(store, other) for other in alike)
    templates = [_template(path, shot) for path, shot in found.kept.items()]
    if own is not None:
        return store.add(own.id, templates, now), sentences
    by = "unknown" if consent is None else consent.recorded_by
    permitted = [Duplicate(of_person_id=other.person_id, allowed_by=by, score=other.score) for other in same]
    return store.enrol(wish.name, templates, now, consent=consent, duplicates=permitted), sentences


def _expect_same(own: Person, shots: list[Portrait], gallery: Gallery, apart: float) -> None:
    """Pictures that are added must look like the person. One without templates of this model has nothing to compare."""
    if own.id not in gallery.people:
        return
    if own.id not in {other.person_id for other in resemblances(shots, gallery, apart)}:
        raise EnrolmentError(f"the pictures do not show {own.name}: nothing was added")


def _known(store: GalleryStore, same: list[Resemblance], name: str) -> str:
    named = [f"{store.name_of(other.person_id)} ({other.person_id}, similarity {other.score:.2f})" for other in same]
    if len(named) > 1:
        return (
            f"{name} was not enrolled: the face matches {len(named)} people, {' and '.join(named)}. A picture morphed "
            "from two faces does that, and so does a person enrolled twice: take the pictures yourself, at the door"
        )
    return (
        f"{name} was not enrolled: this face is already enrolled as {named[0]}. Use --add with that name for more "
        "pictures, or --allow-duplicate if it is another person"
    )


def _looks_like(store: GalleryStore, other: Resemblance) -> str:
    return (
        f"looks like {store.name_of(other.person_id)} (similarity {other.score:.2f}): "
        "each may be taken for the other at the door, so give neither a right that the other must not have"
    )


def _template(path: Path, found: Portrait) -> NewTemplate:
    return NewTemplate(
        model_sha256=found.embedding.model_sha256,
        vector=to_template(found.embedding.vector),
        quality=found.quality.score,
        pose=found.pose,
        source=path.name,
    )


def _report(person: Person, found: Sorted, alike: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        reasons = {str(path): reason for path, reason in found.refused.items()}
        told = {"id": person.id, "name": person.name, "pictures_used": len(found.kept), "refused": reasons}
        click.echo(json.dumps({**told, "looks_like": list(alike)}))
        return
    for path, reason in found.refused.items():
        click.echo(f"not used: {path}: {reason}", err=True)
    for sentence in alike:
        click.echo(f"note: {person.name} {sentence}", err=True)
    click.echo(f"{person.name} is enrolled with {sum(person.templates.values())} template(s), id {person.id}.")
