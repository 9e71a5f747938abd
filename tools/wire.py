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
        self._sockets = set[socket.socket]()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def fail(self, ail: Ail = Ail.MUTE, after: int = 0) -> None:
        """From now on; `after`: so many bytes of the next piece still pass, as when it ends within a packet."""
        self._after, self._ail = after, ail

    def heal(self, *, late: bool = False) -> None:
        """Pass on what comes. What was held passes now if `late`, as from a network that comes back; else it is lost,
        and a connection that lost bytes stays mute: new ones work."""
        self._late, self._ail = late, None

    def cut(self) -> None:
        """End every connection at once; new ones may come."""
        for end in list(self._sockets):
            _hang_up(end)

    def close(self) -> None:
        """End."""
        _hang_up(self._server)
        self._accepting.join()
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
            self._sockets |= {near, far}
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(threading.Thread(target=self._connect, args=(near, far)))
            self._threads[-1].start()

    def _connect(self, near: socket.socket, far: socket.socket) -> None:
        """Carry both ways until both ends are done."""
        back = threading.Thread(target=self._carry, args=(far, near, 1))
        back.start()
        self._carry(near, far, 0)
        back.join()
        for end in (near, far):
            self._sockets.discard(end)
            _hang_up(end)

    def _carry(self, source: socket.socket, sink: socket.socket, way: int) -> None:
        kept, dead, ready = bytearray(), False, select.poll()
        try:
            ready.register(source, select.POLLIN)
            while True:
                if self._ail is None and kept:
                    dead = not self._late
                    self._pass(sink, b"" if dead else bytes(kept))
                    kept.clear()
                if self._ail is Ail.UNREAD:
                    time.sleep(_LOOK_S)
                elif ready.poll(1000 * _LOOK_S):
                    if not (data := source.recv(4096)):
                        while kept and self._ail is not None and source.fileno() >= 0:
                            time.sleep(_LOOK_S)  # whoever said it has gone, and the network still has it
                        self._pass(sink, bytes(kept) if self._late else b"")
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
    """Close it, as often as one likes."""
    with end:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side was faster
            return
