"""What the door asks of a visitor, what that promises, who is too alike, and the dial."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from edgeface.commands import Role, words
from edgeface.commands.words_device import CurvePoint, DialToSet
from edgeface.console import chart, curves
from edgeface.console.speaker import No
from edgeface.console.visit import Visit, Way

ROWS = 4
"""Every so many points of the curves have a row in the table behind them."""


def show(visit: Visit, error: str | None = None, status: int = 200, dial: str = "") -> Response:
    """The bar with its curves and intervals, other settings of the dial, and the look-alikes."""
    bar = visit.expect("calibration", words.Nothing())
    points = visit.expect("calibration/curves", words.Nothing()).points
    says = visit.words.calibration
    shares = ((says.expected, bar.expected), (says.missed, bar.missed))
    drawn = [
        (label, share, chart.interval(share.value, share.low, share.high))
        for label, share in shares
        if share is not None
    ]
    facts = {"bar": bar, "drawn": drawn, "one_in": partial(_one_in, visit), "dial": dial or bar.false_accepts or ""}
    facts |= {"plots": _plots(visit, bar, points), "table": _rows(points)}
    return visit.page("calibration.html", status=status, error=error, **facts)


def save(visit: Visit) -> Response:
    """Set the dial, or take it out."""
    typed = " ".join(visit.form.get("false_accepts", "").split())
    dial = f"1 in {typed}" if typed.replace(",", "").isdecimal() else typed
    try:
        asked = DialToSet(false_accepts=dial or None, mark=visit.form.get("mark") or None)
    except ValueError as error:
        return show(visit, str(error), 400, dial)
    answer = visit.ask("calibration/set", asked)
    if isinstance(answer, No):
        return show(visit, answer.says, 409, dial)
    says = visit.words.calibration
    done = says.saved if answer.in_force else says.saved_later
    return visit.go("/calibration", done.format(dial=answer.false_accepts or says.unset, needed=answer.threshold))


def _one_in(visit: Visit, share: float) -> str:
    """0.0001 -> "1 in 10,000"."""
    says = visit.words.calibration
    if share <= 0 or share >= 1:
        return str(says.none if share <= 0 else says.all)
    return str(says.one_in.format(visits=f"{1 / share:,.0f}"))


def _plots(visit: Visit, bar: words.Calibration, points: tuple[CurvePoint, ...]) -> list[tuple[str, str]]:
    """What each curve shows, and the curve."""
    says, needed, one_in = visit.words.calibration, bar.threshold, partial(_one_in, visit)
    told = [
        says.drawn.format(what=label, needed=needed, value=share.value, low=share.low, high=share.high)
        if share is not None
        else says.unmeasured.format(what=label)
        for label, share in ((says.expected, bar.expected), (says.missed, bar.missed))
    ]
    return [
        (says.expected, curves.strangers(points, needed, bar.pairs, told[0], "curve-strangers", one_in)),
        (says.missed, curves.turned_away(points, needed, told[1], "curve-missed")),
    ]


def _rows(points: tuple[CurvePoint, ...]) -> tuple[CurvePoint, ...]:
    return points[::ROWS] if any(one.expected or one.missed for one in points) else ()


WAYS = (
    Way("GET", "/calibration", show),
    Way("POST", "/calibration", save, role=Role.ADMIN),
)
