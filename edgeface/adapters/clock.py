"""The machine's clocks, and whether its wall clock has been set since boot.

A Pi has no battery for its clock: until time comes over the network, the wall clock tells some moment of the past.
Where a machine sleeps, the usual monotonic clock sleeps too (clock_gettime(2)), and a grant that waited for an hour
would look fresh: durations count from boot, sleep included.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from edgeface.frame import Instant

_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
"""Written by systemd-timesyncd once it has set the clock; readable where the kernel may not be asked."""

_TIME_ERROR = 5
"""What adjtimex(2) returns while the clock is not synchronised."""

_TIMEX_BYTES = 256
"""Room for struct timex (208 bytes on 64-bit Linux); all zero means "only ask"."""


class SystemClock:
    """Now, by this machine."""

    def __init__(self) -> None:
        self._kernel = ctypes.CDLL(None)
        self._trusted = False

    def now(self) -> Instant:
        """The moment of the call, by both clocks. Once the wall clock is trusted it stays so until the next start."""
        self._trusted = self._trusted or self._synchronised()
        since_boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return Instant(monotonic_ns=since_boot_ns, wall_ns=time.time_ns(), wall_trusted=self._trusted)

    def _synchronised(self) -> bool:
        state = self._kernel.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return 0 <= state < _TIME_ERROR or _TIMESYNCD.exists()


def asleep_ns() -> int:
    """How long this machine has slept since boot, in whole milliseconds: by so much drivers that stamp by the monotonic
    clock are behind."""
    behind_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    return round(behind_ns, -6)


def boot_id() -> str:
    """Which boot of this machine it is; 32 hex digits, see random(4)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")
