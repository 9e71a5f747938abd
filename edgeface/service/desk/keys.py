"""Verbs about the keys that may command, and how a new one is paired.

    `edgeface keys pair` on the device -> a code, for ten minutes and one key -> keys/pair, signed by the new key

Somebody must be at the device, since the code is shown there and nowhere else, or counts only once a button there was
pressed (`edgeface.service.pairing`). The new key proves that it was given the code without sending it: who listens, or
sits between, can neither read it nor put a key of his own in the place.
"""

from __future__ import annotations

import hmac
import re

from edgeface.commands import Role, words
from edgeface.commands.words_keys import KeyAdded, NewKey
from edgeface.errors import ConfigError
from edgeface.service.desk.moment import moment
from edgeface.service.desk.place import Desk
from edgeface.service.pairing import close_window, proof_of, window_of
from edgeface.signature import parse_public, public_of, public_text
from edgeface.store import commands

_NAME = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9_ -]{0,38}[A-Za-z0-9_-])?")


def pair(desk: Desk, ask: words.Pair) -> words.Paired:
    """Take a new key. That it signed this itself was checked before."""
    window = window_of(desk.home, desk.now())
    if window is None or not hmac.compare_digest(proof_of(window.code, ask.public_key).encode(), ask.proof.encode()):
        raise ConfigError("pairing is not open, or the code is another: `edgeface keys pair` on the device opens it")
    with desk.database.transaction() as tables:
        public, role = _public(ask.public_key), Role(window.role)
        made = commands.add(tables, public, valid_key_name(ask.name), role, desk.now(), by=desk.by)
    close_window(desk.home)
    return words.Paired(id=made, role=role)


def add(desk: Desk, ask: NewKey) -> KeyAdded:
    """Take a new key at the word of somebody who is on the machine, or of an administrator's console there."""
    with desk.database.transaction() as tables:
        public = _public(ask.public_key)
        made = commands.add(tables, public, valid_key_name(ask.name), ask.role, desk.now(), by=desk.by)
    reader = public_text(public_of(desk.database.keyring.signing_seed))
    return KeyAdded(id=made, role=ask.role, reader=reader)


def revoke(desk: Desk, ask: words.KeyName) -> words.KeyName:
    """A key may command no more, for good."""
    with desk.database.transaction() as tables:
        commands.revoke(tables, ask.id, desk.now(), by=desk.by)
    return ask


def everybody(desk: Desk, ask: words.Nothing) -> words.Keys:
    """All keys that command, and the newest of those that were revoked."""
    known = commands.everybody(desk.database)
    revoked = [one.key.key_id for one in known if one.key.revoked]
    older = set(revoked[: -commands.SHOWN_REVOKED])
    return words.Keys(keys=tuple(_row(one) for one in known if one.key.key_id not in older))


def _row(known: commands.KnownKey) -> words.KeyRow:
    return words.KeyRow(
        id=known.key.key_id,
        name=known.name,
        role=known.key.role,
        revoked=known.key.revoked,
        added_at=moment(known.added_at_wall_ns),
    )


def valid_key_name(name: str) -> str:
    """Whose key it is. Raises ConfigError."""
    if _NAME.fullmatch(name) is None:
        raise ConfigError("the name of a key is 1 to 40 letters, digits, spaces, - and _")
    return name


def _public(text: str) -> bytes:
    try:
        return parse_public(text)
    except ValueError as error:
        raise ConfigError(str(error)) from error
