"""How the reader is, and how it was of late: figures as small graphs, drawn here."""

from __future__ import annotations

from starlette.responses import Response

from edgeface.commands import words
from edgeface.console import chart
from edgeface.console.pulse import FIGURES
from edgeface.console.speaker import No
from edgeface.console.visit import Visit, Way


def show(visit: Visit) -> Response:
    """The last report, and the hours before it."""
    basic = visit.expect("health", words.Nothing())
    report = visit.ask("health/report", words.Nothing())
    known = None if isinstance(report, No) else report
    if known is not None:
        visit.console.pulse.heard(known)
    graphs = [
        (
            getattr(visit.words.health, name),
            unit,
            points[-1][1] if points else None,
            chart.line(points, visit.words.health.span),
        )
        for name, unit in FIGURES.items()
        if (points := visit.console.pulse.points(name))
    ]
    total = sum(one.count for one in known.decisions) if known is not None else 0
    return visit.page("health.html", basic=basic, report=known, graphs=graphs, total=total)


WAYS = (Way("GET", "/health", show),)
