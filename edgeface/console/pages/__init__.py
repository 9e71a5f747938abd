"""Every page: one file each, put together here."""

from __future__ import annotations

from edgeface.commands import Role
from edgeface.console.pages import (
    accounts,
    audit,
    calibration,
    decisions,
    doors,
    enrol,
    health,
    live,
    models,
    people,
    person,
    setup,
    signin,
)
from edgeface.console.visit import Way

WAYS: tuple[Way, ...] = (
    *setup.WAYS,
    *signin.WAYS,
    *people.WAYS,
    *person.WAYS,
    *live.WAYS,
    *enrol.WAYS,
    *doors.WAYS,
    *decisions.WAYS,
    *health.WAYS,
    *calibration.WAYS,
    *models.WAYS,
    *audit.WAYS,
    *accounts.WAYS,
)
"""In the order in which they are tried."""

MENU = (
    ("live", "/live", "eye", Role.OPERATE),
    ("people", "/people", "people", Role.VIEW),
    ("doors", "/doors", "door", Role.VIEW),
    ("decisions", "/decisions", "list", Role.VIEW),
    ("health", "/health", "pulse", Role.VIEW),
    ("calibration", "/calibration", "dial", Role.VIEW),
    ("models", "/models", "chip", Role.VIEW),
    ("audit", "/audit", "chain", Role.VIEW),
    ("accounts", "/accounts", "key", Role.ADMIN),
)
"""Key under [nav] of the strings, place, drawing, whose menu it is in."""
