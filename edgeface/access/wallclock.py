"""Whether the wall clock may be believed, and what it says.

A clock that was set since boot is believed as long as it keeps pace with the monotonic one: a jump of an hour or of ten
years, back or forth, is a fault or an attack, and rights that depend on the time wait until it is undone or the reader
starts again. A trusted clock that tells less than it once did is not believed after a start either.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from edgeface.access.state import Anchor, State
from edgeface.frame import Instant

TOLERANCE_NS = 60 * 10**9
"""How far a trusted clock may be set at once: a leap second and the first correction of a drifted clock stay below. A
choice."""
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_KEY = "anchor"


def doubt(state: State, now: Instant) -> str | None:
    """Why the wall clock cannot be believed, or None if it can."""
    if not now.wall_trusted:
        return "the clock has not been set since the reader started"
    moment = _utc(now)
    if moment is None or not _EARLIEST <= moment < _LATEST:
        return "the clock tells a time that cannot be"
    anchor = state.clock.get(_KEY)
    if anchor is None:
        return None
    if anchor.wall_less_monotonic_ns and abs(_difference(now) - anchor.wall_less_monotonic_ns) > TOLERANCE_NS:
        return "the clock has jumped"
    if now.wall_ns < anchor.newest_wall_ns - TOLERANCE_NS:
        return "the clock tells less than it once did"
    return None


def utc(state: State, now: Instant) -> datetime | None:
    """The time, or None if it cannot be believed."""
    return None if doubt(state, now) is not None else _utc(now)


def noticed(state: State, now: Instant) -> State:
    """The state that remembers what the clock said; changes at most once a minute."""
    if doubt(state, now) is not None:
        return state
    anchor = state.clock.get(_KEY)
    if anchor and anchor.wall_less_monotonic_ns and now.wall_ns - anchor.newest_wall_ns < TOLERANCE_NS:
        return state
    fixed = anchor.wall_less_monotonic_ns if anchor else 0
    newest = max(now.wall_ns, anchor.newest_wall_ns if anchor else 0)
    grown = Anchor(wall_less_monotonic_ns=fixed or _difference(now), newest_wall_ns=newest)
    return replace(state, clock={_KEY: grown})


def _difference(now: Instant) -> int:
    return now.wall_ns - now.monotonic_ns or 1


def _utc(now: Instant) -> datetime | None:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now.wall_ns // 1000)
    except OverflowError:
        return None
