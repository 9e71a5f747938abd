"""What becomes of a visit once it is decided: a lesson, a question, a stranger met again, mostly nothing.

It is told every step after its decisions are stored and announced, keeps the good shots of open visits, and leaves all
else to a quiet moment (`edgeface.service.idle`): no decision waits for it or depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edgeface import learn, strangers
from edgeface.decide import Decision, Outcome
from edgeface.embed import to_template, unit
from edgeface.evidence import SAME
from edgeface.learn import Lesson, Nothing, Question, Shot
from edgeface.match import Gallery
from edgeface.model import ImpostorTail, Tensor
from edgeface.scene import Passed, Sighting
from edgeface.service.idle import Idle
from edgeface.service.loop import Step
from edgeface.store.gallery import NewTemplate
from edgeface.store.lessons import LessonStore, TaughtBy
from edgeface.store.strangers import StrangerStore

MOST_SHOTS, MOST_VISITS = 32, 64
"""Good shots of a visit, and open visits, that are kept at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be learned."""

    learn: learn.Options
    strangers: strangers.Options


class Learner:
    """Fed with every step of the reader's loop."""

    def __init__(
        self,
        *,
        lessons: LessonStore,
        strangers: StrangerStore,
        gallery: Callable[[], Gallery],
        tail: ImpostorTail | None,
        room: Callable[[], bool],
        learned: Callable[[], None],
        options: Options,
        idle: Idle,
    ) -> None:
        """`gallery` is what the door compares with, `tail` its embedder's; without one nothing is learned. `room` says
        whether the dial can be kept with one template more, `learned` hears of each that came."""
        self._lessons, self._strangers, self._gallery = lessons, strangers, gallery
        self._tail = tail
        self._room, self._learned = room, learned
        self._options, self._idle = options, idle
        self._visits: dict[int, list[Shot]] = {}

    def take(self, step: Step) -> None:
        """One frame was dealt with. Returns at once."""
        if not step.stale:
            self._idle.busy(any(seen.view is not None or seen.passed is Passed.CROWD for seen in step.sightings))
        for sighting in step.sightings:
            self._keep(sighting)
        for recorded in step.decisions:
            shots = tuple(self._visits.pop(recorded.decision.track, ()))
            if shots and (job := self._job(recorded.decision, shots)) is not None:
                self._idle.submit(job)

    def _keep(self, sighting: Sighting) -> None:
        """Remember a good shot; one that repeats the last says nothing new, as in `evidence.add`."""
        if sighting.match is None or sighting.view is None:
            return
        shots = self._visits.setdefault(sighting.track, [])
        if len(self._visits) > MOST_VISITS:
            self._visits.pop(next(iter(self._visits)))
        probe = sighting.match.probe
        if len(shots) < MOST_SHOTS and not (shots and float(shots[-1].vector @ probe) >= SAME):
            view = sighting.view
            shots.append(Shot(vector=probe, quality=view.quality.score, pose=view.pose, live=_alive(sighting)))

    def _job(self, decision: Decision, shots: tuple[Shot, ...]) -> Callable[[], None] | None:
        teaches = self._options.learn.enabled or self._known_by_map(decision.person_id)
        if decision.outcome is Outcome.GRANT and teaches:
            return lambda: self.study(decision, shots)
        stranger = decision.outcome is Outcome.UNKNOWN and not (decision.score or -1) >= decision.threshold
        if stranger and self._options.strangers.enabled:
            return lambda: self.meet(decision, shots)
        return None

    def study(self, decision: Decision, shots: tuple[Shot, ...]) -> None:
        """Learn from a visit that was granted, ask about it, or leave it. Raises GalleryError."""
        if decision.person_id is None or self._tail is None:
            return
        gallery, now = self._gallery(), decision.decided_at
        rivals = [unit(stranger.total) for stranger in self._strangers.all()]
        pupil = self._lessons.pupil(decision.person_id, gallery, rivals)
        bars, options = learn.bars(decision.threshold, self._tail), self._options.learn
        match learn.consider(shots, pupil, bars, replace(options, enabled=True), now):
            case Lesson(shot=shot):
                made = _template(shot, decision, gallery.model_sha256)
                by = TaughtBy.VISIT
                if self._room() and self._lessons.learn(decision.person_id, made, decision.id, by, now, options):
                    self._learned()
            case Question(shot=shot, why=why) if options.enabled:
                made = _template(shot, decision, gallery.model_sha256)
                self._lessons.ask(decision.person_id, made, why, decision.id, now)
            case Question() | Nothing():
                pass

    def _known_by_map(self, person_id: str | None) -> bool:
        """Whether templates of a former embedder still stand for a person, who may be taught anew."""
        gallery = self._gallery()
        if not self._options.learn.renew or gallery.carried is None or person_id is None:
            return False
        return bool(gallery.carried[gallery.rows_of(person_id)].any())

    def meet(self, decision: Decision, shots: tuple[Shot, ...]) -> None:
        """File a visit of somebody whom nobody enrolled. Raises GalleryError."""
        self._strangers.meet(direction(shots), decision.decided_at, self._options.strangers)


def _alive(sighting: Sighting) -> bool | None:
    said = sighting.liveness
    return None if said is None or said.unjudged is not None else said.live


def direction(shots: tuple[Shot, ...]) -> Tensor:
    """The shots of a visit as one direction, weighted by quality."""
    weights = tuple(max(shot.quality, 1.0) / 100 for shot in shots)
    return strangers.visit(tuple(shot.vector for shot in shots), weights)


def _template(shot: Shot, decision: Decision, model_sha256: str) -> NewTemplate:
    return NewTemplate(
        model_sha256=model_sha256,
        vector=np.asarray(to_template(shot.vector), np.int8),
        quality=shot.quality,
        pose=shot.pose,
        source=f"visit {decision.id}",
    )
