"""A person's pictures against everybody enrolled: who may be added to the gallery, and under which warnings.

The command line, a batch and a console ask the same questions here, in the same order:

    registrar.expect(wish)                          will the name do?
    registrar.admit(wish, shots, consent, now)      is the face new? if so, one transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from edgeface.embed import Embedder, to_template
from edgeface.enrol import Portrait, Resemblance, bars, resemblances
from edgeface.errors import EnrolmentError, EnrolmentProblem, UnknownPerson
from edgeface.frame import Instant
from edgeface.match import Gallery, freeze, price_of
from edgeface.service.bootstrap import freeze_gallery
from edgeface.store.consent import Consent, Duplicate, duplicates_of
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore, NewTemplate, Person
from edgeface.store.names import name_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for."""

    name: str
    """As `store.names.valid_name` gives it."""
    add: bool = False
    """The pictures are of somebody who is enrolled already."""
    allow_duplicate: bool = False
    """Whoever asks takes the blame for a face that is enrolled twice."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """A picture that is to become a template."""

    source: str
    """Where it came from, for whoever enrols; forgotten with the person."""
    portrait: Portrait


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Somebody who is enrolled, or would be."""

    name: str
    person_id: str | None
    """None if nothing was written."""
    templates: int
    """How many the person has now."""
    alike: tuple[str, ...]
    """Whom the person looks like, as sentences that follow the name."""


class Admits(Protocol):
    """Whoever knows everybody enrolled and takes new people in."""

    def expect(self, wish: Wish) -> None:
        """Raises EnrolmentError or UnknownPerson if the name will not do: before the slow part."""
        ...

    def knows(self, person_id: str | None, name: str) -> bool:
        """Whether that person is enrolled, under that name."""
        ...

    def admit(self, wish: Wish, shots: Sequence[Shot], consent: Consent | None, now: Instant) -> Admitted:
        """Enrol a person, or add to one, in one transaction. Raises EnrolmentError that says why not."""
        ...


