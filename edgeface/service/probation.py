"""Watches over models on trial while they run: they are confirmed, or given up and the reader started anew."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgeface.adapters import slots
from edgeface.errors import UpdateRefused
from edgeface.frame import Instant
from edgeface.message import HealthMessage
from edgeface.store import releases
from edgeface.store.database import Database
from edgeface.store.releases import Standing
from edgeface.trial import Evidence, Options, Verdict, judge

log = logging.getLogger(__name__)

LOOK_S = 60.0
"""Between two looks. Each writes some bytes to the disk, for as long as a trial lasts."""
VISITS = 400
"""Visits before and since that are compared, at the most."""


class Probation:
    """Hears every report of the reader's health, in the thread of its loop."""

    def __init__(
        self, home: Path, database: Database, options: Options, now: Callable[[], Instant], end: Callable[[], None]
    ) -> None:
        """`end` stops the reader, for whoever started it to start it anew."""
        self._home, self._database, self._options = home, database, options
        self._now, self._end = now, end
        self._looked = now()
        self._frames = self._known = 0
        """Frames of this run: the newest report's, and those that are written down."""
        self._state = slots.read(home)

    @property
    def version(self) -> int | None:
        """Of the bundle in use; None: the shipped models."""
        return self._state.version

    @property
    def says(self) -> str | None:
        """How the trial stands, as a sentence; None if there is none."""
        trial = self._state.trial
        if trial is None:
            return None
        return f"version {self._state.version}, {trial.ran_s / 60:.0f} minutes, {trial.frames} frames so far"

    @property
    def alarm(self) -> str | None:
        """That models were given up, as a sentence, until somebody has seen it."""
        returned = self._state.returned
        if returned is None or returned.by is not None:
            return None
        return (
            f"the models of version {returned.version} were given up for the former ones: {returned.why}; "
            "`edgeface models status --dismiss` when you have seen it"
        )

    def hear(self, report: HealthMessage) -> None:
        """A report of the reader's health. Looks at the trial at most every `LOOK_S`."""
        self._frames = report.frames
        if self._now().seconds_since(self._looked) >= LOOK_S:
            self.look()

    def look(self) -> None:
        """Write down how the trial stands, and end it if it has proved or failed to prove something."""
        now, self._state = self._now(), slots.read(self._home)
        trial, version = self._state.trial, self._state.version
        if trial is not None and version is not None:
            ran_s = trial.ran_s + now.seconds_since(self._looked)
            trial = replace(trial, ran_s=round(ran_s, 1), frames=trial.frames + self._frames - self._known)
            try:
                slots.on_trial(self._home, trial)
                self._judge(version, trial, now)
            except UpdateRefused as error:
                log.warning("%s", error)
        self._looked, self._known = now, self._frames
        self._state = slots.read(self._home)

    def _judge(self, version: int, trial: slots.Trial, now: Instant) -> None:
        past = next((one for one in releases.everyone(self._database) if one.version == version), None)
        none = (0, 0)
        before, since = (none, none) if past is None else releases.visits(self._database, past.begun_at_seq, VISITS)
        verdict, why = judge(
            Evidence(ran_s=trial.ran_s, frames=trial.frames, before=before, since=since), self._options
        )
        match verdict:
            case Verdict.WAIT:
                return
            case Verdict.CONFIRM:
                slots.confirm(self._home)
                self._note(version, Standing.CONFIRMED, why, now)
            case Verdict.RETURN:
                log.error("the models of version %d are given up: %s", version, why)
                slots.go_back(self._home, why)
                self._note(version, Standing.RETURNED, why, now)
                slots.told(self._home)
                self._end()

    def _note(self, version: int, standing: Standing, why: str, now: Instant) -> None:
        with self._database.transaction() as tables:
            releases.stand(tables, version, standing, now, by="reader", why=why)


@contextmanager
def probation(
    home: Path, database: Database, options: Options, now: Callable[[], Instant], end: Callable[[], None]
) -> Iterator[Probation]:
    """Watch over models on trial until the block ends."""
    watch = Probation(home, database, options, now, end)
    yield watch
    watch.look()
