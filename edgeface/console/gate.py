"""What stands before every page: whom the browser takes us for, what it may do with a page, how much it may send."""

from __future__ import annotations

import ipaddress
import platform
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: browsers would then send the origin "null" with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class TooLarge(Exception):
    """More bytes came than the page takes."""


class Gate:
    """ASGI middleware: host names of others are refused (DNS rebinding), every answer gets its headers."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(name.casefold() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            return  # no websockets, no lifespan
        headers = Headers(scope=scope)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                made = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    made.setdefault(name, value)
                made.setdefault("cache-control", "no-store")
            await send(message)

        if not self._ours(headers.get("host", "")):
            await PlainTextResponse("unknown host name", status_code=421)(scope, receive, dressed)
        elif headers.get("content-encoding", "identity") != "identity":
            await PlainTextResponse("send it as it is, not compressed", status_code=415)(scope, receive, dressed)
        else:
            await self._app(scope, receive, dressed)

    def _ours(self, host: str) -> bool:
        name = host_name(host)
        return name in self._names or _is_address(name)


def own_names(named: Collection[str]) -> frozenset[str]:
    """What this machine is called by browsers."""
    machine = platform.node()
    return frozenset({"localhost", machine, f"{machine}.local", *named})


def host_name(host: str) -> str:
    """ "[::1]:8443" -> "::1"."""
    if host.startswith("["):
        name, closed, _ = host[1:].partition("]")
        return name if closed else ""
    return host.rpartition(":")[0].casefold() if ":" in host else host.casefold()


def bounded(request: Request, most: int) -> Request:
    """The request, of which at most so many bytes are read. Reading more raises TooLarge."""
    told = request.headers.get("content-length")
    if told is not None and (not told.isdecimal() or int(told) > most):
        raise TooLarge
    left = most

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge
        return message

    return Request(request.scope, receive)


def from_here(request: Request) -> bool:
    """Whether a form was sent by one of our own pages, as far as the browser tells."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
