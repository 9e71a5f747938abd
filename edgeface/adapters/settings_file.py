"""edgeface.toml, one setting of it changed by a command: every other byte stays, and it is there whole or not at all.

    edited(content, "decide", "false_accepts", "1 in 1000") -> content

An edit touches one value. Whether what comes of it says what was meant is for the caller to read.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from edgeface.errors import ConfigError
from edgeface.store.files import settle

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_TEXT = r"""(?P<value>"(?!"")(?:[^"\\]|\\.)*"|'(?!'')[^']*')"""
_HEADER = re.compile(r"[ \t]*\[{1,2}[ \t]*[\w\".'-]+[^\n]*\]{1,2}[ \t]*(?:#.*)?\r?$")


def read(path: Path) -> bytes:
    """What is written there; nothing if there is no such file. Raises ConfigError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; check its permissions") from error


def edited(content: bytes, table: str, key: str, value: str | None) -> bytes:
    """A file in which `key` of [table] is this plain text; None: it is not set. Raises ConfigError for what is no
    text, or a key that is written in another way than on a line of its own."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte {error.start} of the file is not UTF-8; save it as UTF-8") from error
    mark = _BOM if text.startswith(_BOM) else ""
    lines = text.removeprefix(mark).split("\n")
    end_of_line = "\r" if lines[0].endswith("\r") else ""
    stated = "" if value is None else f'{key} = "{_plain(value)}"{end_of_line}'
    header = re.compile(rf"[ \t]*\[[ \t]*{re.escape(table)}[ \t]*\][ \t]*(?:#.*)?\r?$")
    start = next((place for place, line in enumerate(lines) if header.match(line)), None)
    if start is None:
        return content if value is None else _appended(content, f"[{table}]{end_of_line}", stated)
    made = _within(lines, start, key, value, stated)
    return (mark + "\n".join(made)).encode()


def _within(lines: list[str], start: int, key: str, value: str | None, stated: str) -> list[str]:
    end = next((place for place in range(start + 1, len(lines)) if _HEADER.match(lines[place])), len(lines))
    own = re.compile(rf"""[ \t]*["']?{re.escape(key)}["']?[ \t]*=""")
    after = start
    for place in range(start + 1, end):
        if own.match(lines[place]):
            return [*lines[:place], *_restated(lines[place], own, value), *lines[place + 1 :]]
        if re.match(rf"[ \t]*#[ \t]*{re.escape(key)}[ \t]*=", lines[place]):
            after = place  # `edgeface config show` leaves what is not set as a comment
    return lines if value is None else [*lines[: after + 1], stated, *lines[after + 1 :]]


def _restated(line: str, own: re.Pattern[str], value: str | None) -> list[str]:
    """The line with another value; without one what is left of it is its comment."""
    found = re.fullmatch(rf"(?P<before>{own.pattern}[ \t]*){_TEXT}(?P<after>[ \t]*(?P<comment>#.*?)?\r?)", line)
    if found is None:
        raise ConfigError(f"the line {line.strip()[:60]!r} cannot be changed by a command: edit the file by hand")
    if value is not None:
        return [f'{found["before"]}"{_plain(value)}"{found["after"]}']
    return [found["comment"] + ("\r" if line.endswith("\r") else "")] if found["comment"] else []


def _appended(content: bytes, header: str, stated: str) -> bytes:
    gap = "" if not content else "\n" if content.endswith(b"\n") else "\n\n"
    return content + f"{gap}{header}\n{stated}\n".encode()


def _plain(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_ ,.:/-]*", value) is None:
        raise ConfigError(f"{value[:60]!r} cannot stand in the settings")
    return value


class Rewriting:
    """Another content for a settings file: finished beside it first, and given its name once all else is done."""

    def __init__(self, path: Path, former: bytes, content: bytes) -> None:
        """Write it, on the disk, with the owner and permissions of what it replaces. Raises ConfigError."""
        self._path, self._former = Path(os.path.realpath(path)), former
        self._unfinished = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._unfinished.unlink(missing_ok=True)
            self._write(content)
        except OSError as error:
            self.drop()
            raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error

    def settle(self) -> None:
        """Put it in the file's place. Raises ConfigError, also if somebody else has written the file meanwhile."""
        if read(self._path) != self._former:
            self.drop()
            raise ConfigError(f"{self._path} was changed by somebody else meanwhile: look at it, then try again")
        try:
            settle(self._unfinished, self._path)
        except OSError as error:
            self.drop()
            raise ConfigError(f"{self._path} cannot be replaced: {error.strerror or error}") from error

    def drop(self) -> None:
        """Leave the file as it is."""
        try:
            self._unfinished.unlink(missing_ok=True)
        except OSError:
            return  # where nothing can be written nothing was left

    def _write(self, content: bytes) -> None:
        like = self._path.stat() if self._path.exists() else None
        descriptor = os.open(self._unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            folder = self._path.parent.stat()
            owner = (folder.st_uid, folder.st_gid) if like is None else (like.st_uid, like.st_gid)
            if owner != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, *owner)
            if like is not None:
                os.fchmod(descriptor, like.st_mode & 0o777)
            file.write(content)
            file.flush()
            os.fsync(descriptor)


def digest(content: bytes) -> str:
    """What the audit log calls such a file, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()
