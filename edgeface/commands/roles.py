"""What a key may do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """Given to a key when it is added, and never changed: another role is another key."""

    VIEW = "view"
    """Read: people, rules, health."""
    KEYPAD = "keypad"
    """Say which PIN was typed or which card was held up, and nothing else."""
    OPERATE = "operate"
    """View, and lockdowns, resets, the log's level, a restart."""
    ENROL = "enrol"
    """View, and people: enrol, rename, forget, their PINs and cards."""
    ADMIN = "admin"
    """All of it, and the rules of access and the keys."""
    PUBLISH = "publish"
    """Sign bundles of models, and command nothing."""


_INCLUDES: Mapping[Role, frozenset[Role]] = MappingProxyType(
    {
        Role.VIEW: frozenset({Role.VIEW}),
        Role.KEYPAD: frozenset({Role.KEYPAD}),
        Role.OPERATE: frozenset({Role.OPERATE, Role.VIEW}),
        Role.ENROL: frozenset({Role.ENROL, Role.VIEW}),
        Role.ADMIN: frozenset(Role) - {Role.PUBLISH},
        Role.PUBLISH: frozenset({Role.PUBLISH}),
    }
)


def may(holder: Role, needed: Role) -> bool:
    """Whether a key of one role may do what takes another."""
    return needed in _INCLUDES[holder]
