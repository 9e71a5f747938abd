"""The models in use, each with its card."""

from __future__ import annotations

from starlette.responses import Response

from edgeface.commands import words, words_device
from edgeface.console.markdown import to_html
from edgeface.console.visit import Visit, Way


def show(visit: Visit) -> Response:
    """All of them."""
    return visit.page("models.html", models=visit.expect("models/list", words.Nothing()).models)


def card(visit: Visit) -> Response:
    """What was measured of one."""
    found = visit.expect("models/card", words_device.ModelName(name=visit.path["name"]))
    return visit.page("card.html", name=found.name, body=to_html(found.markdown))


WAYS = (Way("GET", "/models", show), Way("GET", "/models/{name}", card))
