"""A guided enrolment as SVG: a ring of ticks that fills as the head is seen from each side, and the head itself.

As in a mirror: the person's left is the picture's left. It shows nothing of the face.
"""

from __future__ import annotations

from math import cos, radians, sin

from markupsafe import Markup

from edgeface.commands.words_enrol import GuidedState

SIDE, MIDDLE = 320, 160
_SECTORS = {"up": 270, "right": 0, "down": 90, "left": 180}
"""Where the middle of each lies, degrees clockwise from the right."""
_TICKS = 17
_FEATURES = ((-0.36, -0.18, 0.35), (0.36, -0.18, 0.35), (0.0, 0.14, 0.75), (-0.26, 0.5, 0.35), (0.26, 0.5, 0.35))
"""Eyes, nose and corners of the mouth on a head of radius 1: right, down, towards the onlooker."""


def ring(state: GuidedState, told: str) -> Markup:
    """`told`: the same in words."""
    shares = {side.name: side.share for side in state.sides}
    parts = [_sector(middle, shares[name], name == state.asked) for name, middle in _SECTORS.items() if name in shares]
    parts.append(_front(shares.get("frontal", 1.0), state.asked == "frontal"))
    if state.yaw_deg is not None and state.pitch_deg is not None:
        parts.append(_head(state.yaw_deg, state.pitch_deg))
    return Markup(f'<svg class="ring" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{{}}">{{}}</svg>').format(
        told, Markup("".join(parts))
    )


def _sector(middle: int, share: float, asked: bool) -> str:
    """Filled from its middle to both sides."""
    made = []
    for number in range(_TICKS):
        away = abs(number - _TICKS // 2) / (_TICKS // 2 + 0.5)
        kind = "full" if away < share else "asked" if asked else "empty"
        angle = radians(middle + (number - _TICKS // 2) * 82 / (_TICKS - 1))
        ends = [(MIDDLE + radius * cos(angle), MIDDLE + radius * sin(angle)) for radius in (136, 154)]
        (x1, y1), (x2, y2) = ends
        made.append(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    return "".join(made)


def _front(share: float, asked: bool) -> str:
    around = f'cx="{MIDDLE}" cy="{MIDDLE}" r="124" pathLength="100"'
    turned = f'transform="rotate(-90 {MIDDLE} {MIDDLE})"'
    ground = f'<circle class="{"asked" if asked else "empty"}" {around}/>'
    return ground + (
        f'<circle class="full" {around} {turned} stroke-dasharray="{100 * share:.0f} 100"/>' if share else ""
    )


def _head(yaw_deg: float, pitch_deg: float) -> str:
    """Yaw to the person's right moves the features to the right: this is a mirror."""
    yaw, pitch = (radians(min(60.0, max(-60.0, turned))) for turned in (yaw_deg, pitch_deg))
    points = [
        (MIDDLE + 62 * (x * cos(yaw) + z * sin(yaw)), MIDDLE + 68 * (y * cos(pitch) - z * sin(pitch)))
        for x, y, z in _FEATURES
    ]
    (lx, ly), (rx, ry), (nx, ny), (ax, ay), (bx, by) = points
    return (
        f'<g class="head"><ellipse cx="{MIDDLE}" cy="{MIDDLE}" rx="62" ry="78"/>'
        f'<circle cx="{lx:.1f}" cy="{ly:.1f}" r="6"/><circle cx="{rx:.1f}" cy="{ry:.1f}" r="6"/>'
        f'<circle class="nose" cx="{nx:.1f}" cy="{ny:.1f}" r="4.5"/>'
        f'<path d="M{ax:.1f} {ay:.1f}Q{(ax + bx) / 2:.1f} {(ay + by) / 2 + 12:.1f} {bx:.1f} {by:.1f}"/></g>'
    )
