"""A PIN or a card at the door, for the visit that is going on there.

A card says whose it is. A PIN counts for the person it claims, else for whoever was last recognised at that door: so
the face comes first. What was right stays for some seconds as a proof; the next look at the face then opens. The answer
is the same for a duress PIN: only the decision tells.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from enum import StrEnum

from edgeface.access import limits
from edgeface.access.parts import Door, PersonRules, SecondFactor
from edgeface.access.rules import Rules
from edgeface.access.secrets import hash_card, hash_pin, verify_pin
from edgeface.access.state import Proof, State
from edgeface.frame import Instant

__all__ = ["Answer", "Factor", "FactorKind", "Reply", "hash_card", "hash_pin", "present", "verify_pin"]


class FactorKind(StrEnum):
    """What was presented."""

    PIN = "pin"
    CARD = "card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """What somebody typed or held up at a door."""

    door: str
    kind: FactorKind
    secret: str = field(repr=False)
    """The PIN's digits or the card's number; never stored, logged or sent on."""
    at: Instant
    """When it was presented, by this device's clocks."""
    person_id: str | None = None
    """Whose PIN it claims to be, if the keypad asks."""


class Reply(StrEnum):
    """What the keypad is told."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    NOT_ASKED = "not_asked"
    """This door wants no such thing."""
    LATE = "late"
    """It is too old to count."""
    NOBODY = "nobody"
    """Nobody has been recognised whose PIN it could be."""
    PAUSED = "paused"
    """Too many were wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What becomes of a factor. Tells nothing of duress."""

    reply: Reply
    reason: str
    """A sentence for the display, without names."""


def present(state: State, rules: Rules, factor: Factor, now: Instant) -> tuple[State, Answer]:
    """A PIN or card arrives. Slow by intent (scrypt): about as long as one frame, and only here."""
    door = rules.doors.get(factor.door)
    if door is None or door.second_factor not in (SecondFactor.EITHER, SecondFactor(factor.kind.value)):
        return state, Answer(reply=Reply.NOT_ASKED, reason=f"this door asks for no {factor.kind.value}")
    if state.lost is not None:
        return state, Answer(reply=Reply.PAUSED, reason="what the doors remembered is lost")
    if not 0 <= now.seconds_since(factor.at) <= door.second_factor_within_s:
        return state, Answer(reply=Reply.LATE, reason="it came too late: try again")
    if factor.kind is FactorKind.CARD:
        return _judged(state, rules, factor, now, _owner(rules, factor.secret), duress=False)
    person_id = factor.person_id or _awaited(state, door, factor.door, now)
    if person_id is None:
        return state, Answer(reply=Reply.NOBODY, reason="show your face first, then enter the PIN")
    keys = (f"pin/{person_id}", f"factor/{factor.door}")
    if any(limits.paused_s(state, key, now) > 0 for key in keys):
        return state, Answer(reply=Reply.PAUSED, reason="too many wrong PINs: wait")
    entry = rules.people.get(person_id, PersonRules())
    right, duress = verify_pin(factor.secret, entry.pin), verify_pin(factor.secret, entry.duress_pin)
    return _judged(state, rules, replace(factor, person_id=person_id), now, person_id, right=right, duress=duress)


def _judged(
    state: State, rules: Rules, factor: Factor, now: Instant, owner: str | None, *, duress: bool, right: bool = True
) -> tuple[State, Answer]:
    limit, at_door = rules.rate_limit, f"factor/{factor.door}"
    if limits.paused_s(state, at_door, now) > 0:
        return state, Answer(reply=Reply.PAUSED, reason="too many wrong tries: wait")
    if owner is None or not (right or duress):
        state = limits.strike(state, at_door, 4 * limit.wrong_factors, limit, now)
        if factor.kind is FactorKind.PIN:
            state = limits.strike(state, f"pin/{owner}", limit.wrong_factors, limit, now)
        return state, Answer(reply=Reply.WRONG, reason=f"wrong {factor.kind.value}")
    state = limits.pardon(state, f"pin/{owner}")
    former = state.proofs.get(f"{factor.door}/{owner}")
    # A card after a duress PIN must not take the alarm back.
    duress = duress or (former is not None and former.duress)
    proof = Proof(kind=factor.kind.value, at_ns=now.monotonic_ns, duress=duress)
    proofs = {key: kept for key, kept in state.proofs.items() if now.monotonic_ns - kept.at_ns < 300 * 10**9}
    state = replace(state, proofs={**proofs, f"{factor.door}/{owner}": proof})
    return state, Answer(reply=Reply.ACCEPTED, reason="thank you: look at the camera")


def _awaited(state: State, door: Door, name: str, now: Instant) -> str | None:
    waiting = state.awaited.get(name)
    if waiting is None or not 0 <= now.monotonic_ns - waiting.at_ns <= door.second_factor_within_s * 1e9:
        return None
    return waiting.person_id


def _owner(rules: Rules, number: str) -> str | None:
    """Whose card it is; every hash is compared, so that the time does not tell."""
    if not rules.site.card_salt:
        return None
    try:
        presented = hash_card(number, rules.site.card_salt)
    except ValueError:
        return None
    found = [
        person_id
        for person_id, entry in rules.people.items()
        for card in entry.cards
        if hmac.compare_digest(card, presented)
    ]
    return found[0] if len(found) == 1 else None
