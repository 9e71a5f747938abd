"""One request and who makes it: what every page is handed, and what it hands back.

    def show(visit: Visit) -> Response:
        found = visit.expect("people/list", words.Page())
        return visit.page("people.html", people=found.people)

    WAYS = (Way("GET", "/people", show),)

Pages are plain functions; they run in a thread of their own each and may wait for the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edgeface.commands import VERBS, Role, may
from edgeface.console.sessions import Session
from edgeface.console.speaker import No

if TYPE_CHECKING:
    from edgeface.console.app import Console

SMALL = 64 * 1024
"""Bytes of a form without files."""


class ReaderSaidNo(Exception):
    """Ends a page that cannot be without the reader's answer; it is shown as a page of its own."""

    def __init__(self, no: No) -> None:
        super().__init__(no.says)
        self.no = no


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that came with a form."""

    field: str
    filename: str
    """As the browser says: never a path here, shown as text only."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visit:
    """A request."""

    console: Console
    path: Mapping[str, str]
    """Parts of the path, by name."""
    query: Mapping[str, str]
    form: Mapping[str, str]
    """The last value of each field."""
    many: Mapping[str, tuple[str, ...]]
    """All values of each field."""
    files: tuple[Upload, ...]
    address: str
    """Whence it comes."""
    cookie: str
    early: str
    """That of a browser with which nobody has signed in."""
    device: str
    """That of a browser with which somebody has signed in before."""
    url: str
    """Path and query, to come back to."""
    found: Session | None

    @property
    def session(self) -> Session:
        """Whose it is; there is one on every page that is not open to all."""
        assert self.found is not None
        return self.found

    @property
    def words(self) -> SimpleNamespace:
        """All that is said to people."""
        return self.console.strings

    def can(self, verb: str) -> bool:
        """Whether the reader would take a verb from who is signed in: to show what is of use. The reader decides."""
        return self.found is not None and may(self.found.role, VERBS[verb].role)

    def ask(self, verb: str, words: object) -> Any:
        """The verb's answer, or No."""
        return self.console.speaker.ask(self.session.seed, verb, words)

    def expect(self, verb: str, words: object) -> Any:
        """The verb's answer. Without one the page ends."""
        answer = self.ask(verb, words)
        if isinstance(answer, No):
            raise ReaderSaidNo(answer)
        return answer

    def page(self, template: str, *, status: int = 200, **facts: Any) -> Response:
        """A page."""
        return HTMLResponse(self.console.look.render(template, self, facts), status_code=status)

    def go(self, where: str, says: str | None = None) -> Response:
        """Another page, which says what was done."""
        if says is not None and self.found is not None:
            self.found.notices.append(says)
        return RedirectResponse(where, status_code=303)


Act = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked before something is done that cannot be undone, or shuts people in or out."""

    verb: str
    """What it says to the reader: who may not say it is not asked, and hears the reader's no."""
    says: str
    """What will happen."""
    act: str
    """What the button that does it says."""
    back: str
    """Where a no leads."""


Sure = Callable[[Visit], Question | None]
"""None: this one needs no question."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a page is, and who may see it."""

    method: str
    path: str
    act: Act
    role: Role | None = Role.VIEW
    """What it takes; None: open to all. Verbs that a page says are judged by the reader whatever stands here."""
    most_bytes: int = SMALL
    """Of the body."""
    most_files: int = 0
    sure: Sure | None = None
    """Asked on a page of its own unless the form says that it was answered: a script asks before it sends the form."""
    touches: bool = field(default=True)
    """Whether it counts as a sign of life; pages that a browser asks for by itself do not."""


async def upload_of(name: str, file: UploadFile) -> Upload:
    """A file in memory; its size was bounded before."""
    return Upload(field=name, filename=file.filename or "", data=await file.read())
