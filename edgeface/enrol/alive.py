"""Whether a living person sits for a guided enrolment: by the checks that the door requires, over the whole session.

Whoever is enrolled from a photograph that is held before the camera can be let in by that photograph ever after. So
what a visitor must show at the door is asked for here, too: a picture check that finds an attack, a motion check that
finds no depth, a challenge that is not answered or a check that cannot be made enrols nobody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from edgeface import liveness, pose
from edgeface.enrol.session import Guided, Session, Stage
from edgeface.enrol.shot import Portrait
from edgeface.errors import EnrolmentError
from edgeface.frame import Instant, Pixels
from edgeface.liveness import Check, Fault, Judge, Prompt, Record, challenge


class Witness:
    """Folds every good picture of a session into a record as the door keeps of a visit."""

    def __init__(
        self, judge: Judge | None, options: liveness.Options, floor: float | None, chance: Sequence[int]
    ) -> None:
        """`floor`: the picture score that is enough; None without a model. `chance`: numbers that nobody can know."""
        self._judge, self._options, self._floor, self._chance = judge, options, floor, chance
        self.record = Record()

    def see(self, pixels: Pixels, found: Portrait, now: Instant) -> None:
        """One more good picture, whether the session takes it or not. Raises ModelError."""
        if not self._options.require:
            return
        said = None
        if self._judge is not None and Check.PICTURE in self._options.require:
            said = liveness.assess(pixels, found.detection, self._judge, self._options)
        yaw_deg = math.nan if found.pose == pose.UNDEFINED else found.pose.yaw_deg
        self.record = liveness.sight(
            liveness.shot(self.record, said),
            found.detection,
            found.quality.inside,
            now,
            self._options,
            yaw_deg=yaw_deg,
            chance=self._chance,
        )

    @property
    def prompt(self) -> Prompt | None:
        """Which turn of the head the challenge asks for now; None if it asks for none."""
        return None if self.record.challenge is None else challenge.prompt(self.record.challenge)

    @property
    def fault(self) -> Fault | None:
        """What stands against the session; None if every check that the door requires is passed."""
        return liveness.fault(self.record, self._options, self._floor)

    def expect_alive(self) -> None:
        """Raises EnrolmentError, which says why, unless every check that the door requires is passed."""
        if self.fault is not None:
            raise EnrolmentError(f"nobody was enrolled: {self.fault.reason.rstrip(',')}")

    def prompted(self, session: Session) -> Session:
        """With what a check asks for in the place of what the session does: one thing at a time."""
        if session.stage is Stage.LOOKING and self.prompt is not None:
            return replace(session, hint=f"please {self.prompt.words}")
        if session.stage is Stage.DONE and self.fault is not None:
            return replace(session, hint=self.fault.reason)
        return session

    def awaits(self, session: Session, now: Instant, asked: Guided) -> bool:
        """Whether all pictures are taken and only a check that takes its time is missing."""
        return session.stage is Stage.DONE and self.waits and now.seconds_since(session.progress_at) <= asked.step_s

    @property
    def waits(self) -> bool:
        """Whether a check is still to be made, which more pictures may answer."""
        return self.fault is not None and self.fault.patience_s > 0
