"""Verbs about bundles of models. A bundle is tried beside the reader at work, which goes on meanwhile."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from edgeface.adapters import slots
from edgeface.commands import words
from edgeface.commands.words_updates import Begun, Bundle, Bundles, Left, Trial, is_name
from edgeface.errors import GalleryError, UpdateProblem, UpdateRefused
from edgeface.service import updating
from edgeface.service.desk.place import Desk
from edgeface.store import audit, releases
from edgeface.store.audit import Kind

log = logging.getLogger(__name__)

FOLDER = "updates"
"""In the home folder: where whoever brings a bundle puts it."""
LAST = 5
"""Audit rows that are told."""
MOST_LYING = 50
"""Files of the folder that are told."""
_TURN = threading.Lock()
"""Held while a bundle is tried: one at a time, in a process that has one home folder."""


def status(desk: Desk, ask: words.Nothing) -> Bundles:
    """Which bundle is in use, and what became of the last ones."""
    state = slots.read(desk.home)
    former, returned, trial = state.held(state.former), state.returned, state.trial
    rows = audit.newest_entries(desk.database, LAST, Kind.UPDATE, None)
    return Bundles(
        version=state.version,
        former=None if former is None else former.version,
        can_go_back=state.former != state.active,
        trial=None if trial is None else Trial(ran_s=trial.ran_s, frames=trial.frames, starts=trial.starts),
        given_up=None if returned is None else returned.version,
        why=None if returned is None else returned.why,
        busy=_TURN.locked(),
        last=tuple(
            f"{row.facts['what']} {row.facts['version']}" + (f": {row.facts['why']}" if "why" in row.facts else "")
            for row in reversed(rows)
        ),
        lying=_lying(desk),
    )


def update(desk: Desk, ask: Bundle) -> Begun:
    """Check a bundle's signature and version, and begin to try it; the reader at work starts anew with it."""
    if not _TURN.acquire(blocking=False):
        raise UpdateRefused(UpdateProblem.ON_TRIAL, "another bundle is being tried: wait a moment")
    try:
        content = updating.read(_place(desk, ask))
        _, found = updating.check(desk.home, desk.database, content)
        job = threading.Thread(target=_tried, args=(desk, ask, content, found.version), name="update", daemon=True)
        job.start()
    except BaseException:
        _TURN.release()
        raise
    if desk.live is None:
        job.join()
    return Begun(version=found.version, says=found.says)


def rollback(desk: Desk, ask: words.Nothing) -> Left:
    """Go back to the former models; the reader at work starts anew with them."""
    left = updating.roll_back(desk.home, desk.database, desk.now(), by=desk.by)
    if desk.live is not None:
        desk.then.append(desk.live.restart)
    return Left(version=left.version)


def _lying(desk: Desk) -> tuple[str, ...]:
    try:
        plain = (one.name for one in (desk.home / FOLDER).iterdir() if one.is_file() and not one.is_symlink())
        return tuple(sorted(name for name in plain if is_name(name))[:MOST_LYING])
    except OSError:
        return ()


def _place(desk: Desk, ask: Bundle) -> Path:
    return desk.home / FOLDER / ask.file


def _tried(desk: Desk, ask: Bundle, content: bytes, version: int) -> None:
    """In a thread of its own: what comes of it is audited, and in use at once."""
    runtime = desk.config.run.runtime
    try:
        updating.take(desk.home, desk.database, content, desk.now, by=desk.by, runtime=runtime, strand=ask.strand)
    except (UpdateRefused, GalleryError) as error:
        log.error("version %d was not taken: %s", version, error)
        _refused(desk, version, str(error))
    else:
        _place(desk, ask).unlink(missing_ok=True)
        if desk.live is not None:
            desk.live.restart()
    finally:
        _TURN.release()


def _refused(desk: Desk, version: int, why: str) -> None:
    try:
        with desk.database.transaction() as tables:
            releases.refused(tables, version, why, desk.now(), by=desk.by)
    except GalleryError as error:
        log.error("that could not be audited: %s", error)
