"""Where the device key comes from: a systemd credential, else a file beside the gallery that only its owner may read.

    gallery.db.key      one line a key: "edgeface-key-1 " and 64 hex digits. The last is in use; an earlier one is still
                        there only while a rotation is unfinished.

The credential `edgeface.key` ($CREDENTIALS_DIRECTORY, see systemd.exec(5)) has the same form and goes before the file.
Without a TPM behind the credential the key lies on the same card as the gallery: who takes the whole card has both.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from edgeface.errors import KeyMissing, KeyUnsafe
from edgeface.store import files
from edgeface.store.crypto import key_id, new_key

CREDENTIAL = "edgeface.key"
"""Name of the systemd credential."""

_LINE = re.compile(r"edgeface-key-1 ([0-9a-f]{64})")
_LIMIT_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKeys:
    """The keys at hand."""

    keys: tuple[bytes, ...]
    """Oldest first, at least one; the last is the one to use."""
    file: Path
    """The key file, whether it is there or not."""
    from_credential: bool
    """Whether the last key is a credential: then this program cannot replace it."""
    made: bool = False
    """Whether the key was made just now."""

    @property
    def current(self) -> bytes:
        return self.keys[-1]

    def by_id(self, wanted: str) -> bytes | None:
        """The key of that id, or None."""
        return next((key for key in self.keys if key_id(key) == wanted), None)


def beside(gallery: Path) -> Path:
    """The key file of a gallery."""
    return gallery.with_name(gallery.name + ".key")


def find(gallery: Path) -> DeviceKeys:
    """The device's keys. Raises KeyMissing, KeyUnsafe; never makes one."""
    file = beside(gallery)
    credential = _credential()
    in_file = _parse(_read_private(file), file) if file.exists() or credential is None else ()
    given = () if credential is None else _parse(credential.read_bytes(), credential)
    keys = (*(key for key in in_file if key not in given), *given)
    return DeviceKeys(keys=keys, file=file, from_credential=bool(given))


def find_or_make(gallery: Path) -> DeviceKeys:
    """The device's keys; a new one if there is none yet. Only for a gallery that has nothing sealed."""
    if _credential() is not None or beside(gallery).exists():
        return find(gallery)
    key = new_key()
    write(beside(gallery), (key,))
    return DeviceKeys(keys=(key,), file=beside(gallery), from_credential=False, made=True)


def write(file: Path, keys: tuple[bytes, ...]) -> None:
    """Make this the key file, all at once; the bytes of the former one are overwritten."""
    unfinished = file.with_name(file.name + ".new")
    unfinished.unlink(missing_ok=True)
    text = "".join(f"edgeface-key-1 {key.hex()}\n" for key in keys).encode("ascii")
    files.create_private(unfinished, text)
    former = os.open(file, os.O_WRONLY | os.O_NOFOLLOW) if file.exists() else None
    try:
        files.settle(unfinished, file)
        if former is not None:
            files.overwrite(former)
    finally:
        if former is not None:
            os.close(former)


def drop(gallery: Path, gone: str) -> None:
    """Take the key of that id out of the key file, if it is there; a file without any key is deleted."""
    file = beside(gallery)
    if not file.exists():
        return
    keys = _parse(_read_private(file), file)
    kept = tuple(key for key in keys if key_id(key) != gone)
    if not kept:
        _remove(file)
    elif kept != keys:
        write(file, kept)


def _remove(file: Path) -> None:
    """Overwrite and delete a key file."""
    descriptor = os.open(file, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        files.overwrite(descriptor)
    finally:
        os.close(descriptor)
    file.unlink()
    files.sync(file.parent)


def _credential() -> Path | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / CREDENTIAL if folder else None
    return path if path is not None and path.exists() else None


def _read_private(file: Path) -> bytes:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyMissing(f"{file} is gone: {_MEANING}") from None
    except OSError as error:
        raise KeyUnsafe(f"{file} cannot be read: {error.strerror}; it must be a plain file of this user") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyUnsafe(f"{file} is not a plain file: put the key file itself there")
        if status.st_uid != os.geteuid():
            raise KeyUnsafe(f"{file} belongs to user {status.st_uid}: chown it to the user who runs edgeface")
        if status.st_mode & 0o077:
            raise KeyUnsafe(f"{file} may be read by others (mode {status.st_mode & 0o777:o}): chmod 600 {file}")
        return os.read(descriptor, _LIMIT_BYTES)
    finally:
        os.close(descriptor)


_MEANING = (
    "without it nobody in the gallery can be read. Put the key back (from your copy, or as the systemd credential "
    f"{CREDENTIAL}); a new one would not open this gallery"
)


def _parse(content: bytes, source: Path) -> tuple[bytes, ...]:
    lines = content.decode("ascii", errors="replace").split("\n")
    found = [_LINE.fullmatch(line) for line in lines if line.strip()]
    if not found or any(line is None for line in found):
        raise KeyMissing(f"{source} holds no edgeface key: {_MEANING}")
    return tuple(bytes.fromhex(line[1]) for line in found if line is not None)
