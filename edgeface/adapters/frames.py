"""Messages over a stream socket: four bytes of length, big-endian, then so many bytes of JSON in UTF-8.

Both ends take the same limits, and every wait has an end: who sends half a message, or reads nothing, is let go.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from edgeface.errors import ReaderError
from edgeface.wire import MOST_BYTES as USUAL_BYTES
from edgeface.wire import MessageError, dumps, loads

MOST_BYTES = 8 * 2**20
"""Longest message: a few pictures. A choice."""

MOST_PARTS = 20_000
"""Commas, brackets and braces of a message above 64 KiB. Such a one is long by its pictures: what is long by its parts
would take a hundred times its length in memory to be read."""

WITHIN_S = 10.0
"""For a message to come whole, once it has begun, or to be taken. A choice: a loaded Pi hands 8 MiB over in 0.1 s."""


class BadFrame(ReaderError):
    """What came is no message, or did not come whole in time."""


class Link:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, fields: Mapping[str, Any]) -> None:
        """Raises ReaderError if the other end does not take it in time, or it is too long."""
        try:
            data = dumps(fields).encode()
        except MessageError as error:
            raise ReaderError(str(error)) from error
        if len(data) > MOST_BYTES:
            raise ReaderError(f"the answer is longer than {MOST_BYTES // 2**20} MiB: ask for less at once")
        try:
            self._connection.settimeout(WITHIN_S)  # for all of it: see sendall
            self._connection.sendall(struct.pack(">I", len(data)) + data)
        except OSError as error:
            raise ReaderError(f"the other end takes nothing: {error}") from error

    def receive(self, wait_s: float | None) -> dict[str, Any] | None:
        """The next message; None if the other end has closed. Waits so long for it to begin, None: for good.

        Raises BadFrame for what is no message, ReaderError if the link breaks or nothing comes.
        """
        head = self._read(4, wait_s, ends=True)
        if head is None:
            return None
        (length,) = struct.unpack(">I", head)
        if not 0 < length <= MOST_BYTES:
            raise BadFrame(f"a message has 1 to {MOST_BYTES} bytes, not {length}")
        data = self._read(length, WITHIN_S, ends=False)
        assert data is not None
        if length > USUAL_BYTES and sum(data.count(part) for part in (b",", b"[", b"{")) > MOST_PARTS:
            raise BadFrame(f"more than {MOST_PARTS} parts in one message")
        try:
            return loads(data, most_bytes=MOST_BYTES)
        except MessageError as error:
            raise BadFrame(str(error)) from error

    def gone(self) -> bool:
        """Whether the other end has closed, or speaks when it should listen."""
        try:
            self._connection.settimeout(0)
            self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """End it, also for whoever waits in another thread."""
        with suppress(OSError):  # the other end was faster
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _read(self, length: int, wait_s: float | None, *, ends: bool) -> bytes | None:
        data, until = bytearray(), None if wait_s is None else time.monotonic() + wait_s
        while len(data) < length:
            try:
                self._connection.settimeout(None if until is None else max(0.001, until - time.monotonic()))
                more = self._connection.recv(min(length - len(data), 1 << 16))
            except TimeoutError as error:
                raise BadFrame("nothing came in time") from error
            except OSError as error:
                raise ReaderError(f"the link broke: {error}") from error
            if not more and ends and not data:
                return None
            if not more:
                raise BadFrame("it ended in the middle of a message")
            if not data:
                until = time.monotonic() + WITHIN_S
            data += more
        return bytes(data)
