"""The models in use, each with its card, and the bundles that replace them."""

from __future__ import annotations

from starlette.responses import Response

from edgeface.commands import words, words_device, words_updates
from edgeface.console.markdown import to_html
from edgeface.console.speaker import No
from edgeface.console.visit import Question, Visit, Way


def show(visit: Visit, error: str | None = None) -> Response:
    """All of them, and which bundle they are of."""
    models = visit.expect("models/list", words.Nothing()).models
    bundles = visit.expect("models/status", words.Nothing())
    status = 200 if error is None else 409
    return visit.page("models.html", status=status, models=models, bundles=bundles, error=error)


def card(visit: Visit) -> Response:
    """What was measured of one."""
    found = visit.expect("models/card", words_device.ModelName(name=visit.path["name"]))
    return visit.page("card.html", name=found.name, body=to_html(found.markdown))


def update(visit: Visit) -> Response:
    """Try a bundle that lies on the device; the reader goes on meanwhile."""
    try:
        ask = words_updates.Bundle(file=visit.form.get("file", "").strip(), strand=bool(visit.form.get("strand")))
    except ValueError as error:
        return show(visit, str(error))
    answer = visit.ask("models/update", ask)
    if isinstance(answer, No):
        return show(visit, answer.says)
    return visit.go("/models", visit.words.models.begun.format(version=answer.version))


def rollback(visit: Visit) -> Response:
    """Go back to the former models."""
    answer = visit.ask("models/rollback", words.Nothing())
    if isinstance(answer, No):
        return show(visit, answer.says)
    return visit.go("/models", visit.words.models.left.format(version=answer.version))


def sure_of_stranding(visit: Visit) -> Question | None:
    """A bundle that strands nobody gives itself up if it is no good."""
    says = visit.words.models
    if not visit.form.get("strand"):
        return None
    told = says.strand_says.format(file=visit.form.get("file", ""))
    return Question(verb="models/update", says=told, act=says.act, back="/models")


def sure_of_going_back(visit: Visit) -> Question:
    """The version that is left is never taken again."""
    says = visit.words.models
    return Question(verb="models/rollback", says=says.sure, act=says.rollback, back="/models")


WAYS = (
    Way("GET", "/models", show),
    Way("GET", "/models/{name}", card),
    Way("POST", "/models/update", update, sure=sure_of_stranding),
    Way("POST", "/models/rollback", rollback, sure=sure_of_going_back),
)
