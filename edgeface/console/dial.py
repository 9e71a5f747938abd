"""The way to the reader's socket: a connection a question, so that pages in many threads never wait for each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgeface.adapters.reader_socket import ReaderSocket


class Dial:
    """What `edgeface.console.speaker.Reader` asks for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def command(self, envelope: str, verb: str) -> str:
        """The signed answer to a signed command. Raises ReaderError."""
        with ReaderSocket(self.path) as reader:
            return reader.command(envelope, verb)

    def local(self, verb: str, words: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same as the user who runs the console. Raises ReaderError, and what the verb refuses with."""
        with ReaderSocket(self.path) as reader:
            return reader.local(verb, words)

    def watch(self, envelope: str) -> Iterator[Mapping[str, Any]]:
        """What the camera sees, until the reader stops or the generator is closed. Raises ReaderError."""
        yield from ReaderSocket(self.path).watch(envelope)
