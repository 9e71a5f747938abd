"""Machines that sleep, and processes that are stopped, while grants wait: for the lock, or for a door's controller."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeface import door
from edgeface.adapters.clock import SystemClock
from edgeface.controller import Doorkeeper, Opening
from edgeface.service.deliver import Deliverer
from edgeface.service.doorway import Doorway
from edgeface.service.news import LinkUp
from edgeface.service.nonces import Nonces
from edgeface.service.ports import Receipt, Received
from edgeface.signature import public_of, public_text
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from tools.faults.deeds import decision
from tools.faults.result import Result
from tools.faults.rows.asleep import SLACK_S, Doorstep, Machine, time_of
from tools.faults.rows.disk import folder_in_memory

STEPS = 60
"""Of one walk."""
APART_S = 100_000
"""How far the clocks of two real processes are apart."""


@dataclass(slots=True)
class Walk:
    """A reader and a controller at one door, and what befalls them."""

    doorstep: Doorstep
    reader: Machine
    keeper: Machine
    database: Database
    deliverer: Deliverer
    doorway: Doorway
    nonces: Nonces
    judges: tuple[Doorkeeper, Doorkeeper]
    clock: SystemClock
    words: list[str] = field(default_factory=list)

    def grant(self, dice: random.Random) -> None:
        """Somebody may pass: it is on the disk, and handed over."""
        now = self.clock.now()
        made = replace(decision(), id=dice.randbytes(16).hex(), captured_at=now, decided_at=now)
        self.doorstep.decided_s[made.id] = self.doorstep.true_s
        self.deliverer.hand_over(Journal(self.database, "b").record(made))
        self.doorway.hand_over(made)

    def passes(self, dice: random.Random) -> None:
        """Time, with everybody awake and nobody's turn; or the reader was stopped for that long."""
        self.doorstep.true_s += dice.choice((0.05, 0.3, 1.0, 2.9, 30.0)) * dice.random()

    def sleeps(self, dice: random.Random) -> None:
        asleep_s = dice.choice((1.0, 5.0, 60.0, 7200.0)) * dice.random()
        machine = dice.choice((self.reader, self.keeper))
        machine.slept_s += asleep_s
        self.doorstep.true_s += asleep_s

    def link(self, dice: random.Random) -> None:
        self.doorstep.connected = dice.random() < 0.7
        if self.doorstep.connected:
            self.deliverer._events.put(LinkUp())

    def word(self, dice: random.Random) -> None:
        """The controller gives one, which comes at once or waits on the way."""
        self.words.append(self.judges[0].nonce())
        if self.doorstep.connected and dice.random() < 0.7:
            for word in self.words:
                heard = Received(
                    topic="t", payload=word.encode(), retained=False, response_topic=None, correlation=None
                )
                self.nonces.hear(heard)
            self.words = []

    def delivers(self, dice: random.Random) -> None:
        self.deliverer._handle(self.deliverer._next(0.0))
        self.deliverer._drain()

    def turns(self, dice: random.Random) -> None:
        """The thread at the door: after it nothing is released that should not be."""
        while not self.doorway._words.empty():
            word = self.doorway._words.get()
            self.doorstep.at_the_lock = word.decision_id or ""
            self.doorway._obey(word)
        self.doorway._step(door.Tick())
        released_s, most_s = self.doorstep.released_s, self.doorway._options.unlock_s
        if released_s is not None and self.doorstep.true_s - released_s > most_s + SLACK_S:
            self.doorstep.wrong.append("the lock stays released over its time")

    def arrives(self, dice: random.Random) -> None:
        """What was sent live comes to the controller, in any order."""
        dice.shuffle(self.doorstep.on_the_way)
        for payload in self.doorstep.on_the_way:
            for what, judge in zip(("a controller", "a controller that goes by clocks"), self.judges, strict=True):
                if isinstance(judged := judge.judge(payload, retained=False), Opening):
                    self.doorstep.opens(what, self.doorstep.decided_s[judged.id])
        self.doorstep.on_the_way = []

    def answers(self, dice: random.Random) -> None:
        for future in self.doorstep.unanswered:
            future.set_result(dice.choice((Receipt.ACCEPTED, Receipt.ACCEPTED, Receipt.LOST, Receipt.UNHEARD)))
        self.doorstep.unanswered = []

    def ends(self) -> None:
        """Sooner or later all of it is delivered."""
        self.doorstep.connected = True
        for _ in range(200):
            self.deliverer._events.put(LinkUp())
            self.delivers(random.Random(0))
            for future in self.doorstep.unanswered:
                future.set_result(Receipt.ACCEPTED)
            self.doorstep.unanswered = []
            self.doorstep.true_s += 1.0
        if waiting := Outbox(self.database).count():
            self.doorstep.wrong.append(f"{waiting} decisions are never delivered")


