"""What tests of the console share: the real application, a browser without JavaScript, a reader in this process."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from commanding import Bench
from edgeface.adapters import frames
from edgeface.commands import Role
from edgeface.commands.words import Watch
from edgeface.console.accounts import Accounts, Cost
from edgeface.console.app import Console, application
from edgeface.console.certificate import Identity
from edgeface.console.known import Known
from edgeface.console.options import Options
from edgeface.console.server import server
from edgeface.errors import EdgefaceError
from edgeface.frame import Instant
from edgeface.signature import parse_public, public_of, public_text
from edgeface.store import commands

CODE = "22222-33333-44444-55555"
PASSWORD = "correct horse battery"
CHEAP = Cost(passes=1, memory_kib=64, lanes=1)
"""Of a password's try, so that tests are quick."""


class ReaderGone(EdgefaceError):
    """What stands for a reader that was stopped."""


@dataclass
class Nearby:
    """The reader, asked without a socket in between."""

    bench: Bench
    gone: bool = False
    asked: list[str] = field(default_factory=list)
    frames: tuple[Mapping[str, Any], ...] = ()
    """What its camera sees, for whoever watches."""

    def command(self, envelope: str, verb: str) -> str:
        self._there(verb)
        return self._said(envelope, verb)

    def _said(self, envelope: str, verb: str, **more: Any) -> str:
        noon, wall_ns = self.bench.moment, int(datetime.now(UTC).timestamp() * 1000) * 10**6
        self.bench.moment = Instant(monotonic_ns=10**12, wall_ns=wall_ns, wall_trusted=True)
        try:
            # As service/reception.py hears it.
            return self.bench.clerk.answer(envelope.encode(), verb, near=True, most_bytes=frames.MOST_BYTES, **more)
        finally:
            self.bench.moment = noon

    def local(self, verb: str, words: Mapping[str, Any]) -> Mapping[str, Any]:
        self._there(verb)
        if verb == "keys/revoke":
            with self.bench.database.transaction() as tables:
                commands.revoke(tables, words["id"], self.bench.moment, by="test")
            return {}
        assert verb == "keys/add"
        with self.bench.database.transaction() as tables:
            public, role = parse_public(words["public_key"]), Role(words["role"])
            made = commands.add(tables, public, words["name"], role, self.bench.moment, by="test")
        return {"id": made, "role": role.value, "reader": public_text(public_of(self.seed))}

    def watch(self, envelope: str) -> Iterator[Mapping[str, Any]]:
        self._there("live/watch")
        begun: list[Watch] = []
        self._said(envelope, "live/watch", show=begun.append)
        if not begun:
            raise ReaderGone("refused")
        for _ in range(100):  # then it ends: no test looks for longer
            for frame in self.frames:
                yield {**frame, "jpeg": frame["jpeg"] if begun[0].images else None}
            time.sleep(0.02)

    @property
    def seed(self) -> bytes:
        return self.bench.database.keyring.signing_seed

    def _there(self, verb: str) -> None:
        if self.gone:
            raise ReaderGone("no reader is running")
        self.asked.append(verb)


@dataclass
class Hall:
    """A console, its reader and its clock."""

    folder: Path
    reader: Nearby
    options: Options = field(default_factory=Options)
    seconds: float = 1000.0
    console: Console = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start it, or start it anew: whoever was signed in is no more."""
        self.console = Console(
            options=self.options,
            accounts=Accounts(self.folder, CHEAP),
            reader=self.reader,
            set_up_code=CODE,
            known=Known(self.folder),
            now=lambda: self.seconds,
        )
        self.app = application(self.console)

    def browser(self, address: str = "10.0.0.1", **headers: str) -> Browser:
        """Somebody else's browser."""
        return Browser(self, headers, address)

    def account(self, name: str, role: Role) -> Browser:
        """An account, and a browser that is signed in with it."""
        seed = (name.encode() * 32)[:32]
        told = {"public_key": public_text(public_of(seed)), "name": name, "role": role.value}
        self.console.accounts.keep(
            self.console.accounts.sealed(name, role, seed, PASSWORD), self.reader.local("keys/add", told)["reader"]
        )
        browser = self.browser()
        browser.sign_in(name)
        return browser


@contextmanager
def served(console: Console, identity: Identity | None = None, *, force: bool = False) -> Iterator[None]:
    """The console at the port of its options, by a thread of its own. `force`: it ends while browsers still hold on."""
    running = server(console, identity)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        while not running.started:
            assert thread.is_alive(), "it could not start"
            time.sleep(0.01)
        yield
    finally:
        running.should_exit, running.force_exit = True, force
        thread.join()


def hall_of(bench: Bench, folder: Path, **options: Any) -> Hall:
    """A console that nobody has set up."""
    home = folder / "console"
    home.mkdir(mode=0o700)
    return Hall(folder=home, reader=Nearby(bench), options=replace(Options(), **options))


class Browser:
    """Keeps cookies, follows nothing by itself, sends the forms that it was shown."""

    def __init__(self, hall: Hall, headers: Mapping[str, str] | None = None, address: str = "10.0.0.1") -> None:
        self.hall = hall

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await hall.app(scope, receive, send)  # as it is now: it may have been started anew

        self.client = TestClient(
            app,
            base_url="https://localhost:8443",
            headers=dict(headers or {}),
            follow_redirects=False,
            client=(address, 50000),
        )
        self.last: httpx2.Response | None = None

    def get(self, path: str, **more: Any) -> httpx2.Response:
        """A page."""
        self.last = self.client.get(path, **more)
        return self.last

    def follow(self, response: httpx2.Response) -> httpx2.Response:
        """Where a redirect leads."""
        assert response.status_code == 303, (response.status_code, text_of(response))
        return self.get(response.headers["location"])

    def send(self, path: str, **fields: Any) -> httpx2.Response:
        """A form, with the token that stands on the page seen last; sure of it, unless it is told otherwise."""
        token = fields.pop("csrf", None) or self.token()
        fields.setdefault("sure", "1")
        self.last = self.client.post(path, data={"csrf": token, **fields}, headers={"origin": "https://localhost:8443"})
        return self.last

    def token(self) -> str:
        """What the forms of the page seen last bring along."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.last.text if self.last else "")
        if found is None:
            found = re.search(r'name="csrf" value="([^"]+)"', self.get("/account").text)
        assert found is not None
        return found[1]

    def set_up(self, name: str, **changed: str) -> httpx2.Response:
        """Make the first account."""
        self.get("/setup")
        return self.send("/setup", **{"code": CODE, "name": name, "password": PASSWORD, "again": PASSWORD, **changed})

    def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> httpx2.Response:
        """Sign in, from the page for it."""
        self.get("/sign-in")
        return self.send("/sign-in", name=name, password=password, **more)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def text_of(response: httpx2.Response) -> str:
    """What a person reads on a page."""
    parser = _Text()
    parser.feed(response.text)
    return " ".join(" ".join(parser.parts).split())


def tags_of(response: httpx2.Response) -> list[tuple[str, dict[str, str | None]]]:
    """Every tag of a page with its attributes."""
    parser = _Text()
    parser.feed(response.text)
    return parser.tags
