"""Verbs about people."""

from __future__ import annotations

import base64
import binascii

from edgeface import image
from edgeface.commands import words
from edgeface.commands.words_enrol import GuidedWish
from edgeface.commands.words_people import Forget
from edgeface.enrol import Portrait, Unfit, bars, gather, portrait
from edgeface.errors import EnrolmentError, PictureError
from edgeface.service.desk.persons import expect_mark
from edgeface.service.desk.place import Desk
from edgeface.service.enrolment import Registrar, Shot, Wish
from edgeface.store.consent import Consent, ConsentText, Given, read_text, taken
from edgeface.store.gallery import GalleryStore
from edgeface.store.names import name_key, valid_name


def everybody(desk: Desk, ask: words.Page) -> words.People:
    """A page of who is enrolled."""
    understood = desk.loaded().models.embedder.understood
    wanted = name_key(ask.find.strip())
    people = [
        person
        for person in GalleryStore(desk.database).people()
        if wanted in name_key(person.name) or wanted in person.id
    ]
    rows = tuple(
        words.PersonRow(
            id=person.id,
            name=person.name,
            templates=(comparable := person.made_by(understood)),
            templates_of_other_models=sum(person.templates.values()) - comparable,
        )
        for person in people[ask.first : ask.first + ask.most]
    )
    return words.People(people=rows, total=len(people))


def enrol(desk: Desk, ask: words.Enrol) -> words.Enrolled:
    """Teach the reader a face. Asks what the command line asks (`service/enrolment.py`)."""
    models = desk.loaded().models
    wish = Wish(name=valid_name(ask.name), add=ask.add, allow_duplicate=ask.allow_duplicate)
    consent = consent_of(desk, ask)
    registrar = Registrar(desk.database, models.embedder, by=desk.by)
    registrar.expect(wish)
    outcomes = [_look(desk, picture) for picture in ask.pictures]
    refused = {place: outcome.advice for place, outcome in enumerate(outcomes) if isinstance(outcome, Unfit)}
    usable = {place: outcome for place, outcome in enumerate(outcomes) if isinstance(outcome, Portrait)}
    places = list(usable)
    gathered = gather(list(usable.values()), bars(models.embedder.spec).apart, desk.config.enrol.max_templates)
    if gathered.problem is not None:
        why = gathered.problem if usable else "; ".join(_told(refused))
        raise EnrolmentError(f"nobody was enrolled: {why}")
    refused |= {places[place]: "shows somebody else than the other pictures" for place in gathered.outliers}
    refused |= {places[place]: "adds nothing to the pictures that were kept" for place in gathered.spare}
    shots = [Shot(source=f"picture {places[place]}", portrait=usable[places[place]]) for place in gathered.kept]
    admitted = registrar.admit(wish, shots, consent, desk.now())
    desk.renew_people()
    return words.Enrolled(
        id=str(admitted.person_id),
        templates=admitted.templates,
        pictures_used=len(shots),
        refused=_told(refused),
        looks_like=admitted.alike,
    )


def rename(desk: Desk, ask: words.Rename) -> words.Id:
    """Another name for somebody."""
    store = GalleryStore(desk.database)
    person = store.rename(expect_mark(desk, ask.who, ask.mark).id, ask.name, desk.now(), by=desk.by)
    desk.renew_people()
    return words.Id(id=person.id)


def forget(desk: Desk, ask: Forget) -> words.Forgotten:
    """Destroy all that is kept of somebody, and give a receipt. Not within a transaction: files are searched."""
    store = GalleryStore(desk.database)
    receipt = store.forget(expect_mark(desk, ask.who, ask.mark).id, desk.now(), by=desk.by)
    desk.renew_people()
    return words.Forgotten(
        id=receipt.person_id, templates=receipt.templates, files=receipt.files, remains=receipt.remains
    )


def consent_of(desk: Desk, ask: words.Enrol | GuidedWish) -> Consent | None:
    """What is on record of the consent that was taken. Raises EnrolmentError if there must be one."""
    if ask.consent_by is not None:
        return taken(read_text(), ask.consent_by, Given(ask.consent_given.value), desk.now())
    return consent_told(desk, None, needed=not ask.add)


def consent_told(desk: Desk, told: words.ConsentTaken | None, *, needed: bool) -> Consent | None:
    """The same of a consent to a text that the command line has read."""
    if told is not None:
        text = ConsentText(version=told.text_version[:80], words="", sha256=told.text_sha256)
        return taken(text, told.by, Given(told.given.value), desk.now())
    if needed and desk.config.enrol.require_consent:
        raise EnrolmentError("nobody is enrolled without consent: say in consent_by who took it")
    return None


def _look(desk: Desk, picture: str) -> Portrait | Unfit:
    try:
        data = base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError):
        return Unfit(kind="not_a_picture", advice="no base64")
    try:
        return portrait(image.decode(data), desk.loaded().models, desk.config.pipeline())
    except PictureError as error:
        return Unfit(kind=error.reason.value, advice=str(error))


def _told(refused: dict[int, str]) -> tuple[str, ...]:
    return tuple(f"{place}: {why}" for place, why in sorted(refused.items()))
