"""Who may sign in, as one private file. Each account has a command key of its own, sealed under its password.

There is no hash of the password to be stolen: it is right if it opens the key (Argon2id, RFC 9106; ChaCha20-Poly1305).
Whoever takes the file can command nothing without guessing a password at 64 MiB a try.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw

from edgeface.commands import Role
from edgeface.errors import ConfigError
from edgeface.signature import SEED_BYTES, key_id, public_of
from edgeface.store import crypto, files
from edgeface.wire import record

FILE = "accounts.json"
VERSION = 1
LEAST_PASSWORD = 12
"""Characters: with no rules of composition (NIST SP 800-63B wants 8 and more; a key hangs on this one)."""
MOST_PASSWORD = 256
MOST_ACCOUNTS = 32
"""The reader takes commands of 64 keys."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_HEX = re.compile(r"([0-9a-f]{2})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one try of a password costs."""

    passes: int = 3
    memory_kib: int = 65536
    """The second recommendation of RFC 9106, for machines with little memory."""
    lanes: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may sign in."""

    name: str
    """1 to 32 small letters, digits, `.`, `-` and `_`."""
    role: Role
    """That of its key at the reader."""
    key_id: str
    """16 hex digits."""
    salt: str
    """16 bytes, hex."""
    sealed_seed: str
    """The private key, hex: what the password opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All of the file."""

    reader: str
    """The reader's public key, as it was when the first account was made; empty before."""
    accounts: tuple[Account, ...]


class Accounts:
    """The accounts of one folder. Safe for threads; one password is tried at a time, since each takes 64 MiB."""

    def __init__(self, folder: Path, cost: Cost | None = None) -> None:
        """Raises ConfigError if the file is there and cannot be trusted: it is never taken for an empty one."""
        self._path, self._cost = folder / FILE, cost or Cost()
        self._lock, self._trying = threading.RLock(), threading.Lock()
        self._book = _read(self._path)

    @property
    def reader(self) -> str:
        """The reader's public key as it is known here; empty before the first account."""
        return self._book.reader

    def everybody(self) -> tuple[Account, ...]:
        """By name."""
        return tuple(sorted(self._book.accounts, key=lambda account: account.name))

    def find(self, name: str) -> Account | None:
        """The account of that name."""
        return next((account for account in self._book.accounts if account.name == name), None)

    def opened(self, name: str, password: str) -> bytes | None:
        """The command key of an account, if the password is right. Takes as long for a name that there is not."""
        account = self.find(name)
        salt = secrets.token_bytes(16) if account is None else bytes.fromhex(account.salt)
        key = self._key(password, salt)
        if account is None:
            return None
        try:
            return crypto.unseal(key, bytes.fromhex(account.sealed_seed), _place(account.name, account.key_id))
        except crypto.Unsealable:
            return None

    def sealed(self, name: str, role: Role, seed: bytes, password: str) -> Account:
        """An account that the password opens; not yet kept."""
        salt, made = secrets.token_bytes(16), key_id(public_of(seed))
        sealed = crypto.seal(self._key(password, salt), seed, _place(name, made))
        return Account(name=name, role=role, key_id=made, salt=salt.hex(), sealed_seed=sealed.hex())

    def keep(self, account: Account, reader: str | None = None) -> None:
        """Store an account in place of one of the same name. Raises ConfigError."""
        with self._lock:
            others = [known for known in self._book.accounts if known.name != account.name]
            if len(others) >= MOST_ACCOUNTS:
                raise ConfigError(f"there are {MOST_ACCOUNTS} accounts: no more are taken")
            self._write(Book(reader=reader or self._book.reader, accounts=(*others, account)))

    def drop(self, name: str) -> None:
        """Forget an account."""
        with self._lock:
            kept = tuple(known for known in self._book.accounts if known.name != name)
            self._write(replace(self._book, accounts=kept))

    def last_admin(self, name: str) -> bool:
        """Whether nobody else could let anybody in any more."""
        admins = {account.name for account in self._book.accounts if account.role is Role.ADMIN}
        return admins == {name}

    def _key(self, password: str, salt: bytes) -> bytes:
        cost = self._cost
        with self._trying:
            return hash_secret_raw(
                password.encode(), salt, cost.passes, cost.memory_kib, cost.lanes, crypto.KEY_BYTES, Type.ID
            )

    def _write(self, book: Book) -> None:
        text = json.dumps({"v": VERSION, **asdict(book)}, indent=1) + "\n"
        try:
            files.put(self._path, text.encode())
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error.strerror or error}") from error
        self._book = book


def new_seed() -> bytes:
    """A command key."""
    return secrets.token_bytes(SEED_BYTES)


def name_problem(name: str) -> bool:
    """Whether nobody can be called so."""
    return _NAME.fullmatch(name) is None


def password_problem(password: str, name: str) -> bool:
    """Whether it is too short, too long, or the name."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return True
    return not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD or password.casefold() in (name, name * 2, name * 3)


def _place(name: str, made: str) -> bytes:
    return crypto.bound("console", name, made)


def _read(path: Path) -> Book:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"others than its owner may read {path}: chmod 600 {path}")
        found = json.loads(path.read_text(encoding="utf-8"))
        accounts = tuple(_account(row) for row in found["accounts"])
        if found["v"] != VERSION or len({account.name for account in accounts}) != len(accounts):
            raise ValueError("another version, or a name twice")
        return Book(reader=str(found["reader"]), accounts=accounts)
    except FileNotFoundError:
        return Book(reader="", accounts=())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is damaged ({error}): put a copy back, or move it away and set up anew") from error


def _account(row: object) -> Account:
    account = record(Account, row, "account")
    texts: Iterable[str] = (account.salt, account.sealed_seed, account.key_id)
    if name_problem(account.name) or not all(_HEX.fullmatch(text) for text in texts):
        raise ValueError("an account that cannot be")
    return account
