"""People who come from another device: nobody twice, nobody without consent, nobody of another model."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgeface.embed import Embedder, from_template
from edgeface.enrol import bars
from edgeface.errors import BackupError, EnrolmentError
from edgeface.frame import Instant
from edgeface.match import Gallery, compared
from edgeface.service.bootstrap import freeze_gallery
from edgeface.service.enrolment import grown
from edgeface.store.bundle import Bundle, Traveller
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What became of one person of a bundle."""

    person_id: str
    name: str
    refused: str | None
    """Why the person was not taken in, as a sentence; None if he was."""


def settle_in(
    database: Database,
    bundle: Bundle,
    embedder: Embedder,
    now: Instant,
    *,
    need_consent: bool,
    by: str = "local",
    tick: Callable[[], None] = lambda: None,
) -> tuple[Arrived, ...]:
    """Enrol whoever may be, a transaction each. Raises BackupError if another model made the templates."""
    if bundle.model_sha256 != embedder.identity:
        raise BackupError(
            f"these people were enrolled with model {bundle.model_sha256[:12]}, in use here is "
            f"{embedder.identity[:12]}: use the same model and runtime on both devices, or enrol them anew"
        )
    known = freeze_gallery(GalleryStore(database), embedder, learned=False)
    found = []
    for person in bundle.people:
        same = bars(embedder.spec, len(known.people)).same
        refused = _form(person, embedder) or _twin(person, known, same)
        if refused is None and need_consent and person.consent is None:
            refused = "no consent is on record"
        if refused is None:
            refused = _enrol(database, person, now, by)
        if refused is None:
            known = grown(known, person.templates, person.id)
        found.append(Arrived(person_id=person.id, name=person.name, refused=refused))
        tick()
    return tuple(found)


def _form(person: Traveller, embedder: Embedder) -> str | None:
    if re.fullmatch(r"p_[0-9a-f]{16}", person.id) is None:
        return "the id is none of edgeface"
    if any(template.vector.shape != (embedder.spec.dimensions,) for template in person.templates):
        return "a template has another length"
    return None


def _twin(person: Traveller, known: Gallery, same: float) -> str | None:
    if not known.people:
        return None
    own = np.stack([from_template(template.vector) for template in person.templates])
    likeness = compared(own, known).max(axis=0)
    best = int(likeness.argmax())
    whom = known.people[int(known.owners[best])]
    return f"this face is enrolled already, as {whom}" if likeness[best] >= same else None


def _enrol(database: Database, person: Traveller, now: Instant, by: str) -> str | None:
    store = GalleryStore(database)
    try:
        store.enrol(person.name, person.templates, now, consent=person.consent, by=by, person_id=person.id)
    except EnrolmentError as error:
        return str(error)
    return None
