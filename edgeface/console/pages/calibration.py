"""What the door asks of a visitor, what that promises, and who is too alike."""

from __future__ import annotations

from starlette.responses import Response

from edgeface.commands import words
from edgeface.console import chart
from edgeface.console.visit import Visit, Way


def show(visit: Visit) -> Response:
    """The bar, its intervals, other settings of the dial, and the look-alikes."""
    bar = visit.expect("calibration", words.Nothing())
    names = {one.id: one.name for one in visit.expect("people/list", words.Page(most=200)).people}
    says = visit.words.calibration
    shares = ((says.expected, bar.expected), (says.missed, bar.missed))
    drawn = [
        (label, share, chart.interval(share.value, share.low, share.high))
        for label, share in shares
        if share is not None
    ]
    return visit.page("calibration.html", bar=bar, names=names, drawn=drawn, one_in=one_in)


def one_in(share: float) -> str:
    """0.0001 -> "1 in 10,000"."""
    return "0" if share <= 0 else f"1 in {1 / share:,.0f}"


WAYS = (Way("GET", "/calibration", show),)
