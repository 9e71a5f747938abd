"""Frozen records <-> JSON, by their own fields and types. Pure.

    plain(record) -> dict -> dumps -> text -> loads -> dict -> record(kind, ...) -> record

Reading is strict: a missing, extra or doubled key, a wrong type, a number that is not finite or text that is no Unicode
is a `MessageError`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

MOST_BYTES = 65536
"""Longest text that is read: the broker's own limit (max_packet_size in systemd/mosquitto.conf)."""

R = TypeVar("R")


class MessageError(ValueError):
    """Text that is not a message of ours, or a value that cannot be one."""


def plain(value: Any) -> Any:
    """A record as JSON has it: objects, lists, text, numbers. Moments in UTC, to the millisecond."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def dumps(fields: Mapping[str, Any]) -> str:
    """Compact JSON. Raises MessageError for NaN, infinity and text that is no Unicode."""
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except ValueError as error:
        raise MessageError(f"cannot be sent: {error}") from error
    return text


def loads(text: str | bytes, *, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """The object that a JSON text is. Raises MessageError."""
    if len(text) > most_bytes:
        raise MessageError(f"longer than {most_bytes} bytes")
    try:
        found = json.loads(text.decode() if isinstance(text, bytes) else text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise MessageError("not a JSON object")
    return found


def record(kind: type[R], fields: Any, where: str) -> R:
    """The reverse of `plain`. `where` begins the path that an error names. Raises MessageError."""
    if not isinstance(fields, dict):
        raise MessageError(f"{where}: not an object")
    hints = get_type_hints(kind)
    needed = {
        field.name
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    if odd := sorted((fields.keys() - hints.keys()) | (needed - fields.keys())):
        raise MessageError(f"{where}: missing or unknown keys: {', '.join(map(repr, odd))}")
    values = {name: _value(hints[name], value, f"{where}.{name}") for name, value in fields.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise MessageError(f"{where}: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _value(hint: Any, found: Any, where: str) -> Any:
    if get_origin(hint) is types.UnionType:
        (wanted,) = (arm for arm in get_args(hint) if arm is not types.NoneType)
        return None if found is None else _value(wanted, found, where)
    if get_origin(hint) is tuple:
        if not isinstance(found, list):
            raise MessageError(f"{where}: not a list")
        return tuple(_value(get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(found))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return record(hint, found, where)
    return _scalar(hint, found, where)


def _scalar(hint: Any, found: Any, where: str) -> Any:
    try:
        if hint is float and type(found) in (int, float) and math.isfinite(found):
            return float(found)
        if hint is datetime and isinstance(found, str):
            return moment(found)
        if issubclass(hint, StrEnum) and isinstance(found, str):
            return hint(found)
        if hint in (bool, int, str) and type(found) is hint:
            str(found).encode()
            return found
    except (ValueError, OverflowError) as error:
        raise MessageError(f"{where}: {error}") from error
    raise MessageError(f"{where}: not a {hint.__name__}")


def moment(text: str) -> datetime:
    """A moment in UTC, to the millisecond. Raises ValueError."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", text) is None:
        raise ValueError("not a time such as 2026-01-31T12:00:00.000Z")
    return datetime.fromisoformat(text)
