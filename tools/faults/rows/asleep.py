"""Machines that sleep, the clocks that tell of it or do not, and a door whose openings are held against true time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from edgeface import controller
from edgeface.adapters import clock
from edgeface.message import LIVE_FOR_S, DecisionMessage, decode
from edgeface.service.ports import Receipt

SLACK_S = 0.01
"""A wall clock of nanoseconds in a float, and ages told in milliseconds."""


@dataclass(slots=True)
class Machine:
    """Stands for `time` on one machine: true time goes on while it sleeps, and its monotonic clock does not."""

    true_s: Callable[[], float]
    slept_s: float = 0.0
    CLOCK_BOOTTIME: int = 7
    CLOCK_MONOTONIC: int = 1

    def clock_gettime_ns(self, which: int) -> int:
        asleep_s = self.slept_s if which == self.CLOCK_MONOTONIC else 0.0
        return int(1e9 * (1e5 + self.true_s() - asleep_s))

    def clock_gettime(self, which: int) -> float:
        return self.clock_gettime_ns(which) / 1e9

    def monotonic_ns(self) -> int:
        return self.clock_gettime_ns(self.CLOCK_MONOTONIC)

    def monotonic(self) -> float:
        return self.monotonic_ns() / 1e9

    def time_ns(self) -> int:
        return int(1e9 * (1.78e9 + self.true_s()))


@dataclass(slots=True)
class Doorstep:
    """One door, what is on its way to it, and what was seen to go wrong."""

    true_s: float = 0.0
    connected: bool = True
    decided_s: dict[str, float] = field(default_factory=dict)
    """When, in truth, by the decision's id."""
    at_the_lock: str = ""
    """The decision whose turn it is."""
    on_the_way: list[str] = field(default_factory=list)
    unanswered: list[Future[Receipt]] = field(default_factory=list)
    released_s: float | None = None
    opened: int = 0
    wrong: list[str] = field(default_factory=list)

    # as the lock
    alive = True

    def release(self, for_s: float) -> None:
        self.released_s = self.true_s
        self.opens("the lock", self.decided_s[self.at_the_lock])

    def lock(self) -> None:
        self.released_s = None

    restart = close = lock

    # as the link
    def stay(self, on_connect: Callable[[], None]) -> None:
        """Its thread is never started."""

    def publish_decision(self, payload: str, expiry_s: int) -> Future[Receipt] | None:
        self.on_the_way.append(payload)
        return self.sent()

    def publish_history(self, payload: str) -> Future[Receipt] | None:
        decided_s = self.decided_s.get(decode(DecisionMessage, payload).id, -LIVE_FOR_S)
        if self.true_s - decided_s < LIVE_FOR_S - SLACK_S:
            self.wrong.append("a decision that may still open a door became history")
        return self.sent()

    def publish_door_event(self, name: str, payload: str) -> Future[Receipt] | None:
        return self.sent()

    def publish_info(self, payload: str) -> Future[Receipt] | None:
        return Future()

    def sent(self) -> Future[Receipt]:
        self.unanswered.append(Future())
        return self.unanswered[-1]

    def opens(self, what: str, decided_s: float) -> None:
        self.opened += 1
        if (late_s := self.true_s - decided_s) > LIVE_FOR_S + SLACK_S:
            self.wrong.append(f"{what} opened {late_s:.1f} s after the decision")


@contextmanager
def time_of(reader: Machine, keeper: Machine) -> Iterator[None]:
    """Within the block these are the clocks that the reader sees, and the door's controller."""
    modules: tuple[Any, ...] = (clock, controller)
    try:
        for module, machine in zip(modules, (reader, keeper), strict=True):
            module.time = machine
        yield
    finally:
        for module in modules:
            module.time = time
