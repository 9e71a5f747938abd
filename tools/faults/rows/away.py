"""A broker that is away for 30 days: the log stays within its rows, what nobody got is told, and the rest arrives."""

from __future__ import annotations

import random
import statistics
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client

from edgeface.adapters.mqtt import MqttOptions, MqttPublisher
from edgeface.cli.bench import resident_mb
from edgeface.controller import Ledger
from edgeface.frame import Instant
from edgeface.service.afterwards import PURGE_EVERY_S
from edgeface.service.deliver import Deliverer
from edgeface.service.purge import Purge
from edgeface.signature import public_of, public_text
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from edgeface.store.retention import Options
from edgeface.store.verify import verify_gallery
from tools.broker import Broker
from tools.delivery.site import TOPICS, client, finish
from tools.faults.deeds import decision
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory

MONTH_S = 30 * 86_400.0
FEW, WHOLE = 400, 300_000
"""Decisions of a month: so many that a test has time for them, and 10,000 a day."""

ROW_BYTES, LOG_BYTES = 1000, 8_000_000
"""What a row of the log may take on the disk, and what the empty gallery and SQLite's own log may."""

GROWN_MB = 16.0
SLOWER = 1.5
"""What a queue may cost: memory, and a decision at its end beside one at its beginning. Of whole months only."""

SILENT_S = 30.0
"""A delivery that gets no further for so long never will."""

Keep = Callable[[Database, Options, Callable[[], Instant]], Callable[[], None]]


class Clock:
    """Time that passes, and leaps."""

    def __init__(self, trusted: bool) -> None:
        self.trusted, self._ahead_ns = trusted, 0

    def now(self) -> Instant:
        """The moment of the call."""
        ns = time.monotonic_ns() + self._ahead_ns
        return Instant(monotonic_ns=ns, wall_ns=1_780_000_000 * 10**9 + ns, wall_trusted=self.trusted)

    def leap(self, seconds: float) -> None:
        """So much later."""
        self._ahead_ns += int(seconds * 1e9)


@dataclass(slots=True)
class Consumer:
    """Who keeps records, and came back with the broker."""

    ledger: Ledger
    came: bytearray
    """By seq, whether it came."""
    listens: bool = False
    newest: int = 0
    wrong: str = ""

    def hear(self, _client: Any, _data: Any, message: Any) -> None:
        """One message."""
        self.listens = True
        fields = self.ledger.take(message.payload)
        if message.topic != TOPICS.history and isinstance(fields, dict):
            self.wrong = "something old came as if it were new"
        if isinstance(fields, dict):
            self.came[fields["seq"]] = 1
            if fields["seq"] < self.newest:
                self.wrong = f"row {fields['seq']} came after row {self.newest}"
            self.newest = fields["seq"]


class Month:
    """A reader that decides and a broker that is not there."""

    def __init__(self, folder: Path, options: Options, clock: Clock, keep: Keep) -> None:
        self._folder, self._options, self._clock, self._keep = folder, options, clock, keep
        self._broker = Broker(folder)
        self._seqs, self._took_s = array("q"), array("d")
        self._given = 0
        """Rows up to this number a broker had got before."""
        self.slowest_purge_s = self.grown_mb = self.drained_s = self.file_mb = 0.0
        self.dropped, self._key = 0, ""

    def pass_(self, decisions: int, restarts: int) -> list[str]:
        """Time passes; what is wrong then."""
        for share in range(restarts + 1):
            with self._reader() as (database, deliverer):
                journal = Journal(database, f"boot{share}")
                journal.start(self._clock.now(), {})
                count = decisions * (share + 1) // (restarts + 1) - len(self._seqs)
                self._decide(database, journal, deliverer, count, MONTH_S / decisions)
                wrong = self._wrong(database) if share == restarts else []
        return wrong

    def _decide(self, database: Database, journal: Journal, deliverer: Deliverer, count: int, apart_s: float) -> None:
        purge, waited_s, before_mb = self._keep(database, self._options, self._clock.now), 0.0, 0.0
        for number in range(count):
            self._clock.leap(apart_s)
            now, begun_s = self._clock.now(), time.perf_counter()
            seq = journal.record(replace(decision(), captured_at=now, decided_at=now))
            self._took_s.append(time.perf_counter() - begun_s)
            self._seqs.append(seq)
            deliverer.hand_over(seq)
            if len(self._seqs) == 10:
                self._given = seq
                Outbox(database).delivered(self._seqs, now.wall_ns)
            if (waited_s := waited_s + apart_s) >= PURGE_EVERY_S:
                waited_s, begun_s = 0.0, time.perf_counter()
                purge()
                self.slowest_purge_s = max(self.slowest_purge_s, time.perf_counter() - begun_s)
            if number == count // 10:
                before_mb = resident_mb()
        self.grown_mb = max(self.grown_mb, resident_mb() - before_mb)

    def _wrong(self, database: Database) -> list[str]:
        """What is wrong on the disk."""
        wrong, files = [], [self._folder / name for name in ("gallery.db", "gallery.db-wal")]
        self.file_mb = sum(file.stat().st_size for file in files) / 1e6
        (rows,) = database.read("SELECT count(*) AS n FROM audit")
        most = self._options.audit_rows + PURGE_EVERY_S * len(self._seqs) / MONTH_S + 2
        if rows["n"] > most:
            wrong.append(f"{rows['n']} rows, and {most:.0f} are allowed")
        if self.file_mb * 1e6 > LOG_BYTES + ROW_BYTES * most:
            wrong.append(f"{most:.0f} rows take {self.file_mb:.1f} MB")
        if (broken := verify_gallery(database, ()).broken) is not None:
            wrong.append(f"the audit log does not hold: row {broken.seq}: {broken.says}")
        self._key = public_text(public_of(database.keyring.signing_seed))
        told = database.read("SELECT total(json_extract(payload, '$.unsent')) AS n FROM audit WHERE kind = 'prune'")
        self.dropped = int(told[0]["n"])
        return wrong

    def come_back(self) -> list[str]:
        """The broker is there again: what is wrong once all has come that comes."""
        self._clock.leap(60)
        self._broker.start()
        consumer = Consumer(ledger=Ledger(self._key), came=bytearray(len(self._seqs) * 2 + 100))
        heard = client(self._broker.port, consumer.hear, (TOPICS.history, TOPICS.decision))
        try:
            _until_it_listens(heard, consumer)
            with self._reader() as (database, _):
                begun_s = time.perf_counter()
                self._drain(Outbox(database), consumer)
                self.drained_s = time.perf_counter() - begun_s
                again = Outbox(database).look(1, self._seqs[-1])
        finally:
            finish(heard)
            self._broker.stop()
        missing = [seq for seq in self._seqs if seq > self._given and not consumer.came[seq]]
        wrong = [consumer.wrong] if consumer.wrong else []
        if len(missing) != self.dropped:
            wrong.append(f"{len(missing)} decisions did not come, and rows tell of {self.dropped}")
        if missing and missing[-1] >= again.oldest:
            wrong.append(f"row {missing[-1]} did not come, and whoever asks hears that it will")
        return wrong

    def _drain(self, outbox: Outbox, consumer: Consumer) -> None:
        """Until the last row has come, and the broker has said so."""
        moved_s, last = time.monotonic(), -1
        while (consumer.newest < self._seqs[-1] or outbox.count()) and time.monotonic() - moved_s < SILENT_S:
            if consumer.newest != last:
                moved_s, last = time.monotonic(), consumer.newest
            time.sleep(0.02)

    @contextmanager
    def _reader(self) -> Iterator[tuple[Database, Deliverer]]:
        """Its gallery and its delivery."""
        options = MqttOptions(host="127.0.0.1", port=self._broker.port, topics=TOPICS)
        with closing(open_database(self._folder / "gallery.db")) as database:
            deliverer = Deliverer(
                outbox=Outbox(database), publisher=MqttPublisher(options), clock=self._clock, boot_id="now",
                name_of=lambda _: None, info=lambda: "{}", seed=database.keyring.signing_seed,
            )  # fmt: skip
            deliverer.start()
            try:
                yield database, deliverer
            finally:
                deliverer.stop()

    def slower(self) -> float:
        """How much longer the last tenth of the decisions took than the first, in the median."""
        tenth = len(self._took_s) // 10
        return statistics.median(self._took_s[-tenth:]) / statistics.median(self._took_s[:tenth])

    def median_ms(self) -> float:
        """Of a decision on its way to the disk."""
        return 1000 * statistics.median(self._took_s)


