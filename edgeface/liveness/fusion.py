"""Many checks, one answer: every check that a door requires must pass, and one that could not be made has failed.

    fault(record, options, floor) -> Fault | None

An attack that was seen outranks what was not judged: it calls for an alarm, the other for another try.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from edgeface.liveness import challenge, motion
from edgeface.liveness.challenge import Stand
from edgeface.liveness.motion import Depth
from edgeface.liveness.options import Check, Options
from edgeface.liveness.record import Record


class Kind(StrEnum):
    """Why a check has not been passed."""

    ATTACK = "attack"
    """What it saw is a presentation attack, as far as it can tell (ISO/IEC 30107-3)."""
    NO_MEANS = "no_means"
    """Nothing is there to make it with."""
    NOT_JUDGED = "not_judged"
    """It could not be made: a presentation non-response."""


SEVERITY = (Kind.ATTACK, Kind.NO_MEANS, Kind.NOT_JUDGED)
"""Which of several faults is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A required check that was not passed."""

    check: Check
    kind: Kind
    rule: str
    """An identifier such as "presentation_attack"."""
    reason: str
    """A sentence a person can act on."""
    patience_s: float = 0.0
    """So long after the visit began, further frames may still answer it."""


def fault(record: Record, options: Options, floor: float | None) -> Fault | None:
    """The gravest fault among the required checks; None if all are passed, or none is required.

    `floor`: the picture score that is enough; None if there is no picture model.
    """
    found = [one for check in options.require if (one := missing(check, record, options, floor)) is not None]
    return min(found, key=lambda one: SEVERITY.index(one.kind), default=None)


def missing(check: Check, record: Record, options: Options, floor: float | None) -> Fault | None:
    """What one check, required or not, has against a track; None if it is passed."""
    match check:
        case Check.PICTURE:
            return _picture(record, floor)
        case Check.MOTION:
            return _motion(record, options.motion)
        case Check.CHALLENGE:
            return _challenge(record, options.challenge)
        case _:
            assert_never(check)


def _picture(record: Record, floor: float | None) -> Fault | None:
    """Why the picture model does not call this a living face, or None if it does."""
    if floor is None:
        reason = "no model is there to tell a face from a picture"
        return Fault(check=Check.PICTURE, kind=Kind.NO_MEANS, rule="no_liveness_model", reason=reason)
    # As with the match: a living face at first would lift the mean of the picture that then takes its place, one shot
    # of three to a third, where the shipped model wants 0.19. So the newest shot must be alive by itself.
    score, newest = record.score, record.newest
    if all(said is not None and said >= floor for said in (score, newest)):
        return None
    if score is None or 2 * record.judged < record.shots or (score >= floor and newest is None):
        reason = "too far away or too near the border to tell a face from a picture"
        return Fault(check=Check.PICTURE, kind=Kind.NOT_JUDGED, rule="liveness_unjudged", reason=reason)
    lowest = score if newest is None else min(score, newest)
    reason = f"the face looks like a picture of one: liveness {lowest:.2f}, {floor:.2f} needed,"
    return Fault(check=Check.PICTURE, kind=Kind.ATTACK, rule="presentation_attack", reason=reason)


def _motion(record: Record, options: motion.Options) -> Fault | None:
    """Why what moved may have no depth, or None if it has."""
    said = motion.judge(record.motion, options)
    match said.depth:
        case Depth.SOLID:
            return None
        case Depth.FLAT:
            lacking = f"parallax {said.parallax:.2f}, {options.min_parallax:.2f} needed,"
            return Fault(
                check=Check.MOTION,
                kind=Kind.ATTACK,
                rule="flat_motion",
                reason=f"flat motion: it turned like a sheet, {lacking}",
                patience_s=options.patience_s,
            )
        case Depth.UNDECIDED:
            return Fault(
                check=Check.MOTION,
                kind=Kind.NOT_JUDGED,
                rule="motion_undecided",
                reason="please move your head, a little to the left and to the right: no depth was seen",
                patience_s=options.patience_s,
            )
        case _:
            assert_never(said.depth)


def _challenge(record: Record, options: challenge.Options) -> Fault | None:
    """Why the visitor has not done what was asked, or None if all of it was done."""
    asked = record.challenge
    if asked is None:
        reason = "nothing is there to set a challenge by"
        return Fault(check=Check.CHALLENGE, kind=Kind.NO_MEANS, rule="no_challenge", reason=reason)
    match asked.stand:
        case Stand.PASSED:
            return None
        case Stand.OPEN:
            shown = challenge.prompt(asked)
            reason = f"please {shown.words} (turn {shown.turn} of {shown.turns})" if shown else "not answered"
            patience_s = challenge.patience_s(asked, options)
            return _unanswered(Kind.NOT_JUDGED, "challenge_open", reason, patience_s)
        case Stand.WRONG:
            return _unanswered(Kind.ATTACK, "challenge_wrong", "the head turned to the other side than was asked")
        case Stand.TOO_EARLY:
            return _unanswered(Kind.ATTACK, "challenge_too_early", "the head turned before it could have been asked")
        case Stand.JUMPED:
            return _unanswered(Kind.NOT_JUDGED, "challenge_jumped", "the face jumped or was away: please begin again")
        case Stand.TOO_LATE:
            return _unanswered(Kind.NOT_JUDGED, "challenge_too_late", "the head was not turned in time as asked")
        case _:
            assert_never(asked.stand)


def _unanswered(kind: Kind, rule: str, reason: str, patience_s: float = 0.0) -> Fault:
    return Fault(check=Check.CHALLENGE, kind=kind, rule=rule, reason=reason, patience_s=patience_s)
