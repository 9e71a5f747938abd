"""How long what is known of a person, and what happened, may be kept. Days are counted by a clock that is set, only.

A person's clock begins when the device first knows the time after the enrolment, and begins again with each visit at
which the person was recognised. A date that was set for one person counts instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeface.frame import Instant
from edgeface.store.database import Database
from edgeface.store.gallery import expect
from edgeface.store.tables import Tables

DAY_NS = 24 * 3600 * 10**9
FOREVER_NS = 2**63 - 1
"""A date that never comes: until somebody forgets the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How long it is kept. Unset: until somebody deletes it."""

    people_days: float | None = None
    """So long after the last visit at which a person was recognised, or after the enrolment, the person is forgotten,
    as by `edgeface people forget`. `edgeface people keep` sets a date for one person instead."""
    audit_days: float | None = None
    """Rows of the audit log are deleted after so long, but those that a broker still has to get. The chain goes on from
    the last of them, and a row says so."""
    audit_rows: int = 1_000_000
    """At most about so many rows, 100 to 100,000,000: then the oldest are deleted too, even those that a broker still
    has to get, and a row says how many of these. Else a broker that is away would fill the disk in the end, and a full
    disk opens nothing. Of decisions a million take 0.9 GB (`python -m tools.faults month`), 100 days of 10,000."""

    def __post_init__(self) -> None:
        for name in ("people_days", "audit_days"):
            days = getattr(self, name)
            if days is not None and not 1 <= days <= 36_500:
                raise ValueError(f"{name} must be 1 to 36500")
        if not 100 <= self.audit_rows <= 100_000_000:
            raise ValueError(f"audit_rows must be 100 to 100000000, not {self.audit_rows}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How long one person is kept."""

    person_id: str
    counted_from_wall_ns: int | None
    """The last visit that is known of, or the enrolment; None until the device has known the time since."""
    set_wall_ns: int | None
    """A date for this person alone; `FOREVER_NS` for none ever, None if the general rule holds."""
    ends_wall_ns: int | None
    """When the person is forgotten; None: not by time."""


class RetentionStore:
    """The clocks of an open gallery. Each method is one transaction."""

    def __init__(self, database: Database, options: Options) -> None:
        self._database, self._options = database, options

    def keep(self, person_id: str, until_wall_ns: int | None) -> None:
        """Set a date for one person, `FOREVER_NS` for none ever; None for the general rule. Raises UnknownPerson."""
        with self._database.transaction() as tables:
            expect(tables, person_id)
            tables.execute(
                "INSERT INTO retention (person_id, keep_until_wall_ns) VALUES (?, ?) "
                "ON CONFLICT (person_id) DO UPDATE SET keep_until_wall_ns = excluded.keep_until_wall_ns",
                (person_id, until_wall_ns),
            )

    def term(self, person_id: str) -> Term:
        """How long a person is kept. Raises UnknownPerson."""
        with self._database.transaction() as tables:
            expect(tables, person_id)
            found = tables.execute(f"{_TERMS} WHERE people.id = ?", (person_id,)).fetchone()
            return self._term(tables, *found)

    def begin(self, now: Instant) -> None:
        """Start the clocks of people who have none yet, if the device knows the time."""
        if not now.wall_trusted:
            return
        with self._database.transaction() as tables:
            tables.execute("INSERT OR IGNORE INTO retention (person_id) SELECT id FROM people")
            tables.execute(
                "UPDATE retention SET counted_from_wall_ns = ? WHERE counted_from_wall_ns IS NULL", (now.wall_ns,)
            )

    def due(self, now: Instant) -> tuple[str, ...]:
        """Whose time is over; nobody's while the device does not know the time."""
        if not now.wall_trusted:
            return ()
        days = self._options.people_days
        begun_before = -1 if days is None else now.wall_ns - int(days * DAY_NS)
        with self._database.transaction() as tables:
            maybe = tables.execute(
                f"{_TERMS} WHERE coalesce(keep_until_wall_ns <= ?, counted_from_wall_ns <= ?)",
                (now.wall_ns, begun_before),
            ).fetchall()
            terms = [self._term(tables, *row) for row in maybe]
        return tuple(one.person_id for one in terms if one.ends_wall_ns is not None and one.ends_wall_ns <= now.wall_ns)

    def newest_visit_wall_ns(self) -> int | None:
        """When the last decision was made at a time that was known; None if none was."""
        rows = self._database.read(
            "SELECT at_wall_ns FROM audit WHERE kind = 'decision' AND wall_trusted ORDER BY seq DESC LIMIT 1"
        )
        return int(rows[0]["at_wall_ns"]) if rows else None

    def _term(self, tables: Tables, person_id: str, begun: int | None, until: int | None) -> Term:
        ends = until
        if until is None and begun is not None and self._options.people_days is not None:
            begun = max(begun, _last_visit(tables, person_id) or begun)
            ends = begun + int(self._options.people_days * DAY_NS)
        return Term(
            person_id=person_id,
            counted_from_wall_ns=begun,
            set_wall_ns=until,
            ends_wall_ns=None if ends == FOREVER_NS else ends,
        )


_TERMS = (
    "SELECT people.id, counted_from_wall_ns, keep_until_wall_ns "
    "FROM people LEFT JOIN retention ON person_id = people.id"
)


def remember_visits(tables: Tables) -> None:
    """Note everybody's last visit, within the transaction that prunes the rows that tell it."""
    for person_id, begun in tables.execute("SELECT person_id, counted_from_wall_ns FROM retention").fetchall():
        seen = _last_visit(tables, person_id)
        if begun is not None and seen is not None and seen > begun:
            tables.execute("UPDATE retention SET counted_from_wall_ns = ? WHERE person_id = ?", (seen, person_id))


def last_before(tables: Tables, oldest_wall_ns: int, now: Instant, most: int) -> int:
    """The number of the audit row up to which all are older than that moment, `most` at the most; 0 if none is known
    to be. It does not read on beyond `most`, however long the log is.

    Rows are numbered in the order of time, so what stands before one that is young by a set clock is not judged by
    what it says itself; a row that claims the future says nothing.
    """
    (young,) = tables.execute(
        "SELECT min(seq) FROM audit WHERE seq <= ? AND wall_trusted AND at_wall_ns BETWEEN ? AND ?",
        (most, oldest_wall_ns, now.wall_ns),
    ).fetchone()
    after = tables.execute(
        "SELECT at_wall_ns FROM audit WHERE seq >= ? AND wall_trusted AND at_wall_ns <= ? ORDER BY seq LIMIT 1",
        (most, now.wall_ns),
    ).fetchone()
    if young is None and after is not None and after[0] < oldest_wall_ns:
        return most
    (found,) = tables.execute(
        "SELECT max(seq) FROM audit WHERE wall_trusted AND at_wall_ns < ? AND seq < ?",
        (oldest_wall_ns, most if young is None else young),
    ).fetchone()
    return int(found or 0)


def _last_visit(tables: Tables, person_id: str) -> int | None:
    found = tables.execute(
        "SELECT at_wall_ns FROM audit WHERE person_id = ? AND kind = 'decision' AND wall_trusted "
        "ORDER BY seq DESC LIMIT 1",
        (person_id,),
    ).fetchone()
    return None if found is None else int(found[0])
