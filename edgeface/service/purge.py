"""Deletes what is past its time, and says so in the journal. It believes a clock that is set and runs evenly, only.

A clock that jumps must not delete anybody: days count once the wall clock and the monotonic one have agreed for
`STEADY_S`, and after a long time switched off, or a jump while it was, once they have for a whole day.
"""

from __future__ import annotations

from collections.abc import Callable

from edgeface.frame import Instant
from edgeface.store import audit, chain, retention
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore
from edgeface.store.retention import DAY_NS, Options, RetentionStore
from edgeface.store.tables import Tables

STEADY_S = 900.0
"""The clocks must have agreed for so long. A choice: a time server that errs is corrected within minutes."""

AWAY_S = 7 * 86_400.0
LONG_STEADY_S = 86_400.0
"""After so long without a visit they must agree for a day: whoever runs the place may see that the date is
wrong before anybody is gone."""

MOST_ROWS = 5000
"""Audit rows that are deleted at once: what is more waits for the next time, so that no decision waits."""

SPARE = 100
"""A log that is full loses so much of itself more than it must, a hundredth. A choice."""

DRIFT_S = 60.0
"""By how much two clocks may differ and still agree."""


class Purge:
    """Called again and again. `forgotten` hears when people were forgotten: the door must not know them any more."""

    def __init__(
        self,
        database: Database,
        options: Options,
        now: Callable[[], Instant],
        forgotten: Callable[[], None],
        *,
        delivers: bool = True,
    ) -> None:
        """`delivers`: whether a broker is there to get what waits; else that is deleted with its time too."""
        self._database, self._options = database, options
        self._now, self._forgotten, self._delivers = now, forgotten, delivers
        self._retention = RetentionStore(database, options)
        self._since: Instant | None = None
        """From when on the clocks have agreed."""
        self._needed_s = STEADY_S

    def __call__(self) -> None:
        """Delete what is past its time, if the time is known. Raises GalleryError."""
        now = self._now()
        self._bound(now)
        if not self._steady(now):
            return
        self._retention.begin(now)
        due = self._retention.due(now)
        for person_id in due:
            GalleryStore(self._database).forget(person_id, now, by="retention")
        if due:
            self._forgotten()
        self._prune(now)

    def _bound(self, now: Instant) -> None:
        """Keep the log within its number of rows, whatever the clock says and whoever has them: away from the network
        a board has neither broker nor time. A little more goes than must, so that it is not always just full."""
        rows = self._options.audit_rows
        with self._database.transaction() as tables:
            oldest = chain.base(tables).seq
            over = chain.last(tables).seq - oldest - rows
            if over > 0:
                self._delete(tables, oldest + min(over + rows // SPARE, MOST_ROWS), now, unsent=True)

    def _prune(self, now: Instant) -> None:
        if self._options.audit_days is None:
            return
        with self._database.transaction() as tables:
            oldest = chain.base(tables).seq
            most = oldest + MOST_ROWS
            if self._delivers:
                most = min(most, audit.sent_through(tables))
            if most > oldest:
                before_ns = now.wall_ns - int(self._options.audit_days * DAY_NS)
                self._delete(tables, retention.last_before(tables, before_ns, now, most), now)

    def _delete(self, tables: Tables, through: int, now: Instant, *, unsent: bool = False) -> None:
        retention.remember_visits(tables)
        if not self._delivers:
            tables.execute("DELETE FROM outbox WHERE seq <= ?", (through,))
        if audit.prune(tables, through, now, unsent=unsent):
            self._database.erase_traces()

    def _steady(self, now: Instant) -> bool:
        if not now.wall_trusted:
            self._since = None
            return False
        if self._since is None or abs(_disagreement_s(self._since, now)) > DRIFT_S:
            self._since = now
            self._needed_s = LONG_STEADY_S if self._away(now) else STEADY_S
        return now.seconds_since(self._since) >= self._needed_s

    def _away(self, now: Instant) -> bool:
        """Whether the newest visit is far from now, either way: it was long ago, or the date is wrong."""
        newest = self._retention.newest_visit_wall_ns()
        return newest is None or abs(now.wall_ns - newest) / 1e9 > AWAY_S


def _disagreement_s(before: Instant, now: Instant) -> float:
    return (now.wall_ns - before.wall_ns) / 1e9 - now.seconds_since(before)
