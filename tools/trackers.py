"""Two trackers to stand beside the reader's, and the reader as it was before looks settled who is who.

greedy     overlap with the predicted box, best first; a track lives for 0.7 s unseen (the reader until this was
           written)
centroid   the nearest middle of a box within two widths, as in many tutorials; a track lives for 0.7 s unseen
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edgeface import evidence
from edgeface.detect import Detection, overlaps
from edgeface.embed import Embedder
from edgeface.frame import Instant
from edgeface.pipeline import Options, Scene, Sighting, fold
from edgeface.scene import is_open
from edgeface.track.visitor import Track, as_row, begin, predict, see

PATIENCE_S = 0.7
Links = dict[int, int]
Link = Callable[[tuple[Track, ...], tuple[Detection, ...], Instant], Links]
Look = Callable[[Sighting], Sighting]
Gather = Callable[[Scene, tuple[Detection, ...], Instant, Look, Options], tuple[Scene, tuple[Sighting, ...]]]
"""The faces of a frame, folded into a scene: `edgeface.pipeline.fold`."""


def ours(embedder: Embedder) -> Gather:
    """The reader's own way."""

    def gather(
        scene: Scene, found: tuple[Detection, ...], now: Instant, look: Look, options: Options
    ) -> tuple[Scene, tuple[Sighting, ...]]:
        return fold(scene, found, now, look, embedder, options)

    return gather


def greedy(tracks: tuple[Track, ...], faces: tuple[Detection, ...], now: Instant) -> Links:
    """Place of a track -> place of its face."""
    expected, boxes = np.stack([predict(one, now) for one in tracks]), np.stack([as_row(one.box) for one in faces])
    return _best(overlaps(expected, boxes), 0.25)


def centroid(tracks: tuple[Track, ...], faces: tuple[Detection, ...], now: Instant) -> Links:
    """Place of a track -> place of its face; `now` plays no part."""
    old, new = (np.stack([as_row(one.box) for one in boxes]) for boxes in ([t.detection for t in tracks], faces))
    away = np.linalg.norm((old[:, :2] + old[:, 2:] / 2)[:, None] - (new[:, :2] + new[:, 2:] / 2)[None], axis=2)
    return _best(1 - away / (2 * old[:, 2:3]), 0.0)


def _best(scores: np.ndarray, least: float) -> Links:
    links: Links = {}
    for flat in np.argsort(-scores, axis=None, kind="stable"):
        i, j = (int(one) for one in np.unravel_index(flat, scores.shape))
        if scores[i, j] < least:
            break
        if i not in links and j not in links.values():
            links[i] = j
    return links


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plain:
    """The reader with one of these trackers: every shot counts for the track that motion gives it to."""

    link: Link

    def gather(
        self, scene: Scene, found: tuple[Detection, ...], now: Instant, look: Look, options: Options
    ) -> tuple[Scene, tuple[Sighting, ...]]:
        """A `Gather`; faint faces are left out."""
        faces = tuple(one for one in found if not one.faint)
        ended = tuple(one for one in scene.tracks if now.seconds_since(one.seen_at) > PATIENCE_S)
        alive = tuple(one for one in scene.tracks if one not in ended)
        links = self.link(alive, faces, now) if alive and faces else {}
        tracks = [see(one, faces[links[i]], now, doubtful=False) if i in links else one for i, one in enumerate(alive)]
        fresh = [face for j, face in enumerate(faces) if j not in links.values()]
        tracks += [begin(scene.next_number + place, face, now) for place, face in enumerate(fresh)]
        beliefs, sightings = dict(scene.beliefs), []
        for one in tracks:
            if one.seen_at != now:
                continue
            sighting = Sighting(track=one.number, detection=one.detection)
            if is_open(scene, one.number, now, options.decide):
                sighting = look(sighting)
                belief = beliefs.get(one.number) or evidence.begin(now)
                beliefs[one.number] = _learn(belief, sighting, now)
            sightings.append(sighting)
        numbers = {one.number for one in tracks}
        grown = replace(
            scene,
            tracks=tuple(tracks),
            beliefs=beliefs,
            decided={number: past for number, past in scene.decided.items() if number in numbers},
            taken_for={number: person for number, person in scene.taken_for.items() if number in numbers},
            ended=(*scene.ended, *(one.number for one in ended)),
            newest_at=now,
            next_number=scene.next_number + len(fresh),
        )
        return grown, tuple(sightings)


def _learn(belief: evidence.Belief, sighting: Sighting, now: Instant) -> evidence.Belief:
    view = sighting.view
    if view is None or sighting.match is None:
        return belief if view is None else evidence.refuse(belief, view.quality, now)
    return evidence.add(belief, view.quality, view.pose, sighting.match, now)
