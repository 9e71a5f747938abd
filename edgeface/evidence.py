"""The shots of one track become one belief. No single frame opens a door.

The embeddings of the good shots are added up, each weighted steeply by its quality, and the direction of the sum is
compared as one face would be. Faults of single frames cancel in it, those that all frames share do not, and what it
says is as calibrated as a single good picture's score: the frames of a visit are far too alike to count as so many
witnesses. Of the ways that were tried on simulated visits (models/visits.md) the mean of the cosines lets fewer of the
right people in at the same false accepts, and sums of log likelihood ratios, which take the frames for independent,
fewer still.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from edgeface import liveness as live
from edgeface.frame import Instant
from edgeface.liveness import Liveness
from edgeface.match import Gallery, Match, likeness
from edgeface.model import Tensor
from edgeface.pose import Pose
from edgeface.quality import Quality, Refusal

SAME = 0.9995
"""Cosine from which on two shots are one picture: of 7,252 neighbouring frames of simulated visits, noise and motion
among them, the most alike reached 0.9932."""
STEEPNESS = 8
"""Power of the quality score by which a shot counts: a shot of 90 counts ten times one of 67. The best moments of a
visit should speak for it: at 1 more of the right people are missed, on either half of the people of LFW-dev, and at 12
as few, within what chance does (models/visits.md)."""
LEAST_SCORE = 20.0
"""Shots of lower quality count as this: what is next to nothing could not be told from nothing."""
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Belief:
    """What the sightings of one track say so far."""

    begun_at: Instant
    """Capture time of the first sighting."""
    newest_at: Instant
    """Capture time of the newest sighting, good or not."""
    shot_at: Instant | None = None
    """Capture time of the newest good shot."""
    shots: int = 0
    """Good shots so far."""
    refused: tuple[tuple[Refusal, int], ...] = ()
    """How often each gate refused a sighting."""
    sightings: int = 0
    """All sightings, good or not."""
    weight: float = 0.0
    """Sum of the shots' weights."""
    total: Tensor | None = None
    """Weighted sum of the shots' embeddings, float32 (dimensions,)."""
    newest_probe: Tensor | None = None
    """Embedding of the newest good shot alone, float32 (dimensions,)."""
    newest: Tensor | None = None
    """Scores of the newest good shot alone, float32 (people,)."""
    revision: int | None = None
    """Gallery the scores belong to."""
    liveness: live.Record = field(default_factory=live.Record)
    best_quality: float = 0.0
    quality_sum: float = 0.0
    pose: Pose | None = None
    """Of the best shot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whom a belief points to."""

    person_id: str
    score: float
    """Cosine of the quality-weighted mean of the embeddings, -1..1."""
    newest_score: float
    """Cosine of the newest good shot to that person, -1..1: whoever is there now."""
    margin: float | None
    """Distance to the second-best person; None if only one is enrolled."""


def begin(now: Instant) -> Belief:
    """Nothing seen yet."""
    return Belief(begun_at=now, newest_at=now)


def refuse(belief: Belief, quality: Quality, captured_at: Instant) -> Belief:
    """A sighting that does not count, remembered by its reasons."""
    counts = Counter(dict(belief.refused))
    counts.update({refused.refusal for refused in quality.refusals})
    return replace(belief, refused=tuple(counts.most_common()), sightings=belief.sightings + 1, newest_at=captured_at)


def add(
    belief: Belief,
    quality: Quality,
    pose: Pose,
    match: Match,
    captured_at: Instant,
    *,
    liveness: Liveness | None = None,
) -> Belief:
    """A good shot. Scores from another revision of the gallery are dropped, not mixed.

    A frame that repeats the last one, or comes from before it, is a sighting and no shot: a camera that stands still, a
    picture on a loop or a clock that is set back must not add evidence, nor keep what is old looking fresh.

    Without `liveness`, or with one that could not be judged, it counts as an attack's.
    """
    if belief.revision not in (None, match.revision):
        belief = replace(begin(captured_at), refused=belief.refused, sightings=belief.sightings)
    if _repeats(belief, match, captured_at):
        return replace(belief, sightings=belief.sightings + 1)
    weight = weight_of(quality.score)
    total = match.probe * np.float32(weight)
    better = quality.score >= belief.best_quality
    return replace(
        belief,
        newest_at=captured_at,
        shot_at=captured_at,
        shots=belief.shots + 1,
        sightings=belief.sightings + 1,
        weight=belief.weight + weight,
        total=total if belief.total is None else belief.total + total,
        newest=match.scores,
        newest_probe=match.probe,
        revision=match.revision,
        liveness=live.shot(belief.liveness, liveness),
        best_quality=max(quality.score, belief.best_quality),
        quality_sum=belief.quality_sum + quality.score,
        pose=pose if better else belief.pose,
    )


def weight_of(quality_score: float) -> float:
    """How much a shot of this quality, 0..100, counts: above 0, 1 at most."""
    return float((max(quality_score, LEAST_SCORE) / 100) ** STEEPNESS)


def _repeats(belief: Belief, match: Match, captured_at: Instant) -> bool:
    if belief.newest_probe is None or belief.shot_at is None:
        return False
    return not captured_at.seconds_since(belief.shot_at) > 0 or float(belief.newest_probe @ match.probe) >= SAME


def weigh(belief: Belief, gallery: Gallery) -> Verdict | None:
    """The best person and the lead over the next, or None without a good shot or without anybody enrolled."""
    if belief.total is None or belief.newest is None or belief.revision != gallery.revision or not gallery.people:
        return None
    if not np.isfinite(belief.total).all():
        return None  # an embedder that gives no numbers knows nobody
    scores = likeness(belief.total / np.float32(max(float(np.linalg.norm(belief.total)), _NOTHING)), gallery)
    order = np.argsort(-scores, kind="stable")
    margin = float(scores[order[0]] - scores[order[1]]) if scores.size > 1 else None
    best = int(order[0])
    return Verdict(
        person_id=gallery.people[best],
        score=float(scores[best]),
        newest_score=float(belief.newest[best]),
        margin=margin,
    )
