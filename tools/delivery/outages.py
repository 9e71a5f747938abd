"""A broker that dies and comes back, again and again, while people are let in."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeface.controller import Refusal
from tools.delivery.site import Site

SHORTEST_S, LONGEST_S = 0.1, 4.5
"""How long the broker is gone, evenly spread: shorter and longer than an opening lives."""
UP_S = (1.5, 3.5)
"""How long it is there, evenly spread: clients wait between attempts, so they are back at times, and at times not."""
SETTLE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """What came of them."""

    outages: int
    decisions: int
    opened: int
    """Decisions that opened the door."""
    late: int
    """Of them later than 3 s after the decision."""
    naive_opened: int
    naive_late: int
    naive_lost: int
    """Decisions that the naive door never heard of."""
    duplicates: int
    """Messages that came again and were dropped by their id."""
    asked_again: int
    """Rows that a dying broker had acknowledged and lost, asked for by their numbers."""
    lost: int
    """Decisions that the record keeper does not have in the end."""
    refused: dict[str, int]
    """Live messages that the controller did not open for, by reason."""


def run(folder: Path, outages: int, lanes: int, seed: int, tell: Callable[[int], None]) -> Outages:
    """So many outages, spread over lanes that run at the same time, each with everything of its own."""
    shares = [outages // lanes + (lane < outages % lanes) for lane in range(lanes)]
    found: list[Outages] = []
    done = [0] * lanes

    def lane(number: int, share: int) -> None:
        def counted(count: int) -> None:
            done[number] = count
            tell(sum(done))

        found.append(_lane(folder / f"lane-{number}", share, random.Random(seed + number), counted))

    threads = [threading.Thread(target=lane, args=item) for item in enumerate(shares) if item[1]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) != len(threads):
        raise RuntimeError("a lane failed: see above")
    return _sum(found)


def _lane(folder: Path, outages: int, chance: random.Random, tell: Callable[[int], None]) -> Outages:
    with Site(folder, naive=True) as site:
        _wait(lambda: site.publisher.connected)
        for number in range(outages):
            _outage(site, chance)
            tell(number + 1)
        asked = _settle(site)
        controller, naive = site.controller, site.naive
        assert naive is not None
        heard = {identity for identity, _ in naive.opened}
        return Outages(
            outages=outages,
            decisions=len(site.decided),
            opened=len(controller.opened),
            late=site.late(list(controller.opened.items())),
            naive_opened=len(naive.opened),
            naive_late=site.late(naive.opened),
            naive_lost=len(site.decided.keys() - heard),
            duplicates=controller.ledger.duplicates,
            asked_again=asked,
            lost=len(site.decided.keys() - controller.arrived.keys()),
            refused=dict(controller.refused),
        )


def _outage(site: Site, chance: random.Random) -> None:
    """Somebody comes before it, one or two during it, and the broker comes back."""
    site.decide()
    time.sleep(chance.choice((0.0, 0.002, 0.01, 0.1)))
    site.broker.stop()
    down_s = chance.uniform(SHORTEST_S, LONGEST_S)
    moments = sorted(chance.uniform(0, down_s) for _ in range(chance.choice((1, 2))))
    begun_s = time.monotonic()
    for moment in moments:
        time.sleep(max(0.0, begun_s + moment - time.monotonic()))
        site.decide()
    time.sleep(max(0.0, begun_s + down_s - time.monotonic()))
    site.broker.start()
    time.sleep(chance.uniform(*UP_S))


def _settle(site: Site) -> int:
    """Let everything arrive; what does not is asked for by its numbers, as a consumer would. How many rows that was."""
    _wait(lambda: site.outbox.count() == 0, SETTLE_S)
    time.sleep(1.0)
    asked = 0
    for _ in range(5):
        missing = len(site.decided) - len(site.controller.arrived)
        if not missing:
            break
        first = 1
        for gap in (*site.controller.ledger.missing(), range(_after(site), len(site.decided) + 1)):
            if len(gap):
                site.deliverer.replay(max(first, gap.start), gap.stop - 1)
                asked += len(gap)
        _wait(lambda: site.outbox.count() == 0, SETTLE_S)
        time.sleep(0.5)
    return asked


def _after(site: Site) -> int:
    """The number after the newest that came."""
    return site.controller.ledger.newest + 1


def _sum(lanes: list[Outages]) -> Outages:
    refused: dict[str, int] = {}
    for lane in lanes:
        for reason, count in lane.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    counts = {
        name: sum(getattr(lane, name) for lane in lanes) for name in Outages.__dataclass_fields__ if name != "refused"
    }
    return Outages(**counts, refused={str(Refusal(reason)): count for reason, count in sorted(refused.items())})


def _wait(true: Callable[[], bool], for_s: float = 15.0) -> None:
    end_s = time.monotonic() + for_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.02)