class Registrar:
    """Knows everybody enrolled. With `dry_run` it judges as it would, remembers whom it would have, writes nothing."""

    def __init__(self, database: Database, embedder: Embedder, *, by: str = "local", dry_run: bool = False) -> None:
        """`by` whom people are enrolled is audited."""
        self._by = by
        self._database, self._store = database, GalleryStore(database)
        self._embedder = embedder
        self._gallery = freeze_gallery(self._store, embedder)
        self._dry_run = dry_run
        self._pretended: dict[str, str] = {}

    def expect(self, wish: Wish) -> None:
        """Raises EnrolmentError or UnknownPerson if the name will not do: before the slow part."""
        if name_key(wish.name) in map(name_key, self._pretended.values()):
            raise EnrolmentError(_taken(wish.name), EnrolmentProblem.NAME_TAKEN)
        try:
            person = self._store.find(wish.name)
        except UnknownPerson:
            if wish.add:
                raise
            return
        if not wish.add:
            raise EnrolmentError(_taken(person.name), EnrolmentProblem.NAME_TAKEN)

    def knows(self, person_id: str | None, name: str) -> bool:
        """Whether that person is enrolled, under that name."""
        return person_id is not None and self._store.name_of(person_id) == name

    def admit(self, wish: Wish, shots: Sequence[Shot], consent: Consent | None, now: Instant) -> Admitted:
        """Enrol a person, or add to one, in one transaction. Raises EnrolmentError that says why not."""
        self.expect(wish)
        portraits = [shot.portrait for shot in shots]
        own = self._store.find(wish.name) if wish.add else None
        levels = bars(self._embedder.spec, len(self._gallery.people))
        alike = resemblances(portraits, self._gallery, levels.alike)
        if own is not None:
            self._expect_same(own, portraits, levels.apart)
            twins = {own.id, *(twin.of_person_id for twin in duplicates_of(self._database, own.id))}
            alike = tuple(other for other in alike if other.person_id not in twins)
        same = [other for other in alike if other.score >= levels.same]
        if same and not wish.allow_duplicate:
            problem = EnrolmentProblem.FACE_KNOWN if len(same) == 1 else EnrolmentProblem.FACE_OF_SEVERAL
            raise EnrolmentError(self._known(same, wish.name), problem)
        sentences = tuple(self._looks_like(other) for other in alike)
        templates = [template_of(shot.portrait, shot.source) for shot in shots]
        person_id = self._write(wish, own, templates, same, consent, now)
        self._gallery = grown(self._gallery, templates, own.id if own else person_id)
        before = 0 if own is None else sum(own.templates.values())
        return Admitted(
            name=wish.name if own is None else own.name,
            person_id=None if self._dry_run else person_id,
            templates=before + len(templates),
            alike=sentences,
        )

    def _write(
        self,
        wish: Wish,
        own: Person | None,
        templates: Sequence[NewTemplate],
        same: Sequence[Resemblance],
        consent: Consent | None,
        now: Instant,
    ) -> str:
        """The person's id; one that is made up if nothing is written."""
        if self._dry_run:
            if own is not None:
                return own.id
            pretended = f"not stored, {len(self._pretended) + 1}"
            self._pretended[pretended] = wish.name
            return pretended
        if own is not None:
            return self._store.add(own.id, templates, now, by=self._by).id
        allowed_by = "unknown" if consent is None else consent.recorded_by
        permitted = [
            Duplicate(of_person_id=other.person_id, allowed_by=allowed_by, score=other.score) for other in same
        ]
        return self._store.enrol(wish.name, templates, now, consent=consent, duplicates=permitted, by=self._by).id

    def _expect_same(self, own: Person, portraits: Sequence[Portrait], apart: float) -> None:
        """Pictures that are added must look like the person. One without templates of this model cannot be compared."""
        if own.id not in self._gallery.people:
            return
        if own.id not in {other.person_id for other in resemblances(portraits, self._gallery, apart)}:
            sentence = f"the pictures do not show {own.name}: nothing was added"
            raise EnrolmentError(sentence, EnrolmentProblem.OTHER_FACE)

    def _known(self, same: Sequence[Resemblance], name: str) -> str:
        named = [
            f"{self._name_of(other.person_id)} ({other.person_id}, similarity {other.score:.2f})" for other in same
        ]
        if len(named) > 1:
            return (
                f"{name} was not enrolled: the face matches {len(named)} people, {' and '.join(named)}. A picture "
                "morphed from two faces does that, and so does a person enrolled twice: take the pictures yourself, at "
                "the door"
            )
        return (
            f"{name} was not enrolled: this face is already enrolled as {named[0]}. Add the pictures to that name "
            "(--add), or allow the duplicate if it is another person (--allow-duplicate)"
        )

    def _looks_like(self, other: Resemblance) -> str:
        return (
            f"looks like {self._name_of(other.person_id)} (similarity {other.score:.2f}): "
            "each may be taken for the other at the door, so give neither a right that the other must not have"
        )

    def _name_of(self, person_id: str) -> str | None:
        return self._pretended.get(person_id) or self._store.name_of(person_id)


def _taken(name: str) -> str:
    return f"{name} is enrolled already: use --add for more pictures, or choose another name"


def template_of(found: Portrait, source: str) -> NewTemplate:
    """What is kept of a portrait; `source` says where it came from."""
    return NewTemplate(
        model_sha256=found.embedding.model_sha256,
        vector=to_template(found.embedding.vector),
        quality=found.quality.score,
        pose=found.pose,
        source=source,
    )


def grown(gallery: Gallery, templates: Sequence[NewTemplate], person_id: str) -> Gallery:
    """The gallery with a person's new templates: a batch need not read everybody again for each."""
    rows = np.stack([template.vector for template in templates])
    whose, next_one = (person_id,) * len(rows), gallery.revision + 1
    fresh = freeze(rows, whose, gallery.model_sha256, next_one, rows.shape[1], scoring=gallery.scoring)
    known, price = person_id in gallery.people, gallery.price
    people = gallery.people if known else (*gallery.people, person_id)
    owner = people.index(person_id)
    return replace(
        gallery,
        vectors=np.concatenate([gallery.vectors, fresh.vectors]),
        counted=np.concatenate([gallery.counted, fresh.counted]),
        owners=np.concatenate([gallery.owners, np.full(len(rows), owner, np.intp)]),
        learned=np.concatenate([gallery.learned, fresh.learned]),
        carried=None if gallery.carried is None else np.concatenate([gallery.carried, np.zeros(len(rows), np.bool_)]),
        price=None if price is None else np.concatenate([price, price_of(fresh.counted, gallery.scoring)]),
        people=people,
        revision=fresh.revision,
    )
