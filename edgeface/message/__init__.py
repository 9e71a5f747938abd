"""What goes over the wire: decisions, prompts, state and info as JSON, and the topics they go to. Pure.

    decision_message(decision, ...) -> DecisionMessage -> encode -> text -> decode -> DecisionMessage

Decoding is strict (`edgeface.wire`), and an unknown version is a `MessageError`. Keys and types come from the records
of these files, so that a field added there is on the wire at once. `encode_signed` signs a decision as it leaves the
device.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from edgeface.message.decision import LIVE_FOR_S, DecisionMessage, WirePerson, as_history, as_live, decision_message
from edgeface.message.device import (
    HealthMessage,
    InfoMessage,
    Presence,
    StateMessage,
    WireCount,
    WireModel,
    WireQueue,
    WireTiming,
    WireTrouble,
)
from edgeface.message.door import DoorEventMessage, DoorMessage, LockState, door_event
from edgeface.message.prompts import PromptMessage, WirePrompt, prompt_message
from edgeface.message.topics import Topics
from edgeface.signature import Purpose, key_id, public_of, sign
from edgeface.wire import MessageError, dumps, loads, plain, record

__all__ = [
    "LIVE_FOR_S",
    "VERSION",
    "DecisionMessage",
    "DoorEventMessage",
    "DoorMessage",
    "HealthMessage",
    "InfoMessage",
    "LockState",
    "Message",
    "MessageError",
    "Presence",
    "PromptMessage",
    "StateMessage",
    "Topics",
    "WireCount",
    "WireModel",
    "WirePerson",
    "WirePrompt",
    "WireQueue",
    "WireTiming",
    "WireTrouble",
    "as_history",
    "as_live",
    "decision_message",
    "decode",
    "door_event",
    "encode",
    "encode_signed",
    "prompt_message",
]

VERSION = 1
"""Of the wire format; raised when an old reader would misread a new message."""

Message = DecisionMessage | StateMessage | InfoMessage | PromptMessage | HealthMessage | DoorMessage | DoorEventMessage
M = TypeVar(
    "M", DecisionMessage, StateMessage, InfoMessage, PromptMessage, HealthMessage, DoorMessage, DoorEventMessage
)


def encode(message: Message) -> str:
    """A message -> compact JSON. Raises MessageError for NaN, infinity and text that is no Unicode."""
    return dumps({"v": VERSION, **plain(message)})


def encode_signed(message: DecisionMessage, seed: bytes) -> str:
    """A decision -> compact JSON, signed with the device's private key (32 bytes). Raises ValueError."""
    body = {"v": VERSION, **plain(replace(message, key=key_id(public_of(seed))))}
    del body["sig"]
    return dumps({**body, "sig": sign(seed, Purpose.DECISION, body)})


def decode(kind: type[M], text: str | bytes) -> M:
    """JSON -> a message of that kind; the reverse of `encode`. Raises MessageError. Checks no signature."""
    fields = loads(text)
    version = fields.pop("v", None)
    if type(version) is not int or version != VERSION:
        raise MessageError(f"version {version!r}, not {VERSION}")
    return record(kind, fields, kind.__name__)
