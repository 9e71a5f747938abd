"""Decisions and moments for tests that do not care which."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import Any

from edgeface.decide import Decision, Outcome
from edgeface.frame import Instant
from edgeface.pose import Pose


def instant(ago_s: float = 0.0) -> Instant:
    """Now, or some seconds ago, by this machine's clocks."""
    ago_ns, since_boot_ns = int(ago_s * 1e9), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return Instant(monotonic_ns=since_boot_ns - ago_ns, wall_ns=time.time_ns() - ago_ns, wall_trusted=True)


def decision(ago_s: float = 0.0, **changes: Any) -> Decision:
    """A grant, decided so long ago."""
    plain = Decision(
        id=uuid.uuid4().hex,
        door="front",
        outcome=Outcome.GRANT,
        reason="3 good shots agree",
        rule="known_person",
        person_id="p_0123456789abcdef",
        score=0.71234567,
        margin=0.4,
        threshold=0.45,
        quality=80.0,
        liveness=0.93,
        pose=Pose(yaw_deg=1.0, pitch_deg=-2.0, roll_deg=0.5),
        shots=3,
        track=1,
        captured_at=instant(ago_s + 0.1),
        decided_at=instant(ago_s),
    )
    return replace(plain, **changes)
