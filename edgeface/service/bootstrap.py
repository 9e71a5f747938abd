"""The one place that knows which models, gallery, camera and broker there are, and puts them together."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from edgeface import bar as bars
from edgeface import decide, match
from edgeface.access import Rules, default_text
from edgeface.adapters import golden, manifest, mqtt, tflite
from edgeface.adapters.clock import SystemClock, boot_id
from edgeface.adapters.golden import Finding
from edgeface.adapters.manifest import Choice
from edgeface.adapters.spec import Entry
from edgeface.adapters.tflite import TfliteModel
from edgeface.bar import Bar
from edgeface.calibration import false_match_rate
from edgeface.config import load, parse
from edgeface.detect import Detector
from edgeface.embed import Embedder
from edgeface.errors import ConfigError
from edgeface.frame import Instant
from edgeface.liveness import Judge
from edgeface.match import Gallery
from edgeface.message import HealthMessage, Topics, encode, prompt_message
from edgeface.model import Task
from edgeface.pipeline import Models, Prompted
from edgeface.pose import PoseModel
from edgeface.quality import Scorer
from edgeface.service import learner, succession
from edgeface.service.afterwards import afterwards
from edgeface.service.exhibit import Exhibit
from edgeface.service.facts import facts_of, info_of
from edgeface.service.guard import Guard, recall
from edgeface.service.idle import Idle
from edgeface.service.loop import Reader, Recorded
from edgeface.service.outside import open_outside
from edgeface.service.requests import Requests
from edgeface.service.rulewatch import RuleWatch
from edgeface.service.settings import Config, MqttSettings, RunOptions
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox

GALLERY = "gallery.db"
"""File name of people and decisions, in the home folder."""

ACCESS = "access.toml"
"""File name of the access rules, in the home folder."""

SETTINGS = "edgeface.toml"
"""File name of all other settings, in the home folder unless another file is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The models in use, ready to run."""

    models: Models
    choice: Choice
    detector: TfliteModel
    embedder: TfliteModel
    used: tuple[TfliteModel, ...]
    """All models that there are, in the order of the tasks."""
    findings: tuple[Finding, ...]
    """What the golden probes said of each, in the order of `used`."""

    @property
    def floor(self) -> float:
        """The embedder's own threshold, from its card."""
        return self.choice.embedder.spec.thresholds["grant"]

    def live_floor(self, wanted: float | None) -> float | None:
        """The liveness score that grants: the one wanted, else the model's own; None without a model."""
        entry = self.choice.liveness
        if entry is None:
            return None
        return entry.spec.thresholds["live"] if wanted is None else wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A reader at work, with what a person may want to know about it."""

    reader: Reader
    guard: Guard
    """The access rules at work."""
    journal: Journal
    store: GalleryStore
    gallery: Gallery
    bar: Bar
    """What it asks of a visitor."""
    shut: Callable[[], str | None]
    """Why the access rules let in nobody, or hardly anybody, or are not those of the file, as a sentence; else None."""
    problem: Callable[[], str | None]
    """Why decisions are not being delivered now, as a sentence; None while they are, or if no broker is configured."""
    waiting: Callable[[], int]
    """How many decisions no consumer has confirmed yet."""
    requests: Requests | None
    """Commands that come over MQTT wait here to be served; None if no broker is configured."""
    announce: Callable[[Recorded], None]
    """Take a decision that is stored to the lock and to the broker."""
    announce_info: Callable[[], None]
    """Publish `info` anew, as something in it has changed."""
    replay: Callable[[int, int], object]
    """Send a range of rows of the journal once more, as history."""
    parts: Mapping[str, Callable[[], bool]]
    """Whether each part beside the reader's own loop still ticks, by name."""
    queues: Mapping[str, Callable[[], int]]
    """How much waits at each part that has a queue, by name."""
    report: Callable[[HealthMessage], None]
    """Takes a report of the reader's health to whoever listens. Never waits for them."""
    exhibit: Exhibit | None
    """Shows a kept picture in Home Assistant; None where that is not allowed."""


