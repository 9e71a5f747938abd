"""Visitors whom nobody enrolled, told apart from one another: the postman comes daily, and may be named or ignored.

    meet(known, vector, now, options, identity) -> (strangers, whose)

Each visit joins the stranger whom it is most like, or begins a new one: leader clustering (Hartigan, Clustering
Algorithms, 1975, ch. 3), which needs no second look at former visits, so that nothing of them has to be kept but one
direction a stranger. Nobody is kept longer than `keep_days` after the last visit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeface.embed import unit
from edgeface.frame import Instant
from edgeface.model import Tensor

DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Whether strangers are remembered, and for how long."""

    enabled: bool = False
    """Whether visitors who are nobody's are told apart. Off: nothing of them is kept."""
    join: float = 0.55
    """Cosine from which on two visits are one stranger's (models/learning.md)."""
    keep_days: float = 7.0
    """After the last visit, everything about a stranger is deleted. A choice: two of a postman's weekends."""
    most: int = 200
    """Strangers at the most; whoever has not been seen for longest goes first."""

    def __post_init__(self) -> None:
        if not 0 < self.join < 1:
            raise ValueError("join must be between 0 and 1")
        if not 0 < self.keep_days <= 90:
            raise ValueError("keep_days must be above 0 and at most 90")
        if not 1 <= self.most <= 10_000:
            raise ValueError("most must be 1 to 10000")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stranger:
    """One visitor without a name."""

    id: str
    """Opaque."""
    total: Tensor
    """float32, shape (dimensions,): sum of the visits' directions."""
    visits: int
    first_seen_wall_ns: int
    last_seen_wall_ns: int
    ignored: bool = False
    """Said to be of no interest: still told apart, not shown."""


def visit(vectors: tuple[Tensor, ...], weights: tuple[float, ...]) -> Tensor:
    """The good shots of one visit as one direction, weighted by their quality: float32, norm 1."""
    total = sum((vector * np.float32(weight) for vector, weight in zip(vectors, weights, strict=True)), np.float32(0))
    return unit(np.asarray(total, np.float32))


def meet(
    known: tuple[Stranger, ...], vector: Tensor, now: Instant, options: Options, identity: str
) -> tuple[tuple[Stranger, ...], str | None]:
    """(strangers with this visit, whose it was): somebody known, or a new one called `identity`.

    None if it belongs to nobody because strangers are not kept, or because it is no direction at all.
    """
    kept = keep(known, now, options)
    if not options.enabled or not np.isfinite(vector).all() or not np.any(vector):
        return kept, None
    alike = [float(unit(stranger.total) @ vector) for stranger in kept]
    best = int(np.argmax(alike)) if alike else -1
    if best >= 0 and alike[best] >= options.join:
        met = _again(kept[best], vector, now)
        return keep((*kept[:best], *kept[best + 1 :], met), now, options), met.id
    new = Stranger(id=identity, total=vector, visits=1, first_seen_wall_ns=now.wall_ns, last_seen_wall_ns=now.wall_ns)
    return keep((*kept, new), now, options), new.id


def keep(known: tuple[Stranger, ...], now: Instant, options: Options) -> tuple[Stranger, ...]:
    """Those who may still be remembered, longest unseen first.

    Nobody if strangers are not kept. A clock that has jumped ahead forgets too early, which harms nobody; one that was
    never set does not count days.
    """
    if not options.enabled:
        return ()
    oldest_ns = now.wall_ns - int(options.keep_days * DAY_NS)
    lately = [one for one in known if not now.wall_trusted or one.last_seen_wall_ns >= oldest_ns]
    return tuple(sorted(lately, key=lambda one: one.last_seen_wall_ns)[-options.most :])


def _again(stranger: Stranger, vector: Tensor, now: Instant) -> Stranger:
    return replace(
        stranger,
        total=stranger.total + vector,
        visits=stranger.visits + 1,
        last_seen_wall_ns=max(stranger.last_seen_wall_ns, now.wall_ns),
    )
