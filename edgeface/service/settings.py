"""Everything that can be set, in the order of the flow: one table of `edgeface.toml` for each part."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgeface import (
    decide,
    detect,
    door,
    enrol,
    footage,
    health,
    learn,
    liveness,
    pace,
    pipeline,
    quality,
    snapshot,
    strangers,
    track,
    trial,
)
from edgeface.adapters import gpio
from edgeface.adapters.camera import CameraOptions
from edgeface.adapters.tflite import RUNTIMES
from edgeface.console.options import Options as ConsoleOptions
from edgeface.homeassistant import Presentation
from edgeface.service.witness import AuditOptions
from edgeface.store import retention


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How the reader uses this machine."""

    threads: int = 1
    """Threads that a model may use, 1..16; more than one helps on an idle board only."""
    runtime: str = ""
    """litert, or tflite for the older tflite-runtime; empty: the first of them that is installed. Templates are bound
    to it, so a change means enrolling again."""

    def __post_init__(self) -> None:
        if self.runtime not in ("", *(name for name, _ in RUNTIMES)):
            raise ValueError(f"runtime must be litert, tflite or empty, not {self.runtime}")
        if not 1 <= self.threads <= 16:
            raise ValueError(f"threads must be 1 to 16, not {self.threads}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """Where decisions are published. Passwords stand in a file, not here."""

    broker: str = ""
    """mqtt://user@host:1883, or mqtts://user@host:8883 with TLS; empty: nothing is published."""
    base: str = "edgeface"
    """First level of every topic; letters, digits, - and _."""
    device: str = "reader"
    """Second level of every topic: which reader this is; letters, digits, - and _."""
    ca_file: Path | None = None
    """Certificates to trust, PEM; unset: the system's."""
    home_assistant: Presentation = Presentation.OFF
    """Whether Home Assistant finds the reader by itself: off, announced, or removed, which takes that back."""
    home_assistant_picture: bool = False
    """Whether Home Assistant has an image that shows a kept picture of a visit, for a minute, each time somebody with a
    key asks for it (snapshots/present). Needs [snapshots], and TLS unless the broker is on this machine."""
    cert_file: Path | None = None
    """This device's own certificate, PEM, for a broker that asks for one."""
    key_file: Path | None = None
    """The private key of it, PEM, without a passphrase; unset: it stands in cert_file."""
    password_file: Path | None = None
    """File whose first line is the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOptions:
    """Where the running reader is asked by the command line and a console, on this machine."""

    path: Path | None = None
    """A file, made when the reader starts, for its own user and group; unset: edgeface.sock in the runtime folder that
    systemd gives, /run/edgeface, else beside the gallery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings; what is not written keeps its default."""

    run: RunOptions = field(default_factory=RunOptions)
    camera: CameraOptions = field(default_factory=CameraOptions)
    footage: footage.Options = field(default_factory=footage.Options)
    detect: detect.Options = field(default_factory=detect.Options)
    track: track.Options = field(default_factory=track.Options)
    quality: quality.Options = field(default_factory=quality.Options)
    liveness: liveness.Options = field(default_factory=liveness.Options)
    decide: decide.Options = field(default_factory=decide.Options)
    pace: pace.Options = field(default_factory=pace.Options)
    enrol: enrol.Options = field(default_factory=enrol.Options)
    learn: learn.Options = field(default_factory=learn.Options)
    strangers: strangers.Options = field(default_factory=strangers.Options)
    snapshots: snapshot.Options = field(default_factory=snapshot.Options)
    retention: retention.Options = field(default_factory=retention.Options)
    door: door.Options = field(default_factory=door.Options)
    gpio: gpio.Options = field(default_factory=gpio.Options)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    socket: SocketOptions = field(default_factory=SocketOptions)
    audit: AuditOptions = field(default_factory=AuditOptions)
    health: health.Options = field(default_factory=health.Options)
    console: ConsoleOptions = field(default_factory=ConsoleOptions)
    update: trial.Options = field(default_factory=trial.Options)

    def pipeline(self) -> pipeline.Options:
        """The stages' part."""
        return pipeline.Options(
            detect=self.detect, track=self.track, quality=self.quality, liveness=self.liveness, decide=self.decide
        )