def _until_it_listens(heard: Client, consumer: Consumer) -> None:
    """What nobody hears goes out again, behind what was on its way by then: so the consumer must be there first."""
    end_s = time.monotonic() + SILENT_S
    while not consumer.listens and time.monotonic() < end_s:
        heard.publish(TOPICS.history, "does anybody listen?")
        time.sleep(0.01)


def _kept(database: Database, options: Options, now: Callable[[], Instant], *, delivers: bool = True) -> Purge:
    return Purge(database, options, now, lambda: None, delivers=delivers)


def months(n: int, seed: int, keep: Keep = _kept) -> Result:
    """Months of fewer decisions, with few rows or enough, a clock that is set or not, and starts between."""
    dice, wrong, dropped = random.Random(seed), [], 0
    for trial in range(n):
        rows = dice.choice((100, FEW // 2, 2 * FEW)) if trial else 100
        options = Options(audit_rows=rows, audit_days=dice.choice((None, 5, 60)))
        with folder_in_memory() as folder:
            month = Month(folder, options, Clock(dice.random() < 0.7), keep)
            found = month.pass_(FEW, dice.randrange(3)) + month.come_back()
        dropped += month.dropped
        wrong += [f"month {trial}: {problem}" for problem in found]
    return Result(fault="broker away for 30 days", n=n, failures=wrong, seed=seed, acknowledged=n * FEW,
                  note=f"{dropped} given up, and told")  # fmt: skip


def silent(n: int, seed: int) -> Result:
    """The control: what must go counts as delivered."""
    return months(n, seed, partial(_kept, delivers=False))


def whole(seed: int, rows: int) -> Result:
    """One month of 10,000 decisions a day, with its figures."""
    begun_s = time.perf_counter()
    with folder_in_memory() as folder:
        month = Month(folder, Options(audit_rows=rows), Clock(True), _kept)
        wrong = month.pass_(WHOLE, 0)
        passed_s = time.perf_counter() - begun_s
        wrong += month.come_back()
    if month.grown_mb > GROWN_MB:
        wrong.append(f"memory grew by {month.grown_mb:.1f} MB")
    if month.slower() > SLOWER:
        wrong.append(f"a decision takes {month.slower():.2f} times as long in the end")
    note = (
        f"{month.file_mb:.0f} MB on the disk, {month.dropped:,} given up and told, memory +{month.grown_mb:.1f} MB; a "
        f"decision takes {month.median_ms():.2f} ms, {month.slower():.2f} times as long in the last tenth as in the "
        f"first, deleting {month.slowest_purge_s:.2f} s at the most; {passed_s:.0f} s, and {month.drained_s:.0f} s to "
        "arrive"
    )
    return Result(fault=f"30 days, {WHOLE:,} decisions, {rows:,} rows", n=1, failures=wrong, seed=seed,
                  acknowledged=WHOLE, note=note)  # fmt: skip
