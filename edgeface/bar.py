"""How alike a visitor must be to be let in at this door: one dial, and the gallery itself.

    derive(gallery, spec, dial) -> Bar

The dial is what a person can judge: of how many visits by strangers one may end with an open door. A stranger meets
everybody enrolled, so each of N comparisons may go wrong in one of N times as many cases (the union bound, which holds
however dependent they are). What cosine that asks for is read off the embedder's tail of whole visits, as the best of
several moments comes nearer than one picture, and is never below the card's own threshold. Whoever looks like somebody
else enrolled needs more: nobody gets in as him by being the other. No promise is made beyond what the tail was checked
down to. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeface.calibration import Calibration, false_match_rate, log_likelihood_ratio, threshold_for
from edgeface.match import Gallery
from edgeface.model import ImpostorTail, MatedScores, ModelSpec, Tensor
from edgeface.scoring import probes

Floors = npt.NDArray[np.float64]

AIM = 10_000
"""Stranger visits for one false accept, where nothing is set and the tail reaches so far: a choice."""
LEAST, MOST = 10, 1_000_000
"""Stranger visits that a dial may name: a door that one stranger in ten opens is none, and rarer than one in a million
was measured by nobody here."""
DIALS = ("1 in 100", "1 in 1000", "1 in 10000", "1 in 100000")
"""Settings that are shown beside the one in use."""
ROWS = 64
"""Templates that are held against everybody's at once."""
_DIAL = re.compile(r"1 in ([1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]*)")


SPAN, STEPS = (0.25, 0.85), 48
"""Cosines between which errors are drawn, and in how many steps: below, every stranger gets in; above, nobody."""

Rates = tuple[float, float, float]
"""A share, and the ends of its 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Both errors at one cosine."""

    threshold: float
    expected: Rates | None
    """Of visits by strangers, let in at most; None: never measured."""
    missed: Rates | None
    """Of visits by people enrolled, turned away; None likewise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bar:
    """What a visitor must reach, and what that promises."""

    threshold: float
    """Fused cosine that nobody gets in without, -1..1."""
    floors: Floors
    """float64 (people,), so that none is rounded below the threshold: what it takes to be let in as each of them,
    `threshold` or more."""
    people: tuple[str, ...]
    """Whose floors these are; opaque ids."""
    chances: int
    """Comparisons in which a stranger may be taken for somebody: one a person, and one for each template that visits
    taught, which is a look of the person that the tail was not measured with."""
    revision: int
    """Gallery that it was derived for."""
    promised: float | None
    """Share of visits by strangers that are let in, at most, 0..1; None: the embedder's tail was never measured."""
    strictest: float | None
    """The least share that could be promised to this gallery, 0..1; None as above."""
    too_alike: tuple[tuple[str, str, float], ...]
    """Pairs of people enrolled whose templates are more alike than `threshold`, with their cosine, the most alike
    first: kin, twins, or one person under two names."""
    problem: str | None
    """Why the dial cannot be kept, as a sentence; then the door must not open by it."""
    reason: str
    """How the threshold came about, as a sentence without names."""
    dial: str | None = None
    """What was asked for; None: nothing was."""
    calibration: Calibration = ()
    """What a fused cosine of a whole visit says; empty: it was never measured."""

    def needed(self, person_id: str) -> float:
        """Fused cosine that lets a visitor in as this person; infinity for somebody the bar does not know."""
        return float(self.floors[self.people.index(person_id)]) if person_id in self.people else math.inf

    def strength(self, score: float) -> float | None:
        """Fused cosine -> log10 of how many times likelier it is of this person's visit than of another's. Of the two
        people alone: with how many others he was compared is the threshold's business."""
        return log_likelihood_ratio(score, self.calibration) if self.calibration else None


def parse(dial: str) -> int:
    """ "1 in 10000" -> 10000. Raises ValueError, its message begins with "false_accepts"."""
    found = _DIAL.fullmatch(dial)
    if found is None:
        raise ValueError(f'false_accepts must be written as in "1 in 10000", not "{dial}"')
    visits = int(found[1].replace(",", ""))
    if not LEAST <= visits <= MOST:
        raise ValueError(f"false_accepts must lie between 1 in {LEAST} and 1 in {MOST}, not at 1 in {visits}")
    return visits


