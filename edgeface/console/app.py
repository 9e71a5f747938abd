"""The console as an ASGI application: every page of `pages/`, behind one door.

    application(Console(...)) -> Starlette

Whatever comes has a named outcome: signed out, no token, too large, no reader, a no of the reader, not found.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from edgeface.commands import Code, Role, may
from edgeface.console import gate, rest
from edgeface.console.accounts import Accounts
from edgeface.console.known import KEPT_S, Known
from edgeface.console.look import STATIC, Look, strings
from edgeface.console.options import Options
from edgeface.console.pages import MENU, WAYS
from edgeface.console.pulse import Pulse
from edgeface.console.sessions import Session, Sessions, Tokens, same
from edgeface.console.speaker import Reader, Speaker
from edgeface.console.throttle import FREE, Throttle
from edgeface.console.viewer import Viewer
from edgeface.console.visit import SMALL, Question, ReaderSaidNo, Visit, Way, upload_of

STATUS = {
    None: 503,
    Code.WRONG_ROLE: 403,
    Code.REVOKED_KEY: 403,
    Code.UNKNOWN_KEY: 403,
    Code.BUSY: 503,
    Code.NOT_STORED: 503,
    Code.INTERRUPTED: 503,
    Code.BAD_BODY: 400,
    Code.REFUSED: 409,
}
"""HTTP's words for what the reader says; 502 for what should never happen between the two."""


@dataclass(frozen=True, kw_only=True)
class Console:
    """What all pages share."""

    options: Options
    accounts: Accounts
    reader: Reader
    set_up_code: str
    """Shown where the console was started, for the first account."""
    known: Known
    """Browsers with which somebody has signed in."""
    large: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(2))
    """Held by who sends a command with large pictures."""
    machine_tries: int = FREE
    """Signed commands of strangers from one address without a pause."""
    now: Callable[[], float] = time.monotonic
    """Seconds, for sessions and pauses."""
    strings: SimpleNamespace = field(default_factory=strings)
    tokens: Tokens = field(default_factory=Tokens)
    sessions: Sessions = field(init=False)
    speaker: Speaker = field(init=False)
    throttle: Throttle = field(init=False)
    look: Look = field(init=False)
    pulse: Pulse = field(init=False)
    viewer: Viewer = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "sessions": Sessions(idle_s=self.options.idle_s, longest_s=self.options.longest_s, now=self.now),
            "speaker": Speaker(self.reader, lambda: self.accounts.reader),
            "throttle": Throttle(self.now),
            "look": Look(self.strings),
            "pulse": Pulse(self.reader),
            "viewer": Viewer(self.now),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def menu(self, role: Role) -> tuple[tuple[str, str, str], ...]:
        """Name, place and drawing of each page that is always at hand."""
        shown = ((name, where, drawing) for name, where, drawing, needed in MENU if may(role, needed))
        return tuple((getattr(self.strings.nav, name), where, drawing) for name, where, drawing in shown)

    @property
    def cookie(self) -> str:
        """Its name: with the prefix, browsers take it from this host alone, by TLS alone."""
        return "edgeface" if self.options.plain else "__Host-edgeface"

    @property
    def early_cookie(self) -> str:
        """Of a browser that nobody has signed in with. One of its own: a link from elsewhere, to which a browser adds
        no cookie, leads to the sign-in page, and that page must not sign anybody out."""
        return f"{self.cookie}-early"

    @property
    def known_cookie(self) -> str:
        """Of a browser with which somebody has signed in: it outlives the session, and opens nothing."""
        return f"{self.cookie}-known"

    def csrf(self, visit: Visit) -> str:
        """What forms on a page must bring along."""
        return self.tokens.of(visit.early) if visit.found is None else visit.found.csrf

    def with_cookie(self, response: Response, cookie: str) -> Response:
        """The same, and the browser keeps who it is; until it is closed, or the session ends."""
        return self._with(response, self.cookie, cookie)

    def with_early_cookie(self, response: Response, cookie: str) -> Response:
        """The same, before anybody has signed in."""
        return self._with(response, self.early_cookie, cookie)

    def with_known_cookie(self, response: Response, account: str) -> Response:
        """The same, and the browser is known again when the account signs in the next time."""
        return self._with(response, self.known_cookie, self.known.cookie(account), KEPT_S)

    def _with(self, response: Response, name: str, cookie: str, kept_s: int | None = None) -> Response:
        secure = not self.options.plain
        response.set_cookie(name, cookie, max_age=kept_s, secure=secure, httponly=True, samesite="strict")
        return response


