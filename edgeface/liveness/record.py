"""What the shots of one track say about liveness, folded one by one, in a record that does not grow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edgeface.detect import Detection
from edgeface.frame import Instant
from edgeface.liveness import challenge, motion
from edgeface.liveness.motion import Noted
from edgeface.liveness.options import Check, Options
from edgeface.liveness.picture import Liveness


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that a track has shown so far."""

    shots: int = 0
    """Good shots."""
    judged: int = 0
    """Of those, the ones that the picture model could judge."""
    score_sum: float = 0.0
    """Sum of their scores; a shot that could not be judged adds nothing, so that it counts as an attack's."""
    newest: float | None = None
    """Score of the newest good shot alone; None if it could not be judged."""
    motion: motion.Trace = field(default_factory=motion.Trace)
    """How the face moved, in good shots and others."""
    challenge: challenge.Challenge | None = None
    """What the visitor is asked to do; None if nothing can be asked, or need not be."""

    @property
    def score(self) -> float | None:
        """Mean score of the good shots, 0 attack .. 1 bona fide; None before the first that could be judged."""
        return self.score_sum / self.shots if self.judged else None


def shot(record: Record, said: Liveness | None) -> Record:
    """The record after one more good shot; None if there is no model to say anything."""
    score = said.score if said is not None and said.unjudged is None else None
    return replace(
        record,
        shots=record.shots + 1,
        judged=record.judged + (score is not None),
        score_sum=record.score_sum + (score or 0.0),
        newest=score,
    )


def sight(
    record: Record,
    detection: Detection,
    inside: float,
    captured_at: Instant,
    options: Options,
    *,
    yaw_deg: float = math.nan,
    chance: Sequence[int] = (),
) -> Record:
    """The record after one more sighting, good or not. `inside`: part of the face's box within the picture, 0..1.

    `yaw_deg`: of `edgeface.pose`, NaN if unknown. `chance`: numbers that nobody else can know, another sequence for
    each visitor; without any no challenge is set.
    """
    trace = motion.note(record.motion, detection, inside, captured_at, options.motion)
    asked = record.challenge
    if asked is None and chance and Check.CHALLENGE in options.require:
        asked = challenge.begin((*chance, captured_at.monotonic_ns), captured_at, options.challenge)
    if asked is not None and trace.noted not in _SAYS_NOTHING:
        seen = challenge.Glimpse(at=captured_at, yaw_deg=yaw_deg, jumped=_jumped(record.motion, trace))
        asked = challenge.step(asked, seen, options.challenge)
    return replace(record, motion=trace, challenge=asked)


_SAYS_NOTHING = (Noted.TOO_SMALL, Noted.CUT_OFF, Noted.NO_NUMBER, Noted.REPEATED)
"""Of how a head is turned."""


def _jumped(before: motion.Trace, after: motion.Trace) -> bool:
    """A head that turns because it is asked to turns faster than one that sways."""
    if after.noted is not Noted.JUMPED:
        return False
    old, new = before.glimpses[-1], after.glimpses[-1]
    return new.at.seconds_since(old.at) > motion.AWAY_S or motion.leapt(old, new, challenge.SLIP)