def derive(gallery: Gallery, spec: ModelSpec, dial: str | None = None, *, stricter: float | None = None) -> Bar:
    """The bar for a gallery of `spec`'s embeddings. Without a `dial`: 1 in 10,000, or as near as was proved.

    `stricter`: a cosine of the user's own, which counts if it is above what is derived. Raises ValueError for a dial
    that is none.
    """
    chances = len(gallery.people) + int(gallery.learned.sum())
    tail, card = tail_of(spec), spec.thresholds["grant"]
    visits = None if dial is None else parse(dial)
    derived, problem = card, None
    if tail is not None:
        wanted = 1 / (visits or AIM) / max(chances, 1)
        derived = max(card, threshold_for(max(wanted, tail.lowest_fmr), tail))
        problem = _beyond(gallery, visits, tail)
    elif visits is not None:
        problem = f"{spec.name} comes without a measured tail of impostor scores: no false_accepts can be promised"
    threshold = derived if stricter is None else max(derived, stricter)
    floors, alike = _look_alikes(gallery, threshold)
    return Bar(
        threshold=threshold,
        floors=floors,
        people=gallery.people,
        chances=chances,
        revision=gallery.revision,
        promised=None if tail is None else min(1.0, chances * false_match_rate(threshold, tail)),
        strictest=None if tail is None else min(1.0, chances * tail.lowest_fmr),
        too_alike=alike,
        problem=problem,
        reason=_why(threshold, derived, card, _crowd(gallery), tail),
        dial=dial,
        calibration=spec.visit_calibration,
    )


def keeps(dial: str | None, chances: int, spec: ModelSpec) -> bool:
    """Whether a dial can still be promised with so many comparisons (`Bar.chances`); always if none is set."""
    tail = tail_of(spec)
    if dial is None:
        return True
    return tail is not None and parse(dial) * chances * tail.lowest_fmr <= 1 + 1e-9


def tail_of(spec: ModelSpec) -> ImpostorTail | None:
    """How near strangers come in a visit: in the best of its moments, if that was measured; else in one picture."""
    return spec.visit_tail or spec.impostor_tail


def expected(bar: Bar, tail: ImpostorTail | None) -> tuple[float, float, float] | None:
    """Share of stranger visits let in: at most, and the ends of its 95 % interval, by the tail's; None without one."""
    if tail is None:
        return None
    chances, rates = bar.chances, []
    for shape in tail.shape_interval:
        for scale in tail.scale_interval:
            rates.append(_rate(bar.threshold, tail, shape, scale))
    own = _rate(bar.threshold, tail, tail.shape, tail.scale)
    return min(1.0, chances * own), min(1.0, chances * min(rates)), min(1.0, chances * max(rates))


def missed(bar: Bar, mates: MatedScores | None) -> tuple[float, float, float] | None:
    """Share of the visits of people enrolled that the bar turns away, and its 95 % interval (Wilson); None: unknown."""
    if mates is None:
        return None
    at = np.linspace(0, 1, len(mates.quantiles))
    share, n, z = float(np.interp(bar.threshold, mates.quantiles, at)), mates.visits, 1.96
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return share, max(0.0, centre - half), min(1.0, centre + half)


def curves(bar: Bar, tail: ImpostorTail | None, mates: MatedScores | None) -> tuple[Point, ...]:
    """Both errors over the cosine that lets in, for the gallery of a bar: what `bar.threshold` trades."""
    low, high = SPAN
    at = (low + (high - low) * step / STEPS for step in range(STEPS + 1))
    moved = ((cosine, replace(bar, threshold=cosine)) for cosine in at)
    return tuple(
        Point(threshold=round(cosine, 4), expected=expected(other, tail), missed=missed(other, mates))
        for cosine, other in moved
    )


def _rate(threshold: float, tail: ImpostorTail, shape: float, scale: float) -> float:
    return false_match_rate(threshold, replace(tail, shape=shape, scale=scale))


