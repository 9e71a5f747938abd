"""Bundles of models that were on this device, and how each came out. Versions never go back.

A row is written before the switch is thrown (`edgeface.adapters.slots`): a bundle whose row is only "begun" never was
in use, and the very same file may come again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from edgeface.errors import UpdateProblem, UpdateRefused
from edgeface.frame import Instant
from edgeface.store import audit
from edgeface.store.audit import Facts, Kind
from edgeface.store.database import Database
from edgeface.store.tables import Tables


class Standing(StrEnum):
    """How a bundle came out."""

    BEGUN = "begun"
    """It was verified, and the switch may not have been thrown."""
    TRIAL = "trial"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    """It did not prove itself, or somebody went back from it: it is never taken again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A bundle that was here."""

    version: int
    sha256: str
    standing: Standing
    begun_at_seq: int
    """Number of the audit row of its coming."""


def everyone(database: Database) -> tuple[Past, ...]:
    """All of them, oldest first."""
    rows = database.read("SELECT * FROM releases ORDER BY version")
    return tuple(Past(**{**row, "standing": Standing(row["standing"])}) for row in rows)


def expect_newer(database: Database, version: int, sha256: str, *, seen: int = 0) -> None:
    """Refuse a version that is not newer than all that were here. `seen`: what else is known to have been here.

    Raises UpdateRefused.
    """
    past = everyone(database)
    newest = past[-1].version if past else 0
    if past and (version, sha256) == (newest, past[-1].sha256) and past[-1].standing is Standing.BEGUN:
        return
    if version <= max(newest, seen):
        again = past and version == newest and past[-1].standing is Standing.RETURNED
        why = "did not prove itself here" if again else f"is not newer than {max(newest, seen)}, which was here"
        raise UpdateRefused(
            UpdateProblem.OLD_VERSION, f"version {version} {why}: versions never go back; publish it as a newer one"
        )


def begin(tables: Tables, version: int, sha256: str, publisher: str, now: Instant, *, by: str) -> None:
    """Note that a verified bundle comes, within the caller's transaction. What is noted already stays."""
    if tables.execute("SELECT 1 FROM releases WHERE version = ?", (version,)).fetchone():
        return
    seq = audit.note(
        tables, Kind.UPDATE, now,
        {"by": by, "what": "begin", "version": version, "sha256": sha256, "publisher": publisher},
    )  # fmt: skip
    tables.execute("INSERT INTO releases VALUES (?, ?, ?, ?)", (version, sha256, Standing.BEGUN.value, seq))


def stand(tables: Tables, version: int, standing: Standing, now: Instant, *, by: str, why: str = "") -> None:
    """Note how a bundle stands now, within the caller's transaction. What is noted already is not noted again."""
    row = tables.execute("SELECT standing FROM releases WHERE version = ?", (version,)).fetchone()
    known = None if row is None else Standing(row[0])
    settled = known is Standing.CONFIRMED and standing is Standing.TRIAL
    if known in (standing, Standing.RETURNED) or settled or (known is None and standing is not Standing.RETURNED):
        return
    tables.execute("UPDATE releases SET standing = ? WHERE version = ?", (standing.value, version))
    facts: Facts = {"by": by, "what": standing.value, "version": version, **({"why": why} if why else {})}
    audit.note(tables, Kind.UPDATE, now, facts)


def refused(tables: Tables, version: int, why: str, now: Instant, *, by: str) -> None:
    """Note that a bundle whose signature was right was not taken, within the caller's transaction."""
    audit.note(tables, Kind.UPDATE, now, {"by": by, "what": "refused", "version": version, "why": why})


def visits(database: Database, begun_at_seq: int, most: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Visits (recognised, in all), so many at the most: the newest before an audit row, and the first after it."""
    before = database.read(
        "SELECT payload FROM audit WHERE kind = 'decision' AND seq < ? ORDER BY seq DESC LIMIT ?",
        (begun_at_seq, most),
    )
    after = database.read(
        "SELECT payload FROM audit WHERE kind = 'decision' AND seq > ? ORDER BY seq LIMIT ?",
        (begun_at_seq, most),
    )
    return _recognised(before), _recognised(after)


def _recognised(rows: list[dict[str, str]]) -> tuple[int, int]:
    outcomes = [json.loads(row["payload"])["outcome"] for row in rows]
    return sum(outcome in ("grant", "deny") for outcome in outcomes), len(outcomes)
