"""The rows that are tried within a process or two of their own, by a seed, each with a control that must be caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.faults.result import Result
from tools.faults.rows import (
    away,
    cameras,
    certificates,
    clocks,
    commands,
    damage,
    embedders,
    forgotten,
    hangs,
    holes,
    leaps,
    lists,
    memory,
    migrations,
    models,
    names,
    pictures,
    power,
    races,
    settings,
    starts,
    turned,
    zips,
)

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
    "lists": Row(run=lists.access_lists, control=lists.unlisted, few=lists.SWEEP + 40),
    "certificates": Row(
        run=certificates.wrong_certificates, control=certificates.unverified, few=len(certificates.KINDS) - 1
    ),
    "holes": Row(run=holes.black_holes, control=holes.hasty, few=len(holes.Ail)),
    "away": Row(run=away.months, control=away.silent, few=2),
    "power": Row(run=power.power_cut, control=power.hasty_power_cut, few=18),
    "killed": Row(run=power.killed_everywhere, control=power.hasty_killed, few=30),
    "failing": Row(run=power.failing_call, control=power.careless_call, few=8),
    "migrating": Row(run=migrations.killed_migrating, control=migrations.hasty_killed, few=15),
    "migrations": Row(run=migrations.cut_migrating, control=migrations.hasty_cut, few=40),
    "flipped": Row(run=damage.flipped, control=damage.believed, few=30),
    "misplaced": Row(run=damage.misplaced, control=damage.unwitnessed, few=30),
    "tampered": Row(run=damage.tampered, control=damage.tampered_unwitnessed, few=30),
    "forgotten": Row(run=forgotten.nothing_left, control=forgotten.plain_delete, few=3),
    "expired": Row(run=forgotten.nothing_kept, control=forgotten.plain_expiry, few=6),
    "memory": Row(run=memory.out_of_memory, control=memory.hasty_out_of_memory, few=3),
    "races": Row(run=races.two_processes, control=races.shared, few=4),
    "hangs": Row(run=hangs.hanging_parts, control=hangs.timer, few=len(hangs.PARTS)),
    "cameras": Row(run=cameras.camera_faults, control=cameras.untended, few=6),
    "clocks": Row(run=clocks.clock_walks, control=clocks.credulous, few=12),
    "leaps": Row(run=leaps.leaping_clocks, control=leaps.sleepless, few=10),
    "models": Row(run=models.exchanged, control=models.by_size, few=20),
    "embedders": Row(run=embedders.swapped, control=embedders.any_embedders, few=12),
    "bundles": Row(run=models.bundles_altered, control=models.by_their_parts, few=16),
    "commands": Row(run=commands.must_not_act, control=commands.trusting, few=40),
    "names": Row(run=names.odd_names, control=names.in_topics, few=12),
    "pictures": Row(run=pictures.odd_pictures, control=pictures.as_it_comes, few=40),
    "turned": Row(run=turned.turned, control=turned.as_stored, few=24),
    "zips": Row(run=zips.odd_zips, control=zips.unpacked, few=15),
    "starts": Row(run=starts.mixed_starts, control=starts.at_once, few=8),
    "settings": Row(run=settings.flipped, control=settings.believed, few=60),
}
"""By the name on the command line."""
