"""Settings in TOML, one table a stage: what is written is checked, what is not written keeps its measured default.

    parse(text, Config) -> Config       to_toml(config) -> text

Config is a frozen dataclass of frozen dataclasses, the stages' own Options; their fields, types and docstrings are all
there is to know. An unknown key is an error that gives its path and the nearest right one.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import json
import math
import re
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from edgeface.errors import ConfigError

T = TypeVar("T")

_COMMENT_WIDTH = 100


def load(path: Path, into: type[T]) -> T:
    """The settings in a file. Raises ConfigError, its message begins with the file's name."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = f"{path}: no such file; write one with: edgeface config show > {path}"
        raise ConfigError(message) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; check its permissions") from error
    try:
        return parse(text, into)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse(text: str, into: type[T]) -> T:
    """The settings in a TOML text, as an `into`, a frozen dataclass whose fields all have defaults.

    A field is int, float, bool, str, date, Path, a StrEnum, a tuple of those, one of those or None (None must then be
    its default, since TOML cannot say it), such a dataclass again (a table), a tuple of such (a list of tables), or a
    mapping of names to such (tables below a table). Ranges are the dataclasses' own: their
    ValueError is raised again as a ConfigError under the path of its table. Raises ConfigError.
    """
    try:
        table = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"this is no TOML: {error}; strings take quotes, tables are written [name]") from error
    except RecursionError as error:
        raise ConfigError("this is no TOML that can be read: it is nested too deep") from error
    return _table(table, into, "", _paths(into))


def to_toml(config: object) -> str:
    """All settings of a config with what they mean as comments; `parse` reads it back as the same config."""
    return "\n".join(_lines(config, "")).strip() + "\n"


def _table(table: Mapping[str, object], into: type[T], path: str, known: list[str]) -> T:
    kinds = _fields(into)
    for key in table:
        if key not in kinds:
            raise ConfigError(_unknown(_join(path, key), known, list(kinds)))
    values = {key: _value(value, kinds[key], _join(path, key), known) for key, value in table.items()}
    try:
        return into(**values)
    except ValueError as error:
        message = str(error)
        named = message.partition(" ")[0] in kinds
        raise ConfigError(_join(path, message) if named or not path else f"{path}: {message}") from error


def _value(value: object, kind: Any, path: str, known: list[str]) -> object:
    """One TOML value as its field's type wants it."""
    kind = _without_none(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise _wrong(path, f"a table, written [{path}]", value)
        return _table(value, kind, path, known)
    if typing.get_origin(kind) is Mapping:
        if not isinstance(value, dict):
            raise _wrong(path, f"tables, written [{path}.NAME]", value)
        within = typing.get_args(kind)[1]
        return {name: _value(item, within, _join(path, name), known) for name, item in value.items()}
    if typing.get_origin(kind) is tuple:
        return _tuple(value, typing.get_args(kind), path, known)
    return _plain(value, kind, path)


def _tuple(value: object, kinds: tuple[Any, ...], path: str, known: list[str]) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise _wrong(path, "a list in [ ]", value)
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ConfigError(f"{path}: must hold {len(kinds)} values, not {len(value)}")
    return tuple(
        _value(item, kind, f"{path}[{i}]", known) for i, (item, kind) in enumerate(zip(value, kinds, strict=True))
    )


def _plain(value: object, kind: Any, path: str) -> object:
    """A value that is no table and no list. bool is an int to Python, but not to a reader of settings."""
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(value, path)
    if kind in (int, bool, str, date) and type(value) is kind:
        return value
    if kind is Path and isinstance(value, str):
        return Path(value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _choice(value, kind, path)
    if kind not in _NAMES:
        raise TypeError(f"{path}: a setting cannot be of type {kind}")
    raise _wrong(path, _NAMES[kind], value)


def _finite(value: float, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _wrong(path, "a finite number", value)
    return number


def _choice(value: object, kind: type[StrEnum], path: str) -> StrEnum:
    if isinstance(value, str) and value in set(kind):
        return kind(value)
    raise _wrong(path, "one of " + ", ".join(f'"{choice.value}"' for choice in kind), value)


_NAMES = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a text in quotes",
    date: "a day such as 2026-12-31, without quotes",
    Path: "a path in quotes",
}


def _wrong(path: str, wanted: str, value: object) -> ConfigError:
    shown = json.dumps(value, default=str)
    return ConfigError(f"{path}: must be {wanted}, not {shown if len(shown) <= 60 else shown[:57] + '...'}")


def _unknown(path: str, known: list[str], here: list[str]) -> str:
    """What to say of a key nobody knows: the same name in another table, or the nearest one in this."""
    table, _, name = path.rpartition(".")
    moved = [other for other in known if other.rpartition(".")[2] == name]
    nearest = moved or [_join(table, other) for other in difflib.get_close_matches(name, here, n=1)]
    if nearest:
        return f"{path}: unknown; did you mean {nearest[0]}?"
    return f"{path}: unknown; {f'[{table}]' if table else 'the file'} takes {', '.join(here)}"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _fields(into: type) -> dict[str, Any]:
    """Name and type of each field, in order."""
    hints = typing.get_type_hints(into)
    for field in dataclasses.fields(into):
        if types.NoneType in typing.get_args(hints[field.name]) and field.default is not None:
            raise TypeError(f"{into.__name__}.{field.name} may be None, so None must be its default")
    return {field.name: hints[field.name] for field in dataclasses.fields(into)}


def _paths(into: type, path: str = "") -> list[str]:
    """Every key there is, with its tables: quality, quality.min_sharpness, ..."""
    found = []
    for name, kind in _fields(into).items():
        here = _join(path, name)
        found.append(here)
        if typing.get_origin(kind) is Mapping:
            kind, here = typing.get_args(kind)[1], f"{here}.NAME"
        elif typing.get_origin(kind) is tuple:
            kind, here = typing.get_args(kind)[0], f"{here}[]"
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            found += _paths(kind, here)
    return found


def _without_none(kind: Any) -> Any:
    """X of `X | None`, else the type itself."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        rest = [part for part in typing.get_args(kind) if part is not types.NoneType]
        return rest[0] if len(rest) == 1 else kind
    return kind


def _lines(config: Any, path: str) -> Iterator[str]:
    """A table's own values before the tables within it, as TOML demands."""
    comments = field_docs(type(config))
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    for name, value in values.items():
        if not dataclasses.is_dataclass(value):
            yield from _comment(comments.get(name, ""))
            yield f"# {name} =" if value is None else f"{name} = {_literal(value)}"
    for name, value in values.items():
        if dataclasses.is_dataclass(value):
            yield ""
            yield from _comment(comments.get(name, ""))
            yield f"[{_join(path, name)}]"
            yield from _lines(value, _join(path, name))


def _literal(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return '"' + _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04X}", str(value)) + '"'


_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\]')


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in textwrap.wrap(" ".join(text.split()), _COMMENT_WIDTH))


def field_docs(owner: type) -> dict[str, str]:
    """The docstring that follows each field of a dataclass, read from its source; none where there is no source."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    except OSError:
        return {}
    if not isinstance(body, ast.ClassDef):
        return {}
    return {
        field.target.id: doc.value.value
        for field, doc in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant) and isinstance(doc.value.value, str)
    }
