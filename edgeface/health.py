"""How the reader is: what is wrong, as a list that is empty when all is well, and the figures behind it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edgeface.footage import ADVICE, BLINDING, Fault


class Trouble(StrEnum):
    """A state in which the reader goes on, but not as it should."""

    CAMERA = "camera"
    """It does not see, or not well."""
    RULES = "rules"
    """The access rules let in nobody, or hardly anybody."""
    MODELS = "models"
    """The models do not give the outputs that their golden probes promise, or a bundle of them was given up."""
    BROKER = "broker"
    """Decisions are stored, but not delivered."""
    CLOCK = "clock"
    """The wall clock has not been set since boot: rights that depend on the time are denied."""
    DISK = "disk"
    """Hardly any room is left; what cannot be stored opens nothing."""
    HOT = "hot"
    """The board is near the temperature at which it slows down."""
    THROTTLED = "throttled"
    """The board has slowed down, by heat or for want of power."""


class State(StrEnum):
    """All troubles in one word."""

    OK = "ok"
    DEGRADED = "degraded"
    """It lets in who may enter, but something wants looking after."""
    SHUT = "shut"
    """It can let in nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """When the machine counts as unwell."""

    every_s: float = 30.0
    """Seconds between two reports, 1..3600; a change is reported at once."""
    disk_low_mb: float = 200.0
    """Free space, in MB, below which the disk is low, 0..1e6. A choice: some 100,000 decisions fit into it."""
    hot_c: float = 78.0
    """Degrees Celsius from which the board is hot, 0..120: a Raspberry Pi slows down from 80."""
    metrics_file: str = ""
    """File that Prometheus' node exporter reads (its textfile collector wants a name in .prom); empty: none."""

    def __post_init__(self) -> None:
        for name, low, high in (("every_s", 1, 3600), ("disk_low_mb", 0, 1e6), ("hot_c", 0, 120)):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} must be {low:g} to {high:g}, not {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the machine says about itself and about this process; None is what it does not tell."""

    temperature_c: float | None
    throttled: bool | None
    disk_free_mb: float | None
    """Where the gallery is."""
    memory_mb: float | None
    """Resident memory of this process."""
    open_files: int | None
    """Descriptors of this process."""
    cpu_s: float
    """Processor seconds that this process has used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that is wrong."""

    trouble: Trouble
    says: str
    """What, and what to do about it; a sentence without names of people."""
    shuts: bool = False
    """Whether nobody can be let in because of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the parts say that only they can know; empty or None where all is well."""

    camera: tuple[Fault, ...] = ()
    camera_detail: str = ""
    broker: str | None = None
    clock_trusted: bool = True
    rules: str | None = None
    models: tuple[str, ...] = ()


def signs(findings: Findings, machine: Machine, options: Options) -> tuple[Sign, ...]:
    """Everything that is wrong, in the order of `Trouble`."""
    found = []
    if findings.camera:
        says = findings.camera_detail or "; ".join(ADVICE[fault] for fault in findings.camera)
        found.append(Sign(trouble=Trouble.CAMERA, says=says, shuts=bool(BLINDING & set(findings.camera))))
    if findings.rules is not None:
        found.append(Sign(trouble=Trouble.RULES, says=findings.rules))
    if findings.models:
        found.append(Sign(trouble=Trouble.MODELS, says="; ".join(findings.models)))
    if findings.broker is not None:
        found.append(Sign(trouble=Trouble.BROKER, says=findings.broker))
    if not findings.clock_trusted:
        says = "the clock is not set: is there a network, or a battery for the clock?"
        found.append(Sign(trouble=Trouble.CLOCK, says=says))
    return (*found, *_machine_signs(machine, options))


def state(found: tuple[Sign, ...]) -> State:
    """All of them in one word."""
    if any(sign.shuts for sign in found):
        return State.SHUT
    return State.DEGRADED if found else State.OK


def prometheus(figures: Mapping[str, float | Mapping[str, float] | None]) -> str:
    """Figures in Prometheus' text format, https://prometheus.io/docs/instrumenting/exposition_formats/.

    A mapping is one metric with a label: its key is "name{label}". None is left out. What ends in _total counts up.
    """
    lines = []
    for key, value in figures.items():
        name, _, label = key.rstrip("}").partition("{")
        kind = "counter" if name.endswith("_total") else "gauge"
        samples = value if isinstance(value, Mapping) else {"": value}
        rows = [(at, number) for at, number in samples.items() if number is not None]
        if rows:
            lines.append(f"# TYPE edgeface_{name} {kind}")
        for at, number in rows:
            tag = f'{{{label}="{_escaped(at)}"}}' if label else ""
            lines.append(f"edgeface_{name}{tag} {number:.10g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _machine_signs(machine: Machine, options: Options) -> tuple[Sign, ...]:
    found = []
    free_mb, temperature_c = machine.disk_free_mb, machine.temperature_c
    if free_mb is not None and free_mb < options.disk_low_mb:
        says = f"{free_mb:.0f} MB are free; make room, or shorten how long decisions are kept"
        found.append(Sign(trouble=Trouble.DISK, says=says))
    if temperature_c is not None and temperature_c >= options.hot_c:
        found.append(Sign(trouble=Trouble.HOT, says=f"the board has {temperature_c:.0f} degrees; give it air"))
    if machine.throttled:
        says = "the board has slowed itself down; give it air, and a power supply that is strong enough"
        found.append(Sign(trouble=Trouble.THROTTLED, says=says))
    return tuple(found)
