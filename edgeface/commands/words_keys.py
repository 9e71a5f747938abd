"""What the verbs about the keys that may command are told and answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from edgeface.commands.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key that may command."""

    id: str
    name: str
    role: Role
    revoked: bool
    added_at: datetime
    """As far as the device knew the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """All that command, and the newest 64 of those that were revoked."""

    keys: tuple[KeyRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyName:
    """A key, by id."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A new key introduces itself, while somebody at the device lets it. It signs this with its own private key."""

    public_key: str
    """As `edgeface keys make` tells it."""
    name: str
    """Whose key it is: 1 to 40 letters, digits, spaces, - and _."""
    proof: str
    """HMAC-SHA-256 of the public key's text under the code that the device showed, 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The key may command from now on."""

    id: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that may command from now on, added by who is on the machine."""

    public_key: str
    """As `edgeface keys make` tells it."""
    name: str
    """Whose key it is: 1 to 40 letters, digits, spaces, - and _."""
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAdded:
    """It may command."""

    id: str
    role: Role
    reader: str = field(default="")
    """The reader's own public key."""
