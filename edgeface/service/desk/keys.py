"""Verbs about the keys that may command, and how a new one is paired.

    `edgeface keys pair` on the device -> a code, for ten minutes and one key -> keys/pair, signed by the new key

Somebody must be at the device, since the code is shown there and nowhere else. The new key proves that it was given the
code without sending it: who listens, or sits between, can neither read it nor put a key of his own in the place.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edgeface.adapters.clock import boot_id
from edgeface.commands import Role, words
from edgeface.commands.words_keys import KeyAdded, NewKey
from edgeface.errors import ConfigError
from edgeface.frame import Instant
from edgeface.service.desk.place import Desk
from edgeface.signature import parse_public, public_of, public_text
from edgeface.store import commands, files

WINDOW = "pairing"
"""File name of an open pairing, in the home folder."""

OPEN_FOR_S = 600.0
"""A choice: time to walk from the device to a desk."""

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LETTERS = 20
"""Of 5 bits each: 100 bits cannot be tried out, not even by somebody who heard the proof."""
_NAME = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9_ -]{0,38}[A-Za-z0-9_-])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """An open pairing."""

    boot_id: str
    opened_at_monotonic_ns: int
    role: str
    code: str


def new_code() -> str:
    """A code to be shown once: four groups of five letters and digits, none of which looks like another."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LETTERS))
    return "-".join(letters[place : place + 5] for place in range(0, _CODE_LETTERS, 5))


def proof_of(code: str, public_text: str) -> str:
    """That a key was given the code: HMAC-SHA-256, 64 hex digits."""
    plain = code.strip().upper().replace("-", "").encode()
    return hmac.new(plain, public_text.strip().encode(), hashlib.sha256).hexdigest()


def open_window(home: Path, role: Role, now: Instant) -> str:
    """Let one key of this role pair within ten minutes of this boot; the code. A former window is closed."""
    window = Window(boot_id=boot_id(), opened_at_monotonic_ns=now.monotonic_ns, role=role.value, code=new_code())
    path, unfinished = home / WINDOW, home / (WINDOW + ".new")
    try:
        unfinished.unlink(missing_ok=True)
        files.create_private(unfinished, json.dumps(asdict(window)).encode())
        files.settle(unfinished, path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; run it as the reader's user") from error
    return window.code


def close_window(home: Path) -> None:
    """No key may pair any more."""
    (home / WINDOW).unlink(missing_ok=True)


def window_of(home: Path, now: Instant) -> Window | None:
    """The open pairing, or None: never opened, used, older than ten minutes, or of another boot."""
    try:
        found = Window(**json.loads((home / WINDOW).read_text(encoding="ascii")))
        age_s = (now.monotonic_ns - found.opened_at_monotonic_ns) / 1e9
        role_known = found.role in set(Role)
    except (OSError, ValueError, TypeError):
        return None
    return found if found.boot_id == boot_id() and 0 <= age_s <= OPEN_FOR_S and role_known else None


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
    """All keys, the revoked as well."""
    return words.Keys(
        keys=tuple(
            words.KeyRow(
                id=known.key.key_id,
                name=known.name,
                role=known.key.role,
                revoked=known.key.revoked,
                added_at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=known.added_at_wall_ns // 10**6),
            )
            for known in commands.everybody(desk.database)
        )
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
