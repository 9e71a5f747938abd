"""Files that are there whole or not at all, and those that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path


def create_private(path: Path, content: bytes) -> None:
    """A new file of mode 0600, on the disk when this returns. Raises FileExistsError."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put(path: Path, content: bytes) -> None:
    """A file of mode 0600 in the place of whatever is there, whole or not at all. Raises OSError."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    create_private(unfinished, content)
    settle(unfinished, path)


def settle(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, and have both on the disk."""
    sync(unfinished)
    unfinished.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def overwrite(descriptor: int) -> None:
    """Zeros over an open file's bytes. Flash may keep the old ones elsewhere; that is why keys are rotated."""
    os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
    os.fsync(descriptor)
