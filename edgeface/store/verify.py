"""Does the audit log hold? The first row that is wrong is named; what only a witness can show is asked of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import sqlite_utils

from edgeface.store import chain
from edgeface.store.chain import Break, Link, Row
from edgeface.store.database import Database
from edgeface.store.heads import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What checking found."""

    base: Link
    """What the oldest row follows."""
    last: Link
    """The newest row up to which the chain holds."""
    broken: Break | None
    """The first row that is wrong; None if all is well."""
    heads: int
    """Heads of a witness that the log was held against."""
    too_old: int
    """Heads of rows that have been pruned since: nothing can be said about them."""


def verify(
    gallery_id: str, base: Link, rows: Iterable[Row], heads: Sequence[Head], tick: Callable[[], None] = lambda: None
) -> Report:
    """Check rows, oldest first, and hold them against the heads of a witness. `tick` is called for each row."""
    wanted = {head.link.seq for head in heads}
    places, last, broken, named = {base.seq: base.hash}, base, None, base == chain.genesis(gallery_id)
    for row in rows:
        tick()
        step = chain.follow(last, row)
        if isinstance(step, Break):
            broken = step
            break
        last, named = step, named or chain.names_base(row, base)
        if step.seq in wanted:
            places[step.seq] = step.hash
    if broken is None and not named:
        broken = _unnamed(base)
    asked = [head for head in heads if head.link.seq >= base.seq]
    found = [problem for problem in (broken, _against(asked, places, last)) if problem is not None]
    return Report(
        base=base,
        last=last,
        broken=min(found, key=lambda problem: problem.seq, default=None),
        heads=len(asked),
        too_old=len(heads) - len(asked),
    )


def verify_gallery(database: Database, heads: Sequence[Head], tick: Callable[[], None] = lambda: None) -> Report:
    """Check the log of an open gallery."""
    with database.transaction() as tables:
        report = verify(database.keyring.gallery_id, chain.base(tables), chain.rows(tables), heads, tick)
        return replace(report, broken=_gone(tables)) if report.broken is None else report


def _gone(tables: sqlite_utils.Database) -> Break | None:
    """The first row that enrolled somebody who is not there, and whom no row forgets."""
    row = tables.execute(
        "SELECT seq, person_id FROM audit WHERE kind = 'enrol' AND person_id NOT IN (SELECT id FROM people) "
        "AND person_id NOT IN (SELECT person_id FROM audit WHERE kind = 'forget') ORDER BY seq LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    return Break(
        seq=row[0], says=f"it enrolled {row[1]}, who is gone, and nobody forgot them: the tables are of two days"
    )


def _unnamed(base: Link) -> Break:
    if base.seq == 0:
        return Break(seq=1, says="the log does not begin with this gallery")
    return Break(seq=base.seq, says="all rows up to it were deleted, and no row says so")


def _against(heads: Sequence[Head], places: dict[int, bytes], last: Link) -> Break | None:
    """The first row of which a witness says something else."""
    agreed = 0
    for head in heads:
        if head.link.seq > last.seq:
            says = f"it is gone: a witness saw row {head.link.seq} at {head.time}, and the log ends with {last.seq}"
            return Break(seq=last.seq + 1, says=f"{says}. It was cut off, or an older copy was put back")
        if places[head.link.seq] != head.link.hash:
            span = f"one of the rows {agreed + 1} to {head.link.seq}"
            return Break(seq=agreed + 1, says=f"{span} is not what a witness saw at {head.time}: the log was made anew")
        agreed = head.link.seq
    return None
