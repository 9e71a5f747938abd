"""How another process on this machine asks the running reader: a console, or the command line.

    reader = ReaderSocket(path)
    answer = reader.command(envelope, "people/list")        a signed command, as over MQTT -> the signed answer
    people = reader.local("people/list", {})                for root and the reader's own user -> the verb's answer
    for frame in reader.watch(envelope): ...                what the camera sees, the newest only

One request at a time on one connection; a reader that was started anew is connected to anew.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from edgeface import errors
from edgeface.adapters.frames import Link
from edgeface.commands import Code
from edgeface.errors import EdgefaceError, ReaderAbsent, ReaderError
from edgeface.wire import MessageError, loads

PATIENCE_S = 120.0
"""For an answer: enrolling a folder's worth of pictures or searching files for a forgotten person takes its time."""


class ReaderSocket:
    """A way to the reader that runs. Connects when it is first used."""

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S) -> None:
        self.path = path
        self._patience_s = patience_s
        self._link: Link | None = None

    def command(self, envelope: str, verb: str) -> str:
        """The signed answer to a signed command, both as over MQTT. Raises ReaderAbsent, ReaderError."""
        answer = self._ask({"kind": "command", "envelope": envelope, "verb": verb})
        return str(_expected(answer, "answer")["envelope"])

    def local(self, verb: str, words: Mapping[str, Any], *, cmd_id: str | None = None) -> dict[str, Any]:
        """The answer to a verb, as the user who runs this process: root, or the reader's own.

        The same `cmd_id` again (8 to 64 letters, digits, - and _) gets the same answer and does nothing. Raises what
        the verb refuses with, ReaderAbsent, ReaderError.
        """
        named = secrets.token_hex(16) if cmd_id is None else cmd_id
        answer = self._ask({"kind": "local", "verb": verb, "words": dict(words), "cmd_id": named})
        found = _expected(answer, "done")["answer"]
        if not isinstance(found, dict):
            raise ReaderError("the reader's answer is none: are both of one version?")
        return found

    def watch(self, envelope: str) -> Generator[dict[str, Any], None, None]:
        """What the camera sees, until the reader stops; close the generator to end it.

        Raises ReaderAbsent, ReaderError; a watch that is refused raises with the reason of the signed answer.
        """
        link = self._connected()
        try:
            link.send({"kind": "watch", "envelope": envelope})
            while (found := link.receive(None)) is not None:
                yield _expected(found, "frame")
        finally:
            link.close()

    def answers(self) -> bool:
        """Whether a reader runs there."""
        try:
            self._link = self._link or self._connected()
        except ReaderAbsent:
            return False
        return True

    def close(self) -> None:
        """End the connection; the next request makes another."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def __enter__(self) -> ReaderSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._link = self._link or self._connected()
        try:
            self._link.send(request)
            found = self._link.receive(self._patience_s)
        except ReaderError:
            self.close()
            raise
        if found is None:
            self.close()
            raise ReaderError("the reader stopped before it answered: look whether it was done, then ask anew")
        if found.get("reason") == Code.BUSY:  # then it hung up as well
            self.close()
        return found

    def _connected(self) -> Link:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            folder = os.open(self.path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                connection.settimeout(self._patience_s)
                connection.connect(f"/proc/self/fd/{folder}/{self.path.name}")
            finally:
                os.close(folder)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            connection.close()
            raise ReaderAbsent(
                f"no reader is running at {self.path}; start it with `sudo systemctl start edgeface`, or `edgeface run`"
            ) from error
        except PermissionError as error:
            connection.close()
            raise ReaderError(f"{self.path} is not for you: be root, or in the group of the reader") from error
        except OSError as error:
            connection.close()
            raise ReaderError(f"the reader at {self.path} does not answer: {error.strerror or error}") from error
        return Link(connection)


def _expected(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    """An answer of that kind. Raises what was refused, as the error it was."""
    if answer.get("kind") == "refused":
        raise _told(str(answer.get("error") or ""), str(answer.get("text")), answer.get("problem"))
    if kind == "frame" and answer.get("kind") == "answer":
        raise ReaderError(f"the reader shows nothing: {_reason(str(answer.get('envelope')))}")
    if answer.get("kind") != kind:
        raise ReaderError("the reader's answer is none: are both of one version?")
    return answer


def _reason(envelope: str) -> str:
    try:
        return str(loads(envelope)["error"] or "this was asked before: sign it anew")
    except (MessageError, KeyError):
        return "its answer is none: are both of one version?"


def _told(name: str, text: str, problem: object) -> EdgefaceError:
    """An error of our tree by its name, with its exit code."""
    kind = getattr(errors, name, ReaderError)
    if isinstance(kind, type) and issubclass(kind, EdgefaceError) and kind.__init__ is EdgefaceError.__init__:
        return kind(text)
    if name == errors.EnrolmentError.__name__:
        known = problem in set(errors.EnrolmentProblem)
        return errors.EnrolmentError(text, errors.EnrolmentProblem(str(problem)) if known else None)
    if name == errors.UpdateRefused.__name__ and problem in set(errors.UpdateProblem):
        return errors.UpdateRefused(errors.UpdateProblem(str(problem)), text.removeprefix(f"{problem}: "))
    return ReaderError(text)
