"""A part that is at one piece of work for too long ticks no more; one that waits does."""

from __future__ import annotations

import pytest

from edgeface.service import pulse
from edgeface.service.pulse import Pulse


class Time:
    """Monotonic seconds that the test moves."""

    def __init__(self) -> None:
        self.s = 5.0

    def monotonic(self) -> float:
        return self.s


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(pulse, "time", made)
    return made


def test_it_ticks_while_it_waits_and_while_it_works_for_less_than_its_time(time: Time) -> None:
    made = Pulse(10.0)
    time.s += 1000
    assert made.ticks(), "it waits, as it may"
    with made.work():
        assert made.ticks()
        time.s += 9.9
        assert made.ticks()
        time.s += 0.1
        assert not made.ticks()
    assert made.ticks(), "it has come to an end after all"


def test_work_that_fails_is_over(time: Time) -> None:
    made = Pulse(1.0)
    with pytest.raises(KeyError), made.work():
        raise KeyError
    time.s += 10
    assert made.ticks()