def load_models(home: Path, options: RunOptions | None = None) -> Loaded:
    """The models chosen in `home`, verified, allocated and tried on the golden probes. Raises ModelError."""
    choice, run = manifest.chosen(home), options or RunOptions()

    def load(entry: Entry) -> TfliteModel:
        runtime = run.runtime or None
        return tflite.load(entry.spec, entry.folder, content=entry.content, threads=run.threads, runtime=runtime)

    loaded = {entry.spec.task: load(entry) for entry in choice.entries()}
    findings = tuple(golden.verify(model) for model in loaded.values())
    detector, embedder = loaded[Task.DETECTOR], loaded[Task.EMBEDDER]
    models = Models(
        detector=Detector(spec=choice.detector.spec, infer=detector),
        embedder=Embedder(
            spec=choice.embedder.spec, infer=embedder, identity=embedder.identity, bridges=choice.bridges
        ),
        pose=PoseModel(spec=choice.pose.spec, infer=loaded[Task.POSE]) if choice.pose else None,
        quality=Scorer(spec=choice.quality.spec, infer=loaded[Task.QUALITY]) if choice.quality else None,
        liveness=Judge(spec=choice.liveness.spec, infer=loaded[Task.LIVENESS]) if choice.liveness else None,
    )
    return Loaded(
        models=models,
        choice=choice,
        detector=detector,
        embedder=embedder,
        used=tuple(loaded.values()),
        findings=findings,
    )


def freeze_gallery(store: GalleryStore, embedder: Embedder, *, learned: bool = True) -> Gallery:
    """Everybody whom this embedder can know, with what visits taught or without."""
    enrolled = succession.native(store, embedder, learned=learned)
    renewed = succession.renewed(enrolled)
    return match.freeze(
        enrolled.vectors,
        enrolled.person_ids,
        embedder.identity,
        enrolled.revision,
        embedder.spec.dimensions,
        succession.taught(enrolled, renewed),
        succession.carried(store, embedder, renewed, learned=learned),
        embedder.spec.scoring,
    )


def broker_options(settings: MqttSettings) -> mqtt.MqttOptions:
    """The broker as the MQTT adapter takes it. Raises ConfigError."""
    topics = Topics(base=settings.base, device=settings.device)
    return mqtt.mqtt_options(
        settings.broker,
        topics,
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        password_file=settings.password_file,
    )


def load_rules(home: Path, door: str) -> Rules:
    """The access rules of a home folder; without any, whoever is enrolled may pass this door. Raises ConfigError."""
    path = home / ACCESS
    return load(path, Rules) if path.exists() else parse(default_text(door), Rules)