def _beyond(gallery: Gallery, visits: int | None, tail: ImpostorTail) -> str | None:
    """Why a dial that was set asks for more than the tail was checked down to, or None."""
    chances = len(gallery.people) + int(gallery.learned.sum())
    reach = math.floor(1 / (max(chances, 1) * tail.lowest_fmr) * (1 + 1e-9))
    if visits is None or visits <= reach:
        return None
    able = f'false_accepts = "1 in {reach}" is the strictest' if reach >= LEAST else "none is"
    return (
        f"1 in {visits} cannot be promised to {_crowd(gallery)}, {able}: the embedder's errors were measured "
        f"down to 1 comparison in {round(1 / tail.lowest_fmr)}"
    )


def _crowd(gallery: Gallery) -> str:
    people, taught = len(gallery.people), int(gallery.learned.sum())
    extra = f" and {taught} template{'' if taught == 1 else 's'} that visits taught" if taught else ""
    return f"{people} {'person' if people == 1 else 'people'} enrolled{extra}"


def _why(threshold: float, derived: float, card: float, crowd: str, tail: ImpostorTail | None) -> str:
    if threshold > derived:
        return f"{threshold:.3f} is your own decide.threshold, stricter than the {derived:.3f} derived for {crowd}"
    if tail is None:
        return f"{threshold:.3f} is the embedder's own; it comes without a measured tail, so nothing is promised"
    if threshold == card:
        return f"{threshold:.3f} is the lowest that the embedder was measured at; {crowd} need no more"
    return f"{threshold:.3f} is what {crowd} need"


def _look_alikes(gallery: Gallery, threshold: float) -> tuple[Floors, tuple[tuple[str, str, float], ...]]:
    """Everybody's floor, and the pairs that raise one.

    A person who visits is about as like to another one enrolled as his own templates are, so that nobody is let in as
    somebody below what the nearest other person's templates reach with his (FaceID for Frigate measured the same: look-
    alikes among the enrolled come nearer than any stranger). It takes a few rows of the matrix of everybody against
    everybody at a time: 10,000 templates would fill 400 MB. A template that was carried over counts by its price, on
    whichever side it stands.
    """
    floors = np.full(len(gallery.people), threshold)
    found: dict[tuple[int, int], float] = {}
    for person, likeness in enumerate(_nearest(gallery)):
        likeness[person] = -1
        floors[person] = max(floors[person], float(likeness.max()))
        for other in np.flatnonzero(likeness[:person] >= threshold).tolist():
            found[other, person] = float(likeness[other])
    ranked = sorted(found.items(), key=lambda pair: -pair[1])
    return floors, tuple((gallery.people[a], gallery.people[b], cosine) for (a, b), cosine in ranked)


def _nearest(gallery: Gallery) -> Iterator[Tensor]:
    """Everybody in turn: the highest cosine to each person, whichever side is the probe, float32 (people,)."""
    order = np.argsort(gallery.owners, kind="stable")
    begins = np.searchsorted(gallery.owners[order], np.arange(len(gallery.people)))
    seen, counted = (side[order] for side in _sides(gallery))
    at_once = max(1, ROWS * len(begins) // max(1, len(order)))
    for first in range(0, len(begins), at_once):
        mine = begins[first : first + at_once]
        rows = slice(mine[0], begins[first + at_once] if first + at_once < len(begins) else len(order))
        near = np.maximum(seen[rows] @ counted.T, counted[rows] @ seen.T)
        by_person = np.maximum.reduceat(near, mine - mine[0], axis=0)
        yield from np.minimum(np.maximum.reduceat(by_person, begins, axis=1), np.float32(1))


def _sides(gallery: Gallery) -> tuple[Tensor, Tensor]:
    """All templates as probes and as templates, (templates, d + 1) each: their products are cosines as they count."""
    seen = probes(gallery.vectors, gallery.scoring)
    ones = np.ones((len(seen), 1), np.float32)
    price = np.concatenate([ones, ones - 1], axis=1) if gallery.price is None else gallery.price
    return np.concatenate([seen, ones], axis=1), np.concatenate([gallery.counted * price[:, :1], price[:, 1:]], axis=1)
