"""access.toml, changed by commands: comments and the order of things stay, and only a file that is right replaces it.

An edit touches lines. What comes of it is read again and must say exactly what was meant; else nothing is written and
the person is asked to edit the file by hand.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from edgeface.access import Rules
from edgeface.config import parse
from edgeface.errors import ConfigError
from edgeface.store import files

Value = str | date | tuple[str, ...]


def append_table(text: str, header: str, values: Mapping[str, Value]) -> str:
    """A text with one more table at its end, such as "[[grants]]". Empty values are left out."""
    lines = [f"{key} = {_literal(value)}" for key, value in values.items() if value not in ("", ())]
    return text.rstrip("\n") + "\n\n" + "\n".join([header, *lines]) + "\n"


def set_key(text: str, table: str, key: str, value: Value) -> str:
    """A text in which [table] has this key; the table is made if it is not there."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if re.match(rf"\[{re.escape(table)}\]\s*(#|$)", line)), None)
    if start is None:
        return append_table(text, f"[{table}]", {key: value})
    end = _end(lines, start)
    for first in range(start + 1, end):
        if re.match(rf"{re.escape(key)}\s*=", lines[first]):
            last = _statement(lines, first, end)
            return "\n".join([*lines[:first], f"{key} = {_literal(value)}", *lines[last:]])
    return "\n".join([*lines[: start + 1], f"{key} = {_literal(value)}", *lines[start + 1 :]])


def remove_key(text: str, table: str, key: str) -> str:
    """A text in which [table], if it is there, has not got this key."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if re.match(rf"\[{re.escape(table)}\]\s*(#|$)", line)), None)
    if start is None:
        return text
    end = _end(lines, start)
    for first in range(start + 1, end):
        if re.match(rf"{re.escape(key)}\s*=", lines[first]):
            return "\n".join([*lines[:first], *lines[_statement(lines, first, end) :]])
    return text


def remove_table(text: str, header: str, index: int) -> str:
    """A text without the index-th table of that header; the comments after it stay. Raises ConfigError."""
    lines = text.split("\n")
    places = [i for i, line in enumerate(lines) if re.match(rf"{re.escape(header)}\s*(#|$)", line)]
    if index >= len(places):
        raise ConfigError(f"{header} number {index} is not written in a way that can be removed: edit the file by hand")
    start = places[index]
    end = _end(lines, start)
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return "\n".join([*lines[:start], *lines[end:]])


def expect(path: Path, text: str, meant: Rules) -> None:
    """Raises ConfigError if a text that is to be put in the file's place does not say what was meant."""
    try:
        found = parse(text, Rules)
    except ConfigError as error:
        raise ConfigError(f"{path} stays as it was: {error}") from error
    if found != meant:
        raise ConfigError(f"{path} is written in a way that this command cannot change: edit it by hand")


def replace_file(path: Path, text: str) -> None:
    """Put a text in the file's place, whole or not at all, readable by its owner alone. Raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.put(path, text.encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error


def _end(lines: Sequence[str], start: int) -> int:
    """The line after a table: that of the next header."""
    return next((i for i in range(start + 1, len(lines)) if re.match(r"\[\[?[\w\".-]+\]", lines[i])), len(lines))


def _statement(lines: Sequence[str], first: int, end: int) -> int:
    """The line after a value that begins on a line and may go on over several."""
    for last in range(first + 1, end + 1):
        try:
            tomllib.loads("\n".join(lines[first:last]))
        except tomllib.TOMLDecodeError:
            continue
        return last
    raise ConfigError(f"line {first + 1} cannot be changed by this command: edit the file by hand")


def _literal(value: Value) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, date):
        return value.isoformat()
    if re.fullmatch(r"[A-Za-z0-9_ :./-]*", value) is None:
        raise ConfigError(f"{value!r} cannot stand in the rules: use letters, digits, - and _")
    return f'"{value}"'
