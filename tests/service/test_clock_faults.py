"""The clock tells 1970, an hour or ten years more or less: what still opens, what does not, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from edgeface import door
from edgeface.access import Rules
from edgeface.adapters.clock import SystemClock
from edgeface.config import parse
from edgeface.controller import Doorkeeper, Opening, Refusal
from edgeface.decide import Decision, Outcome
from edgeface.frame import Instant
from edgeface.message import DecisionMessage, as_live, decode, encode_signed
from edgeface.service.guard import Guard, recall
from edgeface.signature import public_of, public_text
from edgeface.store.database import Database, open_database
from edgeface.store.journal import Journal
from edgeface.store.outbox import Outbox
from samples import decision

ALWAYS, HOURS = "p_00000000000000aa", "p_00000000000000bb"
RULES = parse(
    f"""
[doors.front]
[schedules.day]
hours = ["mon-sun 00:00-24:00"]
[[grants]]
name = "always"
who = ["{ALWAYS}"]
doors = ["front"]
[[grants]]
name = "by day"
who = ["{HOURS}"]
doors = ["front"]
schedule = "day"
""",
    Rules,
)
HOUR_S, DECADE_S = 3600, 10 * 365 * 86400
NOT_SET, JUMPED, ODD = "has not been set", "has jumped", "tells a time that cannot be"


@dataclass(kw_only=True)
class Reader:
    """Rules and journal of one reader, whose wall clock the test moves; the monotonic one goes on."""

    guard: Guard
    database: Database
    wall_s: float = 0.0
    trusted: bool = True

    def now(self) -> Instant:
        real = SystemClock().now()
        return replace(real, wall_ns=real.wall_ns + int(1e9 * self.wall_s), wall_trusted=self.trusted)

    def meets(self, person_id: str) -> Decision:
        """Somebody who is recognised: the decision that is on the disk."""
        now = self.now()
        ruled = self.guard.rule(decision(person_id=person_id, captured_at=now, decided_at=now))
        Journal(self.database, "now").record(ruled.decision, ruled.memory.change)
        self.guard.keep(ruled.memory)
        return ruled.decision


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with closing(open_database(tmp_path / "gallery.db")) as database:
        made = Reader(guard=Guard(RULES, recall(database, "now", SystemClock().now()), "now"), database=database)
        assert made.meets(HOURS).outcome is Outcome.GRANT, "with a clock that is right"
        yield made


def fault(reader: Reader, wall_s: float, trusted: bool) -> None:
    now_s = reader.now().wall_ns / 1e9
    reader.wall_s, reader.trusted = (-now_s if wall_s == 0 else wall_s), trusted


FAULTS = pytest.mark.parametrize(
    ("wall_s", "trusted", "why"),
    [
        (0, False, NOT_SET),
        (0, True, ODD),
        (HOUR_S, True, JUMPED),
        (-HOUR_S, True, JUMPED),
        (DECADE_S, True, JUMPED),
        (-DECADE_S, True, ODD),
        (HOUR_S, False, NOT_SET),
    ],
)


@FAULTS
def test_who_may_always_pass_does_and_who_may_by_the_hour_does_not(
    reader: Reader, wall_s: float, trusted: bool, why: str
) -> None:
    fault(reader, wall_s, trusted)
    assert (reader.meets(ALWAYS).outcome, reader.meets(ALWAYS).rule) == (Outcome.GRANT, "always")
    denied = reader.meets(HOURS)
    assert (denied.outcome, denied.rule) == (Outcome.DENY, "by day")
    assert why in denied.reason


@FAULTS
def test_the_lock_goes_by_the_other_clock(reader: Reader, wall_s: float, trusted: bool, why: str) -> None:
    fault(reader, wall_s, trusted)
    made = reader.meets(ALWAYS)
    state, happened = door.step(door.State(), door.Release(decided_at=made.decided_at), door.Options(), reader.now())
    assert happened == (door.Happening.RELEASED,)
    fault(reader, -wall_s, not trusted)
    later = replace(reader.now(), monotonic_ns=made.decided_at.monotonic_ns + int(6e9))
    assert door.step(state, door.Tick(), door.Options(), later)[1] == (door.Happening.LOCKED,)


@FAULTS
def test_a_controller_opens_by_its_own_word_and_not_by_a_clock_that_lies(
    reader: Reader, wall_s: float, trusted: bool, why: str
) -> None:
    fault(reader, wall_s, trusted)
    made = reader.meets(ALWAYS)
    (row,) = (row for row in Outbox(reader.database).waiting(9) if row.seq == 2)
    message = decode(DecisionMessage, row.payload)
    assert (message.id, message.clock_trusted) == (made.id, trusted)
    seed = reader.database.keyring.signing_seed
    plain: dict[str, Any] = {"door": "front", "public_key": public_text(public_of(seed))}
    keeper, trusting = Doorkeeper(**plain), Doorkeeper(**plain, use_nonces=False)
    text = encode_signed(as_live(message, None, keeper.nonce(), 10), seed)
    assert isinstance(keeper.judge(text, retained=False), Opening)
    assert trusting.judge(text, retained=False) in (Refusal.CLOCK, Refusal.TOO_LATE)


def test_rows_keep_their_order_whatever_the_clock_says(reader: Reader) -> None:
    for wall_s, trusted in ((DECADE_S, True), (0, False), (HOUR_S, True)):
        fault(reader, wall_s, trusted)
        reader.meets(ALWAYS)
    rows = reader.database.read("SELECT seq, at_monotonic_ns, at_wall_ns FROM audit ORDER BY seq")
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert [row["at_monotonic_ns"] for row in rows] == sorted(row["at_monotonic_ns"] for row in rows)
    assert [row["at_wall_ns"] for row in rows] != sorted(row["at_wall_ns"] for row in rows)
