"""What goes over the wire: decisions, prompts, state and info as JSON, and the topics they go to. Pure.

    decision_message(decision, ...) -> DecisionMessage -> encode -> text -> decode -> DecisionMessage

Decoding is strict (`edgeface.wire`), and an unknown version is a `MessageError`. Keys and types come from the records
below, so that a field added there is on the wire at once. `encode_signed` signs a decision as it leaves the device.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from edgeface.access.ruling import Contact
from edgeface.decide import Decision, Outcome
from edgeface.door import Alarm, Happening
from edgeface.errors import ConfigError
from edgeface.frame import Instant
from edgeface.health import State, Trouble
from edgeface.liveness import Prompt
from edgeface.liveness.challenge import Ask
from edgeface.model import Task
from edgeface.pose import Pose
from edgeface.signature import Purpose, key_id, public_of, sign
from edgeface.wire import MessageError, dumps, loads, plain, record

VERSION = 1
"""Of the wire format; raised when an old reader would misread a new message."""

LIVE_FOR_S = 3.0
"""How long a decision may open a door. A limit of the design, not a measurement: whoever stands at a door for longer is
judged again, and what comes later than this may belong to somebody who has left."""


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
    strength: float | None = None
    """Log10 likelihood ratio: 3 says that such a score is 1,000 times likelier of the person it was taken for than of
    another; null if it was never measured. Older messages lack it."""
    duress: bool = False
    """A silent alarm: the person was made to open. Never show it at the door. Older messages lack it."""
    nonce: str | None = None
    """The newest word of the door's controller, if it gave one lately: it proves that this is no recording."""
    age_ms: int | None = None
    """How long ago it was decided when it was sent, by the monotonic clock; null on `history`."""
    key: str | None = None
    """Id of the key that signed."""
    sig: str | None = None
    """Signature of all other fields by the device (`edgeface.signature`)."""


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
    public_key: str | None = None
    """What the device's signatures are checked with; give it to controllers by a safer way than the broker."""


class LockState(StrEnum):
    """How the lock is."""

    LOCKED = "locked"
    RELEASED = "released"
    """For a few seconds."""
    UNKNOWN = "unknown"
    """A controller of its own moves it, or it does not obey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorMessage:
    """How a door is, retained."""

    door: str
    lock: LockState
    contact: Contact
    alarm: Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorEventMessage:
    """What happened at a door."""

    seq: int
    """Of its audit row; decisions are counted with it."""
    boot_id: str
    at: datetime
    """UTC, milliseconds."""
    clock_trusted: bool
    door: str
    event: Happening
    decision: str | None
    """Id of the decision that led to it."""
    replayed: bool
    """True if it comes later than 3 s after it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WirePrompt:
    """What one visitor is asked to do."""

    track: int
    ask: Ask
    words: str
    turn: int
    """Which turn it belongs to, from 1."""
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMessage:
    """What a display at the door is to show, on `event`: sent when it changes, never kept. It opens nothing."""

    door: str
    asked_at: datetime
    """UTC, milliseconds."""
    prompts: tuple[WirePrompt, ...]
    """Empty: nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireTrouble:
    """One thing that is wrong with the reader."""

    trouble: Trouble
    says: str
    """What, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCount:
    """How many of one kind there were since the start."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WireTiming:
    """How long one model runs."""

    name: str
    ms: float
    """Mean of a run since the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthMessage:
    """How the reader is, retained: at each change, and every `health.every_s`. Null: the machine does not tell."""

    state: State
    troubles: tuple[WireTrouble, ...]
    """Empty while all is well."""
    up_s: float
    """Seconds since the first frame was asked for."""
    fps: float | None
    """Frames a second over the last ten seconds."""
    took_ms_p50: float | None
    """From having a frame to having its decisions on the disk, over the last frames: median."""
    took_ms_p95: float | None
    frames: int
    """Looked at since the start; so the other counts."""
    stale_frames: int
    """Too old to look at."""
    faces: int
    decisions: tuple[WireCount, ...]
    """By outcome."""
    model_ms: tuple[WireTiming, ...]
    waiting: int
    """Decisions that no consumer has confirmed."""
    people: int
    gallery_revision: int
    temperature_c: float | None
    disk_free_mb: float | None
    memory_mb: float | None
    open_files: int | None
    cpu_s: float
    """Processor seconds of this process."""
    models_version: int | None = None
    """Of the bundle of models in use; null: those that came with edgeface."""
    models_trial: str | None = None
    """How the trial of that bundle stands; null: there is none."""


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
    def health(self) -> str:
        return f"{self.base}/{self.device}/health"

    @property
    def decision(self) -> str:
        return f"{self.base}/{self.device}/decision"

    @property
    def history(self) -> str:
        return f"{self.base}/{self.device}/history"

    @property
    def event(self) -> str:
        return f"{self.base}/{self.device}/event"

    def request(self, verb: str) -> str:
        """Where somebody asks for something."""
        return f"{self.base}/{self.device}/request/{verb}"

    def response(self, verb: str) -> str:
        """Where it is answered."""
        return f"{self.base}/{self.device}/response/{verb}"

    def door(self, door: str, what: str) -> str:
        """Of one door: what its controller says, or how it is."""
        return f"{self.base}/{self.device}/door/{door}/{what}"

    @property
    def head(self) -> str:
        return f"{self.base}/{self.device}/head"


Message = DecisionMessage | StateMessage | InfoMessage | PromptMessage | HealthMessage | DoorMessage | DoorEventMessage
M = TypeVar(
    "M", DecisionMessage, StateMessage, InfoMessage, PromptMessage, HealthMessage, DoorMessage, DoorEventMessage
)


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
        strength=_rounded(decision.strength),
        pose=decision.pose,
        shots=decision.shots,
        track=decision.track,
        replayed=False,
        duress=decision.duress,
    )


def prompt_message(prompts: Mapping[int, Prompt], door: str, now: Instant) -> PromptMessage:
    """The wire form of what visitors are asked to do, by track."""
    asked = [
        WirePrompt(track=track, ask=one.ask, words=one.words, turn=one.turn, turns=one.turns)
        for track, one in prompts.items()
    ]
    return PromptMessage(door=door, asked_at=_utc(now), prompts=tuple(asked))


def door_event(
    door: str, event: Happening, decision_id: str | None, at: Instant, *, seq: int, boot_id: str
) -> DoorEventMessage:
    """What happened at a door, in its wire form."""
    return DoorEventMessage(
        seq=seq,
        boot_id=boot_id,
        at=_utc(at),
        clock_trusted=at.wall_trusted,
        door=door,
        event=event,
        decision=decision_id,
        replayed=False,
    )


def as_live(message: DecisionMessage, label: str | None, nonce: str | None, age_ms: int) -> DecisionMessage:
    """The message as it leaves the device while it may open a door: with the person's name."""
    return replace(_labelled(message, label), nonce=nonce, age_ms=age_ms)


def as_history(message: DecisionMessage, label: str | None) -> DecisionMessage:
    """The message as it leaves the device later, as a record."""
    return replace(_labelled(message, label), replayed=True)


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


def _labelled(message: DecisionMessage, label: str | None) -> DecisionMessage:
    person = None if message.person is None else replace(message.person, label=label)
    return replace(message, person=person)


def _utc(moment: Instant) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment.wall_ns // 1_000_000)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
