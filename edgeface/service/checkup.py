"""Puts together what watches over a reader's health: its parts, the machine, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from edgeface.adapters import machine
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.golden import Proof
from edgeface.health import Findings
from edgeface.message import HealthMessage
from edgeface.service.bootstrap import Loaded, Station
from edgeface.service.chronicle import Chronicle
from edgeface.service.probation import Probation
from edgeface.service.settings import Config
from edgeface.service.tend import Condition
from edgeface.service.vitals import Standing, Vitals, write_whole
from edgeface.wire import dumps, plain

HEALTH = "health.json"
"""File name of the newest report of a running reader's health, in the home folder."""


def watch_health(
    station: Station,
    config: Config,
    loaded: Loaded,
    home: Path,
    condition: Callable[[], Condition],
    trial: Probation,
    heard: Callable[[HealthMessage], None],
    *,
    film_time: bool = False,
) -> Vitals:
    """What watches over the reader's health. `condition` tells how the camera is, `trial` how the models have proved
    themselves; `heard` hears each report first.

    What is wrong while a film is played faster than life (`film_time`) is no matter for the journal.
    """
    clock = SystemClock()
    unproven = tuple(finding.detail for finding in loaded.findings if finding.proof is not Proof.PROVEN)

    def findings() -> Findings:
        camera = condition()
        return Findings(
            camera=camera.faults,
            camera_detail=camera.detail,
            broker=station.problem(),
            clock_trusted=clock.now().wall_trusted,
            rules=station.shut(),
            models=(*unproven, *(said for said in (trial.alarm,) if said is not None)),
        )

    def standing() -> Standing:
        return Standing(
            people=len(station.reader.gallery.people),
            gallery_revision=station.store.revision(),
            waiting=station.waiting(),
            queues={name: size() for name, size in station.queues.items()},
            spent_ms={model.spec.name: (model.runs, model.spent_ms) for model in loaded.used},
            models_version=trial.version,
            models_trial=trial.says,
        )

    def tell(message: HealthMessage) -> None:
        trial.hear(message)
        heard(message)
        write_whole(home / HEALTH, dumps({"at": plain(datetime.now(UTC)), **plain(message)}))
        station.report(message)

    return Vitals(
        options=config.health,
        findings=findings,
        machine=lambda: machine.look(home),
        standing=standing,
        now=clock.now,
        tell=tell,
        keep=(lambda found, now: None) if film_time else Chronicle(station.journal).keep,
    )
