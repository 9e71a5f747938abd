"""Who is still known by templates of a former embedder, and until when.

A template of a former embedder stays where it is and is carried over by the bundle's map each time the gallery is read:
to go back is to carry nothing. It counts until the person has been enrolled anew, or until visits taught `ENOUGH`
templates of the embedder in use (`edgeface.learn`): these take its place. Taken back, they give it up again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from edgeface.bridge import carry
from edgeface.embed import Embedder
from edgeface.match import Carried
from edgeface.store.gallery import Enrolled, GalleryStore

ENOUGH = 2
"""Templates that visits taught, of two days at least, since there is a rest between two lessons. A choice: with one, a
single wrong lesson would decide whom the reader knows."""


def native(store: GalleryStore, embedder: Embedder, *, learned: bool) -> Enrolled:
    """Templates that the embedder in use made. Without `learned` those that visits taught are left out, but for people
    who were never enrolled with it: there they stand for what a former embedder made."""
    found = store.load(embedder.identity, embedder.spec.dimensions)
    anew = _enrolled(found)
    kept = [
        place
        for place, (person, lesson) in enumerate(zip(found.person_ids, found.learned, strict=True))
        if learned or not lesson or person not in anew
    ]
    return replace(
        found,
        vectors=found.vectors[kept],
        person_ids=tuple(found.person_ids[place] for place in kept),
        learned=tuple(found.learned[place] for place in kept),
    )


def renewed(enrolled: Enrolled) -> frozenset[str]:
    """Those for whom nothing is to be carried over any more."""
    counts = Counter(enrolled.person_ids)
    return _enrolled(enrolled) | {person for person, count in counts.items() if count >= ENOUGH}


def taught(enrolled: Enrolled, settled: frozenset[str]) -> tuple[bool, ...]:
    """Which templates may only raise what others vouch for (`edgeface.match.LIFT`): those that visits taught, unless
    they have taken the place of all that was enrolled."""
    anew = _enrolled(enrolled)
    return tuple(
        lesson and (person in anew or person not in settled)
        for person, lesson in zip(enrolled.person_ids, enrolled.learned, strict=True)
    )


def _enrolled(enrolled: Enrolled) -> frozenset[str]:
    """Those who have a template that no visit taught."""
    return frozenset(person for person, lesson in zip(enrolled.person_ids, enrolled.learned, strict=True) if not lesson)


def carried(store: GalleryStore, embedder: Embedder, settled: frozenset[str], *, learned: bool) -> tuple[Carried, ...]:
    """What former embedders made of everybody else."""
    found = []
    for bridge in embedder.bridges:
        former = store.load(bridge.former, bridge.dimensions[0], learned=learned)
        mine = [place for place, person in enumerate(former.person_ids) if person not in settled]
        if mine:
            found.append(
                Carried(
                    rows=carry(former.vectors[mine], bridge),
                    people=tuple(former.person_ids[place] for place in mine),
                    learned=tuple(former.learned[place] for place in mine),
                    scale=bridge.scale,
                    shift=bridge.shift,
                )
            )
    return tuple(found)
