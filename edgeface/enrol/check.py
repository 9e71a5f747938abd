"""Whether a set of pictures shows one person, and somebody who is not enrolled yet.

Morphed portraits let two people share one identity (Ferrara et al., "The Magic Passport", IJCB 2014): a set that
matches two enrolled people, or falls into two, is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.calibration import threshold_for
from edgeface.enrol.shot import Portrait
from edgeface.match import Gallery, match
from edgeface.model import ModelSpec

LOOK_ALIKE_FMR = 1e-3
"""Two people who are as alike as one pair of strangers in a thousand are named to whoever enrols. A choice."""

KNOWN_RATE = 1e-2
"""Of new people so many may be refused as enrolled already, however many are: as far down as the embedder's tail was
measured. A choice; what it comes to is in models/enrolment.md."""

APART_FMR = 1e-2
"""Pictures of one set must be more alike than 99 of 100 pairs of strangers. A choice: pictures of one person taken
years apart are to pass, and the impostor tail is measured no lower. Good pictures of one set are compared by their bare
cosine, of which the shipped embedder's 99th percentile among strangers is 0.015 lower than that of scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """The cosines that matter at enrolment."""

    same: float
    """From here a new face is that of somebody enrolled: the embedder's own threshold, or more among many."""
    alike: float
    """From here they are look-alikes."""
    apart: float
    """Below it two pictures of one set show two people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Which pictures of a set show the person that most of them show."""

    together: tuple[int, ...]
    """Places of those that agree, rising."""
    outliers: tuple[int, ...]
    """Places of those that agree with none of them."""
    problem: str | None
    """Why the set cannot stand for one person; None if it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resemblance:
    """Somebody enrolled whom a set of pictures looks like."""

    person_id: str
    score: float
    """Cosine: the median over the pictures of each one's best template."""


def bars(spec: ModelSpec, people: int = 1) -> Bars:
    """The cosines of an embedder, with so many people enrolled: a stranger is compared with each of them.

    Without a measured impostor tail its own threshold serves for all.
    """
    card, tail = spec.thresholds["grant"], spec.impostor_tail
    if tail is None:
        return Bars(same=card, alike=card, apart=card)
    rates = (KNOWN_RATE / max(people, 1), LOOK_ALIKE_FMR, APART_FMR)
    same, alike, apart = (threshold_for(max(fmr, tail.lowest_fmr), tail) for fmr in rates)
    return Bars(same=max(card, same), alike=min(card, alike), apart=min(card, apart))


def agreement(portraits: Sequence[Portrait], apart: float) -> Agreement:
    """Link pictures that are at least `apart` alike; the largest linked group is the person."""
    vectors = np.stack([portrait.embedding.vector for portrait in portraits])
    groups = sorted(_linked(vectors @ vectors.T >= apart), key=len, reverse=True)
    together, *others = groups
    outliers = tuple(sorted(place for group in others for place in group))
    problem = None
    if others and len(others[0]) > 1:
        problem = (
            f"the pictures fall into {len(groups)} people, {len(together)} and {len(others[0])} of them alike: "
            "sort them, and enrol each person alone"
        )
    elif others and len(together) == 1:
        problem = "no two of the pictures show the same person: use only pictures of one person, taken recently"
    return Agreement(together=tuple(sorted(together)), outliers=outliers, problem=problem)


def resemblances(portraits: Sequence[Portrait], gallery: Gallery, alike: float) -> tuple[Resemblance, ...]:
    """Everybody enrolled whom these pictures look like, the closest first. Raises ModelMismatch."""
    if not gallery.people:
        return ()
    scores = np.median([match(portrait.embedding, gallery).scores for portrait in portraits], axis=0)
    found = [
        Resemblance(person_id=person, score=float(score))
        for person, score in zip(gallery.people, scores, strict=True)
        if score >= alike
    ]
    return tuple(sorted(found, key=lambda resemblance: -resemblance.score))


def _linked(near: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Groups of places that hang together, (n, n) bool -> lists of places."""
    rest, groups = set(range(len(near))), []
    while rest:
        group, frontier = [], [min(rest)]
        rest.remove(frontier[0])
        while frontier:
            place = frontier.pop()
            group.append(place)
            neighbours = {other for other in rest if near[place, other]}
            rest -= neighbours
            frontier += sorted(neighbours)
        groups.append(group)
    return groups
