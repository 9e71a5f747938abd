"""Pictures of many people in a folder or a zip file, listed and read one by one. Nothing is ever unpacked.

    with open_album(path) as album:
        for item in album.items: album.read(item)

What comes from outside is not trusted: links are not followed, names that lead out of the folder, encrypted entries and
anything larger than a picture may be are listed with their problem instead of being read, and a zip file whose
directory is out of proportion, or whose entries share bytes, is refused as a whole.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from edgeface.errors import EnrolmentError, PictureError, PictureProblem
from edgeface.image import DecodeLimits

MAX_DIRECTORY_BYTES = 8 * 2**20
"""Of a zip file's table of contents: room for 65,000 pictures whose names have 50 characters. Whatever else it is, it
takes no more than 121 MiB and 2.4 s (164,000 empty files, on a workstation)."""
MAX_FILES = 200_000
"""In a folder."""
_LIMITS = DecodeLimits()
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, RuntimeError)
"""What Python's reader raises for damaged files; NotImplementedError is a RuntimeError."""
_LEAST_HEADER = 30
"""Bytes before an entry's own, without its name."""
_ELSEWHERE = 0xFFFFFFFF
"""A length that stands in the record of a large zip file."""
_TAIL_BYTES = 65_557
"""A zip file's last record, with the longest comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file that may be a picture."""

    path: str
    """Within the folder or zip file, `/` between its parts; may hold any character."""
    size: int
    """Bytes."""
    problem: str | None = None
    """Why it is not even read, as a sentence; None if it can be."""


class Album(Protocol):
    """A folder or a zip file."""

    @property
    def items(self) -> tuple[Item, ...]:
        """Everything in it, by path."""
        ...

    def read(self, item: Item) -> bytes:
        """A whole file, never more than a picture may have. Raises PictureError."""
        ...


@contextmanager
def open_album(path: Path) -> Iterator[Album]:
    """The folder or zip file at `path`. Raises EnrolmentError if it is neither, or not to be trusted."""
    if path.is_dir():
        yield _Folder(path)
        return
    with _archive(path) as archive:
        yield _Zip(archive, path)


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        with path.open("rb") as file:
            _check_directory(file, path)
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise EnrolmentError(f"{path}: no such file or folder; check the name") from None
    except OSError as error:
        raise EnrolmentError(f"{path} cannot be read: {error.strerror or error}; check its permissions") from error
    except _BROKEN as error:
        raise EnrolmentError(f"{path} is neither a folder nor a whole zip file: {error}") from error


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.items = tuple(sorted(self._walk(), key=lambda item: item.path))

    def read(self, item: Item) -> bytes:
        """Opened without following a link and without waiting for a pipe."""
        try:
            handle = os.open(self._root / item.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise PictureError(PictureProblem.UNREADABLE, "it is not a file; name a JPEG or PNG file")
                return _capped(file.read(_LIMITS.max_bytes + 1))
        except OSError as error:
            detail = f"{error.strerror or error}; check its name and permissions"
            raise PictureError(PictureProblem.UNREADABLE, detail) from error

    def _walk(self) -> Iterator[Item]:
        seen = 0
        lost: list[OSError] = []
        for parent, folders, names in os.walk(self._root, onerror=lost.append):
            within = Path(parent).relative_to(self._root)
            links = [name for name in folders if Path(parent, name).is_symlink()]
            for name in (*names, *links):
                seen += 1
                if seen > MAX_FILES:
                    raise EnrolmentError(f"{self._root} holds more than {MAX_FILES} files: enrol it in parts")
                yield _listed(Path(parent, name), (within / name).as_posix())
            for error in lost:
                where = Path(str(error.filename)).relative_to(self._root).as_posix()
                yield Item(path=where, size=0, problem=f"the folder cannot be read: {error.strerror}")
            lost.clear()


def _listed(path: Path, within: str) -> Item:
    try:
        found = path.lstat()
    except OSError as error:
        return Item(path=within, size=0, problem=f"it cannot be read: {error.strerror}")
    if stat.S_ISLNK(found.st_mode):
        return Item(path=within, size=0, problem="a link, which is not followed: put the picture itself there")
    return Item(path=within, size=found.st_size, problem=_hidden(within))


class _Zip:
    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        _refuse_overlaps(archive, path)
        listed: dict[str, tuple[Item, zipfile.ZipInfo]] = {}
        for entry in archive.infolist():
            if entry.filename.endswith("/"):
                continue
            item = _entry(entry)
            if item.path in listed:
                item = Item(path=item.path, size=item.size, problem="the zip file holds this name twice")
            listed[item.path] = item, entry
        self._entries = {name: entry for name, (_, entry) in listed.items()}
        self.items = tuple(item for _, (item, _) in sorted(listed.items()))

    def read(self, item: Item) -> bytes:
        """Unpacked in memory, and no further than a picture may be long, whatever the entry says of itself."""
        try:
            with self._archive.open(self._entries[item.path]) as file:
                return _capped(file.read(_LIMITS.max_bytes + 1))
        except _BROKEN as error:
            detail = f"the zip file is damaged here: {error}; pack the picture again"
            raise PictureError(PictureProblem.CORRUPT, detail) from error
        except OSError as error:
            raise PictureError(PictureProblem.UNREADABLE, f"{error.strerror or error}; check the disk") from error


def _entry(entry: zipfile.ZipInfo) -> Item:
    name = _name(entry)
    return Item(path=name, size=entry.file_size, problem=_entry_problem(entry, name) or _hidden(name))


def _name(entry: zipfile.ZipInfo) -> str:
    """Packers that say nothing about their letters mostly mean UTF-8; the standard says code page 437."""
    if entry.flag_bits & 0x800:
        return entry.orig_filename
    try:
        return entry.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.orig_filename


def _entry_problem(entry: zipfile.ZipInfo, name: str) -> str | None:
    parts = name.split("/")
    if not name:
        return "it has no name: pack it anew"
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":"):
        return "its name leads out of the zip file: pack it with plain names"
    if entry.flag_bits & 0x1:
        return "it is encrypted: pack it without a password"
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "a link or another thing that is no file: pack the picture itself"
    if entry.compress_type not in _PACKED:
        return "it is packed in a way that is not read here: pack it as an ordinary zip file"
    if entry.file_size > _LIMITS.max_bytes:
        return f"it is larger than {_LIMITS.max_bytes >> 20} MiB, which no picture needs"
    return None


