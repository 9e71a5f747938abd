"""Disks as bytes by name: laid out in a folder, and taken from one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder that no disk slows down, where there is such a place."""
    with tempfile.TemporaryDirectory(prefix="edgeface-fault-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def laid(disk: Mapping[str, bytes]) -> Iterator[Path]:
    """The gallery of a disk, laid out."""
    with folder_in_memory() as folder:
        for name, bytes_there in disk.items():
            (folder / name).write_bytes(bytes_there)
            (folder / name).chmod(0o600)
        yield folder / "gallery.db"


def content(folder: Path) -> dict[str, bytes]:
    """What lies in a folder."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}
