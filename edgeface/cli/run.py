"""`edgeface run`: watch a camera and decide."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from edgeface.adapters.camera import is_live
from edgeface.adapters.camera.files import Replay
from edgeface.adapters.clock import SystemClock
from edgeface.adapters.systemd import Notifier
from edgeface.cli.context import Context
from edgeface.decide import Outcome
from edgeface.embed import Embedder
from edgeface.errors import CameraLost, PictureError
from edgeface.health import Trouble
from edgeface.liveness import Check
from edgeface.message import HealthMessage
from edgeface.service.bootstrap import Loaded, Station, open_station
from edgeface.service.checkup import HEALTH, watch_health
from edgeface.service.heartbeat import Heartbeat
from edgeface.service.loop import Recorded, Step
from edgeface.service.ports import Camera
from edgeface.service.probation import Probation, probation
from edgeface.service.reception import Reception
from edgeface.service.serve import serving
from edgeface.service.settings import Config
from edgeface.service.source import open_live, open_source
from edgeface.service.tend import Condition, TendedCamera
from edgeface.service.updating import attempt, reconcile
from edgeface.service.vitals import Vitals

COLOURS = {
    Outcome.GRANT: "green",
    Outcome.DENY: "blue",
    Outcome.UNKNOWN: "red",
    Outcome.SPOOF: "magenta",
    Outcome.INSUFFICIENT_QUALITY: "yellow",
}


@click.command(short_help="Watch a camera and decide.")
@click.option(
    "--source",
    required=True,
    envvar="EDGEFACE_SOURCE",
    help="0, /dev/video0, rtsp://..., picamera2, or a file or folder to play.",
)
@click.option("--broker", help="mqtt://user@host:1883 or mqtts://...; default: the configuration's.")
@click.option("--device", help="Name of this reader in MQTT topics.")
@click.option("--door", help="Which door it serves.")
@click.option("--fast", is_flag=True, help="Play files faster than life; decisions are published as history only.")
@click.option("--keep-trying", is_flag=True, help="Wait for a camera that is not there at the start.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: a decision, or prompts for a display.")
@click.pass_obj
def run(
    context: Context,
    source: str,
    broker: str | None,
    device: str | None,
    door: str | None,
    fast: bool,
    keep_trying: bool,
    as_json: bool,
) -> None:
    """Watch SOURCE and decide who may enter, until it ends or Ctrl-C.

    A decision needs several good shots of one visitor. Each is stored first, then printed and published; without a
    broker it stays in the journal. "deny" is somebody known whom a rule keeps out (edgeface access); "unknown" is a
    face well seen that nobody enrolled has; "spoof" is a known face that looks like a picture, where a living one is
    required; "insufficient_quality" is a face never seen well enough.
    """
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    config = _configured(context.config(), broker, device, door, fast)
    with (
        context.gallery() as database,  # first: whoever does not own it is no reader, and no try of models on trial
        attempt(context.home, config.update, context.loaded) as loaded,
        _stop_on_signals(),
    ):
        reconcile(context.home, database, SystemClock().now())
        camera = _opened(source, config, keep_trying)
        film_time = fast and isinstance(camera, Replay)
        with (
            closing(camera),
            open_station(config, loaded, database, film_time=film_time) as station,
            serving(station, config, loaded, database, context.config_file) as served,
            probation(
                context.home, database, config.update, served.desk.now, served.desk.expect_live().restart
            ) as trial,
        ):
            _warn_of_strangers(station, loaded.models.embedder)
            if shut := station.shut():
                click.echo(shut, err=True)
            _greet(station, config, as_json)
            _tell_liveness(config, loaded.live_floor(config.liveness.min_score), as_json)
            manager = Notifier(os.environ)
            with _health(camera, station, config, loaded, context.home, trial, manager, film_time) as vitals:
                _watch(camera, source, station, vitals, served.reception, manager, as_json)
        _farewell(station, config)  # only now have the last receipts come


def _configured(config: Config, broker: str | None, device: str | None, door: str | None, fast: bool) -> Config:
    mqtt = replace(config.mqtt, broker=broker or config.mqtt.broker, device=device or config.mqtt.device)
    try:
        decide = replace(config.decide, door=door or config.decide.door)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--door") from error
    return replace(config, mqtt=mqtt, decide=decide, camera=replace(config.camera, real_time=not fast))


def _opened(source: str, config: Config, keep_trying: bool) -> Camera | TendedCamera:
    """The source of frames, a camera looked after. Raises CameraUnavailable, unless it is to keep trying."""
    clock = SystemClock()
    if not is_live(source):
        return open_source(source, clock, config.camera, on_bad_picture=_tell_bad)
    first = None if keep_trying else open_live(source, clock, config.camera)
    reopen = partial(open_live, source, clock, config.camera)
    return TendedCamera(reopen, config.footage, clock.now, time.sleep, first=first)


def _watch(
    camera: Camera | TendedCamera,
    source: str,
    station: Station,
    vitals: Vitals,
    reception: Reception,
    manager: Notifier,
    as_json: bool,
) -> None:
    step: Step | None = None
    heartbeat = _heartbeat(station, camera, reception, manager)
    try:
        for count, step in enumerate(station.reader.watch(camera.frames())):
            if count == 0:
                manager.ready(f"watching, {_counted(len(station.gallery.people), 'person', 'people')} enrolled")
            _meet(camera, step)
            vitals.beat(step)
            heartbeat.beat(step)
            if step.prompts_changed:
                _ask(step, as_json)
            for recorded in step.decisions:
                click.echo(_line(recorded, step, station, as_json))
    except KeyboardInterrupt:
        manager.stopping()
        click.echo("stopped", err=True)
        return
    if step is None:
        raise CameraLost(f"{source} gave no usable picture: see above, or look at it with `edgeface inspect`")


def _meet(camera: Camera | TendedCamera, step: Step) -> None:
    """Show the camera's keeper the faces that were seen well: their colours tell whether red and blue are right."""
    if isinstance(camera, TendedCamera):
        for sighting in step.sightings:
            if sighting.view is not None and sighting.match is not None:
                camera.meet(sighting.view.chip)


