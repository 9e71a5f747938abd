"""Pictures of visits, each sealed under the visitor's key: they go with the person, and with their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeface.frame import Instant
from edgeface.snapshot import Options
from edgeface.store import erasure
from edgeface.store.database import Database
from edgeface.store.gallery import expect

DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One picture of one visit."""

    decision_id: str
    """The visit's."""
    taken_at_wall_ns: int
    picture: bytes
    """A JPEG file."""


class SnapshotStore:
    """The snapshots of an open gallery. Each method is one transaction."""

    def __init__(self, database: Database, options: Options) -> None:
        self._database, self._options = database, options

    def keep(self, person_id: str, decision_id: str, picture: bytes, now: Instant) -> None:
        """Store the picture of a visit; the person's oldest makes room. Raises UnknownPerson."""
        with self._database.transaction() as tables:
            key = expect(tables, person_id)
            tables.execute(
                "INSERT OR IGNORE INTO snapshots VALUES (?, ?, ?, ?)",
                (decision_id, person_id, key.seal_picture(picture, decision_id), now.wall_ns),
            )
            gone = tables.execute(
                "DELETE FROM snapshots WHERE person_id = ? AND rowid NOT IN "
                "(SELECT rowid FROM snapshots WHERE person_id = ? ORDER BY rowid DESC LIMIT ?) RETURNING picture",
                (person_id, person_id, self._options.most),
            ).fetchall()
        self._erase(gone)

    def of(self, person_id: str) -> tuple[Snapshot, ...]:
        """A person's snapshots, oldest first. Raises UnknownPerson, GalleryCorrupt."""
        with self._database.transaction() as tables:
            key = expect(tables, person_id)
            rows = tables.execute(
                "SELECT decision_id, taken_at_wall_ns, picture FROM snapshots WHERE person_id = ? ORDER BY rowid",
                (person_id,),
            ).fetchall()
        return tuple(
            Snapshot(decision_id=visit, taken_at_wall_ns=taken, picture=key.picture(sealed, visit))
            for visit, taken, sealed in rows
        )

    def delete(self, person_id: str) -> int:
        """Delete a person's snapshots to the last byte; how many. Raises UnknownPerson."""
        with self._database.transaction() as tables:
            expect(tables, person_id)
            words = "DELETE FROM snapshots WHERE person_id = ? RETURNING picture"
            gone = tables.execute(words, (person_id,)).fetchall()
        return self._erase(gone)

    def expire(self, now: Instant) -> int:
        """Delete those whose time is over, and all if none are to be kept; how many. An unset clock counts no days."""
        oldest_ns = now.wall_ns - int(self._options.keep_days * DAY_NS)
        if not self._options.enabled:
            oldest_ns = 2**63 - 1
        elif not now.wall_trusted:
            return 0
        with self._database.transaction() as tables:
            words = "DELETE FROM snapshots WHERE taken_at_wall_ns < ? RETURNING picture"
            gone = tables.execute(words, (oldest_ns,)).fetchall()
        return self._erase(gone)

    def _erase(self, gone: Sequence[tuple[bytes]]) -> int:
        if gone:
            erasure.erase(self._database, [picture for (picture,) in gone], ["snapshots"])
        return len(gone)
