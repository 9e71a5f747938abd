"""Models of other makers that were installed into the home folder: HOME/models/NAME/, a manifest and a model in each.

A folder appears there whole or not at all: it is built beside its place, under a name that nothing reads, and renamed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeface.errors import ModelError

FOLDER = "models"
MANIFEST = "manifest.toml"


def manifests(home: Path) -> dict[str, Path]:
    """The manifest of each installed model, by the name of its folder."""
    found = sorted((home / FOLDER).glob(f"*/{MANIFEST}"))
    return {path.parent.name: path for path in found if not path.parent.name.startswith(".")}


def place(home: Path, name: str) -> Path:
    """Where a model of that name is, or would be. `name` comes from a checked catalogue or from `manifests`."""
    return home / FOLDER / name


@contextmanager
def workshop(home: Path, name: str) -> Iterator[Path]:
    """An empty folder to build a model in; gone afterwards, whatever happens, unless `publish` moved it.

    What a killed installation left there is cleared away first. Raises ModelError if another one is at work.
    """
    part = home / FOLDER / f".{name}.part"
    try:
        part.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)  # a link's target is not ours to empty
    except OSError as error:
        raise ModelError(f"the folder {part} cannot be made: {error.strerror}; see --home") from error
    try:
        _lock(handle, part, name)
        try:
            _empty(part)
        except OSError as error:
            raise ModelError(f"{part} cannot be cleared: {error}") from error
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)
    finally:
        os.close(handle)


def publish(part: Path, home: Path, name: str) -> Path:
    """Put the finished folder in its place, instead of a damaged one that may be there."""
    target = place(home, name)
    try:
        if target.exists():
            shutil.rmtree(target)
        part.rename(target)
    except OSError as error:
        raise ModelError(f"the model cannot be put into {target}: {error}") from error
    return target


def remove(home: Path, name: str) -> None:
    """Forget an installed model. It is out of sight at once, even if clearing it away is interrupted."""
    with workshop(home, name) as part:
        try:
            place(home, name).rename(part / name)
        except OSError as error:
            raise ModelError(f"{place(home, name)} cannot be removed: {error.strerror}") from error


def _lock(handle: int, part: Path, name: str) -> None:
    busy = ModelError(f"{name} is being installed by another process: wait for it")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise busy from error
    # The other process may have finished in between: what is locked then is no workshop any more.
    if not (part.exists() and os.path.samestat(os.fstat(handle), part.stat())):
        raise busy


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()
