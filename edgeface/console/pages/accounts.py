"""Who may sign in: one's own account, and for administrators those of all."""

from __future__ import annotations

from starlette.responses import Response

from edgeface.commands import Role, words
from edgeface.console import accounts
from edgeface.console.pages.setup import register
from edgeface.console.speaker import No
from edgeface.console.throttle import Lane
from edgeface.console.visit import Question, Visit, Way
from edgeface.errors import EdgefaceError

ROLES = (Role.VIEW, Role.OPERATE, Role.ENROL, Role.ADMIN)


def own(visit: Visit, error: str | None = None, status: int = 200) -> Response:
    """One's own account."""
    count = visit.console.sessions.count(visit.session.name)
    return visit.page("account.html", status=status, error=error, count=count, least=accounts.LEAST_PASSWORD)


def password(visit: Visit) -> Response:
    """Another password of one's own; every other browser is signed out."""
    console, name, says = visit.console, visit.session.name, visit.words.accounts
    new = visit.form.get("new", "")
    if problem := _problem(visit, name, new):
        return own(visit, problem, 400)
    lane = Lane(f"own {name}")  # nobody else comes here
    if wait_s := console.throttle.attempt(lane):
        return own(visit, visit.words.signin.wait.format(seconds=round(wait_s) or 1), 429)
    seed = console.accounts.opened(name, visit.form.get("old", "")[: accounts.MOST_PASSWORD])
    if seed is None:
        return own(visit, says.wrong_old, 403)
    console.throttle.right(lane)
    console.accounts.keep(console.accounts.sealed(name, visit.session.role, seed, new))
    console.sessions.end_all(name, but=visit.cookie)
    return visit.go("/account", says.changed)


def everybody(visit: Visit, error: str | None = None, status: int = 200) -> Response:
    """All accounts, and the form for another."""
    known = [(account, visit.console.sessions.count(account.name)) for account in visit.console.accounts.everybody()]
    name = visit.form.get("name", "")
    return visit.page("accounts.html", status=status, error=error, known=known, all_roles=ROLES, name=name)


def add(visit: Visit) -> Response:
    """One more account, with a key of its own."""
    name, new, says = visit.form.get("name", "").strip(), visit.form.get("new", ""), visit.words.accounts
    role = next((role for role in ROLES if role.value == visit.form.get("role")), None)
    if accounts.name_problem(name):
        return everybody(visit, says.bad_name, 400)
    if visit.console.accounts.find(name) is not None or role is None:
        return everybody(visit, says.taken, 409)
    if problem := _problem(visit, name, new):
        return everybody(visit, problem, 400)
    try:
        register(visit, name, role, new)
    except EdgefaceError as error:
        return everybody(visit, str(error), 503)
    return visit.go("/accounts", says.added.format(name=name))


def reset(visit: Visit) -> Response:
    """Another password for somebody who forgot it. The old key went with the old password: there is a new one."""
    account, says = visit.console.accounts.find(visit.path["name"]), visit.words.accounts
    new = visit.form.get("new", "")
    if account is None:
        return everybody(visit, says.gone, 404)
    if problem := _problem(visit, account.name, new):
        return everybody(visit, problem, 400)
    if not visit.form.get("sure"):  # ticked on the form: passwords are not put into a page that asks
        return everybody(visit, says.reset_sure.format(name=account.name), 400)
    if account.name == visit.session.name:
        return visit.go("/account")
    if isinstance(no := _revoked(visit, account), No):
        return everybody(visit, no.says, 409)
    try:
        register(visit, account.name, account.role, new)
    except EdgefaceError as error:
        return everybody(visit, str(error), 503)
    visit.console.sessions.end_all(account.name)
    return visit.go("/accounts", says.reset.format(name=account.name))


def remove(visit: Visit) -> Response:
    """Take an account away: signed out everywhere, and its key may command no more."""
    account, says = visit.console.accounts.find(visit.path["name"]), visit.words.accounts
    if account is None:
        return everybody(visit, says.gone, 404)
    if account.name == visit.session.name or visit.console.accounts.last_admin(account.name):
        return everybody(visit, says.not_yourself, 409)
    visit.console.sessions.end_all(account.name)
    if isinstance(no := _revoked(visit, account), No):
        return everybody(visit, no.says, 409)
    visit.console.accounts.drop(account.name)
    return visit.go("/accounts", says.removed.format(name=account.name))


def sure_of_removing(visit: Visit) -> Question:
    """A key that was revoked is never taken again."""
    says = visit.words.accounts
    told = says.remove_sure.format(name=visit.path["name"])
    return Question(verb="keys/revoke", says=told, act=says.remove, back="/accounts")


def sign_out(visit: Visit) -> Response:
    """End all sessions of an account."""
    visit.console.sessions.end_all(visit.path["name"], but=visit.cookie)
    return visit.go("/accounts", visit.words.accounts.signed_out.format(name=visit.path["name"]))


def _problem(visit: Visit, name: str, new: str) -> str | None:
    if accounts.password_problem(new, name):
        return str(visit.words.accounts.bad_password.format(least=accounts.LEAST_PASSWORD))
    return None if new == visit.form.get("again", "") else str(visit.words.accounts.not_the_same)


def _revoked(visit: Visit, account: accounts.Account) -> No | None:
    """Why an account's key still commands; None if it does not, also if it was revoked before."""
    known = visit.ask("keys/list", words.Nothing())
    if isinstance(known, No):
        return known
    if not any(key.id == account.key_id and not key.revoked for key in known.keys):
        return None
    answer = visit.ask("keys/revoke", words.KeyName(id=account.key_id))
    return answer if isinstance(answer, No) else None


WAYS = (
    Way("GET", "/account", own),
    Way("POST", "/account/password", password),
    Way("GET", "/accounts", everybody, role=Role.ADMIN),
    Way("POST", "/accounts", add, role=Role.ADMIN),
    Way("POST", "/accounts/{name}/password", reset, role=Role.ADMIN),
    Way("POST", "/accounts/{name}/remove", remove, role=Role.ADMIN, sure=sure_of_removing),
    Way("POST", "/accounts/{name}/sign-out", sign_out, role=Role.ADMIN),
)
