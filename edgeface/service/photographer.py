"""Keeps the best picture of each visit until it is decided, and of a granted one for as long as is set."""

from __future__ import annotations

from functools import partial

from edgeface.decide import Decision, Outcome
from edgeface.frame import Pixels
from edgeface.scene import Sighting
from edgeface.service.idle import Idle
from edgeface.service.loop import Step
from edgeface.snapshot import Options, cut, fitted
from edgeface.store.snapshots import SnapshotStore

MOST_VISITS = 64
"""Open visits of which a picture is held at once."""


class Photographer:
    """Fed with every step of the reader's loop. Only of somebody known there is a key to seal a picture with."""

    def __init__(self, store: SnapshotStore, options: Options, idle: Idle) -> None:
        self._store, self._options, self._idle = store, options, idle
        self._best: dict[int, tuple[float, Pixels]] = {}
        """By track: quality and face of the best shot so far."""

    def take(self, step: Step) -> None:
        """One frame was dealt with. Costs one small resize for each face that is seen better than before."""
        if not self._options.enabled or step.frame is None:
            return
        for sighting in step.sightings:
            self._look(step.frame.pixels, sighting)
        for recorded in step.decisions:
            _, face = self._best.pop(recorded.decision.track, (0.0, None))
            if face is not None and recorded.decision.outcome is Outcome.GRANT:
                self._idle.submit(partial(self._keep, recorded.decision, face))

    def _look(self, pixels: Pixels, sighting: Sighting) -> None:
        if sighting.view is None or sighting.match is None:
            return
        best, score = self._best.get(sighting.track), sighting.view.quality.score
        if best is None or score > best[0]:
            self._best[sighting.track] = score, cut(pixels, sighting.detection)
        if len(self._best) > MOST_VISITS:
            self._best.pop(next(iter(self._best)))

    def _keep(self, decision: Decision, face: Pixels) -> None:
        picture = fitted(face, self._options.max_bytes)
        if picture is not None and decision.person_id is not None:
            self._store.keep(decision.person_id, decision.id, picture, decision.decided_at)
