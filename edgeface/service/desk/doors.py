"""Verbs about doors and the rules that are tried on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from edgeface import access
from edgeface.access import Factor, Request, Rules, State
from edgeface.access.parts import ALL
from edgeface.access.schedule import zone
from edgeface.commands import words
from edgeface.errors import ConfigError
from edgeface.frame import Instant
from edgeface.service.desk.place import Desk


def lockdown(desk: Desk, ask: words.Lockdown) -> words.Nothing:
    """Shut a door, or all, to everybody but a few; or end that. It outlasts a power cut."""
    if ask.door != ALL and ask.door not in desk.rules().rules().doors:
        raise ConfigError(f"no door {ask.door[:80]!r} stands in the rules; name one of them, or none for all")
    now = desk.now()
    asked = {"what": "lift lockdown" if ask.lift else "lockdown", "door": ask.door}
    desk.remember(
        asked, lambda state: access.unlock(state, ask.door) if ask.lift else access.lock(state, ask.door, now)
    )
    return words.Nothing()


def reset(desk: Desk, ask: words.Reset) -> words.Nothing:
    """Forget what the doors remember of somebody, or the latest time that was seen."""
    if ask.everything:
        desk.remember_nothing()
        return words.Nothing()
    if ask.clock:
        desk.remember({"what": "reset clock"}, lambda state: replace(state, clock={}))
        return words.Nothing()
    person_id = desk.rules().find(str(ask.who))
    desk.remember({"what": "reset", "who": person_id}, lambda state: access.forget(state, person_id))
    return words.Nothing()


def unlock(desk: Desk, ask: words.Open) -> words.Opened:
    """Open this reader's door now. The decision goes the way of every other: on the disk first, then to the lock."""
    if ask.door != desk.config.decide.door:
        raise ConfigError(f"this reader serves {desk.config.decide.door}, no other door")
    recorded, put_in_force = desk.expect_live().let_in(ask.door, desk.by)
    desk.then.append(put_in_force)
    return words.Opened(decision=recorded.decision.id, seq=recorded.seq)


def present(desk: Desk, ask: words.Present) -> words.Presented:
    """A PIN or a card, for the visit that is going on at a door."""
    factor = Factor(door=ask.door, kind=ask.kind, secret=ask.secret, at=desk.now(), person_id=ask.id)
    answer = desk.expect_live().present(factor)
    return words.Presented(reply=answer.reply, reason=answer.reason)


def tried(desk: Desk, ask: words.Try) -> words.Tried:
    """Could somebody open a door, by the rules alone?"""
    book = desk.rules()
    rules = book.rules()
    request = Request(person_id=book.find(ask.who), door=ask.door)
    return try_rules(rules, request, moment_of(rules, ask.at, desk.now()))


def try_rules(rules: Rules, request: Request, at: Instant) -> words.Tried:
    """What the rules say of a request, step by step: nobody is inside, nothing is locked, no refusals came before."""
    steps = access.explain(State(), rules, request, at)
    _, ruling = access.authorise(State(), rules, request, at)
    return words.Tried(
        verdict=ruling.verdict,
        code=ruling.code,
        rule=ruling.rule,
        reason=ruling.reason,
        steps=tuple(
            words.TryStep(code=step.code, passed=step.passed, rule=step.rule, reason=step.reason) for step in steps
        ),
    )


def moment_of(rules: Rules, text: str | None, now: Instant) -> Instant:
    """A time as people write it, by the site's wall clock, told by a clock that is trusted. Raises ConfigError."""
    if text is None:
        return now
    try:
        local = datetime.fromisoformat(text)
        there = local if local.tzinfo else local.replace(tzinfo=zone(rules.site.time_zone))
        wall_ns = int(there.timestamp()) * 10**9
    except (ValueError, OverflowError):
        raise ConfigError("use a time such as 2026-12-24T18:30") from None
    return Instant(monotonic_ns=now.monotonic_ns, wall_ns=wall_ns, wall_trusted=True)
