"""What a reader does when nobody is there: learn from the visits that were, and delete what is past its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgeface import bar as bars
from edgeface import snapshot
from edgeface.bar import Bar
from edgeface.embed import Embedder
from edgeface.errors import ConfigError
from edgeface.match import Gallery
from edgeface.model import ModelSpec
from edgeface.service.idle import Idle
from edgeface.service.learner import Learner, Options
from edgeface.service.loop import Reader, Step
from edgeface.service.photographer import Photographer
from edgeface.service.ports import Clock
from edgeface.service.purge import Purge
from edgeface.store import retention
from edgeface.store.database import Database
from edgeface.store.lessons import LessonStore
from edgeface.store.snapshots import SnapshotStore
from edgeface.store.strangers import StrangerStore

EXPIRE_EVERY_S = 3600.0
"""What is kept for days is looked through once an hour."""

PURGE_EVERY_S = 300.0
"""Three looks in the time for which the clocks must agree (`edgeface.service.purge`)."""

RENEW_EVERY_S = 600.0
"""Lessons count at the door after so long at the most, and from the next start on: with 10,000 people the bar takes
seconds to derive."""


@contextmanager
def afterwards(
    reader: Reader,
    database: Database,
    *,
    embedder: Embedder,
    options: Options,
    keep: retention.Options,
    snapshots: snapshot.Options,
    delivers: bool,
    boot_id: str,
    clock: Clock,
    renew: Callable[[], tuple[Gallery, Bar]],
) -> Iterator[Idle]:
    """Follow a reader until the block ends. `renew` makes gallery and bar afresh. Raises ConfigError."""
    spec, idle, changed = embedder.spec, Idle(), threading.Event()
    _expect_certainty(options, spec)
    pictures = SnapshotStore(database, snapshots)
    photographer = Photographer(pictures, snapshots, idle)
    lessons, strangers = LessonStore(database, boot_id), StrangerStore(database, embedder.identity)

    def room() -> bool:
        return bars.keeps(reader.dial, len(reader.gallery.people) + lessons.count(embedder.identity) + 1, spec)

    def expire() -> None:
        lessons.expire(clock.now(), options.learn.keep_days)
        strangers.expire(clock.now(), options.strangers)
        pictures.expire(clock.now())

    def reload() -> None:
        if changed.is_set():
            changed.clear()
            forgotten()

    def forgotten() -> None:
        while not reader.adopt(*renew()):
            pass  # somebody was forgotten, or the dial set, while it was made

    learner = Learner(
        lessons=lessons,
        strangers=strangers,
        gallery=lambda: reader.gallery,
        tail=spec.impostor_tail,
        room=room,
        learned=changed.set,
        options=options,
        idle=idle,
    )
    idle.every(EXPIRE_EVERY_S, expire)
    idle.every(PURGE_EVERY_S, Purge(database, keep, clock.now, forgotten, delivers=delivers))
    idle.every(RENEW_EVERY_S, reload)

    def take(step: Step) -> None:
        learner.take(step)
        photographer.take(step)

    reader.tell(take)
    idle.start()
    try:
        yield idle
    finally:
        idle.stop()


def _expect_certainty(options: Options, spec: ModelSpec) -> None:
    if options.learn.enabled and spec.impostor_tail is None:
        raise ConfigError(f"learn.enabled: {spec.name} comes without a measured impostor tail, so nothing is certain")
