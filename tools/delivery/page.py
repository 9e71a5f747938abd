"""The figures of `tools.delivery` as a page."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np

from tools.delivery.outages import LONGEST_S, SHORTEST_S, Outages
from tools.delivery.speed import Speed
from tools.metrics import wilson


def page(outages: Outages, alone: Speed, behind: Speed, command: str) -> str:
    """Markdown."""
    return f"""# Decisions on their way to the door

Written by `{command}`. Times are of the machine that ran it ({_machine()}),
beside whatever else it did meanwhile; the counts are not. Brackets hold 95 % intervals, parentheses n.

## A broker that dies

Mosquitto was killed (`kill -9`) {outages.outages:,} times, for {SHORTEST_S} to {LONGEST_S} s each, while
{outages.decisions:,} people were let in before and during the outages. The naive door is the positive control: its
client publishes an "open" with QoS 1 and keeps it while there is no link, and it opens for whatever arrives.

| | edgeface | naive |
|---|---|---|
| opened the door | {_share(outages.opened, outages.decisions)} | {_share(outages.naive_opened, outages.decisions)} |
| opened it later than 3 s after the decision | {_share(outages.late, outages.decisions)} | \
{_share(outages.naive_late, outages.decisions)} |
| never arrived, neither live nor as history | {_share(outages.lost, outages.decisions)} | \
{_share(outages.naive_lost, outages.decisions)} |

Whoever comes while there is no link, or before the controller has given its word, is not let in: the decision arrives
as history. A relay at the reader's own pins needs no broker. The record keeper dropped
{outages.duplicates:,} messages that came again, by their id, and asked for {outages.asked_again:,} rows by their
numbers, which the dying broker had acknowledged and lost. The controller opened nothing for
{_refused(outages.refused)}.

## How fast

A portrait walks up to a simulated camera; the whole reader works, and a controller listens at the same broker. From the
capture of the last frame that counted, in milliseconds:

| | to the disk, median | to the message, median | 95th percentile | n |
|---|---|---|---|---|
{_times("nothing else waits", alone)}
{_times(f"{behind.waiting:,} undelivered decisions wait", behind)}

Then somebody takes the history: {behind.drained:,} rows in {behind.drained_s:.1f} s, {behind.drained_per_s:,.0f} a
second, in order, at most 16 on their way. Resident memory over all of that: {np.median(behind.memory_mb):.0f} MB,
{behind.grown_mb:+.1f} MB from the first quarter of the time to the last.
"""


def _times(what: str, speed: Speed) -> str:
    disk, message = np.median(speed.to_disk), np.percentile(speed.to_message, [50, 95])
    return f"| {what} | {disk:.0f} | {message[0]:.0f} | {message[1]:.0f} | {len(speed.to_message)} |"


def _share(count: int, total: int) -> str:
    rate = wilson(count, total)
    return f"{count:,}: {100 * rate.value:.2g} % [{100 * rate.low:.2g}, {100 * rate.high:.2g}] ({total:,})"


def _refused(refused: dict[str, int]) -> str:
    said = ", ".join(f"{count:,} live messages with `{reason}`" for reason, count in refused.items())
    return said or "none"


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "mosquitto"
    told = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout.partition("\n")[0]
    return f"{os.cpu_count()} cores, {model}, {told.strip()}"
