"""Both errors of the door over the score that it asks for, as SVG drawn by the server; colours of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log10

from markupsafe import Markup

from edgeface.commands.words_device import Alike, CurvePoint, Share

WIDTH, HIGH, LEFT, RIGHT, TOP, BELOW = 440, 190, 104, 12, 24, 34
RAREST = 1e-6
"""Lowest rate of strangers that has a place."""

Place = Callable[[float], float]
"""A rate -> how high it is drawn, 0..1."""


def strangers(
    points: Sequence[CurvePoint],
    bar: float,
    pairs: Sequence[Alike],
    says: str,
    ident: str,
    one_in: Callable[[float], str],
) -> Markup:
    """Of visits by strangers, the share let in: logarithmic, from one in a million to all. A mark below for each pair
    of look-alikes; empty if nothing was measured. `one_in` puts a rate into words."""
    shares = [(point.threshold, point.expected) for point in points]
    levels = [(10.0**-power, one_in(10.0**-power)) for power in range(7)]
    return _drawn(shares, bar, levels, lambda rate: (log10(max(rate, RAREST)) + 6) / 6, "odd", says, ident, pairs)


def turned_away(points: Sequence[CurvePoint], bar: float, says: str, ident: str) -> Markup:
    """Of visits by people enrolled, the share turned away."""
    shares = [(point.threshold, point.missed) for point in points]
    levels = [(quarter / 4, f"{25 * quarter} %") for quarter in range(5)]
    return _drawn(shares, bar, levels, lambda rate: rate, "own", says, ident)


def _drawn(
    shares: Sequence[tuple[float, Share | None]],
    bar: float,
    levels: Sequence[tuple[float, str]],
    place: Place,
    kind: str,
    says: str,
    ident: str,
    pairs: Sequence[Alike] = (),
) -> Markup:
    known = [(score, share) for score, share in shares if share is not None]
    if not known:
        return Markup("")
    first, last = shares[0][0], shares[-1][0]

    def across(score: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max((score - first) / (last - first), 0.0), 1.0)

    def up(rate: float) -> float:
        return TOP + HIGH * (1 - min(max(place(rate), 0.0), 1.0))

    upper = [f"{across(score):.1f},{up(share.high):.1f}" for score, share in known]
    lower = [f"{across(score):.1f},{up(share.low):.1f}" for score, share in reversed(known)]
    middle = [f"{across(score):.1f},{up(share.value):.1f}" for score, share in known]
    foot = TOP + HIGH
    parts = [
        f'<svg class="curve {kind}" viewBox="0 0 {WIDTH} {foot + BELOW}" role="img" aria-labelledby="{ident}">',
        '<title id="{}">{}</title>',
        *(_level(up(rate), told) for rate, told in levels),
        *(_score(across(tenth / 10), foot, tenth) for tenth in range(3, 9)),
        f'<polygon class="spread" points="{" ".join([*upper, *lower])}"/>',
        f'<polyline class="line" points="{" ".join(middle)}"/>',
        *(f'<circle class="pair" cx="{across(one.cosine):.1f}" cy="{foot}" r="5"/>' for one in pairs),
        f'<line class="needed" x1="{across(bar):.1f}" x2="{across(bar):.1f}" y1="{TOP - 6}" y2="{foot}"/>',
        f'<text class="needed" x="{across(bar) + 6:.1f}" y="{TOP - 8}">{bar:.3f}</text></svg>',
    ]
    return Markup("".join(parts)).format(ident, says)


def _level(y: float, told: str) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="level" x="{LEFT - 8}" y="{y + 4:.1f}">{told}</text>'
    )


def _score(x: float, foot: float, tenth: int) -> str:
    return (
        f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{foot}" y2="{foot + 5}"/>'
        f'<text class="tenth" x="{x:.1f}" y="{foot + 22}">{tenth / 10:.1f}</text>'
    )
