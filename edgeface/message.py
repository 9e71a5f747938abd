"""What goes over the wire: decisions, state and info as JSON, and the topics they go to. Pure.

    decision_message(decision, ...) -> DecisionMessage -> encode -> text -> decode -> DecisionMessage

Decoding is strict: an unknown version, a missing, extra or doubled key, a wrong type or a number that is not finite is
a `MessageError`. Keys and types come from the records below, so that a field added there is on the wire at once.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edgeface.decide import Decision, Outcome
from edgeface.errors import ConfigError
from edgeface.frame import Instant
from edgeface.model import Task
from edgeface.pose import Pose

VERSION = 1
"""Of the wire format; raised when an old reader would misread a new message."""

LIVE_FOR_S = 3.0
"""How long a decision may open a door. A limit of the design, not a measurement: whoever stands at a door for longer is
judged again, and what comes later than this may belong to somebody who has left."""


class MessageError(ValueError):
    """Text that is not a message of ours, or a value that cannot be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WirePerson:
    """Who was recognised."""

    id: str
    """Opaque."""
    label: str | None
    """The name, looked up when the message is sent; None if the person has been forgotten since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireModel:
    """A model in use."""

    name: str
    task: Task
    sha256: str
    """Of the model's file, hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionMessage:
    """One decision, on `decision` while it is fresh and on `history` later. Consumers drop what they know by `id`."""

    id: str
    """Of the decision; the same on both topics."""
    seq: int
    """Counts this device's audit rows from 1 without gaps; rows that are no decisions count too."""
    boot_id: str
    """Which boot of the device; times of different boots do not compare unless `clock_trusted`."""
    captured_at: datetime
    """UTC, milliseconds: the last frame that counted."""
    decided_at: datetime
    """UTC, milliseconds."""
    expires_at: datetime
    """UTC, milliseconds: after this the message must not open anything."""
    clock_trusted: bool
    """Whether the device's clock had been set when it decided."""
    door: str
    outcome: Outcome
    reason: str
    rule: str
    person: WirePerson | None
    score: float | None
    """Cosine similarity, -1..1."""
    margin: float | None
    threshold: float
    quality: float | None
    """0..100."""
    pose: Pose | None
    shots: int
    track: int
    replayed: bool
    """True on `history`: a record of what was, never a request to open."""
    liveness: float | None = None
    """Mean over the shots that counted, 0 attack .. 1 bona fide; null if none could be judged. Messages stored before
    there was a liveness model lack it."""
    duress: bool = False
    """A silent alarm: the person was made to open. Never show it at the door. Older messages lack it."""


class Presence(StrEnum):
    """Whether the device is there."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMessage:
    """The retained answer to "is it there?"; the broker sends the last will itself."""

    state: Presence
    reason: str | None
    """Why it is offline: "stopped" or "connection lost"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoMessage:
    """What this device runs, retained."""

    version: str
    """Of edgeface."""
    boot_id: str
    gallery_id: str
    gallery_revision: int
    """Grows with each change of the gallery."""
    people: int
    """How many are enrolled."""
    last_seq: int
    """The newest audit row: a consumer that holds less has a gap."""
    models: tuple[WireModel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Where a device's messages go: `<base>/<device>/...`. Ids only, never a name."""

    base: str
    device: str

    def __post_init__(self) -> None:
        for key, value in (("base", self.base), ("device", self.device)):
            if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value) is None:
                raise ConfigError(f"mqtt {key} {value!r}: use 1 to 64 letters, digits, '-' and '_': it names topics")

    @property
    def state(self) -> str:
        return f"{self.base}/{self.device}/state"

    @property
    def info(self) -> str:
        return f"{self.base}/{self.device}/info"

    @property
    def decision(self) -> str:
        return f"{self.base}/{self.device}/decision"

    @property
    def history(self) -> str:
        return f"{self.base}/{self.device}/history"


Message = DecisionMessage | StateMessage | InfoMessage
M = TypeVar("M", DecisionMessage, StateMessage, InfoMessage)