@contextmanager
def _health(
    camera: Camera | TendedCamera,
    station: Station,
    config: Config,
    loaded: Loaded,
    home: Path,
    trial: Probation,
    manager: Notifier,
    film_time: bool,
) -> Iterator[Vitals]:
    """What watches over the reader; whatever goes wrong, or is right again, is said."""
    known: dict[Trouble, str] = {}

    def heard(message: HealthMessage) -> None:
        now = {one.trouble: one.says for one in message.troubles}
        changed = [f"{trouble.value}: {says}" for trouble, says in now.items() if known.get(trouble) != says]
        changed += [f"{trouble.value}: well again" for trouble in known if trouble not in now]
        for said in changed:
            click.echo(said, err=True)
        if changed:
            manager.status("; ".join(now.values()) or "watching")
        known.clear()
        known.update(now)

    condition = camera.condition if isinstance(camera, TendedCamera) else Condition
    try:
        yield watch_health(station, config, loaded, home, condition, trial, heard, film_time=film_time)
    finally:
        (home / HEALTH).unlink(missing_ok=True)


def _ask(step: Step, as_json: bool) -> None:
    """What a display is to show: with --json a line of its own, an empty list once there is nothing any more."""
    if as_json:
        asked = [{"track": one.track, **asdict(one.prompt)} for one in step.prompts]
        click.echo(json.dumps({"prompts": asked, "frame": None if step.frame is None else step.frame.sequence}))
        return
    for one in step.prompts:
        click.echo(f"  please {one.prompt.words} ({one.prompt.turn} of {one.prompt.turns})", err=True)


def _heartbeat(station: Station, camera: Camera | TendedCamera, reception: Reception, manager: Notifier) -> Heartbeat:
    """Fed three times in the time that systemd waits: one unanswered question is no death yet."""
    every_s = math.inf if manager.watchdog_s is None else manager.watchdog_s / 3
    parts = {**station.parts, "socket": reception.ticks}
    parts |= {"camera": camera.ticks} if isinstance(camera, TendedCamera) else {}
    return Heartbeat(every_s=every_s, alive=manager.alive, parts=parts, complain=manager.status, now=SystemClock().now)


