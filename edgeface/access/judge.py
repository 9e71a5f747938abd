"""May this person pass this door now? Every answer names the rule and the reason.

The questions are asked in one order (`_steps`), and the first "no" is the answer. `explain` asks them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgeface.access import limits, passing, wallclock
from edgeface.access.calendar import day_problem, fits, right_problem
from edgeface.access.parts import EVERYONE, Direction, Door, Passback, Right, SecondFactor, UntrustedClock
from edgeface.access.rules import Rules, rights
from edgeface.access.ruling import Code, Contact, Request, Ruling, Step, Verdict
from edgeface.access.state import ALL, Opened, State, Waiting
from edgeface.frame import Instant

_PENDING = (Code.SECOND_FACTOR_NEEDED, Code.SECOND_PERSON_NEEDED)
_STRIKES = (Code.NOBODY, Code.PERSON_NOT_VALID, Code.EXPLICIT_DENY, Code.NO_RIGHT, Code.OUTSIDE_SCHEDULE,
            Code.NOT_VALID_NOW, Code.PASSBACK)  # fmt: skip
"""Refusals that count towards a pause. The others are no fault of whoever stands there."""


def authorise(state: State, rules: Rules, request: Request, now: Instant) -> tuple[State, Ruling]:
    """The ruling, and what the doors remember of it."""
    state = state if state.lost is not None else wallclock.noticed(state, now)
    steps = list(_until_no(_steps(state, rules, request, now)))
    last = steps[-1]
    if last.passed:
        return _permit(state, rules, request, now, steps)
    verdict = Verdict.PENDING if last.code in _PENDING else Verdict.DENY
    ruling = Ruling(verdict=verdict, code=last.code, rule=last.rule, reason=last.reason)
    if state.lost is not None:
        return state, ruling
    return _remember_no(state, rules, request, last.code, now), ruling


def explain(state: State, rules: Rules, request: Request, now: Instant) -> tuple[Step, ...]:
    """Every question that `authorise` would ask, in its order; after a "no" as well, as far as that makes sense."""
    steps = []
    for step in _steps(state, rules, request, now):
        steps.append(step)
        if not step.passed and step.code in (Code.UNKNOWN_DOOR, Code.NOBODY):
            break
    return tuple(steps)


def let_in(state: State, rules: Rules, request: Request, now: Instant) -> tuple[State, Step]:
    """Somebody in charge opens a door from afar, for whoever stands there: no rights are asked for, but what keeps
    everybody out keeps out. What the doors remember of it, and the first "no", or the last "yes"."""
    *_, last = _until_no(_everybodys(state, rules, request, now))
    if not last.passed:
        return state, last
    if rules.doors[request.door].interlock:
        state = replace(state, opened={**state.opened, request.door: Opened(at_ns=now.monotonic_ns)})
    return state, last


def _until_no(steps: Iterator[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if not step.passed:
            return


def _steps(state: State, rules: Rules, request: Request, now: Instant, *, alone: bool = False) -> Iterator[Step]:
    """The questions, in order. `alone`: of the first of two people, whose card and company were seen to before."""
    door = rules.doors.get(request.door)
    yield _step(Code.UNKNOWN_DOOR, door is not None, "this door stands in the rules", "no rule knows this door")
    if door is None:
        return
    yield _paused(state, rules, request, now)
    person_id = request.person_id
    yield _step(Code.NOBODY, person_id is not None, "somebody was recognised", "nobody was recognised")
    if person_id is None:
        return
    yield _lost(state, rules, person_id)
    yield _lockdown(state, rules, request.door, person_id)
    yield from _entitled(state, rules, request.door, person_id, now)
    yield _passback(state, rules, request.door, person_id, now)
    if not alone:
        yield _second_factor(state, rules, request.door, person_id, now)
        yield _interlock(state, rules, request, now)
        yield _company(state, rules, request, person_id, now)


def _everybodys(state: State, rules: Rules, request: Request, now: Instant) -> Iterator[Step]:
    """The questions that are asked whoever stands there."""
    yield _step(Code.UNKNOWN_DOOR, request.door in rules.doors, "this door stands in the rules", "no rule knows it")
    known = state.lost is None
    yield _step(Code.STATE_LOST, known, "what the doors remember is known", "what the doors remember is lost")
    yield _step(Code.LOCKDOWN, not _locked(state, request.door), "no lockdown", "a lockdown holds")
    yield _interlock(state, rules, request, now)


def _step(code: Code, passed: bool, yes: str, no: str, rule: str = "") -> Step:
    return Step(code=code, passed=passed, rule=rule or code.value, reason=yes if passed else no)


def _paused(state: State, rules: Rules, request: Request, now: Instant) -> Step:
    keys = {
        f"person/{request.person_id}": "person",
        f"track/{request.track}": "visitor",
        f"door/{request.door}": "door",
    }
    left = {what: limits.paused_s(state, key, now) for key, what in keys.items()}
    what = max(left, key=lambda name: left[name])
    no = f"too many refusals of this {what}: try again in {left[what]:.0f} s"
    return _step(Code.RATE_LIMITED, left[what] == 0, "no pause after refusals", no, "rate_limit")


def _lost(state: State, rules: Rules, person_id: str) -> Step:
    passed = state.lost is None or rules.includes(rules.lockdown.may_pass, person_id)
    no = "what the doors remembered is lost: only those pass whom a lockdown lets pass"
    return _step(Code.STATE_LOST, passed, "what the doors remember is known", no)


def _locked(state: State, door: str) -> bool:
    return ALL in state.lockdowns or door in state.lockdowns


def _lockdown(state: State, rules: Rules, door: str, person_id: str) -> Step:
    locked = _locked(state, door)
    passed = not locked or rules.includes(rules.lockdown.may_pass, person_id)
    yes = "in the lockdown this person may pass" if locked else "no lockdown"
    return _step(Code.LOCKDOWN, passed, yes, "the door is locked down", "lockdown")


def _entitled(state: State, rules: Rules, door: str, person_id: str, now: Instant) -> Iterator[Step]:
    doubt, moment = wallclock.doubt(state, now), wallclock.utc(state, now)
    passed = doubt is None or rules.site.untrusted_clock is UntrustedClock.ALWAYS_RIGHTS_ONLY
    yes = "the clock is believed" if doubt is None else f"{doubt}: only rights without hours and dates count"
    yield _step(Code.CLOCK_UNTRUSTED, passed, yes, f"{doubt}, and then nobody passes", "site.untrusted_clock")
    if entry := rules.people.get(person_id):
        problem = day_problem(rules, entry.valid_from, entry.valid_until, moment)
        code = Code.CLOCK_UNTRUSTED if problem and moment is None else Code.PERSON_NOT_VALID
        no = f"this person may not pass: {problem}" + (f", as {doubt}" if doubt else "")
        yield _step(code, problem is None, "this person may pass today", no, "people")
    ours = [(path, right) for path, right in rights(rules) if _concerns(rules, right, door, person_id)]
    barred = [(p, r) for p, r in ours if p.startswith("denies") and (moment is None or fits(rules, r, moment))]
    rule = _name(*barred[0]) if barred else ""
    yield _step(Code.EXPLICIT_DENY, not barred, "no rule denies it", "a rule denies it", rule)
    yield _granted(rules, [(p, r) for p, r in ours if p.startswith("grants")], state, now)


def _granted(rules: Rules, ours: list[tuple[str, Right]], state: State, now: Instant) -> Step:
    moment = wallclock.utc(state, now)
    problems = [(path, right, right_problem(rules, right, moment)) for path, right in ours]
    for path, right, problem in problems:
        if problem is None:
            return _step(Code.NO_RIGHT, True, "a right applies", "", _name(path, right))
    if not problems:
        return _step(Code.NO_RIGHT, False, "", "no right at this door")
    # The reason that is nearest to a yes: hours come round again, dates do not.
    path, right, problem = min(problems, key=lambda found: found[2] != "hours")
    if moment is None:
        no = f"this right has hours or dates, and {wallclock.doubt(state, now)}"
        return _step(Code.CLOCK_UNTRUSTED, False, "", no, _name(path, right))
    if problem == "hours":
        return _step(Code.OUTSIDE_SCHEDULE, False, "", f"outside the hours of {right.schedule}", _name(path, right))
    return _step(Code.NOT_VALID_NOW, False, "", f"this right does not hold: {problem}", _name(path, right))


def _passback(state: State, rules: Rules, name: str, person_id: str, now: Instant) -> Step:
    door = rules.doors[name]
    no = passing.problem(state, rules, name, person_id, now)
    noted = no is not None and (door.direction is Direction.OUT or rules.areas[door.area].passback is Passback.SOFT)
    yes = f"noted: {no}" if noted else "this person may go this way"
    return _step(Code.PASSBACK, no is None or noted, yes, str(no), f"areas.{door.area}" if door.area else "")


def _second_factor(state: State, rules: Rules, name: str, person_id: str, now: Instant) -> Step:
    door = rules.doors[name]
    code, rule = Code.SECOND_FACTOR_NEEDED, f"doors.{name}.second_factor"
    if door.second_factor is SecondFactor.NONE:
        return _step(code, True, "the face is enough", "")
    moment = wallclock.utc(state, now)
    if door.face_alone and moment is not None and fits(rules, _hours_of(door), moment):
        return _step(code, True, "the face is enough at this hour", "", f"doors.{name}.face_alone")
    proof = state.proofs.get(f"{name}/{person_id}")
    passed = (
        proof is not None
        and door.second_factor in (SecondFactor.EITHER, SecondFactor(proof.kind))
        and 0 <= now.monotonic_ns - proof.at_ns <= door.second_factor_within_s * 1e9
    )
    wanted = {SecondFactor.PIN: "the PIN", SecondFactor.CARD: "the card"}.get(door.second_factor, "the PIN or the card")
    return _step(code, passed, f"{wanted} was right", f"{wanted} is needed as well", rule)


def _interlock(state: State, rules: Rules, request: Request, now: Instant) -> Step:
    word = rules.doors[request.door].interlock
    rule = f"doors.{request.door}.interlock"
    for name, other in rules.doors.items():
        if not word or other.interlock != word or name == request.door:
            continue
        contact = request.contacts.get(name, Contact.UNKNOWN)
        if contact is not Contact.CLOSED:
            return _step(Code.INTERLOCK, False, "", f"another door of this lock is {contact.value}", rule)
        if passing.just_opened(state, name, now):
            return _step(Code.INTERLOCK, False, "", "another door of this lock is about to open", rule)
    return _step(Code.INTERLOCK, True, "no other door of this lock is open", "", rule if word else "")


def _company(state: State, rules: Rules, request: Request, person_id: str, now: Instant) -> Step:
    within_s = rules.doors[request.door].two_people_within_s
    rule = f"doors.{request.door}.two_people_within_s" if within_s else ""
    first = state.first.get(request.door)
    passed = not within_s or (
        first is not None
        and first.person_id != person_id
        and 0 <= now.monotonic_ns - first.at_ns <= within_s * 1e9
        and all(
            step.passed
            for step in _steps(state, rules, replace(request, person_id=first.person_id, track=None), now, alone=True)
        )
    )
    yes = "two people may pass" if within_s else "one person is enough"
    return _step(Code.SECOND_PERSON_NEEDED, passed, yes, f"a second person is needed within {within_s:g} s", rule)


def _permit(state: State, rules: Rules, request: Request, now: Instant, steps: list[Step]) -> tuple[State, Ruling]:
    assert request.person_id is not None
    door = rules.doors[request.door]
    first = state.first.get(request.door) if door.two_people_within_s else None
    people = (request.person_id, *((first.person_id,) if first else ()))
    proofs = [state.proofs.get(f"{request.door}/{person_id}") for person_id in people]
    ruling = Ruling(
        verdict=Verdict.PERMIT,
        code=Code.PERMITTED,
        rule=next(step.rule for step in steps if step.code is Code.NO_RIGHT),
        reason="a right applies" + (", two people agree" if first else ""),
        duress=any(proof is not None and proof.duress for proof in proofs),
        with_person=first.person_id if first else None,
        passback=any(passing.problem(state, rules, request.door, person_id, now) for person_id in people),
    )
    if state.lost is not None:
        return state, ruling
    state = limits.pardon(state, *(f"person/{person_id}" for person_id in people), f"track/{request.track}")
    for person_id in people:
        state = passing.passed(state, rules, person_id, request.door, now)
    return state, ruling


def _remember_no(state: State, rules: Rules, request: Request, code: Code, now: Instant) -> State:
    limit, name, person_id = rules.rate_limit, request.door, request.person_id
    if code in _STRIKES:
        if person_id is not None:
            state = limits.strike(state, f"person/{person_id}", limit.per_person, limit, now)
        if request.track is not None:
            state = limits.strike(state, f"track/{request.track}", limit.per_track, limit, now)
        return limits.strike(state, f"door/{name}", limit.per_door, limit, now)
    if code not in _PENDING or person_id is None:
        return state
    waiting = Waiting(person_id=person_id, at_ns=now.monotonic_ns)
    if code is Code.SECOND_FACTOR_NEEDED:
        return replace(state, awaited={**state.awaited, name: waiting})
    return replace(state, first={**state.first, name: waiting})


def _concerns(rules: Rules, right: Right, door: str, person_id: str) -> bool:
    return (door in right.doors or ALL in right.doors) and rules.includes(right.who, person_id)


def _name(path: str, right: Right) -> str:
    return right.name or path


def _hours_of(door: Door) -> Right:
    return Right(who=(EVERYONE,), doors=(ALL,), schedule=door.face_alone)
