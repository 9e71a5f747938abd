"""Watches how the reader is, and tells whoever listens: on each change at once, and every so often."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgeface import health
from edgeface.frame import Instant
from edgeface.health import Findings, Machine, Options, Sign, State
from edgeface.message import HealthMessage, WireCount, WireQueue, WireTiming, WireTrouble
from edgeface.service.loop import Step

LOOK_S = 0.2
"""Between two looks at the parts. With the time it takes to be sure of a camera's fault, a second at the most."""

RECENT = 300
"""Frames that the latencies are taken over: some 20 seconds of film."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Figures that others keep, asked for at each report."""

    people: int
    gallery_revision: int
    waiting: int
    """Decisions that no consumer has confirmed."""
    spent_ms: Mapping[str, tuple[int, float]]
    """By model: how often it ran, and the milliseconds that took altogether."""
    queues: Mapping[str, int] = field(default_factory=dict)
    """By name: how much waits there."""
    models_version: int | None = None
    """As in `HealthMessage`, as is the next."""
    models_trial: str | None = None


class Vitals:
    """Fed with every step of the loop, in its thread."""

    def __init__(
        self,
        *,
        options: Options,
        findings: Callable[[], Findings],
        machine: Callable[[], Machine],
        standing: Callable[[], Standing],
        now: Callable[[], Instant],
        tell: Callable[[HealthMessage], None],
        keep: Callable[[tuple[Sign, ...], Instant], None] = lambda found, now: None,
    ) -> None:
        """`tell` hears each report; it must not wait. `keep` sees, after that, what is wrong at each look."""
        self._options, self._findings, self._machine, self._standing = options, findings, machine, standing
        self._now, self._tell, self._keep = now, tell, keep
        self._began: Instant | None = None
        self._looked: Instant | None = None
        self._told: Instant | None = None
        self._signs: tuple[Sign, ...] | None = None
        self._arrived: deque[Instant] = deque(maxlen=RECENT)
        self._took_ms: deque[float] = deque(maxlen=RECENT)
        self._counts: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()

    def beat(self, step: Step) -> None:
        """One step of the loop. Looks at the parts at most every `LOOK_S`."""
        now = self._now()
        self._began = self._began or now
        self._count(step)
        if self._looked is not None and now.seconds_since(self._looked) < LOOK_S:
            return
        self._looked = now
        machine = self._machine()
        found = health.signs(self._findings(), machine, self._options)
        due = self._told is None or now.seconds_since(self._told) >= self._options.every_s
        if found != self._signs or due:
            self._signs, self._told = found, now
            self._report(found, machine, now)
        self._keep(found, now)

    def _count(self, step: Step) -> None:
        if step.frame is not None:
            self._counts["stale_frames" if step.stale else "frames"] += 1
            self._arrived.append(step.frame.captured_at)
            if not (step.stale or step.rested):  # the others would hide how long a look takes
                self._took_ms.append(step.took_ms)
                self._counts["faces"] += len(step.sightings)
        self._outcomes.update(recorded.decision.outcome.value for recorded in step.decisions)

    def _report(self, found: tuple[Sign, ...], machine: Machine, now: Instant) -> None:
        standing = self._standing()
        message = HealthMessage(
            state=health.state(found),
            troubles=tuple(WireTrouble(trouble=sign.trouble, says=sign.says) for sign in found),
            up_s=round(now.seconds_since(self._began or now), 1),
            fps=self._fps(now),
            took_ms_p50=_percentile(self._took_ms, 50),
            took_ms_p95=_percentile(self._took_ms, 95),
            frames=self._counts["frames"],
            stale_frames=self._counts["stale_frames"],
            faces=self._counts["faces"],
            decisions=tuple(WireCount(name=name, count=count) for name, count in sorted(self._outcomes.items())),
            model_ms=tuple(
                WireTiming(name=name, ms=round(ms / runs, 3)) for name, (runs, ms) in standing.spent_ms.items() if runs
            ),
            waiting=standing.waiting,
            people=standing.people,
            gallery_revision=standing.gallery_revision,
            temperature_c=machine.temperature_c,
            disk_free_mb=_rounded(machine.disk_free_mb),
            memory_mb=_rounded(machine.memory_mb),
            open_files=machine.open_files,
            cpu_s=round(machine.cpu_s, 2),
            queues=tuple(WireQueue(name=name, waiting=size) for name, size in sorted(standing.queues.items())),
            models_version=standing.models_version,
            models_trial=standing.models_trial,
        )
        if self._options.metrics_file:
            write_whole(Path(self._options.metrics_file), health.prometheus(metrics(message)))
        self._tell(message)

    def _fps(self, now: Instant) -> float | None:
        """Frames a second of late; None before the second one."""
        recent = [moment for moment in self._arrived if now.seconds_since(moment) <= 10]
        if len(recent) < 2:
            return None
        spread_s = recent[-1].seconds_since(recent[0])
        return round((len(recent) - 1) / spread_s, 2) if spread_s > 0 else None


def metrics(message: HealthMessage) -> dict[str, float | Mapping[str, float] | None]:
    """A report as figures for `edgeface.health.prometheus`."""
    there = {one.trouble for one in message.troubles}
    return {
        "up_seconds": message.up_s,
        "shut": float(message.state is State.SHUT),
        "trouble{kind}": {kind.value: float(kind in there) for kind in health.Trouble},
        "frames_total": message.frames,
        "stale_frames_total": message.stale_frames,
        "faces_total": message.faces,
        "decisions_total{outcome}": {one.name: one.count for one in message.decisions},
        "frames_per_second": message.fps,
        "step_milliseconds{quantile}": {
            quantile: value
            for quantile, value in (("0.5", message.took_ms_p50), ("0.95", message.took_ms_p95))
            if value is not None
        },
        "model_milliseconds{model}": {one.name: one.ms for one in message.model_ms},
        "outbox_waiting": message.waiting,
        "queue_waiting{queue}": {one.name: one.waiting for one in message.queues},
        "people": message.people,
        "gallery_revision": message.gallery_revision,
        "temperature_celsius": message.temperature_c,
        "disk_free_megabytes": message.disk_free_mb,
        "memory_megabytes": message.memory_mb,
        "open_files": message.open_files,
        "cpu_seconds_total": message.cpu_s,
        "models_version": message.models_version,
        "models_on_trial": float(message.models_trial is not None),
    }


def write_whole(path: Path, text: str) -> None:
    """A file that readers see whole or not at all. A full disk costs the report, never the reader."""
    partial = path.with_name(f"{path.name}.partial")
    with suppress(OSError):
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)


def _percentile(values: deque[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 2) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
