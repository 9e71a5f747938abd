"""The faults of the soak, one after the other by chance. Each takes its time and puts things right again."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.faults.hall import RULES, TOPICS, Hall
from tools.fuzz_commands import VERBS, altered_bytes, altered_json, odd_body
from tools.hallway.camera import Spoilt, since_boot_ns

HOUR_NS = 3600 * 10**9
CLOCKS = (HOUR_NS, -HOUR_NS, 10 * 8766 * HOUR_NS, -10 * 8766 * HOUR_NS, -9 * 10**18, 90 * 10**9, -(10**9))
"""What the wall clock is moved by: an hour, ten years, to 1970, a minute and a half, a leap second."""
IN_USE = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    do: Callable[[Hall], None]
    ends: bool = False
    """Whether the reader may end of it, and be started anew."""


def _killed(hall: Hall) -> None:
    hall.manager.send(signal.SIGKILL)


def _stopped(hall: Hall) -> None:
    hall.manager.send(signal.SIGTERM)
    _until(lambda: hall.manager.pid is None, 10)


def _hangs(hall: Hall) -> None:
    """For longer than systemd waits."""
    process = hall.manager.pid
    hall.manager.send(signal.SIGSTOP)
    if not _until(lambda: hall.manager.pid != process, 20):
        hall.blame("a reader that hung for 20 s was not started anew")


def _paused(hall: Hall) -> None:
    """For less than systemd waits."""
    hall.manager.send(signal.SIGSTOP)
    time.sleep(hall.chance.uniform(0.3, 5))
    hall.manager.send(signal.SIGCONT)


def _no_writes(hall: Hall) -> None:
    """No file may grow any more: as on a full disk."""
    wal = hall.manager.home / "gallery.db-wal"
    _limited(hall, resource.RLIMIT_FSIZE, (wal.stat().st_size if wal.exists() else 0) + hall.chance.randrange(30_000))


def _no_memory(hall: Hall) -> None:
    """No more address space, or less than it has already: whatever needs a piece of it fails."""
    with suppress(OSError):  # it ended before
        pages = int(Path(f"/proc/{hall.manager.pid}/statm").read_text(encoding="ascii").split()[0])
        _limited(hall, resource.RLIMIT_AS, pages * os.sysconf("SC_PAGE_SIZE") - hall.chance.randrange(8 << 20))


def _limited(hall: Hall, what: int, most: int) -> None:
    if (pid := hall.manager.pid) is None:
        return
    with suppress(ProcessLookupError):
        former = resource.prlimit(pid, what)
        resource.prlimit(pid, what, (most, former[1]))
        _until(lambda: hall.manager.pid != pid, hall.chance.uniform(5, 15))
        if hall.manager.pid == pid:
            resource.prlimit(pid, what, former)


def _broker_away(hall: Hall) -> None:
    hall.broker.stop()
    time.sleep(hall.chance.choice((hall.chance.uniform(0.1, 4), hall.chance.uniform(4, 20))))
    hall.broker.start()


def _both_away(hall: Hall) -> None:
    hall.broker.stop()
    hall.manager.send(signal.SIGKILL)
    time.sleep(hall.chance.uniform(0.5, 8))
    hall.broker.start()


def _broker_hangs(hall: Hall) -> None:
    hall.broker.send(signal.SIGSTOP)
    time.sleep(hall.chance.uniform(1, 20))
    hall.broker.send(signal.SIGCONT)


def _camera(spoilt: Spoilt, hall: Hall) -> None:
    begun_ns = since_boot_ns()
    hall.camera.spoilt = spoilt
    time.sleep(hall.chance.choice((hall.chance.uniform(0.2, 1.5), hall.chance.uniform(1.5, 9))))
    if spoilt is not Spoilt.SLOW:
        # A picture that was taken just before may still come, and one that is spoilt just after the end.
        hall.camera.blind.append((begun_ns + int(0.15e9), since_boot_ns()))
    hall.camera.spoilt = None


def _clock(hall: Hall) -> None:
    hall.manager.set_clock(hall.chance.choice(CLOCKS), trusted=hall.chance.random() < 0.7)
    time.sleep(hall.chance.uniform(1, 8))
    hall.manager.set_clock(0, trusted=True)


def _second(hall: Hall) -> None:
    """Another reader of the same gallery."""
    words = [sys.executable, "-m", "edgeface", "--home", str(hall.manager.home), "run", "--source", "0"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if hall.manager.ready and ended.returncode != IN_USE:
        hall.blame(f"a second reader ended with {ended.returncode}: {ended.stderr[-200:]}")


def _odd_commands(hall: Hall) -> None:
    """Rubbish, altered and retained commands, and signed ones of a key that may only look."""
    chance = hall.chance
    good = hall.viewer.sign("health", {})
    for number in range(60):
        verb = chance.choice(sorted(VERBS))
        payload = (
            chance.randbytes(chance.randint(0, 300)),
            altered_bytes(good, chance),
            altered_json(good, chance),
            hall.viewer.sign(verb, odd_body(verb, chance)),
        )[number % 4]
        hall.line.publish(TOPICS.request(verb), payload, qos=1, retain=number % 10 == 0)
        time.sleep(0.02)
    for verb in VERBS:
        hall.line.publish(TOPICS.request(verb), b"", qos=1, retain=True)


def _flood(hall: Hall) -> None:
    for _ in range(1000):
        hall.line.publish(TOPICS.request("health"), hall.chance.randbytes(2000), qos=0)


def _lockdown(hall: Hall) -> None:
    """Shut, for a visit or two, and open again; nobody is let in between the answer and the lifting."""
    if _done(hall, {}):
        begun_ns = since_boot_ns()
        time.sleep(hall.chance.uniform(4, 9))
        hall.shut.append((begun_ns, since_boot_ns()))
    if not any(_done(hall, {"lift": True}) for _ in range(4)):
        hall.blame("a lockdown was not lifted")


def _done(hall: Hall, body: dict[str, bool]) -> bool:
    """Whether the reader says that it did it."""
    asked = hall.ask("door/lockdown", body)
    return _until(lambda: asked in hall.answers, 10) and hall.answers[asked] == "done"


def _rules(hall: Hall) -> None:
    """The file of rules is broken for a while: what was in force stays so."""
    file = hall.manager.home / "access.toml"
    file.write_text(RULES[: hall.chance.randrange(1, len(RULES) - 8)] + "\n[[", encoding="utf-8")
    time.sleep(hall.chance.uniform(1, 6))
    file.write_text(RULES, encoding="utf-8")


def _starved(hall: Hall) -> None:
    """Other programs want the processors too."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    time.sleep(hall.chance.uniform(3, 8))
    for process in burning:
        process.kill()
        process.wait()


def _until(true: Callable[[], bool], within_s: float) -> bool:
    end_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


FAULTS = {
    "reader killed": Fault(do=_killed, ends=True),
    "reader stopped": Fault(do=_stopped, ends=True),
    "reader hangs": Fault(do=_hangs, ends=True),
    "no file may grow": Fault(do=_no_writes, ends=True),
    "no more memory": Fault(do=_no_memory, ends=True),
    "reader and broker killed": Fault(do=_both_away, ends=True),
    "reader paused": Fault(do=_paused),
    "broker killed": Fault(do=_broker_away),
    "broker hangs": Fault(do=_broker_hangs),
    **{f"camera {spoilt.value}": Fault(do=partial(_camera, spoilt)) for spoilt in Spoilt},
    "clock moved": Fault(do=_clock),
    "second reader": Fault(do=_second),
    "odd commands": Fault(do=_odd_commands),
    "flood of messages": Fault(do=_flood),
    "lockdown and lift": Fault(do=_lockdown),
    "broken rules": Fault(do=_rules),
    "processors busy": Fault(do=_starved),
}
"""By name."""
