"""What Linux tells about the board and this process, read from /proc and /sys."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from edgeface.health import Machine

_ZONES = "class/thermal/thermal_zone*"
_THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"
"""Raspberry Pi firmware: bits 0 to 3 are under-voltage, capped frequency, throttled and the soft temperature limit."""


def look(folder: Path, *, system: Path = Path("/sys"), process: Path = Path("/proc/self")) -> Machine:
    """The machine now; `folder` is where the gallery is. What cannot be read is None."""
    return Machine(
        temperature_c=_temperature(system),
        throttled=_throttled(system),
        disk_free_mb=_free_mb(folder),
        memory_mb=_memory_mb(process),
        open_files=_open_files(process),
        cpu_s=time.process_time(),
    )


def _temperature(system: Path) -> float | None:
    """The hottest zone's."""
    read = [_read(zone / "temp") for zone in system.glob(_ZONES)]
    known = [int(text) / 1000 for text in read if text is not None and re.fullmatch(r"-?\d{1,7}", text)]
    return max(known, default=None)


def _throttled(system: Path) -> bool | None:
    text = _read(system / _THROTTLED)
    if text is None or not re.fullmatch(r"[0-9a-f]{1,8}", text):
        return None
    return bool(int(text, 16) & 0b1111)


def _free_mb(folder: Path) -> float | None:
    try:
        stat = os.statvfs(folder)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize / 1e6


def _memory_mb(process: Path) -> float | None:
    text = _read(process / "statm")
    pages = (text or "").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if len(pages) > 1 and pages[1].isdecimal() else None


def _open_files(process: Path) -> int | None:
    try:
        return sum(1 for _ in (process / "fd").iterdir())
    except OSError:
        return None


def _read(path: Path) -> str | None:
    """One short file; None if it is not there or may not be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return None