@contextmanager
def open_station(config: Config, loaded: Loaded, database: Database, *, film_time: bool) -> Iterator[Station]:
    """A reader on an open gallery; with a broker configured, its decisions are delivered until the block ends.

    `film_time`: see `Reader`. Raises ConfigError, GalleryError, BrokerError, DoorError.
    """
    _refuse_lower(config.decide.threshold, loaded)
    clock = SystemClock()
    store, home = GalleryStore(database), database.path.parent
    gallery, bar = gallery_and_bar(store, loaded, config, config.decide.false_accepts)
    journal = Journal(database, boot_id())
    watch = RuleWatch(home / ACCESS, journal, clock, lambda changed: guard.follow(changed))
    rules = load_rules(home, config.decide.door)
    journal.start(clock.now(), facts_of(config, loaded.choice, loaded.embedder.kernels, home / ACCESS))
    guard = Guard(rules, recall(database, boot_id(), clock.now()), boot_id(), film_time=film_time)
    broker = broker_options(config.mqtt) if config.mqtt.broker else None
    info = partial(info_of, database, loaded.choice)
    with ExitStack() as stack:
        stack.enter_context(watch.running())
        outside = stack.enter_context(open_outside(config, broker, database, guard, info, film_time=film_time))
        reader = Reader(
            models=loaded.models,
            gallery=gallery,
            bar=bar,
            live_floor=loaded.live_floor(config.liveness.min_score),
            options=config.pipeline(),
            guard=guard,
            journal=journal,
            announce=outside.announce,
            now=clock.now,
            pacing=config.pace,
            film_time=film_time,
            chance=tuple(secrets.token_bytes(16)),
            ask=lambda asked, now: outside.tell(_told(asked, config.decide.door, now)),
        )
        parts = {"gallery": lambda: store.id() is not None, "rules": watch.ticks, **outside.parts}
        queues = dict(outside.queues)
        if not film_time:  # films tell another time, and are not visits
            idle = stack.enter_context(_idle(reader, config, loaded, database, clock))
            parts["idle"], queues["idle"] = idle.ticks, idle.waiting
        yield Station(
            reader=reader,
            guard=guard,
            journal=journal,
            store=store,
            gallery=gallery,
            bar=bar,
            shut=lambda: guard.problem(config.decide.door) or watch.problem,
            problem=outside.problem,
            waiting=Outbox(database).count,
            requests=outside.requests,
            announce=outside.announce,
            announce_info=outside.announce_info,
            replay=outside.replay or Outbox(database).again,
            parts=parts,
            queues=queues,
            report=outside.report,
            exhibit=outside.exhibit,
        )


def _told(asked: tuple[Prompted, ...], door: str, now: Instant) -> str:
    return encode(prompt_message({one.track: one.prompt for one in asked}, door, now))


def gallery_and_bar(store: GalleryStore, loaded: Loaded, config: Config, dial: str | None) -> tuple[Gallery, Bar]:
    """Whom a door knows now, and what it asks of them by this dial. Raises ConfigError if that cannot be kept."""
    gallery = freeze_gallery(store, loaded.models.embedder, learned=config.learn.enabled)
    return gallery, derive_bar(gallery, loaded, replace(config.decide, false_accepts=dial))


def derive_bar(gallery: Gallery, loaded: Loaded, options: decide.Options) -> Bar:
    """What this gallery asks of a visitor. Raises ConfigError for a dial that cannot be kept."""
    spec = loaded.choice.embedder.spec
    found = bars.derive(gallery, spec, options.false_accepts, stricter=options.threshold)
    if found.problem is not None:
        raise ConfigError(f"decide.false_accepts: {found.problem}; take it out, or see `edgeface calibrate`")
    return found


def _refuse_lower(threshold: float | None, loaded: Loaded) -> None:
    if threshold is not None and threshold < loaded.floor:
        spec = loaded.choice.embedder.spec
        tail, cost = spec.impostor_tail, ""
        if tail is not None:
            wanted, promised = (false_match_rate(at, tail) for at in (threshold, loaded.floor))
            cost = f" (a false match rate of up to {wanted:.1g}, instead of {promised:.1g})"
        raise ConfigError(
            f"decide.threshold is {threshold:g}, below {loaded.floor:g}, the lowest that {spec.name} is measured "
            f"at{cost}: take it out or raise it"
        )


def _idle(
    reader: Reader, config: Config, loaded: Loaded, database: Database, clock: SystemClock
) -> AbstractContextManager[Idle]:
    """What a reader does when nobody is there."""
    store = GalleryStore(database)
    return afterwards(
        reader,
        database,
        embedder=loaded.models.embedder,
        options=learner.Options(learn=config.learn, strangers=config.strangers),
        keep=config.retention,
        snapshots=config.snapshots,
        delivers=bool(config.mqtt.broker),
        boot_id=boot_id(),
        clock=clock,
        renew=lambda: gallery_and_bar(store, loaded, config, reader.dial),
    )
