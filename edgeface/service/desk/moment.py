"""Moments as verbs tell them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def moment(wall_ns: int) -> datetime:
    """Nanoseconds since 1970, to the millisecond; what no calendar has is its end."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wall_ns // 10**6)
    except OverflowError:
        return datetime(9999, 12, 31, tzinfo=UTC)
