"""A bundle for the reader that runs: brought into its folder, tried beside its work, and followed to the end."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from edgeface.adapters import manifest, release, slots
from edgeface.adapters.reader_socket import ReaderSocket
from edgeface.cli.context import Context
from edgeface.commands import words_updates
from edgeface.commands.words_updates import Begun, Bundles
from edgeface.errors import ReaderError, UpdateProblem, UpdateRefused
from edgeface.service.desk.updates import FOLDER
from edgeface.service.updating import Taken
from edgeface.store import files
from edgeface.wire import plain, record

_LOOK_S = 0.2


def take(context: Context, reader: ReaderSocket, content: bytes, *, strand: bool) -> Taken:
    """As `edgeface.service.updating.take`, by the reader at work, which then starts anew. Raises UpdateRefused."""
    place = _bring(context.home, content)
    try:
        asked = words_updates.Bundle(file=place.name, strand=strand)
        begun = record(Begun, reader.local("models/update", plain(asked)), "models/update")
        _follow(context.home, reader, begun.version)
    finally:
        place.unlink(missing_ok=True)
    tasks = [entry.spec.task for entry in release.parse(content, place).models.values()]
    chosen = manifest.picked(context.home)
    return Taken(
        version=begun.version,
        slot=str(slots.read(context.home).active),
        says=begun.says,
        models=(),
        set_aside=tuple(task.value for task in tasks if task in chosen),
    )


def _bring(home: Path, content: bytes) -> Path:
    """The bundle where the reader looks for it, as a file that it may read."""
    place = home / FOLDER / f"{hashlib.sha256(content).hexdigest()[:32]}.bundle"
    try:
        owner = home.stat()
        place.parent.mkdir(mode=0o700, exist_ok=True)
        place.unlink(missing_ok=True)
        files.create_private(place, content)
        if os.geteuid() != owner.st_uid:
            for one in (place.parent, place):
                os.chown(one, owner.st_uid, owner.st_gid, follow_symlinks=False)
    except OSError as error:
        place.unlink(missing_ok=True)
        raise UpdateRefused(UpdateProblem.NOT_STORED, f"{place} cannot be written: {error.strerror}") from error
    return place


def _follow(home: Path, reader: ReaderSocket, version: int) -> None:
    """Wait until it is known what becomes of it: the reader stops with the switch thrown, or says why not."""
    told: Bundles | None = None
    while told is None or told.busy:
        try:
            told = record(Bundles, reader.local("models/status", {}), "models/status")
        except ReaderError:  # it starts anew
            break
        if told.busy:
            time.sleep(_LOOK_S)
    if slots.read(home).version == version:
        return
    refused = f"refused {version}: "
    if told is None or not told.last or not told.last[0].startswith(refused):
        raise ReaderError(f"the reader stopped before version {version} was tried: `edgeface models status` says more")
    problem, _, detail = told.last[0].removeprefix(refused).partition(": ")
    known = problem in set(UpdateProblem)
    raise UpdateRefused(UpdateProblem(problem) if known else UpdateProblem.NOT_STORED, detail if known else problem)
