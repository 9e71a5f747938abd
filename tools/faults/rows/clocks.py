"""A wall clock that walks: set back and forth, not set, leaping, back at 1970; over restarts too. What it grants."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edgeface import access
from edgeface.access import Rules, State
from edgeface.config import parse
from edgeface.decide import Outcome
from edgeface.frame import Instant
from edgeface.service.guard import Guard
from tools.faults.deeds import decision
from tools.faults.result import Result

ALWAYS, HOURS = "p_00000000000000aa", "p_00000000000000bb"
OPENS, SHUTS = 8, 18
RULES = parse(
    f"""
[doors.main]
[schedules.day]
hours = ["mon-sun {OPENS:02}:00-{SHUTS:02}:00"]
[[grants]]
name = "always"
who = ["{ALWAYS}"]
doors = ["main"]
[[grants]]
name = "by day"
who = ["{HOURS}"]
doors = ["main"]
schedule = "day"
""",
    Rules,
)
NS, HOUR_S, YEAR_S = 10**9, 3600, 365 * 86400
SLACK_S = 61
"""A clock may be corrected by a minute without a word; a right may begin and end so much beside its hours."""

STEPS = 40
"""Of one walk."""


@dataclass(slots=True)
class Walk:
    """True time, and what the reader is told of it."""

    true_s: float
    boot_s: float
    offset_s: float = 0.0
    trusted: bool = True
    known: bool = True
    """Whether the reader has seen a clock that it could believe since it started. Before that a clock which is ahead
    cannot be told from time gone by, and the walk does not ask for it."""

    def told(self) -> Instant:
        wall_ns = max(0, int((self.true_s + self.offset_s) * NS))
        return Instant(
            monotonic_ns=int((self.true_s - self.boot_s + 5) * NS), wall_ns=wall_ns, wall_trusted=self.trusted
        )

    def open_hours(self) -> bool:
        """Whether it is, in truth, a time at which the hours let somebody in."""
        of_day = self.true_s % 86400
        return OPENS * HOUR_S - SLACK_S <= of_day < SHUTS * HOUR_S + SLACK_S

    def step(self, dice: random.Random) -> str:
        """Time goes on, and something happens to the clock. "start": the reader began anew."""
        self.true_s += dice.choice((1, 30, 600, HOUR_S, 6 * HOUR_S)) * dice.random()
        match dice.randrange(8):
            case 0 if self.known:
                leap_s = dice.choice((90, HOUR_S, 12 * HOUR_S, 10 * YEAR_S))
                self.offset_s += dice.choice((-1, 1)) * leap_s
            case 1 if self.known:
                self.offset_s = -self.true_s  # 1970
            case 2 | 3:
                self.offset_s = 0.0
            case 4:
                self.trusted = dice.random() < 0.5
                if not self.known:
                    self.offset_s = dice.choice((0.0, -10 * YEAR_S))
            case 5:
                self.boot_s, self.trusted = self.true_s, dice.random() < 0.7
                self.offset_s = dice.choice((0.0, -10 * YEAR_S, -self.true_s))
                return "start"
            case _:
                pass
        return "goes on"


def clock_walks(n: int, seed: int, believe: Callable[[Guard, Instant], Instant] = lambda guard, now: now) -> Result:
    """Two people come after each step: one who may always pass, one who may by day."""
    dice, wrong, granted = random.Random(seed), [], 0
    for walk_number in range(n):
        begun_s = datetime(2026, 6, 1, tzinfo=UTC).timestamp() + dice.uniform(0, 86400)
        walk, boots = Walk(true_s=begun_s, boot_s=begun_s), 0
        state = State()
        guard = Guard(RULES, state, "boot0")
        for step in range(STEPS):
            if step and walk.step(dice) == "start":
                boots += 1
                rows = access.encode(guard._state, f"boot{boots - 1}")
                guard = Guard(RULES, access.restore(rows, f"boot{boots}", walk.told()), f"boot{boots}")
            for person in (ALWAYS, HOURS):
                now = believe(guard, walk.told())
                ruled = guard.rule(replace(decision(), person_id=person, captured_at=now, decided_at=now))
                guard.keep(ruled.memory)
                passed = ruled.decision.outcome is Outcome.GRANT
                granted += passed
                anchor = guard._state.clock.get("anchor")
                walk.known = anchor is not None and anchor.wall_less_monotonic_ns != 0
                if person == ALWAYS and not passed:
                    wrong.append(f"walk {walk_number}, step {step}: who may always pass was kept out")
                if person == HOURS and passed and not walk.open_hours():
                    wrong.append(f"walk {walk_number}, step {step}: let in at night, {walk}")
    return Result(fault="clock walks", n=n, failures=wrong, seed=seed, acknowledged=granted,
                  note=f"grants in {STEPS} steps each")  # fmt: skip


def credulous(n: int, seed: int) -> Result:
    """The control: every time that is told is believed."""

    def believe(guard: Guard, now: Instant) -> Instant:
        guard._state = replace(guard._state, clock={})
        return replace(now, wall_trusted=True)

    return clock_walks(n, seed, believe)
