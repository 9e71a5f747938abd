"""Who is enrolled, and the search among them."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from edgeface.commands import words
from edgeface.console.visit import Visit, Way

PAGE = 50


def show(visit: Visit) -> Response:
    """A page of everybody, by name, or of those whom a search finds."""
    first, find = page_of(visit.query.get("from", "")), visit.query.get("find", "").strip()[:80]
    found = visit.expect("people/list", words.Page(first=first, most=PAGE, find=find))
    where = f"/people?{urlencode({'find': find})}&" if find else "/people?"
    return visit.page(
        "people.html", people=found.people, total=found.total, first=first, most=PAGE, find=find, where=where
    )


def page_of(text: str) -> int:
    """Which part of a list a browser asks for; the beginning for what is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0


WAYS = (Way("GET", "/people", show), Way("GET", "/", lambda visit: visit.go("/people")))
