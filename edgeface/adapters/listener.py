"""The socket at which the running reader is asked: made so that only its own group reaches it, and taken away again.

    listen(path) -> Listener -> accept() -> Caller

Its place is a file: a stale one, left by a reader that was killed, is replaced; one at which a process answers is not.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edgeface.adapters.frames import Link
from edgeface.errors import ReaderError

MODE = 0o660
"""Its owner and its group; who may do what is asked of the signature, or of the kernel."""

_WAITING = 64
"""Who connects while so many wait to be let in is told that nobody answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who has connected."""

    link: Link
    uid: int
    """Whose process it was when it connected, by the kernel (SO_PEERCRED of unix(7))."""

    @property
    def name(self) -> str:
        """The user's name; his number if he has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


class Listener:
    """A place at which to be called."""

    def __init__(self, server: socket.socket, path: Path) -> None:
        self.path = path
        self._server = server
        self._file = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)  # its number is not used again meanwhile

    def accept(self, wait_s: float) -> Caller | None:
        """Whoever calls next; None if nobody does for so long, or it is closed."""
        try:
            self._server.settimeout(wait_s)
            connection, _ = self._server.accept()
        except OSError:
            return None
        packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", packed)
        return Caller(link=Link(connection), uid=uid)

    def close(self) -> None:
        """Be called no more, also for whoever waits; the file goes, unless it is another's by now."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._file), self.path.lstat()):
                self.path.unlink()
        os.close(self._file)


def listen(path: Path) -> Listener:
    """Begin to listen at a place. Raises ReaderError if another process listens there, or the place will not do."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with _folder_of(path) as folder:
            short = Path(f"/proc/self/fd/{folder}/{path.name}")  # an address has room for 107 bytes
            _clear(path, short)
            server.bind(str(short))
            short.chmod(MODE)  # before it listens: nobody gets in between
            server.listen(_WAITING)
    except OSError as error:
        server.close()
        raise ReaderError(f"nobody can be answered at {path}: {error.strerror}; see path under [socket]") from error
    except ReaderError:
        server.close()
        raise
    return Listener(server, path)


@contextmanager
def _folder_of(path: Path) -> Iterator[int]:
    """The folder, locked: of two that start at once one listens, and the other finds it."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(folder)


def _clear(path: Path, short: Path) -> None:
    """Take away what a killed reader left. Raises ReaderError for anything else."""
    try:
        found = short.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISSOCK(found) or stat.S_ISLNK(found)):
        raise ReaderError(f"{path} is no socket: move it away, or name another place under [socket]")
    if stat.S_ISSOCK(found):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(short))
            except ConnectionRefusedError:
                pass
            else:
                raise ReaderError(f"another reader answers at {path}: stop it first")
    short.unlink()
