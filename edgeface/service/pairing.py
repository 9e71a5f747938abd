"""When a new key may pair: while somebody who is at the reader lets it, and never for longer than ten minutes.

    `edgeface keys pair` at the reader    -> the window is open for the code that it shows
    `edgeface keys pair --button`         -> a code that waits: a press of the reader's button opens the window for it

The window is a file in the home folder, of one boot, for one key. Whoever opens it, it closes by itself: with the first
key, after ten minutes, at the next start of the machine. A code that waits opens nothing, and is good for one key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeface.adapters.clock import boot_id
from edgeface.commands import VERBS, Command, Key, Role
from edgeface.commands.verbs import PAIR
from edgeface.errors import ConfigError, EdgefaceError
from edgeface.frame import Instant
from edgeface.signature import key_id, parse_public
from edgeface.store import audit, files
from edgeface.store.audit import Kind
from edgeface.store.database import Database

log = logging.getLogger(__name__)

WINDOW = "pairing"
"""File name of an open pairing, in the home folder."""

WAITING = "pairing.waits"
"""File name of a code that waits for the button."""

OPEN_FOR_S = 600.0
"""A choice: time to walk from the device to a desk."""

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LETTERS = 20
"""Of 5 bits each: 100 bits cannot be tried out, not even by somebody who heard the proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """An open pairing."""

    boot_id: str
    opened_at_monotonic_ns: int
    role: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A code that the button makes good."""

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


def open_window(home: Path, role: Role, now: Instant, code: str | None = None) -> str:
    """Let one key of this role pair within ten minutes of this boot; the code. A former window is closed."""
    told = new_code() if code is None else code
    window = Window(boot_id=boot_id(), opened_at_monotonic_ns=now.monotonic_ns, role=role.value, code=told)
    _write(home / WINDOW, asdict(window))
    return told


def await_button(home: Path, role: Role) -> str:
    """Let one key of this role pair once the button has been pressed; the code. A former one counts no more."""
    waiting = Waiting(role=role.value, code=new_code())
    _write(home / WAITING, asdict(waiting))
    return waiting.code


def close_window(home: Path) -> None:
    """No key may pair any more, by the button neither."""
    for name in (WAITING, WINDOW):
        (home / name).unlink(missing_ok=True)


def window_of(home: Path, now: Instant) -> Window | None:
    """The open pairing, or None: never opened, used, older than ten minutes, or of another boot."""
    try:
        found = Window(**json.loads((home / WINDOW).read_text(encoding="ascii")))
        age_s = (now.monotonic_ns - found.opened_at_monotonic_ns) / 1e9
        role_known = found.role in set(Role)
    except (OSError, ValueError, TypeError):
        return None
    return found if found.boot_id == boot_id() and 0 <= age_s <= OPEN_FOR_S and role_known else None


def own_key(command: Command) -> Key | None:
    """The key that a command brings along: only to pair it, and only if it signed the command itself. It is nobody's
    yet: the role lets it say this one thing."""
    if command.verb != PAIR:
        return None
    try:
        public = parse_public(str(command.body.get("public_key", "")))
    except ValueError:
        return None
    if key_id(public) != command.key_id:
        return None
    return Key(key_id=command.key_id, public=public, role=VERBS[PAIR].role, revoked=False, newest_seq=0)


class Button:
    """What a push button to ground does. The line is pulled up: a wire that is cut presses nothing."""

    def __init__(self, database: Database, now: Callable[[], Instant]) -> None:
        self._database, self._now = database, now
        self._let_go = False
        """A button that is held or stuck from the start has not been pressed by anybody."""

    def level(self, high: bool | None) -> None:
        """Takes the line's level as it changes: True is let go, False is pressed, None is lost."""
        if high is None:
            log.error("the line of the pairing button is lost: pair with `edgeface keys pair` at the reader")
        if high is False and self._let_go:
            try:
                self._pressed()
            except EdgefaceError as error:
                log.error("the pairing button was pressed, and pairing stays closed: %s", error)
        self._let_go = high is True

    def _pressed(self) -> None:
        home, now = self._database.path.parent, self._now()
        waiting = _waiting(home)
        if waiting is None:
            log.warning("the pairing button was pressed, but no code waits for it: `edgeface keys pair --button`")
            return
        with self._database.transaction() as tables:
            audit.note(tables, Kind.KEYS, now, {"by": "button", "what": "pairing open", "role": waiting.role})
        open_window(home, Role(waiting.role), now, waiting.code)
        log.warning("the pairing button was pressed: one key may pair within %.0f minutes", OPEN_FOR_S / 60)


def _waiting(home: Path) -> Waiting | None:
    try:
        found = Waiting(**json.loads((home / WAITING).read_text(encoding="ascii")))
        sound = found.role in set(Role) and isinstance(found.code, str) and len(found.code) == len(new_code())
    except (OSError, ValueError, TypeError):
        return None
    return found if sound else None


def _write(path: Path, fields: dict[str, object]) -> None:
    try:
        files.put(path, json.dumps(fields).encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; run it as the reader's user") from error
