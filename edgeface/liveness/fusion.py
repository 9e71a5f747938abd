"""Many checks, one answer: every check that a door requires must pass, and one that could not be made has failed.

    fault(record, options, floor) -> Fault | None

An attack that was seen outranks what was not judged: it calls for an alarm, the other for another try.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from edgeface.liveness import motion
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
