"""A command in its envelope: who asks which device for what, once, now.

    signed(seed, Command(...)) -> text    read(bytes) -> Command | Refused    authentic, check -> Refused | None

Ed25519 over canonical JSON (`edgeface.signature`). Freshness rests on the sequence: each key counts upwards, and what
is not above the highest number that the device has stored is a replay, whatever the clocks say. Where the device knows
the time, a command that is older than its own `ttl_s` is refused as well. There is no unsigned form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from edgeface.canonical import EXACT
from edgeface.commands.roles import Role, may
from edgeface.frame import Instant
from edgeface.signature import Purpose, sign, verify
from edgeface.wire import MOST_BYTES, MessageError, dumps, loads, plain, record

VERSION = 1
"""Of the envelope."""

MOST_REASON = 2000
"""Characters of a sentence that says why; no rule and no name needs more. A choice."""

MOST_TTL_S = 300
"""The longest that a command may be on its way: a choice, for links over a slow network. Doors want less of it."""

MOST_DEPTH = 8
"""Of objects and lists within a command; the deepest verb needs 3."""

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_KEY = re.compile(r"[0-9a-f]{16}")


class Code(StrEnum):
    """What became of a command, for machines. All but DONE changed nothing, INTERRUPTED excepted."""

    DONE = "done"
    MALFORMED = "malformed"
    """No JSON object of this form: too long, too deep, a key twice, a wrong type."""
    WRONG_VERSION = "wrong_version"
    RETAINED = "retained"
    """The broker kept it from before: commands are never retained."""
    WRONG_DEVICE = "wrong_device"
    """Meant for a reader with another key, though of the same name perhaps."""
    UNKNOWN_KEY = "unknown_key"
    REVOKED_KEY = "revoked_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_TOPIC = "wrong_topic"
    """It came as another verb than it is signed for."""
    UNKNOWN_VERB = "unknown_verb"
    WRONG_ROLE = "wrong_role"
    REUSED_ID = "reused_id"
    """Another command of this key had that `cmd_id`."""
    REPLAYED = "replayed"
    """Its sequence number is not above the highest one stored."""
    LATE = "late"
    """Issued longer ago than its `ttl_s`, or ahead of the device's clock."""
    BAD_BODY = "bad_body"
    """The verb does not take such words."""
    REFUSED = "refused"
    """The verb said no: its sentence says why."""
    CLOSED = "closed"
    """Pairing is not open, or its code is another."""
    BUSY = "busy"
    """Too many commands wait; the sender may try again."""
    NOT_STORED = "not_stored"
    """The disk did not take it: nothing happened."""
    INTERRUPTED = "interrupted"
    """It was begun and the reader stopped before it knew the end: look, then ask anew."""


