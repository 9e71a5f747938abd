"""Doors, rights and schedules: the week at a door hour by hour, who could open it when, and the rules behind it."""

from __future__ import annotations

from datetime import date, timedelta

from starlette.responses import Response

from edgeface.commands import words, words_doors
from edgeface.console.speaker import No
from edgeface.console.visit import Question, Visit, Way

SHADES = 4
"""Of a cell of the week; the first is nobody, the last everybody."""


def show(visit: Visit, no: No | None = None) -> Response:
    """All doors and the rules."""
    rules = visit.expect("access/show", words.Nothing())
    names = {one.id: one.name for one in visit.expect("people/list", words.Page(most=200)).people}
    status, error = (200, None) if no is None else (409, no.says)
    return visit.page("doors.html", status=status, rules=rules, names=names, error=error)


def week(visit: Visit) -> Response:
    """The week at a door, and with a moment chosen those who could open it then."""
    door, who = visit.path["door"], visit.query.get("who") or None
    first = visit.query.get("first") or None
    found = visit.expect("access/week", words_doors.WeekWanted(door=door, first=first, who=who))
    monday = date.fromisoformat(found.first)
    days = [monday + timedelta(days=number) for number in range(7)]
    could = None
    if at := visit.query.get("at"):
        could = visit.expect("access/who", words_doors.WhoWanted(door=door, at=at))
    facts = {"week": found, "days": days, "could": could, "at": at, "who": who}
    facts |= {"before": monday - timedelta(days=7), "after": monday + timedelta(days=7), "shade": shade}
    return visit.page("week.html", **facts)


def shade(count: int, people: int) -> str:
    """How dark a cell is."""
    if count < 0:
        return "never"
    if count == 0 or people == 0:
        return "s0"
    return f"s{1 + (SHADES - 1) * count // people}"


def right(visit: Visit) -> Response:
    """Give a right, or keep somebody out."""
    form = visit.form
    ask = words.Right(
        who=tuple(one.strip() for one in form.get("who", "").split(",") if one.strip()),
        doors=visit.many.get("doors", ("all",)),
        schedule=form.get("schedule") or "always",
        valid_from=form.get("from") or None,
        valid_until=form.get("until") or None,
        name=form.get("name", "").strip(),
    )
    return _done(visit, "access/deny" if form.get("kind") == "deny" else "access/grant", ask)


def revoke(visit: Visit) -> Response:
    """Take a right or a deny away."""
    return _done(visit, "access/revoke", words.RuleName(rule=visit.form.get("rule", "")))


def hours(visit: Visit) -> Response:
    """Set the hours of a schedule, one stretch a line; without any the schedule goes."""
    name = visit.form.get("schedule", "").strip()
    told = tuple(line.strip() for line in visit.form.get("hours", "").splitlines() if line.strip())
    if not told:
        return _done(visit, "access/unschedule", words_doors.ScheduleName(schedule=name))
    return _done(visit, "access/hours", words_doors.Hours(schedule=name, hours=told))


def lockdown(visit: Visit) -> Response:
    """Shut a door, or all, or end that."""
    ask = words.Lockdown(door=visit.form.get("door") or "all", lift=bool(visit.form.get("lift")))
    return _done(visit, "door/lockdown", ask)


def sure_of_lockdown(visit: Visit) -> Question:
    """Everybody is kept out, or let in again."""
    says, lift = visit.words.doors, bool(visit.form.get("lift"))
    door = visit.form.get("door") or "all"
    told = (says.lift_says if lift else says.lock_says).format(door=says.all if door == "all" else door)
    return Question(verb="door/lockdown", says=told, act=says.lift if lift else says.lock, back="/doors")


def sure_of_revoking(visit: Visit) -> Question:
    """What is taken out, with its comments, is not put back as it was."""
    says = visit.words.doors
    told = says.revoke_says.format(rule=visit.form.get("rule", ""))
    return Question(verb="access/revoke", says=told, act=says.revoke, back="/doors")


def _done(visit: Visit, verb: str, ask: object) -> Response:
    answer = visit.ask(verb, ask)
    return show(visit, answer) if isinstance(answer, No) else visit.go("/doors", visit.words.doors.done)


WAYS = (
    Way("GET", "/doors", show),
    Way("GET", "/doors/{door}", week),
    Way("POST", "/doors/right", right),
    Way("POST", "/doors/revoke", revoke, sure=sure_of_revoking),
    Way("POST", "/doors/hours", hours),
    Way("POST", "/doors/lockdown", lockdown, sure=sure_of_lockdown),
)
