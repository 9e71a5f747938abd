"""Moments as messages tell them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from edgeface.frame import Instant


def utc(moment: Instant) -> datetime:
    """The wall clock's time, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment.wall_ns // 1_000_000)
