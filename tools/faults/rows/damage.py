"""Files that are not what they were: bits turned over, logs that belong elsewhere, rows that somebody wrote."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing

from tools.faults.result import Result
from tools.faults.rows.bits import turned_over
from tools.faults.rows.disk import folder_in_memory
from tools.faults.rows.lived import Disk, Moment, Truth, live, naive, silent

GALLERY, LOG, KEY, MARK = "gallery.db", "gallery.db-wal", "gallery.db.key", "gallery.db.exists"
TRIES = 20
"""Of one gallery."""

Judge = Callable[[Disk, Truth], str | None]
Harm = Callable[[random.Random, list[Moment]], tuple[str, Disk]]
"""Takes another gallery and the moments of this one, oldest first; gives the kind of harm, and the files after it."""


def flipped(n: int, seed: int, judge: Judge = silent) -> Result:
    """1 to 64 bits of one of the gallery's files are turned over."""
    return _harmed("bits flipped in gallery, log, key or mark", n, seed, _flip, judge)


def believed(n: int, seed: int) -> Result:
    """The control: a program that reads the rows and believes them."""
    return flipped(n, seed, naive)


def misplaced(n: int, seed: int, judge: Judge = silent) -> Result:
    """The log is gone, stale, or another gallery's; the file is older, cut short, empty; the key is another."""
    return _harmed("log, file or key gone, stale or another's", n, seed, _misplace, judge)


def unwitnessed(n: int, seed: int) -> Result:
    """The control: nobody outside remembers how far the audit log had come."""
    return misplaced(n, seed, lambda disk, before: silent(disk, before, witness=False))


def tampered(n: int, seed: int, judge: Judge = silent) -> Result:
    """Somebody with the file edits, deletes, inserts, swaps, renumbers or cuts off audit rows."""
    return _harmed("audit rows altered, deleted, swapped, cut off", n, seed, _tamper, judge)


def tampered_unwitnessed(n: int, seed: int) -> Result:
    """The control: the chain alone cannot show that its end was cut off."""
    return tampered(n, seed, lambda disk, before: silent(disk, before, witness=False))


def _harmed(fault: str, n: int, seed: int, harm: Harm, judge: Judge) -> Result:
    dice, wrong, kinds = random.Random(seed), [], set[str]()
    moments: list[Moment] = []
    for trial in range(n):
        if trial % TRIES == 0:
            moments = [live(dice, 1)[0], *live(dice)]
        kind, disk = harm(dice, moments)
        kinds.add(kind)
        try:
            problem = judge(disk, moments[-1].truth)
        except Exception as error:
            problem = f"stumbled: {type(error).__name__}: {error}"
        if problem is not None:
            wrong.append(f"try {trial}, {kind}: {problem}")
    return Result(fault=fault, n=n, failures=wrong, seed=seed, acknowledged=n, note=f"{len(kinds)} kinds")


def _flip(dice: random.Random, moments: list[Moment]) -> tuple[str, Disk]:
    disk = dict(moments[-1].disk)
    name = dice.choice([name for name in (GALLERY, GALLERY, LOG, LOG, KEY, MARK) if disk.get(name)])
    return name, {**disk, name: turned_over(disk[name], dice.choice((1, 1, 2, 8, 64)), dice)}


def _misplace(dice: random.Random, moments: list[Moment]) -> tuple[str, Disk]:
    other, newest, older = moments[0].disk, moments[-1].disk, dice.choice(moments[1:-1]).disk
    cut = newest[GALLERY][: dice.randrange(1, len(newest[GALLERY]))]
    made: dict[str, Disk] = {
        "no log": {**newest, LOG: b""},
        "an older log": {**newest, LOG: older.get(LOG, b"")},
        "another gallery's log": {**newest, LOG: other.get(LOG, b"")},
        "a newer log": {**older, LOG: newest.get(LOG, b"")},
        "all of it older": older,
        "another gallery": {**newest, GALLERY: other[GALLERY], LOG: b""},
        "all of another gallery but the mark": {**other, MARK: newest[MARK]},
        "cut short": {**newest, GALLERY: cut},
        "empty": {**newest, GALLERY: b""},
        "half a log": {**newest, LOG: newest.get(LOG, b"")[: dice.randrange(1 + len(newest.get(LOG, b"")))]},
        "another key": {**newest, KEY: other[KEY]},
        "no gallery": {name: content for name, content in newest.items() if name != GALLERY},
        "no key": {name: content for name, content in newest.items() if name != KEY},
    }
    kind = dice.choice(sorted(made))
    return kind, made[kind]


def _tamper(dice: random.Random, moments: list[Moment]) -> tuple[str, Disk]:
    """By plain SQL, past the triggers; the gallery is closed in good order first."""
    kind = dice.choice(("altered", "deleted", "inserted", "swapped", "renumbered", "cut off", "begun later"))
    with folder_in_memory() as folder:
        for name, content in moments[-1].disk.items():
            (folder / name).write_bytes(content)
        with closing(sqlite3.connect(folder / GALLERY, isolation_level=None)) as connection:
            for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            connection.execute("BEGIN")
            _forge(connection, kind, dice)
            connection.execute("COMMIT")
        files = {name: (folder / name).read_bytes() for name in moments[-1].disk if (folder / name).exists()}
    return kind, files


def _forge(connection: sqlite3.Connection, kind: str, dice: random.Random) -> None:
    (last,) = connection.execute("SELECT max(seq) FROM audit").fetchone()
    one, two = sorted(dice.sample(range(1, last + 1), 2))
    match kind:
        case "altered":
            column = dice.choice(("payload", "person_id", "at_wall_ns", "boot_id", "kind"))
            value = {"at_wall_ns": dice.randrange(2**60), "kind": "clock"}.get(column, f"forged {dice.random()}")
            if column == "kind":
                connection.execute("UPDATE audit SET kind = 'clock', decision_id = NULL WHERE seq = ?", (one,))
            else:
                connection.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (value, one))
        case "deleted":
            connection.execute("DELETE FROM audit WHERE seq = ?", (one,))
        case "inserted":
            columns = [row[1] for row in connection.execute("PRAGMA table_info(audit)") if row[1] != "seq"]
            names = ", ".join(columns)
            values = ", ".join("NULL" if name == "decision_id" else "'clock'" if name == "kind" else name
                               for name in columns)  # fmt: skip
            connection.execute(f"INSERT INTO audit (seq, {names}) SELECT ?, {values} FROM audit WHERE seq = ?",
                               (last + 1, one))  # fmt: skip
        case "swapped":
            for a, b in ((one, -1), (two, one), (-1, two)):
                connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (b, a))
        case "renumbered":
            connection.execute("UPDATE audit SET seq = -seq - 1")
            connection.execute("UPDATE audit SET seq = -seq")
        case "cut off":
            connection.execute("DELETE FROM audit WHERE seq >= ?", (two,))
        case _:
            connection.execute("DELETE FROM audit WHERE seq <= ?", (one,))
    connection.execute("DELETE FROM outbox WHERE seq NOT IN (SELECT seq FROM audit)")
