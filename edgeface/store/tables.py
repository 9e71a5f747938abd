"""The tables as sqlite-utils shows them, with the keys that open what is sealed in them."""

from __future__ import annotations

import sqlite3

import sqlite_utils

from edgeface.adapters.clock import boot_id
from edgeface.store.keyring import Keyring


class Tables(sqlite_utils.Database):
    """What a transaction and a migration work on."""

    def __init__(self, connection: sqlite3.Connection, keyring: Keyring) -> None:
        super().__init__(connection, execute_plugins=False)
        self.keyring = keyring
        self.boot_id = boot_id()
        """Which boot of the machine it is; audit rows tell it."""
