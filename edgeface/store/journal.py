"""A decision becomes a fact: on the disk, in audit and outbox together, before anybody acts on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from edgeface.alarms import Alarm
from edgeface.canonical import Json, canonical
from edgeface.decide import Decision
from edgeface.door import Happening
from edgeface.frame import Instant
from edgeface.message import decision_message, door_event, encode
from edgeface.store import access_state, audit, outbox
from edgeface.store.access_state import Change
from edgeface.store.audit import Event, Facts, Kind
from edgeface.store.database import Database
from edgeface.store.tables import Tables


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
            seq = audit.append(tables, self._decided(audit.next_seq(tables), decision))
            outbox.add(tables, seq)
            if change is not None:
                access_state.write(tables, change)
        return seq

    def remember(self, change: Change) -> None:
        """Store what the access rules remember of something that is no decision, such as a wrong PIN."""
        with self._database.transaction() as tables:
            access_state.write(tables, change)

    def start(self, now: Instant, facts: Mapping[str, str]) -> int:
        """Note that the service began, with what it runs (versions, models, digests of settings and rules), and return
        the row's seq. What is not as it was at the last start, and a clock that went back, are rows of their own."""
        with self._database.transaction() as tables:
            newest = tables.execute("SELECT at_wall_ns, wall_trusted FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
            if newest is not None and newest[1] and now.wall_trusted and now.wall_ns < newest[0]:
                self._note(tables, Kind.CLOCK, now, {"says": "less than at the last row", "was_ns": str(newest[0])})
            former = tables.execute(
                "SELECT payload FROM audit WHERE kind = 'start' ORDER BY seq DESC LIMIT 1"
            ).fetchone()
            known = {} if former is None else json.loads(former[0])
            for what in sorted(known.keys() & facts.keys()):
                if known[what] != facts[what]:
                    self._note(tables, Kind.CONFIG, now, {"what": what, "from": known[what], "to": facts[what]})
            return self._note(tables, Kind.START, now, facts)

    def clock(self, before: Instant, now: Instant) -> int:
        """Note that the wall clock was set, or jumped, between two moments."""
        expected_ns = before.wall_ns + now.monotonic_ns - before.monotonic_ns
        facts = {"by_ms": round((now.wall_ns - expected_ns) / 1e6), "was_trusted": before.wall_trusted}
        with self._database.transaction() as tables:
            return self._note(tables, Kind.CLOCK, now, {"says": "set", **facts})

    def ruled(self, digest: str, now: Instant) -> int:
        """Note that other access rules are to be in force: the SHA-256 of their file. Raises GalleryError."""
        with self._database.transaction() as tables:
            return self._note(tables, Kind.CONFIG, now, {"what": "access", "to": digest})

    def alarm(self, alarms: Sequence[Alarm], now: Instant) -> None:
        """Note that troubles began or ended. Raises GalleryError: then none is noted."""
        with self._database.transaction() as tables:
            for alarm in alarms:
                facts: dict[str, Json] = {
                    "trouble": alarm.trouble.value,
                    "state": "began" if alarm.began else "ended",
                    "says": alarm.says,
                    "shuts": alarm.shuts,
                    "for_s": alarm.for_s,
                    "times": alarm.times,
                }
                self._note(tables, Kind.ALARM, now, facts)

    def happened(self, door: str, event: Happening, decision_id: str | None, now: Instant) -> int:
        """Store what happened at a door and return the row's seq. Raises GalleryError."""
        with self._database.transaction() as tables:
            message = door_event(door, event, decision_id, now, seq=audit.next_seq(tables), boot_id=self._boot_id)
            row = Event(kind=Kind.DOOR, boot_id=self._boot_id, at=now, payload=encode(message))
            seq = audit.append(tables, row)
            outbox.add(tables, seq)
        return seq

    def _note(self, tables: Tables, kind: Kind, at: Instant, facts: Facts) -> int:
        event = Event(kind=kind, boot_id=self._boot_id, at=at, payload=canonical(facts).decode())
        return audit.append(tables, event)

    def _decided(self, seq: int, decision: Decision) -> Event:
        return Event(
            kind=Kind.DECISION,
            boot_id=self._boot_id,
            decision_id=decision.id,
            person_id=decision.person_id,
            captured_at=decision.captured_at,
            at=decision.decided_at,
            payload=encode(decision_message(decision, seq=seq, boot_id=self._boot_id)),
        )
