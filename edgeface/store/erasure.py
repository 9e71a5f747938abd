"""That somebody is forgotten, shown: the person's bytes are looked for in every file beside the gallery."""

from __future__ import annotations

from dataclasses import dataclass

from edgeface.errors import GalleryError
from edgeface.frame import Instant
from edgeface.store.database import Database
from edgeface.store.search import search
from edgeface.store.tables import Tables

PERSONAL = ("people", "templates", "questions", "snapshots")
"""The tables that needles are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What forgetting somebody did."""

    gallery_id: str
    person_id: str
    """The opaque id, which decisions in the journal keep."""
    templates: int
    """How many were destroyed."""
    device_key_id: str
    """The device key that could open the person's key: copies made earlier are unreadable once it is changed."""
    forgotten_at: Instant
    files: int
    """How many files beside the gallery were searched, folders within included."""
    remains: tuple[str, ...]
    """Files that still hold bytes of the person: copies and backups, to be deleted by hand. Paths below the home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needles:
    """Bytes by which a person would be found: sealed and plain."""

    templates: int
    patterns: tuple[bytes, ...]


def needles(tables: Tables, person_id: str) -> Needles:
    """A person's bytes, before they are deleted: the wrapped key, and name, templates, shots in question and snapshots,
    sealed and plain."""
    wrapped, name = tables.execute("SELECT wrapped_key, sealed_name FROM people WHERE id = ?", (person_id,)).fetchone()
    key = tables.keyring.person(person_id, wrapped)
    rows = tables.execute("SELECT id, model_sha256, vector FROM templates WHERE person_id = ?", (person_id,)).fetchall()
    patterns = [wrapped, key.key, name]
    for number, model, vector in rows:
        patterns += [vector, key.vector(vector, number, model)]
    asked = tables.execute(
        "SELECT id, model_sha256, vector FROM questions WHERE person_id = ?", (person_id,)
    ).fetchall()
    for name, model, vector in asked:
        patterns += [vector, key.face(vector, "question", name, model)]
    shown = tables.execute("SELECT decision_id, picture FROM snapshots WHERE person_id = ?", (person_id,)).fetchall()
    for visit, picture in shown:
        patterns += [picture, key.picture(picture, visit)]
    return Needles(templates=len(rows), patterns=tuple(patterns))


def receipt(database: Database, person_id: str, looked_for: Needles, now: Instant) -> Receipt:
    """What is left of somebody who has just been deleted. Raises GalleryError if the gallery itself still has it."""
    own = {database.path.name, database.path.name + "-wal"}
    try:
        files, found = search(database.path.parent, looked_for.patterns)
        if own & set(found):
            database.rewrite(PERSONAL)
            files, found = search(database.path.parent, looked_for.patterns)
    except OSError as error:
        raise GalleryError(f"{person_id} is deleted, but that nothing is left was not checked: {error}") from error
    if left := own & set(found):
        raise GalleryError(f"{', '.join(sorted(left))} still holds bytes of {person_id}: restart edgeface to finish")
    return Receipt(
        gallery_id=database.keyring.gallery_id,
        person_id=person_id,
        templates=looked_for.templates,
        device_key_id=database.keyring.device_key_id,
        forgotten_at=now,
        files=files,
        remains=found,
    )