def _hidden(path: str) -> str | None:
    parts = path.split("/")
    if any(part.startswith(".") for part in parts) or "__MACOSX" in parts:
        return "a hidden file"
    return None


def _capped(data: bytes) -> bytes:
    if len(data) > _LIMITS.max_bytes:
        detail = f"it is larger than {_LIMITS.max_bytes >> 20} MiB; scale the picture down"
        raise PictureError(PictureProblem.TOO_LARGE, detail)
    return data


def _check_directory(file: BinaryIO, path: Path) -> None:
    """Before anything is parsed: how long the table of contents says it is, in each record that may say so."""
    size = os.fstat(file.fileno()).st_size
    start = max(0, size - _TAIL_BYTES)
    file.seek(start)
    tail = file.read(_TAIL_BYTES)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("it has no table of contents")
    lengths = [int(struct.unpack_from("<L", tail, at + 12)[0])]
    for place in _large_records(tail, at, start + at):
        file.seek(min(place, size))
        record = file.read(56)
        if len(record) == 56 and record.startswith(b"PK\x06\x06"):
            lengths.append(int(struct.unpack_from("<Q", record, 40)[0]))
    if max(length for length in lengths if len(lengths) == 1 or length != _ELSEWHERE) > MAX_DIRECTORY_BYTES:
        raise EnrolmentError(f"{path} lists more files than fit {MAX_DIRECTORY_BYTES >> 20} MiB: enrol it in parts")
    file.seek(0)


def _large_records(tail: bytes, at: int, end: int) -> tuple[int, ...]:
    """Where the record of a large zip file may stand: where its locator says, and where Python looks for it."""
    if at < 20 or tail[at - 20 : at - 16] != b"PK\x06\x07":
        return ()
    return int(struct.unpack_from("<Q", tail, at - 12)[0]), max(0, end - 20 - 56)


def _refuse_overlaps(archive: zipfile.ZipFile, path: Path) -> None:
    """Entries that share bytes make a small file unpack to any size (Fifield, WOOT 2019)."""
    end = 0
    for entry in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if entry.header_offset < end:
            raise EnrolmentError(
                f"{path}: entries of this zip file share bytes, which no honest one does: pack it anew"
            )
        end = entry.header_offset + _LEAST_HEADER + entry.compress_size
