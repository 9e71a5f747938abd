"""A layer beneath SQLite that writes down what reaches the disk, and lets it fail: for the very library that is in use.

SQLite calls the operating system through a table of functions (https://www.sqlite.org/vfs.html). `recording` puts a
table of ours in front, by ctypes, in the library that Python's own sqlite3 has loaded: nothing in edgeface knows of it.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECTOR_BYTES = 512
"""What a disk writes whole, or not at all."""

IOERR_WRITE, IOERR_FSYNC, FULL = 778, 1034, 13
"""https://www.sqlite.org/rescode.html"""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place; or, without bytes, a file cut to that length."""

    file: str
    offset: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Sync:
    """All that was written to a file is on the disk."""

    file: str


@dataclass(frozen=True, slots=True)
class Delete:
    """A file is gone."""

    file: str


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody was told that something is done."""

    what: str


Event = Write | Sync | Delete | Told


@dataclass(slots=True)
class Tape:
    """What happened, in order; and what is to fail."""

    events: list[Event] = field(default_factory=list)
    fail_at: int | None = None
    """Number of the write, cut or sync that fails, counted from 0; None: none does."""
    code: int = IOERR_WRITE
    for_good: bool = False
    """Whether all that follow fail too."""
    calls: int = 0

    def fails(self) -> bool:
        """Whether this one fails."""
        number, self.calls = self.calls, self.calls + 1
        return self.fail_at is not None and (number == self.fail_at or (self.for_good and number > self.fail_at))


def disk_after(before: dict[str, bytes], events: list[Event], torn: random.Random | None) -> dict[str, bytes]:
    """What the files hold after a power cut that came after these events.

    Of what was not synced each sector is there or not by chance, with a chance that is drawn first; without `torn` the
    process alone died, and all of it is there.
    """
    files = {name: bytearray(content) for name, content in before.items()}
    keep = 1.0 if torn is None else torn.choice((0.0, 0.5, 0.9, torn.random()))
    waiting: dict[str, list[Write]] = {}
    for event in events:
        match event:
            case Write():
                waiting.setdefault(event.file, []).append(event)
            case Sync():
                for write in waiting.pop(event.file, ()):
                    _apply(files, write, None, 1.0)
            case Delete():
                waiting.pop(event.file, None)
                files.pop(event.file, None)
            case Told():
                pass
    for writes in waiting.values():
        for write in writes:
            _apply(files, write, torn, keep)
    return {name: bytes(content) for name, content in files.items()}


def _apply(files: dict[str, bytearray], write: Write, torn: random.Random | None, keep: float) -> None:
    file = files.setdefault(write.file, bytearray())
    if write.content is None:
        if torn is None or torn.random() < keep:
            del file[write.offset :]
        return
    place = 0
    while place < len(write.content):
        start = write.offset + place
        piece = write.content[place : place + SECTOR_BYTES - start % SECTOR_BYTES]
        if torn is None or torn.random() < keep:
            file.extend(bytes(max(0, start - len(file))))
            file[start : start + len(piece)] = piece
        place += len(piece)


_pointer = ctypes.c_void_p


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int), ("size", ctypes.c_int), ("longest", ctypes.c_int), ("next", _pointer),
        ("name", ctypes.c_char_p), ("data", _pointer), ("open", _pointer), ("delete", _pointer),
        ("rest", _pointer * 12),
    )  # fmt: skip


class _Methods(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int), ("close", _pointer), ("read", _pointer), ("write", _pointer),
        ("truncate", _pointer), ("sync", _pointer), ("rest", _pointer * 13),
    )  # fmt: skip


_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_char_p, _pointer, ctypes.c_int, _pointer)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_char_p, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, _pointer, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_int)


class _Layer:
    """The table of functions. What SQLite holds a pointer to must live as long as the process: it is never freed."""

    def __init__(self) -> None:
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = _pointer
        library.sqlite3_vfs_find.argtypes = (ctypes.c_char_p,)
        library.sqlite3_vfs_register.argtypes = library.sqlite3_vfs_unregister.argtypes = (_pointer, ctypes.c_int)[:2]
        library.sqlite3_vfs_unregister.argtypes = (_pointer,)
        self.library, self.tape = library, Tape()
        self.real = _Vfs.from_address(library.sqlite3_vfs_find(None))
        self.ours = _Vfs.from_buffer_copy(self.real)
        self.ours.name = b"edgeface-recorder"
        self._open, self._delete = _OPEN(self._opened), _DELETE(self._deleted)
        self.ours.open = ctypes.cast(self._open, _pointer)
        self.ours.delete = ctypes.cast(self._delete, _pointer)
        self._names: dict[int, str] = {}
        self._real_methods: dict[int, _Methods] = {}
        self._tables: dict[int, _Methods] = {}
        self._write, self._cut, self._sync = _WRITE(self._written), _TRUNCATE(self._truncated), _SYNC(self._synced)

    def _opened(self, vfs: int, name: bytes | None, file: int, flags: int, out: int) -> int:
        code = int(_OPEN(self.real.open)(vfs, name, file, flags, out))
        methods = _pointer.from_address(file).value
        if code == 0 and name is not None and methods is not None:
            self._names[file] = Path(name.decode()).name
            if methods not in self._tables:
                table = _Methods.from_buffer_copy(_Methods.from_address(methods))
                table.write, table.truncate, table.sync = (
                    ctypes.cast(call, _pointer) for call in (self._write, self._cut, self._sync)
                )
                self._tables[methods] = table
            self._real_methods[file] = _Methods.from_address(methods)
            _pointer.from_address(file).value = ctypes.addressof(self._tables[methods])
        return code

    def _deleted(self, vfs: int, name: bytes, sync: int) -> int:
        self.tape.events.append(Delete(Path(name.decode()).name))
        return int(_DELETE(self.real.delete)(vfs, name, sync))

    def _written(self, file: int, content: int, count: int, offset: int) -> int:
        if self.tape.fails():
            return self.tape.code
        self.tape.events.append(Write(self._names[file], offset, ctypes.string_at(content, count)))
        return int(_WRITE(self._real_methods[file].write)(file, content, count, offset))

    def _truncated(self, file: int, size: int) -> int:
        if self.tape.fails():
            return self.tape.code
        self.tape.events.append(Write(self._names[file], size, None))
        return int(_TRUNCATE(self._real_methods[file].truncate)(file, size))

    def _synced(self, file: int, flags: int) -> int:
        if self.tape.fails():
            self._lose(self._names[file])
            return IOERR_FSYNC
        self.tape.events.append(Sync(self._names[file]))
        return int(_SYNC(self._real_methods[file].sync)(file, flags))

    def _lose(self, file: str) -> None:
        """Linux drops what a failed fsync could not write, and the next fsync says that all is well (2018)."""
        place = len(self.tape.events)
        while place and self.tape.events[place - 1] != Sync(file):
            place -= 1
        self.tape.events[place:] = [
            event for event in self.tape.events[place:] if not (isinstance(event, Write) and event.file == file)
        ]


_layer: _Layer | None = None


@contextmanager
def recording(tape: Tape) -> Iterator[Tape]:
    """Galleries opened within the block write on this tape. Raises OSError if this Python's SQLite is sealed."""
    global _layer
    try:
        layer = _layer = _layer or _Layer()
    except AttributeError as error:
        raise OSError("the SQLite of this Python cannot be reached from outside") from error
    layer.tape = tape
    layer.library.sqlite3_vfs_register(ctypes.addressof(layer.ours), 1)
    try:
        yield tape
    finally:
        layer.library.sqlite3_vfs_unregister(ctypes.addressof(layer.ours))
        layer.tape = Tape()
