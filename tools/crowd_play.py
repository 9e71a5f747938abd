"""One film of several people before a reader: what it tells of them, and what the door does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from edgeface import match
from edgeface.bar import Bar
from edgeface.decide import Decision, Outcome
from edgeface.detect import Detection
from edgeface.embed import Embedding
from edgeface.frame import Instant
from edgeface.match import Gallery
from edgeface.pipeline import Options, Scene, Sighting, View, judge
from edgeface.quality import Quality, Refusal, Refused
from tools import tracking
from tools.crowd_bank import Film, Look
from tools.crowds import RATE_HZ, Face
from tools.trackers import Gather
from tools.trackers import Look as Looker
from tools.tracking import Counts, There, Told

HALF = 0.5
"""A face of which less is seen need not be found."""
SURE = 0.7
"""Score of a face that the detector is sure of: its own threshold."""
NOTHING = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reader:
    """The reader with one tracker."""

    gather: Gather
    gallery: Gallery
    bar: Bar
    options: Options


@dataclass(slots=True, kw_only=True)
class Door:
    """What the door did in one film."""

    decided: int = 0
    mixed: int = 0
    """Decisions by shots of more than one person."""
    granted: int = 0
    wrong: int = 0
    """Grants as somebody else than who stands there."""
    known: int = 0
    """People enrolled who are seen for long enough."""
    let_in: int = 0
    """Of those, the ones who were granted as who they are."""
    waits_s: list[float] = field(default_factory=list)
    """From the first frame that shows somebody enrolled to his grant."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Played:
    """One film, as one tracker saw it."""

    counts: Counts
    door: Door


class Log:
    """Whose good shots each track has gathered since it was last decided."""

    def __init__(self) -> None:
        self._shots: dict[int, list[str]] = defaultdict(list)

    def note(self, before: Scene, scene: Scene, sightings: Sequence[Sighting], people: Sequence[str]) -> None:
        """One frame: `people` are those of the sightings."""
        old, there = {one.number for one in before.tracks}, {one.number for one in scene.tracks}
        gone = old - there - set(scene.ended) - {one.number for one in scene.lost}
        back = [one.track for one in sightings if one.track not in old]
        for young in gone:  # it turned out to be somebody who is back; of two at once, either
            if back and young in self._shots:
                self._shots[back[0]] = self._shots.pop(young)
        for one, person in zip(sightings, people, strict=True):
            if one.match is not None and one.track in scene.beliefs:
                self._shots[one.track].append(person)

    def decided(self, decision: Decision) -> set[str]:
        """Whose shots these were."""
        shots = self._shots.pop(decision.track, [])
        return set(shots[-decision.shots :]) if decision.shots else set()

    def forget(self, numbers: Sequence[int]) -> None:
        """Tracks that have ended."""
        for number in numbers:
            self._shots.pop(number, None)


def play(film: Film, reader: Reader, *, score: bool = True) -> Played:
    """The film at ten frames a second. Without `score` the truth is not looked at."""
    scene, identities, log, door = Scene(), count(), Log(), Door()
    told: list[tuple[list[There], list[Told]]] = []
    granted: dict[str, float] = {}
    for index, (faces, looks) in enumerate(zip(film.faces, film.looks, strict=True)):
        now, known = _at(index / RATE_HZ), _found(looks, reader.options)
        before = scene
        found = tuple(face for face, _ in known.values())
        scene, sightings = reader.gather(scene, found, now, _looker(known, reader.gallery), reader.options)
        people = _people(faces, sightings) if score else [""] * len(sightings)
        log.note(before, scene, sightings, people)
        ended = scene.ended
        scene, decisions = judge(
            scene, reader.gallery, reader.bar, None, reader.options, now, lambda: str(next(identities))
        )
        stands = {one.track: person for one, person in zip(sightings, people, strict=True)}
        for decision in decisions:
            _act(door, decision, stands.get(decision.track, ""), log.decided(decision))
            if decision.outcome is Outcome.GRANT and decision.person_id is not None:
                granted.setdefault(decision.person_id, index / RATE_HZ)
        log.forget(ended)
        told.append((_there(faces), [Told(track=one.track, box=one.detection.box) for one in sightings]))
    if score:
        _close(door, film, reader.gallery, granted, reader.options)
    return Played(counts=tracking.count(told) if score else Counts(), door=door)


