"""Verbs about visitors whom nobody enrolled."""

from __future__ import annotations

import numpy as np

from edgeface.commands import words, words_review
from edgeface.commands.words_review import StrangerRow
from edgeface.embed import to_template, unit
from edgeface.enrol import bars
from edgeface.errors import EnrolmentError
from edgeface.match import Gallery, likeness
from edgeface.service.bootstrap import freeze_gallery
from edgeface.service.desk.moment import moment
from edgeface.service.desk.people import consent_told
from edgeface.service.desk.place import Desk
from edgeface.store.gallery import GalleryStore, NewTemplate
from edgeface.store.names import valid_name
from edgeface.store.strangers import StrangerStore
from edgeface.strangers import Stranger


def everybody(desk: Desk, ask: words_review.StrangersWanted) -> words_review.Strangers:
    """Who came most often comes first. No picture of them is kept."""
    store = GalleryStore(desk.database)
    gallery = freeze_gallery(store, desk.loaded().models.embedder)
    shown = sorted((one for one in _store(desk).all() if ask.everybody or not one.ignored), key=lambda one: -one.visits)
    return words_review.Strangers(strangers=tuple(_row(one, gallery, store) for one in shown))


def name(desk: Desk, ask: words_review.Named) -> words_review.Became:
    """Enrol a stranger, with the mean of the visits as the first template; consent is needed as for anybody."""
    embedder, store = desk.loaded().models.embedder, GalleryStore(desk.database)
    valid, consent = valid_name(ask.name), consent_told(desk, ask.consent, needed=True)
    found = _store(desk).find(ask.stranger)
    gallery = freeze_gallery(store, embedder)
    _refuse_known(found, gallery, store, bars(embedder.spec, len(gallery.people)).same)
    template = NewTemplate(
        model_sha256=embedder.identity,
        vector=to_template(unit(found.total)),
        quality=0.0,
        pose=None,
        source=f"{found.visits} visits of {found.id}",
    )
    person = store.enrol(valid, [template], desk.now(), consent=consent, stranger=found.id, by=desk.by)
    desk.renew_people()
    return words_review.Became(id=person.id, visits=found.visits)


def ignore(desk: Desk, ask: words_review.Ignored) -> words.Nothing:
    """Still told apart, not shown; or shown again."""
    _store(desk).ignore(ask.stranger, ask.ignored)
    return words.Nothing()


def forget(desk: Desk, ask: words_review.StrangerId) -> words.Nothing:
    """Delete what is known of a stranger, to the last byte."""
    _store(desk).forget(ask.stranger)
    return words.Nothing()


def _store(desk: Desk) -> StrangerStore:
    return StrangerStore(desk.database, desk.loaded().embedder.identity)


def _most_like(stranger: Stranger, gallery: Gallery) -> tuple[str, float] | None:
    """Who of all enrolled is most like a stranger, and the cosine; None if nobody is enrolled."""
    scores = likeness(unit(stranger.total), gallery)
    best = int(np.argmax(scores)) if scores.size else None
    return None if best is None else (gallery.people[best], float(scores[best]))


def _refuse_known(stranger: Stranger, gallery: Gallery, store: GalleryStore, same: float) -> None:
    found = _most_like(stranger, gallery)
    if found is not None and found[1] >= same:
        known, score = found
        raise EnrolmentError(
            f"this face is already enrolled as {store.name_of(known)} ({known}, similarity {score:.2f}): "
            "add pictures to that person with `edgeface enrol --add`"
        )


def _row(stranger: Stranger, gallery: Gallery, store: GalleryStore) -> StrangerRow:
    found = _most_like(stranger, gallery)
    return StrangerRow(
        id=stranger.id,
        visits=stranger.visits,
        first_seen=moment(stranger.first_seen_wall_ns),
        last_seen=moment(stranger.last_seen_wall_ns),
        ignored=stranger.ignored,
        most_like=None if found is None else store.name_of(found[0]),
        similarity=None if found is None else round(found[1], 3),
    )
