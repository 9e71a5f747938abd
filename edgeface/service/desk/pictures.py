"""Verbs about the pictures that are kept of visits, where they are."""

from __future__ import annotations

import base64

from edgeface.commands import words, words_review
from edgeface.errors import ConfigError
from edgeface.service.desk.moment import moment
from edgeface.service.desk.place import Desk
from edgeface.store.gallery import GalleryStore, Person
from edgeface.store.snapshots import Snapshot, SnapshotStore

MOST_BYTES = 45_000
"""Of a picture that is handed out: in base64 it fits into a message of MQTT. Those that are kept have some 2,000."""


def everything(desk: Desk, ask: words.Who) -> words_review.Snapshots:
    """Which pictures there are of somebody."""
    person, found = _of(desk, ask.who)
    rows = tuple(
        words_review.SnapshotRow(decision=one.decision_id, taken=moment(one.taken_at_wall_ns), bytes=len(one.picture))
        for one in found
    )
    return words_review.Snapshots(id=person.id, name=person.name, snapshots=rows)


def show(desk: Desk, ask: words_review.Visit) -> words_review.Picture:
    """One of them."""
    desk.expect_private()
    return words_review.Picture(jpeg=base64.b64encode(_one(desk, ask)).decode())


def present(desk: Desk, ask: words_review.Visit) -> words.Nothing:
    """Show one of them in Home Assistant, once it is on the disk who asked for it."""
    desk.then.append(desk.expect_live().present_picture(_one(desk, ask)))
    return words.Nothing()


def delete(desk: Desk, ask: words.Who) -> words.Count:
    """Delete those of somebody, to the last byte; how many."""
    person = GalleryStore(desk.database).find(ask.who)
    if desk.live is not None:
        desk.then.append(desk.live.hide_pictures)
    return words.Count(count=_store(desk).delete(person.id))


def _one(desk: Desk, ask: words_review.Visit) -> bytes:
    _, found = _of(desk, ask.who)
    picture = next((one.picture for one in found if one.decision_id == ask.decision), None)
    if picture is None or len(picture) > MOST_BYTES:
        raise ConfigError("there is no such picture" if picture is None else "this picture is too large to be sent")
    return picture


def _of(desk: Desk, who: str) -> tuple[Person, tuple[Snapshot, ...]]:
    person = GalleryStore(desk.database).find(who)
    return person, _store(desk).of(person.id)


def _store(desk: Desk) -> SnapshotStore:
    return SnapshotStore(desk.database, desk.config.snapshots)
