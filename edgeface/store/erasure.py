"""That something is gone, shown: its bytes are looked for, of a person in every file beside the gallery.

SQLite overwrites rows that are deleted. But when it balances its trees it moves rows to other pages and leaves the
former bytes where they were, between rows: what was deleted may still stand there as it was before it moved. So whoever
deletes what is somebody's looks for it, and where it is still found the tables are written anew (`Database.rewrite`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeface.errors import GalleryError
from edgeface.frame import Instant
from edgeface.store.database import Database
from edgeface.store.search import search
from edgeface.store.tables import Tables

PERSONAL = ("people", "templates", "questions", "snapshots", "strangers")
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
    """Bytes by which a person would be found."""

    templates: int
    plain: tuple[bytes, ...]
    """Looked for as a whole: eight bytes of it may stand in many a file."""
    sealed: tuple[bytes, ...]
    """Looked for piece by piece."""


def erase(database: Database, sealed: Sequence[bytes], tables: Sequence[str]) -> None:
    """Overwrite rows of these tables that were deleted, and see that of what was sealed in them no piece is left in the
    gallery. Within a transaction that waits for its end. Raises GalleryError."""

    def look() -> None:
        if _left(database, sealed):
            database.rewrite(tables)
            if left := _left(database, sealed):
                raise GalleryError(f"{', '.join(left)} still holds what was deleted: restart edgeface to finish")

    database.erase_traces()
    if sealed:
        database.after(look)


def _left(database: Database, sealed: Sequence[bytes]) -> tuple[str, ...]:
    """Which of the gallery's own files hold a piece."""
    try:
        return search(database.path.parent, (), sealed, _own(database))[1]
    except OSError as error:
        raise GalleryError(f"it is deleted, but that nothing is left was not checked: {error}") from error


def _own(database: Database) -> tuple[str, str]:
    return database.path.name, database.path.name + "-wal"


def needles(tables: Tables, person_id: str) -> Needles:
    """A person's bytes, before they are deleted: the wrapped key, and name, templates, shots in question and snapshots,
    sealed and plain."""
    wrapped, name = tables.execute("SELECT wrapped_key, sealed_name FROM people WHERE id = ?", (person_id,)).fetchone()
    key = tables.keyring.person(person_id, wrapped)
    rows = tables.execute("SELECT id, model_sha256, vector FROM templates WHERE person_id = ?", (person_id,)).fetchall()
    sealed, plain = [wrapped, name], [key.key]
    for number, model, vector in rows:
        sealed.append(vector)
        plain.append(key.vector(vector, number, model))
    asked = tables.execute(
        "SELECT id, model_sha256, vector FROM questions WHERE person_id = ?", (person_id,)
    ).fetchall()
    for number, model, vector in asked:
        sealed.append(vector)
        plain.append(key.face(vector, "question", number, model))
    shown = tables.execute("SELECT decision_id, picture FROM snapshots WHERE person_id = ?", (person_id,)).fetchall()
    for visit, picture in shown:
        sealed.append(picture)
        plain.append(key.picture(picture, visit))
    return Needles(templates=len(rows), plain=tuple(plain), sealed=tuple(sealed))


def receipt(database: Database, person_id: str, looked_for: Needles, now: Instant) -> Receipt:
    """What is left of somebody who has just been deleted. Raises GalleryError if the gallery itself still has it."""
    own, folder = set(_own(database)), database.path.parent
    try:
        files, found = search(folder, looked_for.plain, looked_for.sealed)
        if own & set(found):
            database.rewrite(PERSONAL)
            files, found = search(folder, looked_for.plain, looked_for.sealed)
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
