"""What a visit may teach the gallery: little, late, and only what the first enrolment vouches for.

    consider(visit, pupil, bars, options, now) -> Lesson | Question | Nothing

What is certain may teach by itself, what is not is put to a person (as in Active Self-Paced Learning, Lin et al., IEEE
TPAMI 2018). Galleries that teach themselves drift: one wrong lesson recognises the wrong person, who teaches the next.
So a learned template never vouches for another, the bar is higher than the door's, and lessons are few, told in the
audit log and can be taken back. `python -m tools.studies.learning` shows what each of these is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edgeface.calibration import threshold_for
from edgeface.frame import Instant
from edgeface.match import priced
from edgeface.model import ImpostorTail, Scoring, Tensor
from edgeface.pose import Pose
from edgeface.scoring import probes

HOUR_NS = 3600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """When a visit teaches. All but `enabled` are choices that models/learning.md puts to the test."""

    enabled: bool = False
    """Whether people who are recognised may be known better from then on. Off: the gallery is what was enrolled."""
    min_shots: int = 3
    """Good shots of the visit, each of which must reach the bar."""
    min_quality: float = 50.0
    """Quality score, 0..100, of the shot that is learnt."""
    min_lead: float = 0.1
    """How much nearer, in cosine, every shot must be to the person than to anybody else: more than a door asks for."""
    most_alike: float = 0.8
    """A shot nearer than this, in cosine, to a template of the person says nothing new."""
    most_learned: int = 3
    """Learned templates a person, at the most."""
    rest_hours: float = 20.0
    """Between two lessons about one person: a day's light, beard or hat is one lesson."""
    most_questions: int = 3
    """Open questions about one person, at the most: what a person can answer in a minute, a choice."""
    renew: bool = True
    """Whether visits teach people anew who are known only by templates of a former embedder, carried over by a map,
    even if nothing else is learned (docs/updates.md). Two such lessons take the place of what was carried over. A
    choice: it ends what the map costs, for whoever comes on two days."""
    keep_days: float = 30.0
    """Open questions, and shots that were said not to be the person, are deleted after so long. A choice."""

    def __post_init__(self) -> None:
        if not 2 <= self.min_shots <= 100:
            raise ValueError("min_shots must be 2 to 100")
        if not 0 <= self.min_quality <= 100:
            raise ValueError("min_quality must be 0 to 100")
        if not 0 <= self.min_lead < 1:
            raise ValueError("min_lead must be at least 0 and below 1")
        if not 0 < self.most_alike <= 1:
            raise ValueError("most_alike must be above 0 and at most 1")
        if not 0 <= self.most_learned <= 16:
            raise ValueError("most_learned must be 0 to 16")
        if not 0 <= self.rest_hours <= 8760:
            raise ValueError("rest_hours must be 0 to 8760, a year")
        if not 0 <= self.most_questions <= 16:
            raise ValueError("most_questions must be 0 to 16")
        if not 0 < self.keep_days <= 365:
            raise ValueError("keep_days must be above 0 and at most 365")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """One good shot of a visit."""

    vector: Tensor
    """float32, shape (dimensions,), L2 norm 1."""
    quality: float
    """0..100."""
    pose: Pose
    live: bool | None
    """Whether it looked alive; None if that could not be judged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pupil:
    """What the gallery holds about the person whom a visit was granted to, and about everybody else."""

    originals: Tensor
    """float32, shape (n, dimensions): templates that a person enrolled, unit rows, as they are compared (`Gallery`),
    as all others here."""
    learned: Tensor
    """float32, shape (m, dimensions): those that visits taught."""
    others: Tensor
    """float32, shape (k, dimensions): everybody else's."""
    taught_at_wall_ns: int | None
    """When the newest lesson was, or question; None if there was none."""
    denied: Tensor = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    """float32, shape (j, dimensions): shots of which a person said that they are not this one."""
    questions: int = 0
    """Shots that still wait for a person's answer."""
    price: Tensor | None = None
    """float32, shape (n, 2): of `originals` (`Gallery.price`)."""
    price_of_others: Tensor | None = None
    """Likewise, shape (k, 2)."""
    scoring: Scoring | None = None
    """The embedder's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Cosines to the first enrolment that a visit must reach."""

    grant: float
    """The door's own, for the mean of the shots: below it only what was learned recognises the visitor."""
    teach: float
    """For every shot, to teach without being asked."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """A shot to be learned."""

    shot: Shot


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """A shot that a person should look at the visit for."""

    shot: Shot
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """The visit teaches nothing."""

    why: str


def bars(grant: float, tail: ImpostorTail) -> Bars:
    """The bars of a model: lessons want the lowest false match rate that its impostor tail was seen to keep."""
    return Bars(grant=grant, teach=max(grant, threshold_for(tail.lowest_fmr, tail)))


def consider(
    shots: tuple[Shot, ...], pupil: Pupil, needed: Bars, options: Options, now: Instant
) -> Lesson | Question | Nothing:
    """What the good shots of a visit that was granted teach about the person it was granted to."""
    if (why := _barred(shots, pupil, options, now)) is not None:
        return Nothing(why=why)
    vectors = probes(np.stack([shot.vector for shot in shots]), pupil.scoring)
    own, rivals = _nearest(vectors, pupil.originals, pupil.price), _rivals(vectors, pupil)
    if not own.mean() >= needed.grant:
        return Nothing(why="the first enrolment alone does not recognise this visit")
    fresh = _freshest(shots, vectors, pupil, options)
    if fresh is None:
        return Nothing(why="no good shot shows anything new")
    if (doubt := _doubt(shots, own, own - rivals, needed, options)) is None:
        return Lesson(shot=fresh)
    if _nearest(probes(fresh.vector[None], pupil.scoring), pupil.denied)[0] >= options.most_alike:
        return Nothing(why="a person has said that this is somebody else")
    if pupil.questions >= options.most_questions:
        return Nothing(why="as many questions wait as may be")
    return Question(shot=fresh, why=doubt)


def refusal(vector: Tensor, pupil: Pupil, options: Options) -> str | None:
    """Why a shot cannot be learned although a person said yes; None if it can."""
    if not len(pupil.originals):
        return "nothing was enrolled with this model"
    if len(pupil.learned) >= options.most_learned:
        return f"{len(pupil.learned)} templates are learned already, learn.most_learned allows no more: undo one first"
    seen = probes(vector[None], pupil.scoring)
    own, rival = _nearest(seen, pupil.originals, pupil.price)[0], _rivals(seen, pupil)[0]
    if not own > rival:
        return f"it is more like somebody else ({rival:.2f}) than like what was enrolled ({own:.2f})"
    return None


def _barred(shots: tuple[Shot, ...], pupil: Pupil, options: Options, now: Instant) -> str | None:
    """Why nothing can be learned, whatever the shots show; None if something can."""
    if not options.enabled:
        return "learning is off"
    if not len(pupil.originals):
        return "nothing was enrolled with this model"
    if len(shots) < options.min_shots:
        return "too few good shots"
    if not all(np.isfinite(shot.vector).all() for shot in shots):
        return "a shot is no number"
    if len(pupil.learned) >= options.most_learned:
        return "as much is learned as may be"
    if not now.wall_trusted:
        return "the clock is not set"
    if pupil.taught_at_wall_ns is not None and now.wall_ns - pupil.taught_at_wall_ns < options.rest_hours * HOUR_NS:
        return "the last lesson is too recent"
    return None


def _doubt(shots: tuple[Shot, ...], own: Tensor, lead: Tensor, needed: Bars, options: Options) -> str | None:
    """What keeps a visit from teaching by itself; None if nothing does."""
    if not all(shot.live is True for shot in shots):
        return "not every shot was seen to be alive"
    if not own.min() >= needed.teach:
        return f"a shot is alike by {own.min():.2f}, {needed.teach:.2f} needed"
    if not lead.min() >= options.min_lead:
        return f"somebody else is nearly as alike: lead {lead.min():.2f}, {options.min_lead:.2f} needed"
    return None


def _freshest(shots: tuple[Shot, ...], vectors: Tensor, pupil: Pupil, options: Options) -> Shot | None:
    """The good shot least like what is known of the person, or None if none says anything new."""
    known = np.maximum(_nearest(vectors, pupil.originals), _nearest(vectors, pupil.learned))
    usable = [
        (float(likeness), place)
        for place, (shot, likeness) in enumerate(zip(shots, known, strict=True))
        if shot.quality >= options.min_quality and likeness < options.most_alike
    ]
    return shots[min(usable)[1]] if usable else None


def _rivals(vectors: Tensor, pupil: Pupil) -> Tensor:
    return np.maximum(_nearest(vectors, pupil.others, pupil.price_of_others), _nearest(vectors, pupil.denied))


def _nearest(vectors: Tensor, templates: Tensor, price: Tensor | None = None) -> Tensor:
    """Each vector's highest cosine to any template, as it counts; -1 if there is none."""
    if not len(templates):
        return np.full(len(vectors), -1, np.float32)
    return np.asarray(priced(vectors @ templates.T, price).max(axis=1), np.float32)
