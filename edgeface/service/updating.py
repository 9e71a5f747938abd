"""Takes bundles of models, one step after the other, so that a power cut at any of them leaves one whole set in use.

    take: signature -> version -> other process -> nobody stranded -> free slot -> audit -> switch
    attempt, reconcile: what a reader does at its start, with a bundle on trial

The switch is thrown last, by the renaming of one file. What it says is audited at the next start, if not at once.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgeface.adapters import manifest, proving, release, slots
from edgeface.adapters.proving import Proven
from edgeface.adapters.release import Release
from edgeface.adapters.slots import Returned, State
from edgeface.commands import Role
from edgeface.errors import EdgefaceError, ModelError, UpdateProblem, UpdateRefused
from edgeface.frame import Instant
from edgeface.model import Task
from edgeface.service.bootstrap import Loaded
from edgeface.store import commands, releases
from edgeface.store.database import Database
from edgeface.store.gallery import GalleryStore
from edgeface.store.releases import Standing
from edgeface.trial import Options

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A bundle that is in use from the next start on."""

    version: int
    slot: str
    says: str
    models: tuple[str, ...]
    """What was found of each, as sentences."""
    set_aside: tuple[str, ...]
    """Tasks for which `edgeface models use` chose a model: the bundle's is not used."""


def read(file: Path) -> bytes:
    """A bundle's bytes. Raises UpdateRefused."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UpdateRefused(UpdateProblem.UNREADABLE, f"{file} is no plain file")
            content = opened.read(release.MOST_BYTES + 1)
    except OSError as error:
        raise UpdateRefused(UpdateProblem.UNREADABLE, f"{file} cannot be read: {error.strerror}") from error
    if len(content) > release.MOST_BYTES:
        raise UpdateRefused(UpdateProblem.TOO_LARGE, f"{file} has more than {release.MOST_BYTES} bytes")
    return content


def check(home: Path, database: Database, content: bytes) -> tuple[str, Release]:
    """Who signed a bundle, and what it holds; nothing is parsed before the signature holds. Raises UpdateRefused."""
    publisher = release.authentic(content, lambda key: _publisher(database, key))
    found = release.parse(content, Path("bundle"))
    state = slots.read(home)
    if state.trial is not None:
        raise UpdateRefused(
            UpdateProblem.ON_TRIAL, f"version {state.version} is on trial: wait, or `edgeface models roll-back`"
        )
    releases.expect_newer(database, found.version, found.sha256, seen=state.newest)
    return publisher, found


def take(
    home: Path,
    database: Database,
    content: bytes,
    now: Callable[[], Instant],
    *,
    by: str,
    runtime: str = "",
    strand: bool = False,
) -> Taken:
    """Verify a bundle, try it, store it, and use it from the next start on, on trial. `strand`: even if nobody who is
    enrolled would be known any more.

    Takes seconds. Raises UpdateRefused; GalleryError if it cannot be audited: then it is not used.
    """
    publisher, found = check(home, database, content)
    proven = proving.prove(content, runtime)
    chosen = manifest.picked(home)
    if not strand and Task.EMBEDDER not in chosen:
        _expect_bridged(database, found, proven)
    slot = slots.put(home, content)
    with database.transaction() as tables:
        releases.begin(tables, found.version, found.sha256, publisher, now(), by=by)
    slots.switch(home, slot, found)
    with database.transaction() as tables:
        releases.stand(tables, found.version, Standing.TRIAL, now(), by=by)
    set_aside = tuple(entry.spec.task.value for entry in found.models.values() if entry.spec.task in chosen)
    return Taken(version=found.version, slot=slot, says=found.says, models=proven.models, set_aside=set_aside)


def roll_back(home: Path, database: Database, now: Instant, *, by: str) -> Returned:
    """Use the former models from the next start on. The version left is never taken again. Raises ModelError."""
    returned = slots.go_back(home, "asked for", by)
    reconcile(home, database, now)
    return returned


@contextmanager
def attempt(home: Path, options: Options, load: Callable[[], Loaded]) -> Iterator[Loaded]:
    """Run a reader with the models that `load` gives, those on trial given up for the former ones if they do not work.

    A reader that dies or is cut off counts against the models on trial, one that ends does not. Raises ModelError.
    """
    former = _begin(home, options)
    try:
        yield _loaded(home, load)
    except EdgefaceError:
        _count(home, former)  # a camera that is missing is no fault of the models
        raise
    _count(home, 0)


def reconcile(home: Path, database: Database, now: Instant) -> None:
    """Audit what happened to the switch while nobody could write it down."""
    state = slots.read(home)
    returned = state.returned
    with database.transaction() as tables:
        if returned is not None and not returned.audited:
            by = returned.by or "reader"
            releases.stand(tables, returned.version, Standing.RETURNED, now, by=by, why=returned.why)
        if state.version is not None:
            standing = Standing.CONFIRMED if state.trial is None else Standing.TRIAL
            releases.stand(tables, state.version, standing, now, by="reader")
    if returned is not None and not returned.audited:
        slots.told(home)


def _publisher(database: Database, wanted: str) -> bytes | None:
    key = commands.find(database, wanted)
    return key.public if key is not None and key.role is Role.PUBLISH and not key.revoked else None


def _expect_bridged(database: Database, found: Release, proven: Proven) -> None:
    """Refuse an embedder that would know nobody."""
    if proven.embedder is None:
        return
    carried = {proven.embedder, *(bridge.former for bridge in found.bridges)}
    people = GalleryStore(database).people()
    lost = sum(not carried & person.templates.keys() for person in people)
    if lost:
        raise UpdateRefused(
            UpdateProblem.STRANDS_PEOPLE,
            f"{lost} of {len(people)} people would have to be enrolled anew: publish it with a map from the embedder "
            "that they are enrolled with, or say --strand",
        )


def _begin(home: Path, options: Options) -> int:
    """Count a start before the models are loaded; how many were counted before."""
    state = slots.read(home)
    if state.trial is None:
        return 0
    if state.trial.starts >= options.most_starts:
        slots.go_back(home, f"{state.trial.starts} starts in a row did not end well")
        return 0
    _count(home, state.trial.starts + 1)
    return state.trial.starts


def _loaded(home: Path, load: Callable[[], Loaded]) -> Loaded:
    try:
        return load()
    except ModelError as error:
        state = slots.read(home)
        if not _to_blame(home, state):
            raise
        log.error("%s", error)
        slots.go_back(home, str(error))
        return load()


def _count(home: Path, starts: int) -> None:
    """A full disk costs the count, never the start: what cannot be stored opens nothing anyway."""
    try:
        trial = slots.read(home).trial
        if trial is not None and trial.starts != starts:
            slots.on_trial(home, replace(trial, starts=starts))
    except UpdateRefused as error:
        log.warning("%s", error)


def _to_blame(home: Path, state: State) -> bool:
    """Whether models that do not load are the bundle's: any on trial, else one that was damaged."""
    if state.version is None or state.former == state.active:
        return False
    if state.trial is not None:
        return True
    try:
        slots.opened(home, state)
    except ModelError:
        return True
    return False
