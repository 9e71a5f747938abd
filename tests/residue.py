"""What SQLite leaves behind, put where it leaves it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def plant(path: Path, table: str, needle: bytes) -> None:
    """Bytes in the room between a page's rows, where balancing a tree leaves them: https://sqlite.org/fileformat.html"""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        page = file.read(8)
        assert page[0] == 13, "a leaf"
        rows, begin = int.from_bytes(page[3:5]), int.from_bytes(page[5:7])
        place = 8 + 2 * rows + 16
        assert begin - place > len(needle) + 50
        file.seek((root - 1) * 4096 + place)
        file.write(needle)
