"""A decision becomes a fact: on the disk, in audit and outbox together, before anybody acts on it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from edgeface.decide import Decision
from edgeface.frame import Instant
from edgeface.message import decision_message, encode
from edgeface.store import access_state, audit, outbox
from edgeface.store.access_state import Change
from edgeface.store.audit import Entry, Kind
from edgeface.store.database import Database


class Journal:
    """Writes what happens during one boot."""

    def __init__(self, database: Database, boot_id: str) -> None:
        self._database = database
        self._boot_id = boot_id

    def record(self, decision: Decision, change: Change | None = None) -> int:
        """Store a decision for good and return its seq. The same id again changes nothing and returns the same seq.

        `change` is what the access rules remember of it: on the disk with the decision, or not at all.

        Raises GalleryError if it could not be stored: then nothing may open.
        """
        with self._database.transaction() as tables:
            if (known := audit.seq_of(tables, decision.id)) is not None:
                return known
            seq = audit.next_seq(tables)
            audit.append(tables, self._decided(seq, decision))
            outbox.add(tables, seq)
            if change is not None:
                access_state.write(tables, change)
        return seq

    def remember(self, change: Change) -> None:
        """Store what the access rules remember of something that is no decision, such as a wrong PIN."""
        with self._database.transaction() as tables:
            access_state.write(tables, change)

    def start(self, now: Instant, facts: Mapping[str, str]) -> int:
        """Note that the service began, with what it runs (versions, models), and return the row's seq."""
        with self._database.transaction() as tables:
            seq = audit.next_seq(tables)
            entry = Entry(
                seq=seq,
                kind=Kind.START,
                boot_id=self._boot_id,
                decision_id=None,
                person_id=None,
                captured_at=None,
                at=now,
                payload=json.dumps(dict(facts)),
            )
            audit.append(tables, entry)
        return seq

    def _decided(self, seq: int, decision: Decision) -> Entry:
        return Entry(
            seq=seq,
            kind=Kind.DECISION,
            boot_id=self._boot_id,
            decision_id=decision.id,
            person_id=decision.person_id,
            captured_at=decision.captured_at,
            at=decision.decided_at,
            payload=encode(decision_message(decision, seq=seq, boot_id=self._boot_id)),
        )