class Status(StrEnum):
    """Whether it was done."""

    OK = "ok"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What somebody asks for."""

    cmd_id: str
    """Chosen by the sender, unique for its key: 8 to 64 letters, digits, `-` and `_`. The same again gets the answer
    that was stored."""
    key_id: str
    """Whose key signs: 16 hex digits."""
    to: str
    """Id of the key with which the device itself signs: 16 hex digits, the `key` of its decisions."""
    verb: str
    body: Mapping[str, Any] = field(default_factory=dict)
    """The verb's words."""
    seq: int
    """Above every number that this key has used; milliseconds since 1970 will do."""
    issued_at: datetime
    """UTC, milliseconds."""
    ttl_s: int = 10
    """How long it may be on its way, 1..300."""
    sig: str = ""
    """Signature of all other fields and the version."""

    def __post_init__(self) -> None:
        if not named(self.cmd_id):
            raise ValueError("cmd_id must be 8 to 64 letters, digits, - and _")
        if not (_KEY.fullmatch(self.key_id) and _KEY.fullmatch(self.to)):
            raise ValueError("key_id and to must be 16 hex digits")
        if not 1 <= self.seq <= EXACT:
            raise ValueError(f"seq must be 1 to {EXACT}")
        if not 1 <= self.ttl_s <= MOST_TTL_S:
            raise ValueError(f"ttl_s must be 1 to {MOST_TTL_S}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a command was not carried out."""

    code: Code
    reason: str
    """A sentence. It repeats nothing of the command but numbers."""
    error: str | None = None
    """Name of the error behind it, for whoever raises it again."""
    problem: str | None = None
    """Which of its problems, where it knows several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Somebody's public key, as the device knows it."""

    key_id: str
    public: bytes
    role: Role
    revoked: bool
    newest_seq: int
    """The highest sequence number that it has used; 0 before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a device says to a command."""

    verb: str
    cmd_id: str | None
    """Of the command; null if it could not be read that far."""
    status: Status
    code: Code
    error: str | None
    """A sentence; null if it was done."""
    data: Mapping[str, Any]
    """The verb's answer; empty if it was not done."""
    key: str
    """Id of the device's key."""
    sig: str = ""
    """Signature of all other fields and the version."""


def signed(seed: bytes, message: Command | Answer) -> str:
    """The message as JSON with its signature. Raises MessageError for what has no JSON form."""
    purpose = Purpose.COMMAND if isinstance(message, Command) else Purpose.RESPONSE
    body = _body(message)
    try:
        return dumps({**body, "sig": sign(seed, purpose, body)})
    except (ValueError, RecursionError) as error:
        raise MessageError(f"cannot be signed: {error}") from error


def read(payload: bytes, *, most_bytes: int = MOST_BYTES) -> Command | Refused:
    """A command, its signature not yet checked."""
    try:
        found = loads(payload, most_bytes=most_bytes)
        if _deeper(found, MOST_DEPTH):
            raise MessageError(f"deeper than {MOST_DEPTH}")
        if (version := found.pop("v", None)) != VERSION or type(version) is not int:
            return Refused(code=Code.WRONG_VERSION, reason=f"this reader takes version {VERSION}")
        body = found.pop("body", {})
        if not isinstance(body, dict):
            raise MessageError("body: not an object")
        return replace(record(Command, found, "command"), body=body)
    except MessageError as error:
        return Refused(code=Code.MALFORMED, reason=readable(str(error)))


def authentic(command: Command, key: Key | None, *, to: str, retained: bool, topic_verb: str) -> Refused | None:
    """Why this does not come from somebody whom the device knows, or is not for it; None if it does."""
    if retained:
        return Refused(code=Code.RETAINED, reason="commands are never retained: clear the topic")
    if command.to != to:
        return Refused(code=Code.WRONG_DEVICE, reason=f"this reader's key is {to}, the command is for {command.to}")
    if key is None:
        return Refused(code=Code.UNKNOWN_KEY, reason="nobody with this key may command this reader")
    if key.revoked:
        return Refused(code=Code.REVOKED_KEY, reason="this key was revoked")
    if not verify(key.public, Purpose.COMMAND, _body(command), command.sig):
        return Refused(code=Code.BAD_SIGNATURE, reason="altered, or signed with another key")
    if command.verb != topic_verb:
        return Refused(code=Code.WRONG_TOPIC, reason="it is signed for another verb than its topic says")
    return None


def check(command: Command, key: Key, needed: Role, now: Instant) -> Refused | None:
    """Why an authentic command may not be carried out, or None if it may."""
    if not may(key.role, needed):
        return Refused(code=Code.WRONG_ROLE, reason=f"this takes the role {needed.value}, the key has {key.role.value}")
    if command.seq <= key.newest_seq:
        return Refused(code=Code.REPLAYED, reason=f"its seq is not above {key.newest_seq}: count on from there")
    return late(command, now)


def late(command: Command, now: Instant) -> Refused | None:
    """Why it is not of now, as far as the device's clock is to be believed."""
    if not now.wall_trusted:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now.wall_ns // 1000)
    age_s = (moment - command.issued_at).total_seconds()
    if abs(age_s) <= command.ttl_s:
        return None
    way = "ago" if age_s > 0 else "ahead"
    return Refused(code=Code.LATE, reason=f"issued {abs(age_s):.0f} s {way}, it holds for {command.ttl_s} s")


def named(cmd_id: str) -> bool:
    """Whether a command may be called so."""
    return _ID.fullmatch(cmd_id) is not None


def _body(message: Command | Answer) -> dict[str, Any]:
    """What is signed: all fields but the signature, as they stand in the JSON."""
    body = {"v": VERSION, **plain(message)}
    del body["sig"]
    return body


def _deeper(value: Any, most: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return most == 0 or any(_deeper(item, most - 1) for item in inner)


def brief(text: str) -> str:
    """What an error says, which may repeat what somebody wrote: names stay, what moves a cursor or turns letters round
    does not, and it is short enough for any answer."""
    kept = "".join(one if one.isprintable() or one == "\n" else "?" for one in text[: MOST_REASON + 1])
    return kept if len(kept) <= MOST_REASON else kept[: MOST_REASON - 3] + "..."


def readable(text: str) -> str:
    """A sentence about a message, whose keys may be long or odd: only what can be read, and not much of it."""
    kept = "".join(character if character.isascii() and character.isprintable() else "?" for character in text)
    return kept if len(kept) <= 200 else kept[:197] + "..."
