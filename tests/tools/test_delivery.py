"""The measurement of delivery runs, small; and it can tell late from not late."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pytest

from edgeface.service.bootstrap import Loaded
from tools.delivery import __main__ as command
from tools.delivery import outages, speed
from tools.delivery.outages import Outages
from tools.delivery.page import page
from tools.delivery.site import Site
from tools.delivery.speed import Speed


def test_an_outage_makes_the_naive_door_open_late_and_ours_not(tmp_path: Path) -> None:
    """Outages longer than an opening lives; the positive control must fail for the measurement to mean anything. It
    may lose a message instead, if its sender is back before its door is."""
    with Site(tmp_path / "site", naive=True) as site:
        assert site.naive is not None
        outages._wait(lambda: site.publisher.connected)
        site.naive._door.reconnect_delay_set(1, 1)  # back first, or it hears nothing
        site.naive._sender.reconnect_delay_set(6, 6)
        for _ in range(5):
            site.broker.stop()
            site.decide()
            time.sleep(3.1)
            site.broker.start()
            outages._settle(site)
            outages._wait(lambda: site.naive is not None and bool(site.naive.opened))
            if site.naive.opened:
                break
        assert site.late(site.naive.opened) == len(site.naive.opened) == 1
        assert site.controller.opened == site.controller.live == {}
        assert site.controller.arrived.keys() == site.decided.keys()


def test_outages_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "LONGEST_S", 0.3)
    monkeypatch.setattr(outages, "UP_S", (0.2, 1.5))
    told: list[int] = []
    found = outages.run(tmp_path / "lanes", 4, 2, 7, told.append)
    assert (found.outages, found.late, found.lost) == (4, 0, 0)
    assert 8 <= found.decisions <= 12
    assert max(told) == 4


def test_a_consumer_that_lacks_rows_asks_for_them(tmp_path: Path) -> None:
    with Site(tmp_path / "site", naive=False) as site:
        outages._wait(lambda: site.publisher.connected)
        for _ in range(5):
            site.decide()
        outages._wait(lambda: len(site.controller.arrived) == 5)
        again = site.deliverer.replay(2, 4)
        assert (again.waiting, again.silent) == (3, ())
        outages._wait(lambda: site.controller.ledger.duplicates == 3)
        assert site.controller.ledger.duplicates == 3
        assert site.controller.ledger.newest == 5


def test_the_whole_reader_is_timed(tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "APART_S", 0.8)
    found = speed.run(tmp_path / "speed", loaded, 1, 20, lambda count: None)
    assert len(found.to_message) == len(found.to_disk) == 1
    assert 0 < found.to_message[0] < 3000
    assert found.drained >= 20
    assert found.drained_per_s > 0


def test_the_page_says_what_was_found() -> None:
    died = Outages(
        outages=1000, decisions=2500, opened=700, late=0, naive_opened=2400, naive_late=600, naive_lost=100,
        duplicates=3, asked_again=2, lost=0, refused={"no_nonce": 40},
    )  # fmt: skip
    alone = Speed(
        visits=2, waiting=0, to_message=(20.0, 30.0), to_disk=(15.0, 16.0), drained=1, drained_s=0.1,
        memory_mb=(100.0, 101.0, 100.0, 101.0),
    )  # fmt: skip
    text = page(died, alone, alone, "python -m tools.delivery")
    assert (
        "opened it later than 3 s after the decision | 0: 0 % [0, 0.15] (2,500) | 600: 24 % [22, 26] (2,500) |" in text
    )
    assert "| nothing else waits | 16 | 25 | 30 | 2 |" in text
    assert "40 live messages with `no_nonce`" in text


def test_outages_that_were_measured_stay_where_only_speed_is(tmp_path: Path) -> None:
    found = command._outages(argparse.Namespace(speed=True), tmp_path)
    assert (found.late, found.lost) == (0, 0)
    assert found.outages >= 1000
    assert list(tmp_path.iterdir()) == []
