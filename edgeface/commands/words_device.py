"""What the verbs about the machine, its models and its bar are told and answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from edgeface.commands.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """An error rate with its 95 % interval, 0..1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two people enrolled who are too alike for the bar."""

    first: str
    """Id."""
    second: str
    """Id."""
    cosine: float
    """What each of them needs to get in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Another setting of `false_accepts`."""

    false_accepts: str
    threshold: float
    problem: str | None
    """Why it could not be promised."""
    expected: Share | None = None
    """Of visits by strangers to this gallery, the share it would let in, at most."""
    missed: Share | None = None
    """Of hard visits by people enrolled, the share it would turn away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many of one kind since the start."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long one model runs."""

    name: str
    ms: float
    """Mean of a run since the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How the reader was when it last told so. Null: the machine does not tell."""

    at: datetime
    state: str
    """ok, degraded or shut."""
    troubles: tuple[str, ...]
    """What is wrong, and what to do about it."""
    up_s: float
    fps: float | None
    took_ms_p50: float | None
    """From having a frame to having its decisions on the disk: median."""
    took_ms_p95: float | None
    frames: int
    stale_frames: int
    faces: int
    decisions: tuple[Count, ...]
    model_ms: tuple[Timing, ...]
    waiting: int
    temperature_c: float | None
    disk_free_mb: float | None
    memory_mb: float | None
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A model in use."""

    task: str
    name: str
    sha256: str
    licence: str
    origin: str
    input: str
    """Width x height in pixels."""
    kernels: str
    """What runs it here."""
    proof: str
    """What the golden probes said: proven, alike or unproven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """All in use."""

    models: tuple[ModelRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """A model in use."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What was measured of a model, and how."""

    name: str
    markdown: str
    """Empty if it came without a card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that may command from now on, added by who is on the machine."""

    public_key: str
    """As `edgeface keys make` tells it."""
    name: str
    """Whose key it is: 1 to 40 letters, digits, spaces, - and _."""
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAdded:
    """It may command."""

    id: str
    role: Role
    reader: str = field(default="")
    """The reader's own public key."""