BEFALLS = (
    Walk.grant, Walk.grant, Walk.passes, Walk.passes, Walk.sleeps, Walk.link, Walk.word, Walk.word, Walk.delivers,
    Walk.delivers, Walk.turns, Walk.turns, Walk.arrives, Walk.answers,
)  # fmt: skip


def leaping_clocks(n: int, seed: int, sleepless: bool = False) -> Result:
    """Whatever waits while a machine sleeps opens nothing when it is too late; and all of it arrives as history."""
    dice, opened = random.Random(seed), 0
    wrong, apart = ([], "") if sleepless else _processes_apart()
    for number in range(n):
        with _walk(sleepless) as walk:
            for _ in range(STEPS):
                dice.choice(BEFALLS)(walk, dice)
            walk.turns(dice)
            walk.ends()
        opened += walk.doorstep.opened
        wrong += [f"walk {number}: {problem}" for problem in walk.doorstep.wrong[:2]]
    return Result(fault="grants wait while machines sleep or processes are stopped", n=n, failures=wrong, seed=seed,
                  acknowledged=opened, note=f"openings in {STEPS} steps each, and {apart}")  # fmt: skip


def sleepless(n: int, seed: int) -> Result:
    """The control: the usual monotonic clock, which knows nothing of the time that a machine slept."""
    return leaping_clocks(n, seed, sleepless=True)


@contextmanager
def _walk(sleepless: bool) -> Iterator[Walk]:
    doorstep = Doorstep()
    reader, keeper = Machine(lambda: doorstep.true_s), Machine(lambda: doorstep.true_s)
    if sleepless:
        reader.CLOCK_BOOTTIME = keeper.CLOCK_BOOTTIME = reader.CLOCK_MONOTONIC
    with (
        time_of(reader, keeper),
        folder_in_memory() as folder,
        closing(open_database(folder / "gallery.db")) as database,
    ):
        clock, seed = SystemClock(), database.keyring.signing_seed
        clock._trusted = True
        nonces, key = Nonces(clock), public_text(public_of(seed))
        judges = (
            Doorkeeper(door="main", public_key=key),
            Doorkeeper(door="main", public_key=key, use_nonces=False, wall_s=lambda: keeper.time_ns() / 1e9),
        )
        deliverer = _deliverer(database, doorstep, clock, nonces)
        doorway = Doorway(
            name="main", options=door.Options(), lock=doorstep, wired_contact=False, journal=Journal(database, "b"),
            clock=clock, hear=lambda name, contact: None, changed=lambda: None,
        )  # fmt: skip
        yield Walk(
            doorstep=doorstep, reader=reader, keeper=keeper, database=database, deliverer=deliverer,
            doorway=doorway, nonces=nonces, judges=judges, clock=clock,
        )  # fmt: skip


def _deliverer(database: Database, doorstep: Any, clock: SystemClock, nonces: Nonces) -> Deliverer:
    return Deliverer(
        outbox=Outbox(database), publisher=doorstep, clock=clock, boot_id="b", name_of=lambda who: None,
        info=lambda: "{}", seed=database.keyring.signing_seed, nonce=nonces.take,
    )  # fmt: skip


def _processes_apart() -> tuple[list[str], str]:
    """A grant of this process is handed to one that lives in another time; to this one as well."""
    with folder_in_memory() as folder:
        path = folder / "gallery.db"
        now = SystemClock().now()
        with closing(open_database(path)) as database:
            seq = Journal(database, "b").record(replace(decision(), captured_at=now, decided_at=now))
        here, there = sent(path, seq), _elsewhen(path, seq)
    if there is None:
        return [], "no process in another time can be had here"
    wrong = [] if (here, there) == ("live", "history") else [f"sent {here} here, {there} {APART_S} s from now"]
    return wrong, f"a real process {APART_S:,} s ahead"


def sent(path: Path, seq: int) -> str:
    """How a grant goes out that has just been handed over."""
    doorstep, clock = Doorstep(), SystemClock()
    with closing(open_database(path)) as database:
        deliverer = _deliverer(database, doorstep, clock, Nonces(clock))
        deliverer.hand_over(seq)
        deliverer._handle(deliverer._next(0.0))
        return "live" if doorstep.on_the_way else "history"


def _elsewhen(path: Path, seq: int) -> str | None:
    """The same in a process whose clocks are ahead; None where there is no such process."""
    code = "import sys; from pathlib import Path; from tools.faults.rows import leaps\n"
    code += "print(leaps.sent(Path(sys.argv[1]), int(sys.argv[2])))"
    ahead = ("--monotonic", str(APART_S), "--boottime", str(APART_S))
    command = ["unshare", "-U", "-r", "-T", *ahead, sys.executable, "-c", code, str(path), str(seq)]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
