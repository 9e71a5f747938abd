"""How well tracks follow people: CLEAR MOT (Bernardin and Stiefelhagen, 2008) and IDF1 (Ristani et al., ECCV 2016).

Counts add up over films; rates are made of sums. Pure.

A face that is half hidden or more, or too small, need not be found: it is matched first, and neither missing it nor
finding it counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from edgeface.detect import PixelBox, overlaps
from tools.metrics import Figure

Ints = npt.NDArray[np.int64]

LEAST_OVERLAP = 0.4
"""Intersection over union of a true face and a reported one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """A face that is there."""

    person: str
    box: PixelBox
    counts: bool
    """False: half hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A face as a tracker reports it."""

    track: int
    box: PixelBox


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of one film or several."""

    faces: int = 0
    """True faces that should be found."""
    missed: int = 0
    false: int = 0
    """Reported faces where nobody is."""
    switches: int = 0
    """A person's track is another than the last time that he was seen."""
    fragments: int = 0
    """A person's track is interrupted by frames in which he was seen by nobody, though he should."""
    people: int = 0
    """True people of the films."""
    tracks: int = 0
    """Different tracks that reported a true face."""
    told: int = 0
    """Reported faces, without those that do not count."""
    identified: int = 0
    """Faces reported by the one track that stands for the person, at the best pairing of tracks and people."""


Film = Sequence[tuple[Sequence[There], Sequence[Told]]]
"""What is there and what is reported, by frame."""


def count(film: Film) -> Counts:
    """What went wrong in one film."""
    last: dict[str, int] = {}
    lapsed: set[str] = set()
    pairs: Counter[tuple[str, int]] = Counter()
    faces, told, missed, false, switches, fragments = 0, 0, 0, 0, 0, 0
    for there, reported in film:
        links = pair(there, reported)
        false += len(reported) - len(links)
        for place, one in enumerate(there):
            track = reported[links[place]].track if place in links else None
            faces += one.counts
            if track is None:
                missed += one.counts
                if one.counts and one.person in last:
                    lapsed.add(one.person)
                continue
            told += one.counts
            switches += last.get(one.person, track) != track
            fragments += one.person in lapsed
            lapsed.discard(one.person)
            last[one.person] = track
            pairs[one.person, track] += one.counts
    return Counts(
        faces=faces,
        missed=missed,
        false=false,
        switches=switches,
        fragments=fragments,
        people=len({person for person, _ in pairs}),
        tracks=len({track for _, track in pairs}),
        told=told + false,
        identified=_identified(pairs),
    )


def pair(there: Sequence[There], reported: Sequence[Told]) -> dict[int, int]:
    """Place of a true face -> place of the reported one that is it, most overlap in all."""
    if not there or not reported:
        return {}
    shared = overlaps(_rows([one.box for one in there]), _rows([one.box for one in reported]))
    rows, columns = linear_sum_assignment(-np.where(shared >= LEAST_OVERLAP, shared, 0))
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if shared[i, j] >= LEAST_OVERLAP}


def _rows(boxes: Sequence[PixelBox]) -> np.ndarray:
    return np.array([[box.x, box.y, box.w, box.h] for box in boxes], np.float32)


def _identified(pairs: Counter[tuple[str, int]]) -> int:
    people, tracks = (sorted({pair[side] for pair in pairs}) for side in (0, 1))
    if not pairs:
        return 0
    table = np.array([[pairs[person, track] for track in tracks] for person in people])
    rows, columns = linear_sum_assignment(-table)
    return int(table[rows, columns].sum())


RATES: dict[str, Callable[[Counts], float]] = {
    "switches_per_person": lambda c: c.switches / max(1, c.people),
    "fragments_per_person": lambda c: c.fragments / max(1, c.people),
    "tracks_per_person": lambda c: c.tracks / max(1, c.people),
    "idf1": lambda c: 2 * c.identified / max(1, c.faces + c.told),
    "mota": lambda c: 1 - (c.missed + c.false + c.switches) / max(1, c.faces),
    "missed": lambda c: c.missed / max(1, c.faces),
    "false": lambda c: c.false / max(1, c.faces),
}


def rate(name: str, films: Sequence[Counts]) -> Figure:
    """A rate over films, with its 95 % interval by drawing films with replacement; n is the number of films."""
    table = _table(films)
    return _drawn(len(films), lambda places: RATES[name](_sum(table[places])))


def ahead(name: str, ours: Sequence[Counts], theirs: Sequence[Counts]) -> Figure:
    """Ours minus theirs, on the same films."""
    first, second = _table(ours), _table(theirs)
    return _drawn(len(ours), lambda places: RATES[name](_sum(first[places])) - RATES[name](_sum(second[places])))


def _table(films: Sequence[Counts]) -> Ints:
    """(films, counts)."""
    return np.array([astuple(one) for one in films], np.int64)


def _sum(table: Ints) -> Counts:
    return Counts(**dict(zip((one.name for one in fields(Counts)), table.sum(axis=0).tolist(), strict=True)))


def _drawn(films: int, statistic: Callable[[npt.NDArray[np.intp]], float], rounds: int = 500) -> Figure:
    random = np.random.default_rng(0)
    values = [statistic(random.integers(0, films, films)) for _ in range(rounds)]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(value=statistic(np.arange(films)), low=float(low), high=float(high), n=films)
