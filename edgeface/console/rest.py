"""The reader's verbs for machines, as JSON over HTTP: the same words, roles and answers as over MQTT.

    POST /api/v1/<verb>           words as a JSON object, from a signed-in browser with its token in X-CSRF-Token
    POST /api/v1/signed/<verb>    a whole signed command, from a machine with a key of its own -> the signed answer

docs/openapi.json describes it. A signed command needs no account here: it is judged by the reader alone. Pictures may
be larger than over MQTT; two such commands are taken at a time, so that nobody fills the memory with them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from edgeface.commands import VERBS, Code, Verb
from edgeface.commands.verbs import PAIR
from edgeface.commands.words import Enrol
from edgeface.console import gate
from edgeface.console.sessions import Session, same
from edgeface.console.speaker import No
from edgeface.console.throttle import Lane, source
from edgeface.errors import EdgefaceError
from edgeface.wire import MOST_BYTES, MessageError, loads, plain, record

if TYPE_CHECKING:
    from edgeface.console.app import Console

PREFIX = "/api/v1"
STATUS: Mapping[Code | None, int] = {
    None: 503,
    Code.MALFORMED: 400,
    Code.WRONG_VERSION: 400,
    Code.BAD_BODY: 400,
    Code.WRONG_TOPIC: 400,
    Code.UNKNOWN_KEY: 401,
    Code.REVOKED_KEY: 401,
    Code.BAD_SIGNATURE: 401,
    Code.WRONG_DEVICE: 401,
    Code.WRONG_ROLE: 403,
    Code.CLOSED: 403,
    Code.UNKNOWN_VERB: 404,
    Code.REFUSED: 409,
    Code.REUSED_ID: 409,
    Code.REPLAYED: 409,
    Code.LATE: 409,
    Code.RETAINED: 409,
    Code.BUSY: 503,
    Code.NOT_STORED: 503,
    Code.INTERRUPTED: 503,
}
"""HTTP's word for each of the reader's; null: no reader answered."""

MOST_WITH_PICTURES = 7_500_000
"""Bytes of a command with pictures, in base64 as they are: signed, it must fit into one message to the reader."""
WITHIN_S = 60.0
"""Then all of a command must have come: a Mbit/s is enough for the longest."""

_TRIED = frozenset({Code.UNKNOWN_KEY, Code.BAD_SIGNATURE, Code.MALFORMED, Code.WRONG_VERSION, Code.WRONG_DEVICE})
"""What somebody gets who has no key and tries."""


def asked() -> tuple[Verb, ...]:
    """Verbs that may be asked from elsewhere: not those that are for who is on the machine."""
    return tuple(verb for verb in VERBS.values() if not verb.near)


def most_bytes(verb: Verb) -> int:
    """How long a command may be."""
    return MOST_WITH_PICTURES if verb.words is Enrol else MOST_BYTES


def routes(console: Console) -> list[BaseRoute]:
    """All of it, before pages with the same beginning."""
    made: list[BaseRoute] = []
    for verb in asked():
        made.append(Route(f"{PREFIX}/signed/{verb.name}", _signed(console, verb), methods=["POST"]))
        if verb.name != PAIR:
            made.append(Route(f"{PREFIX}/{verb.name}", _spoken(console, verb), methods=["POST"]))
    known = frozenset(route.path for route in made if isinstance(route, Route))
    return [*made, Route(PREFIX + "/{rest:path}", _nothing(known), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]


def _spoken(console: Console, verb: Verb) -> Any:
    """A verb from a browser."""

    async def serve(request: Request) -> Response:
        cookie = request.cookies.get(console.cookie, "")
        session = console.sessions.find(cookie) if cookie else None
        if session is None:
            return _problem(401, "signed_out", "sign in first")
        if not (gate.from_here(request) and same(request.headers.get("x-csrf-token", ""), session.csrf)):
            return _problem(403, "no_token", "X-CSRF-Token is missing, or is of another session")
        async with _body(console, request, verb) as body:
            if isinstance(body, Response):
                return body
            return await run_in_threadpool(_ask, console, session, verb, body)

    return serve


def _ask(console: Console, session: Session, verb: Verb, body: bytes) -> Response:
    try:
        words: Any = record(verb.words, loads(body or b"{}", most_bytes=most_bytes(verb)), "body")
    except MessageError as error:
        return _problem(400, Code.BAD_BODY.value, str(error))
    answer = console.speaker.ask(session.seed, verb.name, words)
    if isinstance(answer, No):
        return _problem(STATUS[answer.code], "no_reader" if answer.code is None else answer.code.value, answer.says)
    return JSONResponse(plain(answer))


def _signed(console: Console, verb: Verb) -> Any:
    """A command that somebody signed elsewhere. Cookies count for nothing here."""

    async def serve(request: Request) -> Response:
        lane = Lane(f"machine {source(request.client.host if request.client else '')}", console.machine_tries)
        if wait_s := console.throttle.wait_s(lane):
            return _problem(429, "too_often", f"too many commands that nobody may say: wait {wait_s:.0f} s")
        async with _body(console, request, verb) as body:
            if isinstance(body, Response):
                return body
            return await run_in_threadpool(_passed_on, console, verb, body, lane)

    return serve


def _passed_on(console: Console, verb: Verb, body: bytes, lane: Lane) -> Response:
    try:
        answer = console.reader.command(body.decode(), verb.name)
        code = Code(json.loads(answer)["code"])
    except UnicodeDecodeError:
        return _problem(400, Code.MALFORMED.value, "not UTF-8")
    except (EdgefaceError, ValueError, KeyError) as error:
        return _problem(503, "no_reader", str(error))
    if code in _TRIED:
        console.throttle.wrong(lane)
    elif code is Code.DONE:
        console.throttle.right(lane)
    return Response(answer, status_code=STATUS.get(code, 200), media_type="application/json")


@asynccontextmanager
async def _body(console: Console, request: Request, verb: Verb) -> AsyncIterator[bytes | Response]:
    """What was sent, for as long as it is held; or why it is not taken."""
    large = int(told) > MOST_BYTES if (told := request.headers.get("content-length", "")).isdecimal() else True
    if not large or most_bytes(verb) == MOST_BYTES:
        yield await _read(request, MOST_BYTES)
    elif console.large.acquire(blocking=False):
        try:
            yield await _read(request, most_bytes(verb))
        finally:
            console.large.release()
    else:
        yield _problem(503, Code.BUSY.value, "other pictures are being taken in: try again")


async def _read(request: Request, most: int) -> bytes | Response:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return _problem(415, "no_json", "send application/json")
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(WITHIN_S):
            async for part in gate.bounded(request, most).stream():
                parts.append(part)
    except gate.TooLarge:
        return _problem(413, "too_large", f"longer than {most} bytes")
    except TimeoutError:
        return _problem(408, "too_slow", f"not all of it came within {WITHIN_S:.0f} s")
    except ClientDisconnect:
        return _problem(400, Code.MALFORMED.value, "it ended too early")
    return b"".join(parts)


def _nothing(known: frozenset[str]) -> Any:
    """What is no verb, or is not sent as one."""

    async def serve(request: Request) -> Response:
        if request.url.path not in known:
            return _problem(404, Code.UNKNOWN_VERB.value, "there is no such verb")
        answer = _problem(405, "wrong_method", "verbs are sent by POST")
        answer.headers["allow"] = "POST"
        return answer

    return serve


def _problem(status: int, code: str, error: str) -> Response:
    return JSONResponse({"code": code, "error": error}, status_code=status)