def good_shots(film: Film) -> dict[str, list[Look]]:
    """Everybody's good shots, in order."""
    shots: dict[str, list[Look]] = defaultdict(list)
    for faces, looks in zip(film.faces, film.looks, strict=True):
        good = [one for one in looks if one.accepted]
        links = tracking.pair(_there(faces), [Told(track=0, box=one.detection.box) for one in good])
        for place, seen in links.items():
            shots[faces[place].person].append(good[seen])
    return dict(shots)


def _act(door: Door, decision: Decision, stands: str, whose: set[str]) -> None:
    door.decided += 1
    door.mixed += len(whose) > 1
    if decision.outcome is Outcome.GRANT:
        door.granted += 1
        door.wrong += decision.person_id != stands


def _close(door: Door, film: Film, gallery: Gallery, granted: dict[str, float], options: Options) -> None:
    """Who of the enrolled was there, and was let in. `granted`: when somebody was, first."""
    seen: dict[str, list[int]] = defaultdict(list)
    for index, faces in enumerate(film.faces):
        for face in faces:
            if face.seen >= HALF and face.person in gallery.people:
                seen[face.person].append(index)
    for person, frames in seen.items():
        if len(frames) < options.decide.min_shots:
            continue
        door.known += 1
        if person in granted:
            door.let_in += 1
            door.waits_s.append(granted[person] - frames[0] / RATE_HZ)


def _found(looks: Sequence[Look], options: Options) -> dict[int, tuple[Detection, Look]]:
    """The faces that the reader would be given, by the identity of their records."""
    kept = [one for one in looks if one.detection.score >= min(SURE, options.detect.faint_score)]
    faces = [replace(one.detection, faint=one.detection.score < SURE) for one in kept]
    return {id(face): (face, one) for face, one in zip(faces, kept, strict=True)}


def _looker(known: dict[int, tuple[Detection, Look]], gallery: Gallery) -> Looker:
    def look(sighting: Sighting) -> Sighting:
        _, one = known[id(sighting.detection)]
        seen = replace(sighting, view=View(pose=one.pose, quality=_quality(one), chip=NOTHING))
        if not one.accepted:
            return seen
        return replace(
            seen, match=match.match(Embedding(vector=one.vector, model_sha256=gallery.model_sha256), gallery)
        )

    return look


def _quality(look: Look) -> Quality:
    """The gate's answer; of the reasons for a refusal only that there are some was kept."""
    refused = Refused(refusal=Refusal.BLURRED, measure="sharpness", value=0.0, limit=1.0)
    return Quality(
        score=look.quality,
        refusals=() if look.accepted else (refused,),
        inter_eye_distance_px=40.0,
        sharpness=50.0,
        brightness=120.0,
        dynamic_range=120.0,
        inside=1.0,
    )


def _people(faces: Sequence[Face], sightings: Sequence[Sighting]) -> list[str]:
    """Who each sighting shows, or nothing."""
    told = [Told(track=one.track, box=one.detection.box) for one in sightings]
    people = [""] * len(sightings)
    for place, seen in tracking.pair(_there(faces), told).items():
        people[seen] = faces[place].person
    return people


def _there(faces: Sequence[Face]) -> list[There]:
    return [There(person=face.person, box=face.box, counts=face.seen >= HALF) for face in faces]


def _at(seconds: float) -> Instant:
    return Instant(monotonic_ns=10**9 + round(seconds * 1e9), wall_ns=0, wall_trusted=True)
