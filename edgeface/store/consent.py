"""Why a person may be in the gallery: who took the consent, to which text, when and how. Gone with the person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import sqlite_utils

from edgeface.errors import EnrolmentError
from edgeface.frame import Instant
from edgeface.store.database import Database

TEXT_FILE = Path(__file__).parent / "consent.txt"
"""What a person agrees to, unless another text is named; its first line names its version."""

MAX_TEXT_BYTES = 100_000
MAX_BY = 80
"""Characters of the name of whoever recorded it."""


class Given(StrEnum):
    """How a consent was given."""

    WRITTEN = "written"
    SPOKEN = "spoken"
    ON_SCREEN = "on_screen"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """The words somebody agrees to."""

    version: str
    """Its first line."""
    words: str
    sha256: str
    """Of the file's bytes, 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """That a person agreed."""

    recorded_by: str
    """Who says so: 1 to 80 characters."""
    given: Given
    text_version: str
    text_sha256: str
    """64 hex digits."""
    recorded_at_wall_ns: int
    """Nanoseconds since 1970-01-01 UTC, as far as the device knew."""
    wall_trusted: bool
    """Whether the device knew the time then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """That a person may be enrolled although the face is already known."""

    of_person_id: str
    allowed_by: str
    score: float
    """Cosine that was found."""


def read_text(path: Path = TEXT_FILE) -> ConsentText:
    """The text of a file. Raises EnrolmentError."""
    try:
        data = path.read_bytes()
        words = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnrolmentError(f"the consent text {path} cannot be read: {error}; name a UTF-8 file") from error
    if not words.strip() or len(data) > MAX_TEXT_BYTES:
        raise EnrolmentError(f"the consent text {path} is empty or above {MAX_TEXT_BYTES} bytes")
    return ConsentText(version=words.strip().splitlines()[0][:80], words=words, sha256=hashlib.sha256(data).hexdigest())


def taken(text: ConsentText, recorded_by: str, given: Given, now: Instant) -> Consent:
    """The record of a consent. Raises EnrolmentError if nobody says so."""
    by = recorded_by.strip()
    if not 1 <= len(by) <= MAX_BY or not by.isprintable():
        raise EnrolmentError(f"a consent is recorded by somebody: give a name of 1 to {MAX_BY} printable characters")
    return Consent(
        recorded_by=by,
        given=given,
        text_version=text.version,
        text_sha256=text.sha256,
        recorded_at_wall_ns=now.wall_ns,
        wall_trusted=now.wall_trusted,
    )


def consent_of(database: Database, person_id: str) -> Consent | None:
    """The consent of somebody enrolled; None if none is on record."""
    rows = database.read(
        "SELECT recorded_by, given, text_version, text_sha256, recorded_at_wall_ns, wall_trusted"
        " FROM consents WHERE person_id = ?",
        (person_id,),
    )
    if not rows:
        return None
    row = rows[0]
    return Consent(**{**row, "given": Given(row["given"]), "wall_trusted": bool(row["wall_trusted"])})


def duplicates_of(database: Database, person_id: str) -> tuple[Duplicate, ...]:
    """Whose face this person's is too, with permission."""
    rows = database.read("SELECT of_person_id, allowed_by, score FROM duplicates WHERE person_id = ?", (person_id,))
    return tuple(Duplicate(**row) for row in rows)


def insert(
    tables: sqlite_utils.Database,
    person_id: str,
    consent: Consent | None,
    duplicates: Sequence[Duplicate],
    now: Instant,
) -> None:
    """Within the transaction that enrols."""
    if consent is not None:
        tables.table("consents").insert(
            {
                "person_id": person_id,
                "recorded_by": consent.recorded_by,
                "given": consent.given.value,
                "text_version": consent.text_version,
                "text_sha256": consent.text_sha256,
                "recorded_at_wall_ns": consent.recorded_at_wall_ns,
                "wall_trusted": int(consent.wall_trusted),
            }
        )
    for known in duplicates:
        tables.table("duplicates").insert(
            {
                "person_id": person_id,
                "of_person_id": known.of_person_id,
                "allowed_by": known.allowed_by,
                "score": known.score,
                "allowed_at_wall_ns": now.wall_ns,
            }
        )
