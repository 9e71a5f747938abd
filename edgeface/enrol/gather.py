"""Of all pictures of a set those that become templates: the ones that agree on a person, and of these the widest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeface.enrol.check import agreement
from edgeface.enrol.choose import choose
from edgeface.enrol.shot import Portrait


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Places of the pictures of a set, by what becomes of them."""

    kept: tuple[int, ...] = ()
    """Become templates; the best first."""
    spare: tuple[int, ...] = ()
    """Show the person too, and add nothing to those kept."""
    outliers: tuple[int, ...] = ()
    """Show somebody else than the others."""
    problem: str | None = None
    """Why the set cannot stand for one person, as a sentence; then nothing is kept."""


def gather(portraits: Sequence[Portrait], apart: float, most: int) -> Gathered:
    """Keep at most `most` of the portraits; those less than `apart` alike show different people."""
    if not portraits:
        return Gathered(problem="none of the pictures is usable")
    agreed = agreement(portraits, apart)
    if agreed.problem is not None:
        return Gathered(problem=agreed.problem)
    chosen = choose([portraits[place] for place in agreed.together], most)
    kept = tuple(agreed.together[place] for place in chosen)
    spare = tuple(place for place in agreed.together if place not in kept)
    return Gathered(kept=kept, spare=spare, outliers=agreed.outliers)
