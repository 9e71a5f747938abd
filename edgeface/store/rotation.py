"""Another device key: what the former one opened, it opens no more; copies of forgotten people's keys die with it.

    key file: former        -> former, next      -> former, next       -> next
    gallery:  under former  -> under former      -> under next         -> under next, nothing left of former

Each arrow is whole or has not happened, and every state between two of them opens: the gallery says which key it is
under. After a power cut the first arrow is undone by nobody and used by the next rotation; the last is made up for when
the gallery is opened.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeface.errors import DeviceKeyError, KeyWrong
from edgeface.frame import Instant
from edgeface.store import audit, crypto, keyfile
from edgeface.store.audit import Facts, Kind
from edgeface.store.database import Database
from edgeface.store.keyfile import DeviceKeys
from edgeface.store.keyring import wrap_names_key
from edgeface.store.tables import Tables

WITH_KEYS = ("people", "strangers")
"""Tables whose rows have a key of their own, wrapped by the device key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What changing the device key did."""

    former_key_id: str
    key_id: str
    keys: int
    """How many keys, of people and of strangers, are wrapped anew."""
    from_credential: bool
    """Whether the new key is a credential of systemd, and not in a file of ours."""


def rotate(database: Database, now: Instant, *, by: str = "local") -> Rotated:
    """Change the device key: to the credential's if that is new, else to one that is made.

    Raises DeviceKeyError if the key comes from a credential that has no other key, KeyMissing, KeyUnsafe.
    """
    former = database.keyring.device_key
    keys = keyfile.find(database.path)
    if former not in keys.keys:
        raise KeyWrong(f"{keys.file} was changed while the gallery was open: put the former content back")
    following = _next_key(keys, former)
    with database.transaction() as tables:
        count = _wrap_anew(tables, following)
        facts: Facts = {"by": by, "from": crypto.key_id(former), "to": crypto.key_id(following), "keys": count}
        audit.note(tables, Kind.KEYS, now, facts)
    database.lock_with(following)
    database.erase_traces()
    keyfile.drop(database.path, crypto.key_id(former))
    return Rotated(
        former_key_id=crypto.key_id(former),
        key_id=crypto.key_id(following),
        keys=count,
        from_credential=keys.from_credential,
    )


def _next_key(keys: DeviceKeys, former: bytes) -> bytes:
    """The key to change to: one that is there already, or a new one, on the disk before anything hangs on it."""
    if keys.current != former:
        return keys.current
    if keys.from_credential:
        raise DeviceKeyError(
            f"the device key is the credential {keyfile.CREDENTIAL}, which only systemd can change: add a second line "
            f'"edgeface-key-1 " and 64 new hex digits to it (`openssl rand -hex 32`), restart, and repeat this'
        )
    following = crypto.new_key()
    keyfile.write(keys.file, (former, following))
    return following


def _wrap_anew(tables: Tables, device_key: bytes) -> int:
    keyring, count = tables.keyring, 0
    for table in WITH_KEYS:
        for owner, wrapped in tables.execute(f"SELECT id, wrapped_key FROM {table}").fetchall():
            anew = keyring.rewrapped(owner, wrapped, device_key)
            tables.execute(f"UPDATE {table} SET wrapped_key = ? WHERE id = ?", (anew, owner))
            count += 1
    names_key = wrap_names_key(device_key, keyring.gallery_id, keyring.names_key)
    tables.execute("UPDATE keyring SET device_key_id = ?, names_key = ?", (crypto.key_id(device_key), names_key))
    return count
