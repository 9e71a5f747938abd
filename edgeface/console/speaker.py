"""Asks the reader: each question a signed command of whoever is signed in, each answer checked.

speaker.ask(seed, "people/list", words.Page()) -> words.People | No
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from edgeface.commands import VERBS, Code, Command, Status, signed
from edgeface.commands.words import Watch
from edgeface.errors import EdgefaceError
from edgeface.signature import Purpose, key_id, parse_public, public_of, verify
from edgeface.wire import MessageError, plain, record

TTL_S = 30
"""A command may wait while another is carried out."""

WATCH = "live/watch"

_COUNT_ON = re.compile(r"its seq is not above ([0-9]{1,16}):")


class Reader(Protocol):
    """The way to the running reader."""

    def command(self, envelope: str, verb: str) -> str:
        """The signed answer to a signed command. Raises EdgefaceError if no reader answers."""
        ...

    def local(self, verb: str, words: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same as the reader's own user, without a key. Raises EdgefaceError, also to say no."""
        ...

    def watch(self, envelope: str) -> Iterator[Mapping[str, Any]]:
        """What the camera sees, for a signed `live/watch`, until it is closed. Raises EdgefaceError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """Why something was not done."""

    code: Code | None
    """As the reader says; None: no reader answered, or another than ours."""
    says: str
    """A sentence; it may hold names."""


class Speaker:
    """Speaks to one reader for everybody who is signed in. Safe for threads."""

    def __init__(self, reader: Reader, public: Callable[[], str]) -> None:
        """`public`: the reader's public key as text, known since set-up."""
        self.reader, self._public = reader, public
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def ask(self, seed: bytes, verb: str, words: object) -> Any:
        """The record that the verb answers, or No. One that lost count of its commands counts on, once."""
        answer = self._asked(seed, verb, plain(words))
        if isinstance(answer, No) and answer.code is Code.REPLAYED and (behind := _COUNT_ON.search(answer.says)):
            self._advance(key_id(public_of(seed)), int(behind[1]))
            answer = self._asked(seed, verb, plain(words))
        return answer

    def watch(self, seed: bytes, words: Watch) -> Iterator[Mapping[str, Any]]:
        """What the camera sees, the newest only. Raises EdgefaceError; close it to end it."""
        command = self._command(seed, WATCH, plain(words), parse_public(self._public()))
        return self.reader.watch(signed(seed, command))

    def _asked(self, seed: bytes, verb: str, body: Mapping[str, Any]) -> Any:
        try:
            public = parse_public(self._public())
            command = self._command(seed, verb, body, public)
            return _answer(self.reader.command(signed(seed, command), verb), public, command)
        except (EdgefaceError, MessageError, ValueError) as error:
            return No(code=None, says=str(error))

    def _command(self, seed: bytes, verb: str, body: Mapping[str, Any], public: bytes) -> Command:
        own = key_id(public_of(seed))
        return Command(
            cmd_id=secrets.token_hex(12),
            key_id=own,
            to=key_id(public),
            verb=verb,
            body=body,
            seq=self._advance(own, int(time.time() * 1000)),
            issued_at=datetime.now(UTC),
            ttl_s=min(TTL_S, VERBS[verb].most_ttl_s),
        )

    def _advance(self, key: str, least: int) -> int:
        with self._lock:
            self._counts[key] = max(self._counts.get(key, 0) + 1, least + 1)
            return self._counts[key]


def _answer(text: str, public: bytes, command: Command) -> Any:
    """What a reader said, if it is ours and says it to this command. Raises MessageError."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(sig := found.pop("sig", None), str):
        raise MessageError("what answered is no reader")
    if not verify(public, Purpose.RESPONSE, found, sig):
        raise MessageError("another reader answered than the one that this console was set up with")
    told = found.get("cmd_id")
    if told != command.cmd_id:
        raise MessageError("the reader answered something else")
    if found["status"] != Status.OK.value:
        return No(code=Code(found["code"]), says=str(found["error"]))
    return record(VERBS[command.verb].answer, found["data"], "data")
