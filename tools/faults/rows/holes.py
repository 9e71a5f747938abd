"""A wire to the broker that fails without a word: nobody hangs, nothing is lost, nothing opens late."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from edgeface.adapters.mqtt import MqttPublisher
from edgeface.service.ports import Receipt
from tools.delivery.site import KEEPALIVE_S, Site
from tools.faults.result import Result
from tools.faults.rows.disk import folder_in_memory
from tools.wire import Ail

NOTICED_S = 1.5 * KEEPALIVE_S + 2.0
"""By then a silent link must be given up: paho looks once a second, when to ask and when to give up."""

BROKER_LOOKS_S = 5.0
"""Where only what the broker sends comes through, and nothing is said, it is the broker that gives up: Mosquitto looks
so often, and says so."""

DECIDED_S = 0.5
"""A decision must be on the disk by then, whatever the link does: other tries run beside it."""

DRIPPING_S = 1.0
"""How long a wire drips, at the least: as it passes something, nobody need give it up."""

SETTLED_S, SILENT_S = 30.0, 1.5
"""By when all must have come; what has not, and counts as delivered, comes no more after such a silence."""

STOPPED_S = 10.0
LANES = 12
"""Tries at one time: they hardly do more than wait."""


class Hasty(MqttPublisher):
    """The control: what was given to the library counts as delivered."""

    def _publish(self, *args: object, **options: object) -> Future[Receipt] | None:
        sent = super()._publish(*args, **options)  # type: ignore[arg-type]
        if sent is None:
            return None
        done: Future[Receipt] = Future()
        done.set_result(Receipt.ACCEPTED)
        return done


def black_holes(n: int, seed: int, link: type[MqttPublisher] = MqttPublisher, noticed_s: float = NOTICED_S) -> Result:
    """Each time the wire fails in another way, people come before, during and after it, and it heals by chance: with
    what it held passed on late, or lost."""
    lanes = [range(lane, n, LANES) for lane in range(min(LANES, n))]
    wrong, slowest = list[str](), list[float]()

    def run(tries: range) -> int:
        with folder_in_memory() as folder:
            return _lane(folder / "site", tries, seed, link, noticed_s, wrong, slowest)

    with ThreadPoolExecutor(len(lanes)) as pool:
        decided = sum(pool.map(run, lanes))
    note = f"given up after {max(slowest, default=0):.1f} s at the most, keepalive {KEEPALIVE_S} s"
    return Result(fault="half-open connections, black holes", n=n, failures=sorted(wrong), seed=seed,
                  acknowledged=decided, note=note)  # fmt: skip


def hasty(n: int, seed: int) -> Result:
    """The control; only what it loses counts, as nobody waits for it to give up."""
    found = black_holes(n, seed, Hasty, noticed_s=0.2)
    return replace(found, failures=[problem for problem in found.failures if "never came" in problem])


def _lane(
    folder: Path,
    tries: range,
    seed: int,
    link: type[MqttPublisher],
    noticed_s: float,
    wrong: list[str],
    slowest: list[float],
) -> int:
    """One site, and its wire that fails again and again; how many decisions were made."""
    site = Site(folder, naive=False, wired=True, link=link)
    with site:
        for number in tries:
            ail = list(Ail)[number % len(Ail)]
            found = _try(site, ail, random.Random(f"{seed} {number}"), noticed_s, slowest)
            wrong += [f"try {number}, {ail.value}: {problem}" for problem in found]
        begun_s = time.monotonic()
    if (took_s := time.monotonic() - begun_s) > STOPPED_S:
        wrong.append(f"lane {tries.start}: to stop took {took_s:.1f} s")
    return len(site.decided)


def _try(site: Site, ail: Ail, dice: random.Random, noticed_s: float, slowest: list[float]) -> list[str]:
    """What is wrong with one failure and its end."""
    assert site.wire is not None
    before = set(site.decided)
    if not _soon(lambda: site.publisher.connected):
        return ["there was no link to begin with"]
    wrong = _decide(site)
    time.sleep(dice.choice((0.0, 0.01, 0.2)))
    site.wire.fail(ail, after=dice.choice((0, 1, dice.randrange(200))))
    begun_s = time.monotonic()
    said = dice.random() < 0.7
    wrong += _decide(site) if said else []
    within_s = noticed_s if said or ail is not Ail.NOTHING_GOES else noticed_s + BROKER_LOOKS_S
    given_up = _soon(lambda: not site.publisher.connected, DRIPPING_S if ail is Ail.DRIPS else within_s)
    if ail is not Ail.DRIPS:
        slowest.append(time.monotonic() - begun_s)
        wrong += [] if given_up else [f"the link was not given up within {within_s} s"]
    wrong += _decide(site)
    time.sleep(dice.choice((0.0, 0.3)))
    if not _ticks(site):
        wrong.append("a thread hangs")
    site.wire.heal(late=(late := dice.random() < 0.5))
    wrong += _decide(site) + _settled(site)
    again = [one for one in site.controller.live.items() if one[0] not in before]
    if not late and (count := site.late(again)):
        wrong.append(f"{count} decisions were lost on the way, and came as if they were new")
    return wrong


def _settled(site: Site) -> list[str]:
    """What is wrong once all has come that comes."""
    came, since_s, end_s = -1, time.monotonic(), time.monotonic() + SETTLED_S
    while site.decided.keys() - site.controller.arrived.keys() and time.monotonic() < end_s:
        if (arrived := len(site.controller.arrived)) != came or site.outbox.count():
            came, since_s = arrived, time.monotonic()
        if time.monotonic() - since_s > SILENT_S:
            break
        time.sleep(0.02)
    lost = site.decided.keys() - site.controller.arrived.keys()
    wrong = [f"{len(lost)} decisions never came"] if lost else []
    if late := site.late(list(site.controller.opened.items())):
        wrong.append(f"{late} openings were late")
    return wrong


def _decide(site: Site) -> list[str]:
    begun_s = time.monotonic()
    site.decide()
    took_s = time.monotonic() - begun_s
    return [] if took_s < DECIDED_S else [f"a decision waited {took_s:.2f} s for the disk"]


def _ticks(site: Site) -> bool:
    """Whether both threads of the delivery answer."""
    site.deliverer.ticks()
    return _soon(site.deliverer.ticks, 1.0) and site.deliverer.link_ticks()


def _soon(true: Callable[[], bool], for_s: float = SETTLED_S) -> bool:
    end_s, wait = time.monotonic() + for_s, threading.Event()
    while not (so := true()) and time.monotonic() < end_s:
        wait.wait(0.02)
    return so
