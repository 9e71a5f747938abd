"""The audit log: its rows, whether it holds, and the whole of it as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from edgeface.commands import words, words_records
from edgeface.console.visit import ReaderSaidNo, Visit, Way

KINDS = (
    "decision", "door", "start", "learned", "unlearned", "enrol", "add", "rename", "forget", "command", "clock",
    "config", "rules", "keys", "copy", "prune", "alarm", "update",
)  # fmt: skip


def show(visit: Visit, report: words_records.AuditReport | None = None) -> Response:
    """The newest rows, or those before one."""
    before, kind = visit.query.get("before", ""), visit.query.get("kind") or None
    ask = words_records.AuditWanted(
        before=int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None, kind=kind
    )
    found = visit.expect("audit/list", ask)
    older = None
    if found.more:
        chosen = {} if kind is None else {"kind": kind}
        older = "/audit?" + urlencode({**chosen, "before": found.rows[-1].seq})
    rows = [(row, json.loads(row.facts), json.loads(row.personal or "{}")) for row in found.rows]
    facts: dict[str, Any] = {"rows": rows, "older": older, "newest": not before, "report": report}
    return visit.page("audit.html", kind=kind, kinds=KINDS, **facts)


def verify(visit: Visit) -> Response:
    """Check every row. The page shows what was found."""
    return show(visit, visit.expect("audit/verify", words.Nothing()))


def export(visit: Visit) -> Response:
    """The file for an auditor, part by part as the reader has time for it."""
    first = visit.expect("audit/export", words_records.AuditPart())
    headers = {"content-disposition": 'attachment; filename="edgeface-audit.jsonl"'}
    return StreamingResponse(_parts(visit, first), media_type="application/jsonl", headers=headers)


def _parts(visit: Visit, part: words_records.AuditLines) -> Iterator[str]:
    """A file that ends early is known by its first line: it names the last row."""
    yield from part.lines
    while part.last < part.through:
        try:
            part = visit.expect("audit/export", words_records.AuditPart(after=part.last, through=part.through))
        except ReaderSaidNo:
            return
        yield from part.lines


WAYS = (
    Way("GET", "/audit", show),
    Way("POST", "/audit/verify", verify),
    Way("POST", "/audit/export", export),
)
