"""What the verbs about the machine, its models and its bar are told and answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_DIAL = re.compile(r"1 in [0-9][0-9,]{0,9}")
"""How it is written; what it may be, `edgeface.bar` knows."""


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
    first_name: str = ""
    second_name: str = ""


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
class CurvePoint:
    """Both errors, if so much were asked for."""

    threshold: float
    """Cosine that would let in."""
    expected: Share | None
    """Of visits by strangers, the share let in, at most; null: never measured."""
    missed: Share | None
    """Of hard visits by people enrolled, the share turned away; null: never measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """How often either error is made, with who is enrolled now."""

    threshold: float
    """Cosine that lets in now."""
    points: tuple[CurvePoint, ...]
    """From low to high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialToSet:
    """Of how many visits by strangers one may end with an open door."""

    false_accepts: str | None
    """As in "1 in 10000"; null: not set, which is 1 in 10,000 or as near as was measured."""
    mark: str | None = None
    """Of the calibration that was looked at: then it is not set if somebody else has set it since."""

    def __post_init__(self) -> None:
        if self.false_accepts is not None and _DIAL.fullmatch(self.false_accepts) is None:
            raise ValueError(f'false_accepts must be written as in "1 in 10000", not "{self.false_accepts[:40]}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class DialIsSet:
    """What edgeface.toml says from now on."""

    false_accepts: str | None
    former: str | None
    """The dial before."""
    threshold: float
    """Cosine that lets in by it."""
    in_force: bool
    """Whether it counts from the next frame on; else from the next start."""


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
class Health:
    """How the reader is."""

    version: str
    door: str
    people: int
    gallery_revision: int
    last_seq: int
    waiting: int
    """Decisions that no consumer has confirmed yet."""
    clock_trusted: bool
    shut: str | None
    """Why the rules let in nobody, or hardly anybody; null if they do not."""
    lacking: int
    """People whom the embedder in use cannot know: to be enrolled again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the reader asks of a visitor."""

    embedder: str
    people: int
    false_accepts: str | None
    """The dial, such as "1 in 10000"."""
    threshold: float
    """Cosine that lets in."""
    reason: str
    too_alike: int
    """Pairs of people enrolled who need more than that to be told apart."""
    problem: str | None = None
    """Why the dial cannot be kept; then nobody is let in."""
    expected: Share | None = None
    """Of visits by strangers, the share let in, at most."""
    missed: Share | None = None
    """Of visits by people enrolled, as hard as those that were simulated, the share turned away."""
    strictest: float | None = None
    """The least share of strangers that could be promised here."""
    pairs: tuple[Alike, ...] = ()
    """The most alike, 20 at the most."""
    dials: tuple[Dial, ...] = ()
    """What other settings would ask for."""
    next_start: str | None = None
    """What edgeface.toml says that counts from the next start only, as a sentence; null: nothing."""
    mark: str = ""
    """For `calibration/set`."""


class LogLevel(StrEnum):
    """What is logged: this and what is graver."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Until the next start."""

    level: LogLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """See what the camera sees: a stream of the newest frames, until whoever watches closes the link."""

    images: bool = False
    """With pictures, or only where faces are and what became of them."""
    most_fps: int = 5
    """At most so many frames a second, 1..10."""

    def __post_init__(self) -> None:
        if not 1 <= self.most_fps <= 10:
            raise ValueError("most_fps must be 1 to 10")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """A key of the reader that is no secret."""

    key: str
    """Public, as text."""
