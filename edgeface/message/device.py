"""What a device tells of itself: whether it is there, what it runs and how it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgeface.health import State, Trouble
from edgeface.model import Task


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
class WireModel:
    """A model in use."""

    name: str
    task: Task
    sha256: str
    """Of the model's file, hex."""


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
class WireQueue:
    """What waits at one place inside the reader."""

    name: str
    """"requests": commands that came over MQTT; "idle": work for a quiet moment; "delivery": decisions that the broker
    has not confirmed yet."""
    waiting: int


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
    queues: tuple[WireQueue, ...] = ()
    """Those that there are now."""
    models_trial: str | None = None
    """How the trial of that bundle stands; null: there is none."""
