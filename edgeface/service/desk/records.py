"""Verbs about what happened: decisions, and the audit log that holds them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from edgeface.commands import words, words_records
from edgeface.commands.words_records import AuditLines, AuditReport, AuditRow, AuditRows, DecisionRow, Decisions
from edgeface.errors import ConfigError
from edgeface.service.desk.moment import moment
from edgeface.service.desk.place import Desk
from edgeface.store import audit, chain, transcript
from edgeface.store.audit import Kind
from edgeface.store.chain import Link, Row
from edgeface.store.gallery import GalleryStore
from edgeface.store.heads import signed_head, signer_of
from edgeface.store.outbox import Outbox
from edgeface.store.verify import verify

SLICE = 500
"""Rows that are read at a time: what decides at the door waits for no more than that."""

MOST_SILENT = 500
"""Numbers of rows that are no messages, in one answer."""

MOST_BYTES = 40_000
"""Of lines in one answer, so that it fits into a message of MQTT."""


def decisions(desk: Desk, ask: words_records.DecisionsWanted) -> Decisions:
    """The newest decisions, or those before a row."""
    conditions, values = ["kind = 'decision'"], []
    for condition, value in (
        ("seq < ?", ask.before),
        ("json_extract(payload, '$.outcome') = ?", ask.outcome),
        ("person_id = ?", None if ask.who is None else _person(desk, ask.who)),
        ("at_wall_ns >= ?", None if ask.since is None else _day_ns(ask.since)),
        ("at_wall_ns < ?", None if ask.until is None else _day_ns(ask.until, 1)),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    found = desk.database.read(
        f"SELECT seq, person_id, at_wall_ns, wall_trusted, payload FROM audit WHERE {' AND '.join(conditions)} "
        "ORDER BY seq DESC LIMIT ?",
        (*values, ask.most + 1),
    )
    return Decisions(decisions=_decisions(desk, found[: ask.most]), more=len(found) > ask.most)


def of_person(desk: Desk, person_id: str, most: int) -> tuple[tuple[DecisionRow, ...], int]:
    """The newest decisions about a person, and how many there are."""
    where = "FROM audit WHERE kind = 'decision' AND person_id = ?"
    found = desk.database.read(
        f"SELECT seq, person_id, at_wall_ns, wall_trusted, payload {where} ORDER BY seq DESC LIMIT ?", (person_id, most)
    )
    return _decisions(desk, found), int(desk.database.read(f"SELECT count(*) AS n {where}", (person_id,))[0]["n"])


def rows(desk: Desk, ask: words_records.AuditWanted) -> AuditRows:
    """The newest rows of the log, or those before one."""
    if ask.kind is not None and ask.kind not in set(Kind):
        raise ConfigError(f"no row is of the kind {ask.kind[:40]!r}; there are {', '.join(Kind)}")
    kind = None if ask.kind is None else Kind(ask.kind)
    who = None if ask.who is None else _person(desk, ask.who)
    found = audit.newest_entries(desk.database, ask.most + 1, kind, who, before=ask.before)
    names = desk.names()
    told = tuple(
        AuditRow(
            seq=entry.seq,
            kind=entry.kind,
            at=moment(entry.at_wall_ns),
            clock_trusted=entry.wall_trusted,
            person=entry.person_id,
            name=names.get(entry.person_id or ""),
            facts=json.dumps(dict(entry.facts), ensure_ascii=False),
            personal=None if entry.personal is None else json.dumps(dict(entry.personal), ensure_ascii=False),
            hash=entry.hash.hex(),
        )
        for entry in reversed(found)
    )
    return AuditRows(rows=told[: ask.most], more=len(told) > ask.most)


def check(desk: Desk, ask: words.Nothing) -> AuditReport:
    """Check the whole chain, in slices between which decisions are stored."""
    database, signer = desk.database, signer_of(desk.database.keyring)
    with database.transaction() as tables:
        base, newest = chain.base(tables), chain.last(tables)
    report = verify(database.keyring.gallery_id, base, _sliced(desk, base, newest), ())
    broken = report.broken
    return AuditReport(
        holds=broken is None,
        first_seq=base.seq + 1,
        last_seq=report.last.seq,
        hash=report.last.hash.hex(),
        bad_seq=None if broken is None else broken.seq,
        says=None if broken is None else broken.says,
        head=signed_head(signer, newest, desk.now()),
        key=str(signer.verifier),
    )


def lines(desk: Desk, ask: words_records.AuditPart) -> AuditLines:
    """A part of the log as `edgeface audit export` writes it."""
    database = desk.database
    told: list[str] = []
    with database.transaction() as tables:
        base, newest = chain.base(tables), chain.last(tables)
        if ask.after is None:
            told.append(transcript.first_line(tables, desk.now()).decode())
    after = base.seq if ask.after is None else ask.after
    through = newest.seq if ask.through is None else min(ask.through, newest.seq)
    if after < base.seq:
        raise ConfigError("the oldest rows were deleted meanwhile: begin anew")
    last, size = after, 0
    for row in _sliced(desk, Link(seq=after, hash=b""), Link(seq=through, hash=b"")):
        line = transcript.line(row).decode()
        size += len(line)
        if size > MOST_BYTES and last > after:
            break
        told.append(line)
        last = int(str(row["seq"]))
    return AuditLines(lines=tuple(told), last=last, through=through)


def head(desk: Desk, ask: words.Nothing) -> words_records.AuditHead:
    """The newest row, signed, for a witness to keep."""
    signer = signer_of(desk.database.keyring)
    return words_records.AuditHead(
        head=signed_head(signer, audit.newest(desk.database), desk.now()), key=str(signer.verifier)
    )


def replay(desk: Desk, ask: words_records.Rows) -> words_records.Replayed:
    """Send past decisions once more, as history: for a consumer with a gap in `seq`. They open nothing."""
    live, outbox = desk.live, Outbox(desk.database)
    if live is None:
        found = outbox.again(ask.first, ask.last)
    else:
        found = outbox.look(ask.first, ask.last)
        desk.then.append(lambda: live.replay(ask.first, ask.last))
    return words_records.Replayed(waiting=found.waiting, silent=found.silent[:MOST_SILENT], oldest=found.oldest)


def _sliced(desk: Desk, after: Link, through: Link) -> Iterator[Row]:
    """Rows of the chain, oldest first. Whoever wants to store something gets a turn after each slice."""
    seq = after.seq
    while seq < through.seq:
        with desk.database.transaction() as tables:
            found = list(chain.rows(tables, after=seq, through=min(seq + SLICE, through.seq)))
        yield from found
        seq += SLICE


def _decisions(desk: Desk, found: list[dict[str, Any]]) -> tuple[DecisionRow, ...]:
    store = GalleryStore(desk.database)
    names = {person: store.name_of(person) for person in {row["person_id"] for row in found} if person is not None}
    return tuple(_decision(row, names.get(row["person_id"])) for row in found)


def _decision(row: dict[str, Any], name: str | None) -> DecisionRow:
    told = json.loads(row["payload"])
    return DecisionRow(
        seq=row["seq"],
        at=moment(row["at_wall_ns"]),
        clock_trusted=bool(row["wall_trusted"]),
        person=row["person_id"],
        name=name,
        **{key: told[key] for key in ("id", "door", "outcome", "rule", "reason", "threshold", "shots")},
        **{key: told.get(key) for key in ("score", "margin", "quality", "liveness")},
    )


def _person(desk: Desk, who: str) -> str:
    return who if who.startswith("p_") else GalleryStore(desk.database).find(who).id


def _day_ns(text: str, later: int = 0) -> int:
    try:
        day = date.fromisoformat(text) + timedelta(days=later)
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9
    except (ValueError, OverflowError):
        raise ConfigError("use a day such as 2026-12-21") from None
