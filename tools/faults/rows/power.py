"""Power that goes, processes that die, and disks that fail: at every write and every sync that SQLite asks for."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing, suppress
from copy import deepcopy
from pathlib import Path

from edgeface.errors import EdgefaceError, GalleryError
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from tools.faults.deeds import DEEDS, Deed, Known, Tell, check, decision, enrol, too_early
from tools.faults.result import Result
from tools.faults.rows.disk import content, folder_in_memory, laid
from tools.faults.vfs import FULL, IOERR_WRITE, Event, Tape, Told, disk_after, recording

ACKNOWLEDGED = 12
"""Things done in one session."""

CUTS = 60
"""Power cuts that are tried of one session."""

SWEPT = ("decide", "enrol", "forget")

Spoil = Callable[[Database], None]


class _Enough(Exception):
    """The session is long enough."""


def power_cut(n: int, seed: int, spoil: Spoil = lambda database: None) -> Result:
    """Cut the power n times, between any two calls; of what was not synced any part may be lost, in any order."""
    dice, wrong, done, told = random.Random(seed), [], 0, 0
    while done < n:
        name = SWEPT[done // CUTS % len(SWEPT)]
        before, events, known = _session(DEEDS[name], dice, spoil)
        for _ in range(min(CUTS, n - done)):
            cut = dice.randrange(len(events) + 1)
            told += sum(isinstance(event, Told) for event in events[:cut])
            wrong += _left(f"{name}, cut {done}", DEEDS[name], before, events[:cut], known, dice)
            done += 1
    return Result(fault="power cut, unsynced sectors torn", n=n, failures=wrong, seed=seed, acknowledged=told)


def hasty_power_cut(n: int, seed: int) -> Result:
    """The control: SQLite's own default for a write-ahead log, synchronous = NORMAL."""

    def relax(database: Database) -> None:
        database._connection.execute("PRAGMA synchronous = NORMAL")

    return power_cut(n, seed, relax)


def killed_everywhere(n: int, seed: int, deeds: dict[str, Deed] = DEEDS) -> Result:
    """The process dies between two calls: at each of them in turn, until n were tried."""
    dice, wrong, done, told = random.Random(seed), [], 0, 0
    while done < n:
        for name in SWEPT:
            before, events, known = _session(deeds[name], dice, lambda database: None)
            for cut in range(min(len(events) + 1, n - done)):
                told += sum(isinstance(event, Told) for event in events[:cut])
                wrong += _left(f"{name}, call {cut}", deeds[name], before, events[:cut], known, None)
                done += 1
    return Result(fault="killed at every write and sync", n=n, failures=wrong, seed=seed, acknowledged=told)


def hasty_killed(n: int, seed: int) -> Result:
    """The control: says so first, and does it then."""
    return killed_everywhere(n, seed, dict.fromkeys(SWEPT, too_early(1)))


def failing_call(n: int, seed: int, unlock: Callable[[Journal], str | None] | None = None) -> Result:
    """One write or sync fails, or all from then on; what a failed sync held is lost. Then the power is cut."""
    dice, wrong, told, refused = random.Random(seed), [], 0, 0
    for trial in range(n):
        tape = Tape(fail_at=dice.randrange(40), code=dice.choice((IOERR_WRITE, FULL)), for_good=dice.random() < 0.5)
        with folder_in_memory() as folder:
            path = folder / "gallery.db"
            open_database(path).close()
            before = content(folder)
            opened, failures = _unlocks(path, tape, unlock or _unlock)
            disk = disk_after(before, tape.events, random.Random(dice.random()))
        told, refused = told + len(opened), refused + failures
        wrong += [f"try {trial}: {problem}" for problem in _missing(disk, opened)]
    return Result(fault="a write or a sync fails, then the power", n=n, failures=wrong, seed=seed, acknowledged=told,
                  note=f"{refused} decisions refused")  # fmt: skip


def careless_call(n: int, seed: int) -> Result:
    """The control: opens though the journal said no."""

    def anyway(journal: Journal) -> str | None:
        made = decision()
        with suppress(GalleryError):
            journal.record(made)
        return made.id

    return failing_call(n, seed, anyway)


def _unlock(journal: Journal) -> str | None:
    made = decision()
    try:
        journal.record(made)
    except GalleryError:
        return None
    return made.id


def _unlocks(path: Path, tape: Tape, unlock: Callable[[Journal], str | None]) -> tuple[list[str], int]:
    """Who was let in while calls failed, and how many were not."""
    opened, refused = [], 0
    with recording(tape):
        try:
            with closing(open_database(path)) as database:
                for _ in range(8):
                    made = unlock(Journal(database, "b"))
                    refused += made is None
                    opened += [made] if made else []
        except EdgefaceError:
            refused += 1
    return opened, refused


def _missing(disk: dict[str, bytes], opened: list[str]) -> list[str]:
    with laid(disk) as path:
        try:
            with closing(open_database(path)) as database:
                rows = {
                    row["decision_id"] for row in database.read("SELECT decision_id FROM audit JOIN outbox USING (seq)")
                }
        except EdgefaceError as error:
            return [f"the gallery does not open: {error}"]
    return [f"unlock {one} has no row" for one in opened if one not in rows]


def _left(
    where: str, deed: Deed, before: dict[str, bytes], events: list[Event], known: Known, torn: random.Random | None
) -> list[str]:
    """What is wrong with what such an end leaves."""
    mine = deepcopy(known)
    mine.told += [event.what for event in events if isinstance(event, Told)]
    with laid(disk_after(before, events, torn)) as path:
        try:
            return [f"{where}: {problem}" for problem in check(path, deed, mine)][:2]
        except EdgefaceError as error:
            return [f"{where}: the gallery does not open: {error}"]


def _session(deed: Deed, dice: random.Random, spoil: Spoil) -> tuple[dict[str, bytes], list[Event], Known]:
    """The disk before it, what happened, and what was known; of a deed done a few times."""
    tape, known = Tape(), Known()
    with folder_in_memory() as folder:
        path = folder / "gallery.db"
        with closing(open_database(path)) as database:
            for number in range(dice.randrange(3)):
                enrol(database, f"person {number}")
            deed.prepare(database, known)
        before = content(folder)
        with recording(tape), closing(open_database(path)) as database:
            spoil(database)
            with suppress(_Enough):
                deed.run(database, _teller(tape))
            events = list(tape.events)
    return before, events, known


def _teller(tape: Tape) -> Tell:
    def tell(what: str) -> None:
        tape.events.append(Told(what))
        if sum(isinstance(event, Told) for event in tape.events) >= ACKNOWLEDGED:
            raise _Enough

    return tell
