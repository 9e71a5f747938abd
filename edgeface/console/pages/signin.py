"""Signing in, out, and out everywhere; another password."""

from __future__ import annotations

import secrets

from starlette.responses import Response

from edgeface.commands import Role
from edgeface.console import accounts
from edgeface.console.throttle import FREE_OF_ADDRESS, FREE_OF_NAME, LONGEST_OF_NAME_S, Lane, source
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

    own, shared = _lanes(visit, name)
    if wait_s := console.throttle.attempt(*own, *shared):
        return again(says.wait.format(seconds=round(wait_s) or 1), 429)
    seed = None
    if len(password) <= accounts.MOST_PASSWORD:
        seed = console.accounts.opened(name, password.encode("utf-8", "replace").decode())
    account = console.accounts.find(name)
    if seed is None or account is None:
        return again(says.wrong, 401)
    console.throttle.right(*own)
    console.throttle.undo(*shared)
    console.sessions.end(visit.cookie)
    cookie = console.sessions.begin(name, account.role, seed)
    response = console.with_cookie(visit.go(_after(visit.form.get("to", ""))), cookie)
    return console.with_known_cookie(response, account.key_id)


def _lanes(visit: Visit, name: str) -> tuple[tuple[Lane, ...], tuple[Lane, ...]]:
    """In which a try runs: those that say something of who tries this name, and those that he shares with others."""
    account, whence = visit.console.accounts.find(name), source(visit.address)
    device = None if account is None else visit.console.known.nonce(account.key_id, visit.device)
    if device is not None:
        return (Lane(f"known {device}"),), ()
    pair, everywhere = Lane(f"{name[:64]} from {whence}"), Lane(f"name {name[:64]}", FREE_OF_NAME, LONGEST_OF_NAME_S)
    return (pair,), (everywhere, Lane(f"from {whence}", FREE_OF_ADDRESS))


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