def _farewell(station: Station, config: Config) -> None:
    """What is not delivered is not lost: say so."""
    if config.mqtt.broker and (waiting := station.waiting()):
        click.echo(f"{_counted(waiting, 'decision')} not confirmed yet: sent as history at the next start.", err=True)


def _counted(number: int, thing: str, things: str | None = None) -> str:
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def _greet(station: Station, config: Config, as_json: bool) -> None:
    if as_json:
        return
    people = len(station.gallery.people)
    click.echo(f"{_counted(people, 'person', 'people')} can be recognised. Door: {config.decide.door}.", err=True)
    if config.mqtt.broker:
        click.echo(f"Publishing to {config.mqtt.broker} as {config.mqtt.base}/{config.mqtt.device}.", err=True)
    else:
        click.echo("No broker is configured: decisions are stored, not published.", err=True)


def _tell_liveness(config: Config, floor: float | None, as_json: bool) -> None:
    """Whether a picture may open the door. That nobody will be let in is said with --json as well."""
    required = Check.PICTURE in config.liveness.require
    if required and floor is None:
        said = "A living face is required and no liveness model is in use: nobody will be let in."
    elif as_json:
        return
    elif required:
        said = f"Only a living face opens the door: liveness {floor:.2f} or more, of 1."
    elif floor is None:
        said = "No liveness model is in use: a picture of somebody may open the door."
    else:
        advice = 'set require = ["picture"] under [liveness] in edgeface.toml to refuse pictures'
        said = f"Liveness is told but not required: {advice}."
    click.echo(said, err=True)
    if Check.MOTION in config.liveness.require and not as_json:
        click.echo("Visitors must move their head a little: what shows no depth does not open the door.", err=True)
    if Check.CHALLENGE in config.liveness.require and not as_json:
        click.echo("Visitors are asked to turn their head: show them the prompts on a display.", err=True)


def _warn_of_strangers(station: Station, embedder: Embedder) -> None:
    """People whom this embedder does not know are denied: that must not come as a surprise."""
    if lacking := len(station.store.lacking(*embedder.understood)):
        advice = "enrol them again, or go back to the former embedder; `edgeface people` says who"
        click.echo(f"{lacking} enrolled with another embedder cannot be recognised: {advice}.", err=True)


def _line(recorded: Recorded, step: Step, station: Station, as_json: bool) -> str:
    decision = recorded.decision
    name = station.store.name_of(decision.person_id) if decision.person_id else None
    if as_json:
        return json.dumps(_plain(recorded, step, name))
    outcome = click.style(f"{decision.outcome.value:20}", fg=COLOURS[decision.outcome])
    score = "" if decision.score is None else f"  score {decision.score:.2f} of {decision.threshold:.2f}"
    alive = "" if decision.liveness is None else f"  alive {decision.liveness:.2f}"
    return f"#{recorded.seq} {outcome} {name or '-':20} {decision.reason}{score}{alive}  ({step.took_ms:.0f} ms)"


def _plain(recorded: Recorded, step: Step, name: str | None) -> dict[str, Any]:
    decision = recorded.decision
    return {
        "seq": recorded.seq,
        "id": decision.id,
        "outcome": decision.outcome.value,
        "door": decision.door,
        "person": None if decision.person_id is None else {"id": decision.person_id, "label": name},
        "reason": decision.reason,
        "rule": decision.rule,
        "score": decision.score,
        "margin": decision.margin,
        "strength": decision.strength,
        "threshold": decision.threshold,
        "quality": decision.quality,
        "liveness": decision.liveness,
        "shots": decision.shots,
        "track": decision.track,
        "frame": None if step.frame is None else step.frame.sequence,
        "took_ms": round(step.took_ms, 2),
    }


def _tell_bad(path: Path, error: PictureError) -> None:
    click.echo(f"skipped: {path}: {error}", err=True)


@contextmanager
def _stop_on_signals() -> Iterator[None]:
    """SIGTERM ends the loop as Ctrl-C does, so that the journal and the broker are left in order."""
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
