"""Every page: one file each, put together here."""

from __future__ import annotations

from edgeface.console.pages import people, setup, signin
from edgeface.console.visit import Way

WAYS: tuple[Way, ...] = (*setup.WAYS, *signin.WAYS, *people.WAYS)
"""In the order in which they are tried."""

MENU = (("people", "/people", "people"),)
"""Key under [nav] of the strings, place, drawing."""
