"""How much a similarity says, and how often a stranger reaches it. Pure; the numbers are the embedder's manifest's."""

from __future__ import annotations

import math

import numpy as np

from edgeface.model import ImpostorTail

Calibration = tuple[tuple[float, float], ...]
"""(cosine, log10 likelihood ratio), both rising: `ModelSpec.calibration`."""


def log_likelihood_ratio(similarity: float, calibration: Calibration) -> float:
    """Cosine -> log10 of how many times likelier it is if both are one person than if they are two.

    Straight lines between the corners, level beyond them: nothing was measured there, so nothing more is claimed.
    """
    cosines, logs = zip(*calibration, strict=True)
    return float(np.interp(similarity, cosines, logs))


def in_words(log10: float) -> str:
    """What a likelihood ratio says to a person, two digits of it: "1,400 times likelier of one person than of two"."""
    times, kinds = 10 ** abs(log10), ("one person than of two", "two people than of one")
    digits = max(0, math.floor(math.log10(times)) - 1)
    plain = f"{round(times, -digits):,.0f}" if times >= 10 else f"{times:.1f}"
    return f"{plain} times likelier of {kinds[log10 < 0]}"


def false_match_rate(similarity: float, tail: ImpostorTail) -> float:
    """How often two different people reach this cosine, 0..1.

    1 below `tail.above`, where the tail knows nothing; never below `tail.lowest_fmr`, as no lower rate was checked.
    """
    if similarity < tail.above:
        return 1.0
    return max(tail.lowest_fmr, tail.rate * _beyond(similarity - tail.above, tail))


def threshold_for(fmr: float, tail: ImpostorTail) -> float:
    """The cosine that two different people reach at a rate of `fmr`; `tail.above` for rates that are higher than its.

    Raises ValueError for a rate below `tail.lowest_fmr`: no threshold is known to keep that promise.
    """
    if not tail.lowest_fmr <= fmr <= 1:
        raise ValueError(f"a false match rate of {fmr:g} was not measured: {tail.lowest_fmr:g} is the lowest")
    rarer = math.log(tail.rate / min(fmr, tail.rate))
    grown = math.expm1(tail.shape * rarer) / tail.shape if abs(tail.shape) > _STRAIGHT else rarer
    return tail.above + tail.scale * grown


_STRAIGHT = 1e-6
"""Shapes nearer to 0 than this are exponential: the general formula would divide by nothing."""


def _beyond(excess: float, tail: ImpostorTail) -> float:
    """Share of the exceedances that exceed by this much: the survival function, 0..1."""
    if abs(tail.shape) <= _STRAIGHT:
        return math.exp(-excess / tail.scale)
    base = 1 + tail.shape * excess / tail.scale
    return base ** (-1 / tail.shape) if base > 0 else 0.0