def application(console: Console, more: Iterable[BaseRoute] = ()) -> gate.Gate:
    """What a server serves."""
    routes: list[BaseRoute] = [*rest.routes(console), *(_route(console, way) for way in WAYS)]
    routes += [*more, Mount("/static", _Static(directory=STATIC))]

    async def not_found(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return await run_in_threadpool(_problem, console, _bare(console, request), status, "not_found")

    async def broken(request: Request, error: Exception) -> Response:
        return await run_in_threadpool(_problem, console, _bare(console, request), 500, "broken")

    app = Starlette(routes=routes, exception_handlers={404: not_found, 405: not_found, 500: broken})
    return gate.Gate(app, gate.own_names(console.options.names))


class _Static(StaticFiles):
    """Style and script; to be asked for anew with each version."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def _route(console: Console, way: Way) -> Route:
    async def serve(request: Request) -> Response:
        try:
            bounded = gate.bounded(request, way.most_bytes)
            if way.most_bytes > SMALL and (no := _unwelcome(console, way, _bare(console, request))) is not None:
                async for _ in bounded.stream():
                    pass  # none of it is kept for somebody who may not send it
                return no
            visit = await _visit(console, way, bounded)
        except gate.TooLarge:
            return await run_in_threadpool(_problem, console, _bare(console, request), 413, "too_large")
        except (MultiPartException, HTTPException, UnicodeDecodeError, ValueError):
            return await run_in_threadpool(_problem, console, _bare(console, request), 400, "bad_form")
        except ClientDisconnect:
            return PlainTextResponse("", status_code=400)
        return await run_in_threadpool(_answer, console, way, visit, request)

    return Route(way.path, serve, methods=[way.method], name=f"{way.method} {way.path}")


def _answer(console: Console, way: Way, visit: Visit, request: Request) -> Response:
    stopped = _stopped(console, way, visit, request)
    return _acted(console, way, visit) if stopped is None else stopped


def _stopped(console: Console, way: Way, visit: Visit, request: Request) -> Response | None:
    """Why a page is not even asked."""
    if console.accounts.reader == "" and way.path != "/setup":
        return RedirectResponse("/setup", status_code=303)
    if way.method == "POST" and not (gate.from_here(request) and same(visit.form.get("csrf", ""), console.csrf(visit))):
        if visit.found is None and way.role is not None:
            return _sign_in(visit)
        return _problem(console, visit, 403, "no_token")
    return _unwelcome(console, way, visit)


def _unwelcome(console: Console, way: Way, visit: Visit) -> Response | None:
    """Why somebody does not come to a page, whatever he sends."""
    if way.role is None:
        return None
    if visit.found is None:
        return _sign_in(visit)
    if not may(visit.found.role, way.role):
        return _problem(console, visit, 403, "wrong_role")
    return None


def _acted(console: Console, way: Way, visit: Visit) -> Response:
    try:
        question = None if way.sure is None or visit.form.get("sure") else way.sure(visit)
        if question is not None and visit.can(question.verb):
            return _asked(visit, question)
        return way.act(visit)
    except ReaderSaidNo as said:
        kind = "reader_away" if said.no.code is None else "reader_no"
        return _problem(console, visit, STATUS.get(said.no.code, 502), kind, said.no.says)


def _asked(visit: Visit, question: Question) -> Response:
    """A page that says what will happen, with all that the form held: a yes sends it anew."""
    held = [(key, value) for key, values in visit.many.items() if key != "csrf" for value in values]
    return visit.page("sure.html", question=question, held=held)


def _sign_in(visit: Visit) -> Response:
    """To the page where one signs in, and then back to what was wanted, if that is a page that only looks."""
    after = f"&to={quote(visit.url, safe='/')}" if not visit.form and visit.url != "/" else ""
    ended = "ended=1" if visit.cookie else ""
    return RedirectResponse(f"/sign-in?{ended}{after}".rstrip("?"), status_code=303)


def _problem(console: Console, visit: Visit, status: int, kind: str, says: str = "") -> Response:
    """A page that says what is wrong and what to do."""
    told = getattr(console.strings.problem, kind)
    return visit.page("problem.html", status=status, problem=told, says=says, heard=kind == "reader_no")


async def _visit(console: Console, way: Way, request: Request) -> Visit:
    form: dict[str, str] = {}
    many: dict[str, list[str]] = {}
    files = []
    if way.method == "POST":
        found = await request.form(max_files=way.most_files, max_fields=200, max_part_size=way.most_bytes)
        for key, value in found.multi_items():
            if isinstance(value, UploadFile):
                files.append(await upload_of(key, value))
            else:
                form[key] = value
                many.setdefault(key, []).append(value)
        await found.close()
    lists = {key: tuple(values) for key, values in many.items()}
    return _bare(console, request, form, lists, tuple(files), way.touches)


def _bare(
    console: Console,
    request: Request,
    form: dict[str, str] | None = None,
    many: dict[str, tuple[str, ...]] | None = None,
    files: tuple[Any, ...] = (),
    touch: bool = True,
) -> Visit:
    cookie = request.cookies.get(console.cookie, "")
    found: Session | None = console.sessions.find(cookie, touch=touch) if cookie else None
    query = f"?{request.url.query}" if request.url.query else ""
    return Visit(
        console=console,
        path={key: str(value) for key, value in request.path_params.items()},
        query=dict(request.query_params),
        form=form or {},
        many=many or {},
        files=files,
        address=request.client.host if request.client else "",
        cookie=cookie,
        early=request.cookies.get(console.early_cookie, ""),
        device=request.cookies.get(console.known_cookie, ""),
        url=request.url.path + query,
        found=found,
    )
