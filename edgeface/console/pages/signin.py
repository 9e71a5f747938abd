"""Signing in, out, and out everywhere; another password."""

from __future__ import annotations

import secrets

from starlette.responses import Response

from edgeface.commands import Role
from edgeface.console import accounts
from edgeface.console.visit import Visit, Way


def show(visit: Visit) -> Response:
    """The form."""
    if visit.found is not None:
        return visit.go(_after(visit.query.get("to", "")))
    cookie = visit.early or secrets.token_urlsafe(32)
    response = visit.page(
        "signin.html",
        csrf=visit.console.tokens.of(cookie),
        to=_after(visit.query.get("to", "")),
        ended="ended" in visit.query,
        made="made" in visit.query,
        name="",
        error=None,
    )
    return visit.console.with_early_cookie(response, cookie)


def act(visit: Visit) -> Response:
    """One try. Which of name and password was wrong is not told, not by the time it takes either."""
    console, says = visit.console, visit.words.signin
    name, password = visit.form.get("name", "").strip().casefold(), visit.form.get("password", "")

    def again(error: str, status: int) -> Response:
        facts = {"to": _after(visit.form.get("to", "")), "ended": False, "made": False, "name": name}
        return visit.page("signin.html", status=status, error=error, **facts)

    who = (f"name {name[:64]}", f"address {visit.address}")
    if wait_s := console.throttle.wait_s(*who):
        return again(says.wait.format(seconds=round(wait_s) or 1), 429)
    seed = None
    if len(password) <= accounts.MOST_PASSWORD:
        seed = console.accounts.opened(name, password.encode("utf-8", "replace").decode())
    account = console.accounts.find(name)
    if seed is None or account is None:
        console.throttle.wrong(*who)
        return again(says.wrong, 401)
    console.throttle.right(*who)
    console.sessions.end(visit.cookie)
    cookie = console.sessions.begin(name, account.role, seed)
    return console.with_cookie(visit.go(_after(visit.form.get("to", ""))), cookie)


def out(visit: Visit) -> Response:
    """Sign out here, or everywhere."""
    if visit.form.get("everywhere"):
        visit.console.sessions.end_all(visit.session.name)
    visit.console.sessions.end(visit.cookie)
    response = visit.go("/sign-in")
    response.delete_cookie(visit.console.cookie, path="/", secure=not visit.console.options.plain, httponly=True)
    return response


def _after(to: str) -> str:
    """Where to go then: a page of ours and nowhere else."""
    plain = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isascii() and to.isprintable()
    return to if plain and "\\" not in to else "/"


WAYS = (
    Way("GET", "/sign-in", show, role=None),
    Way("POST", "/sign-in", act, role=None),
    Way("POST", "/sign-out", out, role=Role.VIEW),
)
