"""The access rules at work: between what `decide` says and what the journal keeps.

The state that a ruling leaves counts only once the decision is on the disk: `rule`, then the journal, then `keep`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from edgeface import access
from edgeface.access import Answer, Contact, Factor, Request, Rules, Ruling, State, Step, Verdict
from edgeface.access.parts import ALL
from edgeface.decide import Decision, Outcome
from edgeface.frame import Instant
from edgeface.store import access_state
from edgeface.store.access_state import Change
from edgeface.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What there would be to remember."""

    state: State
    change: Change | None
    """What to store of it; None if nothing changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A decision after the rules, and what they would remember of it."""

    decision: Decision
    memory: Memory


class Guard:
    """The rules of one reader, and what its doors remember."""

    def __init__(self, rules: Rules, state: State, boot_id: str, *, film_time: bool = False) -> None:
        """With `film_time` the decisions tell a film's time: it is not remembered as this machine's."""
        self._film_time = film_time
        self._rules, self._state, self._boot_id = rules, state, boot_id
        self._contacts: dict[str, Contact] = {}

    @property
    def lost(self) -> str | None:
        """Why it cannot be known what the doors remember; None if it can."""
        return self._state.lost

    def follow(self, rules: Rules) -> None:
        """Other rules from now on."""
        self._rules = rules

    def changed(self, change: Callable[[State], State]) -> Memory:
        """What there would be to remember after somebody's command."""
        return self._memory(change(self._state))

    def problem(self, door: str) -> str | None:
        """Why this door will open for nobody, or hardly anybody, as a sentence; None if nothing stands against it."""
        if self._state.lost is not None:
            return f"What the doors remember is damaged ({self._state.lost}): see `edgeface access reset`."
        if door not in self._rules.doors:
            return f"The access rules know no door {door!r}: nobody will be let in."
        if not any({door, ALL} & set(right.doors) for right in self._rules.grants):
            return f"The access rules give nobody a right at {door!r}: nobody will be let in."
        if {door, ALL} & self._state.lockdowns.keys():
            return "A lockdown holds: `edgeface access lockdown --lift` ends it."
        return None

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

    def present(self, factor: Factor, now: Instant) -> tuple[Answer, Memory]:
        """A PIN or card arrives."""
        state, answer = access.present(self._state, self._rules, factor, now)
        return answer, self._memory(state)

    def let_in(self, door: str, now: Instant) -> tuple[Step, Memory]:
        """Somebody in charge opens a door from afar: what stands against it, and what there would be to remember."""
        request = Request(person_id=None, door=door, contacts=self._contacts)
        state, step = access.let_in(self._state, self._rules, request, now)
        return step, self._memory(state)

    def hear(self, door: str, contact: Contact) -> None:
        """What a door's contact says now. Until it has said something it is unknown, and no interlock opens."""
        self._contacts[door] = contact

    def keep(self, memory: Memory) -> None:
        """Remember it: it is stored."""
        self._state = memory.state

    def _authorise(self, decision: Decision, person_id: str | None) -> tuple[State, Ruling]:
        request = Request(person_id=person_id, door=decision.door, track=decision.track, contacts=self._contacts)
        return access.authorise(self._state, self._rules, request, decision.decided_at)

    def _ruled(self, decision: Decision, state: State) -> Ruled:
        return Ruled(decision=decision, memory=self._memory(state))

    def _memory(self, state: State) -> Memory:
        if self._film_time:
            state = replace(state, clock=self._state.clock)
        written, deleted = access.changes(self._state, state, self._boot_id)
        return Memory(state=state, change=Change(written=written, deleted=deleted) if written or deleted else None)


def recall(database: Database, boot_id: str, now: Instant) -> State:
    """What the doors remembered, ready for this boot. What cannot be read stays as it is, and shuts the doors."""
    rows = access_state.read(database)
    state = access.restore(rows, boot_id, now)
    if state.lost is None and rows and (ready := access.encode(state, boot_id)) != rows:
        with database.transaction() as tables:
            access_state.replace_all(tables, ready)
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