def decision_message(decision: Decision, *, seq: int, boot_id: str) -> DecisionMessage:
    """The wire form of a decision, live and without the person's name. Scores are rounded to 4 decimals."""
    person = None if decision.person_id is None else WirePerson(id=decision.person_id, label=None)
    return DecisionMessage(
        id=decision.id,
        seq=seq,
        boot_id=boot_id,
        captured_at=_utc(decision.captured_at),
        decided_at=_utc(decision.decided_at),
        expires_at=_utc(decision.decided_at) + timedelta(seconds=LIVE_FOR_S),
        clock_trusted=decision.decided_at.wall_trusted,
        door=decision.door,
        outcome=decision.outcome,
        reason=decision.reason,
        rule=decision.rule,
        person=person,
        score=_rounded(decision.score),
        margin=_rounded(decision.margin),
        threshold=round(decision.threshold, 4),
        quality=_rounded(decision.quality),
        liveness=_rounded(decision.liveness),
        pose=decision.pose,
        shots=decision.shots,
        track=decision.track,
        replayed=False,
        duress=decision.duress,
    )


def with_label(message: DecisionMessage, label: str | None, *, replayed: bool) -> DecisionMessage:
    """The message as it leaves the device: with the person's name, and told apart from or as history."""
    person = None if message.person is None else dataclasses.replace(message.person, label=label)
    return dataclasses.replace(message, person=person, replayed=replayed)


def encode(message: Message) -> str:
    """A message -> compact JSON. Raises MessageError for NaN, infinity and text that is no Unicode."""
    try:
        text = json.dumps(
            {"v": VERSION, **_fields(message)}, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        text.encode()
    except ValueError as error:
        raise MessageError(f"cannot be sent: {error}") from error
    return text


def decode(kind: type[M], text: str | bytes) -> M:
    """JSON -> a message of that kind; the reverse of `encode`. Raises MessageError."""
    try:
        plain = json.loads(text.decode() if isinstance(text, bytes) else text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not JSON: {error}") from error
    version = plain.pop("v", None) if isinstance(plain, dict) else None
    if type(version) is not int or version != VERSION:
        raise MessageError(f"version {version!r}, not {VERSION}")
    message: M = _record(kind, plain, kind.__name__)
    return message


def _utc(moment: Instant) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment.wall_ns // 1_000_000)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _fields(record: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _record(kind: Any, plain: Any, where: str) -> Any:
    if not isinstance(plain, dict):
        raise MessageError(f"{where}: not an object")
    hints = get_type_hints(kind)
    needed = {field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}
    if odd := sorted((plain.keys() - hints.keys()) | (needed - plain.keys())):
        raise MessageError(f"{where}: missing or unknown keys: {', '.join(map(repr, odd))}")
    return kind(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in plain.items()})


def _value(hint: Any, plain: Any, where: str) -> Any:
    if get_origin(hint) is types.UnionType:
        (wanted,) = (arm for arm in get_args(hint) if arm is not types.NoneType)
        return None if plain is None else _value(wanted, plain, where)
    if get_origin(hint) is tuple:
        if not isinstance(plain, list):
            raise MessageError(f"{where}: not a list")
        return tuple(_value(get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(plain))
    if dataclasses.is_dataclass(hint):
        return _record(hint, plain, where)
    return _scalar(hint, plain, where)


def _scalar(hint: Any, plain: Any, where: str) -> Any:
    try:
        if hint is float and type(plain) in (int, float) and math.isfinite(plain):
            return float(plain)
        if hint is datetime and isinstance(plain, str):
            return _moment(plain)
        if issubclass(hint, StrEnum) and isinstance(plain, str):
            return hint(plain)
        if hint in (bool, int, str) and type(plain) is hint:
            str(plain).encode()
            return plain
    except (ValueError, OverflowError) as error:
        raise MessageError(f"{where}: {error}") from error
    raise MessageError(f"{where}: not a {hint.__name__}")


def _moment(text: str) -> datetime:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", text) is None:
        raise ValueError("not a time such as 2026-01-31T12:00:00.000Z")
    return datetime.fromisoformat(text)
