"""One person: what is known, and all that may be changed about it. Each form carries the mark of what was shown."""

from __future__ import annotations

import json

from starlette.responses import Response

from edgeface.commands import words, words_people
from edgeface.console.speaker import No
from edgeface.console.visit import Question, Visit, Way
from edgeface.wire import plain

MOST_CHOICES = 200
"""People to choose from; where there are more, name or id is typed."""


def show(visit: Visit, no: No | None = None) -> Response:
    """The card, with the forms that who is signed in may use."""
    card = visit.expect("people/show", words.Who(who=visit.path["who"]))
    others = words.People(people=(), total=0)
    if visit.can("people/merge"):
        others = visit.expect("people/list", words.Page(most=MOST_CHOICES))
    status = 200 if no is None else 409
    error = None if no is None else no.says
    return visit.page("person.html", status=status, card=card, others=others, error=error)


def rename(visit: Visit) -> Response:
    """Another name."""
    ask = words.Rename(who=visit.path["who"], name=visit.form.get("name", ""), mark=_mark(visit))
    return _done(visit, visit.ask("people/rename", ask), visit.words.person.renamed)


def validity(visit: Visit) -> Response:
    """From which day and until which."""
    ask = words_people.Validity(
        who=visit.path["who"],
        valid_from=visit.form.get("from") or None,
        valid_until=visit.form.get("until") or None,
        mark=_mark(visit),
    )
    return _done(visit, visit.ask("people/validity", ask), visit.words.person.dated)


def groups(visit: Visit) -> Response:
    """Into a group, or out of one."""
    verb = "access/leave" if visit.form.get("leave") else "access/join"
    name = visit.form.get("leave") or visit.form.get("join", "").strip()
    answer = visit.ask(verb, words.Members(group=name, who=(visit.path["who"],)))
    return _done(visit, answer, visit.words.person.grouped)


def secret(visit: Visit) -> Response:
    """A PIN, or one more card."""
    who, says = visit.path["who"], visit.words.person
    try:
        if visit.form.get("card"):
            return _done(visit, visit.ask("access/card", words.Card(who=who, number=visit.form["card"])), says.carded)
        return _done(visit, visit.ask("access/pin", words.Pin(who=who, pin=visit.form.get("pin", ""))), says.pinned)
    except ValueError as error:
        return show(visit, No(code=None, says=str(error)))


def sure(visit: Visit) -> Response:
    """What forgetting means, before it is done."""
    card = visit.expect("people/show", words.Who(who=visit.path["who"]))
    return visit.page("forget.html", card=card, receipt=None)


def forget(visit: Visit) -> Response:
    """Destroy all that is kept of somebody, and show the receipt."""
    answer = visit.ask("people/forget", words_people.Forget(who=visit.path["who"], mark=_mark(visit)))
    if isinstance(answer, No):
        return show(visit, answer)
    return visit.page("forget.html", card=None, receipt=answer)


def merge(visit: Visit) -> Response:
    """One person was enrolled twice."""
    ask = words_people.Merge(who=visit.path["who"], into=visit.form.get("into", ""), mark=_mark(visit))
    answer = visit.ask("people/merge", ask)
    if isinstance(answer, No):
        return show(visit, answer)
    return visit.go(f"/people/{answer.id}", visit.words.person.merged.format(moved=answer.moved))


def sure_of_merging(visit: Visit) -> Question:
    """Two become one, for good."""
    gone, kept = (
        visit.expect("people/show", words.Who(who=who)) for who in (visit.path["who"], visit.form.get("into", ""))
    )
    says = visit.words.person
    told = says.merge_says.format(name=f"{gone.name} ({gone.id})", into=f"{kept.name} ({kept.id})")
    return Question(verb="people/merge", says=told, act=says.merge_act, back=f"/people/{gone.id}")


def data(visit: Visit) -> Response:
    """All that is kept of the person, as a file to hand out."""
    found = visit.expect("people/data", words.Who(who=visit.path["who"]))
    text = json.dumps(plain(found), indent=1, ensure_ascii=False) + "\n"
    name = f'attachment; filename="{found.card.id}.json"'
    return Response(text, media_type="application/json", headers={"content-disposition": name})


def _mark(visit: Visit) -> str | None:
    return visit.form.get("mark") or None


def _done(visit: Visit, answer: object, says: str) -> Response:
    if isinstance(answer, No):
        return show(visit, answer)
    return visit.go(f"/people/{visit.path['who']}", says)


WAYS = (
    Way("GET", "/people/{who}", show),
    Way("POST", "/people/{who}/name", rename),
    Way("POST", "/people/{who}/days", validity),
    Way("POST", "/people/{who}/groups", groups),
    Way("POST", "/people/{who}/secret", secret),
    Way("GET", "/people/{who}/forget", sure),
    Way("POST", "/people/{who}/forget", forget),
    Way("POST", "/people/{who}/merge", merge, sure=sure_of_merging),
    Way("POST", "/people/{who}/data", data),
)
