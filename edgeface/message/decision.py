"""A decision in its wire form: live with a name and a nonce, later as history. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edgeface.decide import Decision, Outcome
from edgeface.message.moment import utc
from edgeface.pose import Pose

LIVE_FOR_S = 3.0
"""How long a decision may open a door. A limit of the design, not a measurement: whoever stands at a door for longer is
judged again, and what comes later than this may belong to somebody who has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WirePerson:
    """Who was recognised."""

    id: str
    """Opaque."""
    label: str | None
    """The name, looked up when the message is sent; None if the person has been forgotten since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionMessage:
    """One decision, on `decision` while it is fresh and on `history` later. Consumers drop what they know by `id`."""

    id: str
    """Of the decision; the same on both topics."""
    seq: int
    """Counts this device's audit rows from 1 without gaps; rows that are no decisions count too."""
    boot_id: str
    """Which boot of the device; times of different boots do not compare unless `clock_trusted`."""
    captured_at: datetime
    """UTC, milliseconds: the last frame that counted."""
    decided_at: datetime
    """UTC, milliseconds."""
    expires_at: datetime
    """UTC, milliseconds: after this the message must not open anything."""
    clock_trusted: bool
    """Whether the device's clock had been set when it decided."""
    door: str
    outcome: Outcome
    reason: str
    rule: str
    person: WirePerson | None
    score: float | None
    """Cosine similarity, -1..1."""
    margin: float | None
    threshold: float
    quality: float | None
    """0..100."""
    pose: Pose | None
    shots: int
    track: int
    replayed: bool
    """True on `history`: a record of what was, never a request to open."""
    liveness: float | None = None
    """Mean over the shots that counted, 0 attack .. 1 bona fide; null if none could be judged. Messages stored before
    there was a liveness model lack it."""
    strength: float | None = None
    """Log10 likelihood ratio: 3 says that such a score is 1,000 times likelier of the person it was taken for than of
    another; null if it was never measured. Older messages lack it."""
    duress: bool = False
    """A silent alarm: the person was made to open. Never show it at the door. Older messages lack it."""
    nonce: str | None = None
    """The newest word of the door's controller, if it gave one lately: it proves that this is no recording."""
    age_ms: int | None = None
    """How long ago it was decided when it was sent, by the monotonic clock; null on `history`."""
    key: str | None = None
    """Id of the key that signed."""
    sig: str | None = None
    """Signature of all other fields by the device (`edgeface.signature`)."""


def decision_message(decision: Decision, *, seq: int, boot_id: str) -> DecisionMessage:
    """The wire form of a decision, live and without the person's name. Scores are rounded to 4 decimals."""
    person = None if decision.person_id is None else WirePerson(id=decision.person_id, label=None)
    return DecisionMessage(
        id=decision.id,
        seq=seq,
        boot_id=boot_id,
        captured_at=utc(decision.captured_at),
        decided_at=utc(decision.decided_at),
        expires_at=utc(decision.decided_at) + timedelta(seconds=LIVE_FOR_S),
        clock_trusted=decision.decided_at.wall_trusted,
        door=decision.door,
        outcome=decision.outcome,
        reason=decision.reason,
        rule=decision.rule,
        person=person,
        score=_rounded(decision.score),
        margin=_rounded(decision.margin),
        threshold=round(decision.threshold, 4),
        quality=_rounded(decision.quality),
        liveness=_rounded(decision.liveness),
        strength=_rounded(decision.strength),
        pose=decision.pose,
        shots=decision.shots,
        track=decision.track,
        replayed=False,
        duress=decision.duress,
    )


def as_live(message: DecisionMessage, label: str | None, nonce: str | None, age_ms: int) -> DecisionMessage:
    """The message as it leaves the device while it may open a door: with the person's name."""
    return replace(_labelled(message, label), nonce=nonce, age_ms=age_ms)


def as_history(message: DecisionMessage, label: str | None) -> DecisionMessage:
    """The message as it leaves the device later, as a record."""
    return replace(_labelled(message, label), replayed=True)


def _labelled(message: DecisionMessage, label: str | None) -> DecisionMessage:
    person = None if message.person is None else replace(message.person, label=label)
    return replace(message, person=person)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
