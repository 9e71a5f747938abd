"""What was decided, and why: the rule or gate, the figures, and what the bar promises now."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from edgeface.commands import words, words_records
from edgeface.console.visit import Visit, Way

OUTCOMES = ("grant", "deny", "unknown", "spoof", "insufficient_quality")
_FILTERS = ("outcome", "who", "since", "until")
_GATE = re.compile(r"([a-z_]+) in ([0-9]+)")


def show(visit: Visit) -> Response:
    """The newest, or the page before a row, filtered."""
    told = {key: visit.query.get(key, "").strip()[:80] for key in _FILTERS}
    chosen: dict[str, Any] = {key: value for key, value in told.items() if value}
    before = visit.query.get("before", "")
    ask = words_records.DecisionsWanted(
        before=int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None, **chosen
    )
    found = visit.expect("decisions/list", ask)
    older = None
    if found.more:
        older = "/decisions?" + urlencode({**chosen, "before": found.decisions[-1].seq})
    return visit.page(
        "decisions.html",
        found=found.decisions,
        older=older,
        newest=not before,
        chosen=told,
        outcomes=OUTCOMES,
        bar=visit.expect("calibration", words.Nothing()),
        gates=gates,
    )


def gates(reason: str) -> list[tuple[str, int]]:
    """Which gates refused how many pictures, as a reason tells it: "2 good shots of 9: blurred in 7"."""
    return [(name.replace("_", " "), int(count)) for name, count in _GATE.findall(reason)]


WAYS = (Way("GET", "/decisions", show),)
