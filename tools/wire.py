"""A TCP proxy that fails as networks do: it takes what it is given, and nothing comes of it, or not all, or late."""

from __future__ import annotations

import select
import socket
import threading
import time
from enum import StrEnum

DRIP_S = 0.01
"""Between two bytes of a wire that drips."""

MOST_SAID = 65_536

_LOOK_S = 0.02


class Ail(StrEnum):
    """What is wrong with a wire."""

    MUTE = "mute"
    """Takes everything, and passes nothing on, either way."""
    NOTHING_GOES = "nothing goes"
    """What comes from the other end still comes."""
    NOTHING_COMES = "nothing comes"
    """What goes to the other end still goes."""
    UNREAD = "unread"
    """Does not even take it."""
    DRIPS = "drips"
    """Byte after byte, slowly."""


_HOLDS = {
    Ail.MUTE: (True, True),
    Ail.NOTHING_GOES: (True, False),
    Ail.NOTHING_COMES: (False, True),
    Ail.UNREAD: (True, True),
    Ail.DRIPS: (False, False),
}
"""Whether it passes nothing on: to the other end, from there."""


class Wire:
    """From a port of its own to another one here."""

    def __init__(self, target_port: int) -> None:
        self.swallowed = bytearray()
        """What was taken and not passed on at once."""
        self.said = bytearray()
        """What came from the near end, the first 64 kB of it."""
        self._ail: Ail | None = None
        self._after, self._late = 0, False
        self._target_port = target_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def fail(self, ail: Ail = Ail.MUTE, after: int = 0) -> None:
        """From now on; `after`: so many bytes of the next piece still pass, as when it ends within a packet."""
        self._after, self._ail = after, ail

    def heal(self, *, late: bool = False) -> None:
        """Pass on what comes. What was held passes now if `late`, as from a network that comes back; else it is lost,
        and a connection that lost bytes stays mute: new ones work."""
        self._late, self._ail = late, None

    def cut(self) -> None:
        """End every connection at once; new ones may come."""
        while self._sockets:
            _hang_up(self._sockets.pop())

    def close(self) -> None:
        """End."""
        _hang_up(self._server)
        self._threads[0].join()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                _hang_up(near)
                continue
            self._sockets += [near, far]
            for way, (source, sink) in enumerate(((near, far), (far, near))):
                thread = threading.Thread(target=self._carry, args=(source, sink, way))
                self._threads.append(thread)
                thread.start()

    def _carry(self, source: socket.socket, sink: socket.socket, way: int) -> None:
        kept, dead = bytearray(), False
        try:
            while True:
                if self._ail is None and kept:
                    dead = not self._late
                    self._pass(sink, b"" if dead else bytes(kept))
                    kept.clear()
                if self._ail is Ail.UNREAD:
                    time.sleep(_LOOK_S)
                elif select.select([source], [], [], _LOOK_S)[0]:
                    if not (data := source.recv(4096)):
                        sink.shutdown(socket.SHUT_WR)
                        return
                    if way == 0:
                        self.said += data[: max(0, MOST_SAID - len(self.said))]
                    # What comes after something that is held waits behind it, even if the wire has just healed.
                    held = data if dead or kept else self._held(data, way)
                    self.swallowed += held
                    self._pass(sink, data[: len(data) - len(held)])
                    kept += b"" if dead else held
        except (OSError, ValueError):  # it was hung up, even while it was looked at
            return

    def _held(self, data: bytes, way: int) -> bytes:
        """What of it is not passed on now."""
        if (ail := self._ail) is None or not _HOLDS[ail][way]:
            return b""
        passes, self._after = min(self._after, len(data)), 0
        return data[passes:]

    def _pass(self, sink: socket.socket, data: bytes) -> None:
        while data and self._ail is Ail.DRIPS:
            sink.sendall(data[:1])
            data = data[1:]
            time.sleep(DRIP_S)
        sink.sendall(data)


def _hang_up(end: socket.socket) -> None:
    with end:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side was faster
            return
