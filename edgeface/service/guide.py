"""A guided enrolment before the reader's own camera: its frames are looked at once more, in its own thread.

    guide.hold(begun)        from now on
    guide.take(step)         after each frame; most are left out
    guide.find(id, now)      how far it has come

One at a time, in memory alone. Nobody asks for five minutes: what was seen is forgotten.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from edgeface import pipeline
from edgeface.enrol import Guided, Portrait, bars, portrait
from edgeface.enrol.alive import Witness
from edgeface.enrol.session import ENDED, Session, Stage, advance, begin, confirm
from edgeface.errors import EnrolmentError
from edgeface.frame import Frame, Instant
from edgeface.pipeline import Models
from edgeface.service.enrolment import Wish
from edgeface.service.loop import Step
from edgeface.store.consent import Consent

EVERY_S = 0.2
"""So often a frame is looked at: the door goes on, and each look costs it about as much as a frame. A choice."""
KEPT_S = 300.0
"""Forgotten after so long without a question. A choice."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sitting:
    """One enrolment under way."""

    id: str
    wish: Wish
    consent: Consent | None
    glasses: bool
    witness: Witness
    """Whether a living person sits for it, if the door requires one."""
    session: Session | None = None
    """None until the first frame has come."""
    newest: Instant | None = None
    """When the newest frame was taken, by the frames' own time."""
    looked: Instant | None = None
    """When the newest was that was looked at."""


class Guide:
    """Where an enrolment is held. Every method but `find` is called between two frames."""

    def __init__(
        self, models: Models, options: pipeline.Options, asked: Guided, live_floor: float | None = None
    ) -> None:
        """`live_floor`: the liveness score that is enough; None without a model for it."""
        self._models, self._options, self.asked, self._live_floor = models, options, asked, live_floor
        self._apart = bars(models.embedder.spec).apart
        self._sitting: Sitting | None = None
        self._heard: Instant | None = None

    def begun(self, wish: Wish, consent: Consent | None, *, glasses: bool) -> Sitting:
        """One that nobody sits for yet."""
        chance = (secrets.randbits(64),)
        witness = Witness(self._models.liveness, self._options.liveness, self._live_floor, chance)
        return Sitting(id=secrets.token_hex(16), wish=wish, consent=consent, glasses=glasses, witness=witness)

    def hold(self, sitting: Sitting, now: Instant) -> None:
        """Look at frames for it from now on, in place of any other."""
        self._sitting, self._heard = sitting, now

    def busy(self, now: Instant) -> bool:
        """Whether one is under way that has not failed."""
        sitting = self._current(now)
        stage = None if sitting is None or sitting.session is None else sitting.session.stage
        return sitting is not None and stage not in (Stage.TIMED_OUT, Stage.OTHER_PERSON)

    def find(self, wanted: str, now: Instant) -> Sitting:
        """The one of that id. Raises EnrolmentError."""
        sitting = self._current(now)
        if sitting is None or not secrets.compare_digest(sitting.id.encode(), wanted.encode()):
            raise EnrolmentError("this enrolment is over, or another was begun in its place: begin again")
        self._heard = now
        return sitting

    def changed(self, wanted: str, now: Instant) -> Sitting:
        """The person has changed the glasses."""
        sitting = self.find(wanted, now)
        if sitting.session is not None and sitting.newest is not None:
            sitting = replace(sitting, session=confirm(sitting.session, sitting.newest))
            self._sitting = sitting
        return sitting

    def drop(self) -> None:
        """Forget it."""
        self._sitting = None

    def take(self, step: Step) -> None:
        """Look at a frame if one is due. In the reader's thread, after its own look."""
        sitting, frame = self._sitting, step.frame
        if sitting is None or frame is None or step.stale:
            return
        newest = frame.captured_at
        due = sitting.looked is None or newest.seconds_since(sitting.looked) >= EVERY_S
        sitting = replace(sitting, newest=newest)
        session = sitting.session
        ended = session is not None and session.stage in ENDED | {Stage.GLASSES}
        waits = ended and not (session is not None and sitting.witness.awaits(session, newest, self.asked))
        self._sitting = self._looked(sitting, frame) if due and not waits else sitting

    def _looked(self, sitting: Sitting, frame: Frame) -> Sitting:
        now = frame.captured_at
        session = sitting.session or begin(_before(now), glasses=sitting.glasses)
        found = portrait(frame.pixels, self._models, self._options)
        if isinstance(found, Portrait):
            sitting.witness.see(frame.pixels, found, now)
        session = advance(session, found, now, self._apart, self.asked)
        return replace(sitting, session=session, looked=now)

    def _current(self, now: Instant) -> Sitting | None:
        if self._heard is not None and now.seconds_since(self._heard) > KEPT_S:
            self._sitting = None
        return self._sitting


def _before(now: Instant) -> Instant:
    """The moment before: the first picture counts."""
    return replace(now, monotonic_ns=now.monotonic_ns - 1)
