"""Small graphs as SVG, drawn by the server: no script, no style of their own, colours from the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import log10

from markupsafe import Markup

WIDTH, HEIGHT, EDGE = 300, 72, 4


def line(points: Sequence[tuple[datetime, float]], says: str) -> Markup:
    """A figure over time. What it shows stands beside it as text: for who does not see it, it says its range, as a
    sentence with {begin}, {end}, {low} and {high}."""
    if len(points) < 2:
        return Markup("")
    values = [value for _, value in points]
    low, high = min(values), max(values)
    begin, end = points[0][0], points[-1][0]
    span_s, room = max((end - begin).total_seconds(), 1e-9), max(high - low, abs(high) * 0.05, 1e-9)
    places = [
        (
            EDGE + (WIDTH - 2 * EDGE) * (at - begin).total_seconds() / span_s,
            HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / room,
        )
        for at, value in points
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    filled = f"{EDGE},{HEIGHT - EDGE} {path} {places[-1][0]:.1f},{HEIGHT - EDGE}"
    told = says.format(begin=f"{begin:%H:%M}", end=f"{end:%H:%M}", low=f"{low:g}", high=f"{high:g}")
    return Markup(
        f'<svg class="graph" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{{}}" preserveAspectRatio="none">'
        f'<polygon class="area" points="{filled}"/><polyline class="line" points="{path}"/></svg>'
    ).format(told)


def interval(value: float, low: float, high: float) -> Markup:
    """An error rate with its interval on a logarithmic line from one in a million to all."""
    left, middle, right = (_log(share) for share in (low, value, high))
    ticks = "".join(
        f'<line class="tick" x1="{_log(10.0**-power):.1f}" x2="{_log(10.0**-power):.1f}" y1="8" y2="32"/>'
        for power in range(7)
    )
    return Markup(
        f'<svg class="interval" viewBox="0 0 {WIDTH} 40" role="img" aria-label="{{}}">'
        f'<line class="axis" x1="{EDGE}" x2="{WIDTH - EDGE}" y1="20" y2="20"/>{ticks}'
        f'<line class="span" x1="{left:.1f}" x2="{max(right, left + 2):.1f}" y1="20" y2="20"/>'
        f'<circle class="point" cx="{middle:.1f}" cy="20" r="5"/></svg>'
    ).format(f"{value:.2g} [{low:.2g}, {high:.2g}]")


def score(value: float | None, needed: float) -> Markup:
    """A cosine against the one that was needed, both from 0 to 1."""
    reached = min(max(value or 0.0, 0.0), 1.0)
    kind = "reached" if value is not None and value >= needed else "short"
    return Markup(
        f'<svg class="score {kind}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="whole" width="100" height="10" rx="3"/>'
        f'<rect class="part" width="{100 * reached:.1f}" height="10" rx="3"/>'
        f'<line class="needed" x1="{100 * needed:.1f}" x2="{100 * needed:.1f}" y1="0" y2="10"/></svg>'
    )


def _log(share: float) -> float:
    place = (log10(max(share, 1e-6)) + 6) / 6
    return EDGE + (WIDTH - 2 * EDGE) * min(max(place, 0.0), 1.0)
