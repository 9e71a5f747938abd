"""The rows that are tried within a process or two of their own, by a seed, each with a control that must be caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.faults.result import Result
from tools.faults.rows import damage, power

Try = Callable[[int, int], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault."""

    run: Try
    """Takes how often and the seed."""
    control: Try
    """The same against a careless way: a campaign that finds nothing wrong with it is none."""
    few: int
    """Tries that a test has time for; a control shows within as many."""


ROWS = {
    "power": Row(run=power.power_cut, control=power.hasty_power_cut, few=24),
    "killed": Row(run=power.killed_everywhere, control=power.hasty_killed, few=40),
    "failing": Row(run=power.failing_call, control=power.careless_call, few=12),
    "flipped": Row(run=damage.flipped, control=damage.believed, few=40),
    "misplaced": Row(run=damage.misplaced, control=damage.unwitnessed, few=30),
    "tampered": Row(run=damage.tampered, control=damage.tampered_unwitnessed, few=30),
}
"""By the name on the command line."""
