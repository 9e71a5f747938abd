"""First start: whoever was shown the code makes the first account, an administrator."""

from __future__ import annotations

import secrets

from starlette.responses import Response

from edgeface.commands import Role
from edgeface.console import accounts
from edgeface.console.sessions import same
from edgeface.console.throttle import Lane, source
from edgeface.console.visit import Visit, Way
from edgeface.errors import ConfigError, EdgefaceError
from edgeface.signature import public_of, public_text

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_code() -> str:
    """Four groups of five letters and digits, none of which looks like another: 99 bits."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(20))
    return "-".join(letters[place : place + 5] for place in range(0, 20, 5))


def show(visit: Visit) -> Response:
    """The form; once there is an account, never again."""
    if visit.console.accounts.everybody():
        return visit.go("/sign-in")
    cookie = visit.early or secrets.token_urlsafe(32)
    response = visit.page("setup.html", csrf=visit.console.tokens.of(cookie), name="", error=None)
    return visit.console.with_early_cookie(response, cookie)


def act(visit: Visit) -> Response:
    """Make the account, and have its key registered by the reader."""
    console, says = visit.console, visit.words.setup
    if console.accounts.everybody():
        return visit.go("/sign-in")
    name, password = visit.form.get("name", "").strip(), visit.form.get("password", "")

    def again(error: str, status: int = 400) -> Response:
        return visit.page("setup.html", status=status, name=name, error=error)

    whence = Lane(f"set-up from {source(visit.address)}")
    if wait_s := console.throttle.wait_s(whence):
        return again(says.wait.format(seconds=round(wait_s) or 1), 429)
    code = visit.form.get("code", "").strip().upper().replace(" ", "")
    if not same(code.replace("-", ""), console.set_up_code.replace("-", "")):
        console.throttle.wrong(whence)
        return again(says.wrong_code, 403)
    if accounts.name_problem(name):
        return again(visit.words.accounts.bad_name)
    if accounts.password_problem(password, name):
        return again(visit.words.accounts.bad_password.format(least=accounts.LEAST_PASSWORD))
    if password != visit.form.get("again", ""):
        return again(visit.words.accounts.not_the_same)
    try:
        register(visit, name, Role.ADMIN, password)
    except EdgefaceError as error:
        return again(says.no_reader.format(why=error), 503)
    return visit.go("/sign-in?made=1")


def register(visit: Visit, name: str, role: Role, password: str) -> None:
    """A key for an account, known to the reader first and then kept here. Raises EdgefaceError."""
    console, seed = visit.console, accounts.new_seed()
    made = console.accounts.sealed(name, role, seed, password)
    public = public_text(public_of(seed))
    told = {"public_key": public, "name": f"console {name}".replace(".", "_"), "role": role.value}
    answer = console.reader.local("keys/add", told)
    try:
        console.accounts.keep(made, reader=str(answer["reader"]))
    except ConfigError:
        console.reader.local("keys/revoke", {"id": made.key_id})  # nobody has it
        raise


WAYS = (Way("GET", "/setup", show, role=None), Way("POST", "/setup", act, role=None))
