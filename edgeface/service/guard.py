"""The access rules at work: between what `decide` says and what the journal keeps.

The state that a ruling leaves counts only once the decision is on the disk: `rule`, then the journal, then `keep`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from edgeface import access
from edgeface.access import Request, Rules, Ruling, State, Verdict
from edgeface.decide import Decision, Outcome
from edgeface.frame import Instant
from edgeface.store import access_state
from edgeface.store.access_state import Change
from edgeface.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A decision after the rules, and what they would remember of it."""

    decision: Decision
    state: State
    change: Change | None
    """None if nothing changes."""


class Guard:
    """The rules of one reader, and what its doors remember."""

    def __init__(self, rules: Rules, state: State, boot_id: str) -> None:
        self._rules, self._state, self._boot_id = rules, state, boot_id

    @property
    def lost(self) -> str | None:
        """Why what the doors remembered cannot be known; None if it can."""
        return self._state.lost

    def rule(self, decision: Decision) -> Ruled:
        """The decision as the rules leave it. Only a grant can change, and only to a denial."""
        match decision.outcome:
            case Outcome.GRANT:
                state, ruling = self._authorise(decision, decision.person_id)
                return self._ruled(_applied(decision, ruling), state)
            case Outcome.UNKNOWN | Outcome.SPOOF:
                return self._ruled(decision, self._authorise(decision, None)[0])
            case Outcome.DENY | Outcome.INSUFFICIENT_QUALITY:
                return self._ruled(decision, self._state)
            case _:
                assert_never(decision.outcome)

    def keep(self, ruled: Ruled) -> None:
        """Remember it: the decision is stored."""
        self._state = ruled.state

    def _authorise(self, decision: Decision, person_id: str | None) -> tuple[State, Ruling]:
        request = Request(person_id=person_id, door=decision.door, track=decision.track)
        return access.authorise(self._state, self._rules, request, decision.decided_at)

    def _ruled(self, decision: Decision, state: State) -> Ruled:
        written, deleted = access.changes(self._state, state, self._boot_id)
        change = Change(written=written, deleted=deleted) if written or deleted else None
        return Ruled(decision=decision, state=state, change=change)


def recall(database: Database, boot_id: str, now: Instant) -> State:
    """What the doors remembered, ready for this boot. What cannot be read stays as it is, and shuts the doors."""
    rows = access_state.read(database)
    state = access.restore(rows, boot_id, now)
    if state.lost is None and rows and (ready := access.encode(state, boot_id)) != rows:
        access_state.replace_all(database, ready)
    return state


def _applied(decision: Decision, ruling: Ruling) -> Decision:
    match ruling.verdict:
        case Verdict.PERMIT:
            noted = "; should not be on this side" if ruling.passback else ""
            return replace(decision, rule=ruling.rule, reason=decision.reason + noted, duress=ruling.duress)
        case Verdict.DENY | Verdict.PENDING:
            return replace(decision, outcome=Outcome.DENY, rule=ruling.rule, reason=ruling.reason)
        case _:
            assert_never(ruling.verdict)
