"""The machine's clocks."""

from __future__ import annotations

import re
import time

import pytest

from edgeface.adapters.clock import SystemClock, boot_id


def test_now_is_between_before_and_after() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns()
    now = SystemClock().now()
    assert before[0] <= now.monotonic_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert before[1] <= now.wall_ns <= time.time_ns()


@pytest.mark.parametrize(
    ("kernel", "daemon", "trusted"),
    [(0, False, True), (5, False, False), (-1, False, False), (5, True, True), (-1, True, True)],
)
def test_trust_comes_from_the_kernel_or_the_daemon(
    monkeypatch: pytest.MonkeyPatch, kernel: int, daemon: bool, trusted: bool
) -> None:
    class Kernel:
        def adjtimex(self, _: object) -> int:
            return kernel

    class File:
        def exists(self) -> bool:
            return daemon

    monkeypatch.setattr("edgeface.adapters.clock.ctypes.CDLL", lambda _: Kernel())
    monkeypatch.setattr("edgeface.adapters.clock._TIMESYNCD", File())
    assert SystemClock().now().wall_trusted is trusted


def test_the_boot_has_an_id() -> None:
    assert re.fullmatch("[0-9a-f]{32}", boot_id())
    assert boot_id() == boot_id()
