"""The maker's files, from the network or from a folder: checked by size and digest before anybody parses them."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from edgeface.adapters.catalog import Source
from edgeface.errors import ModelError, ModelUnavailable

CHUNK_BYTES = 64 * 1024
TIMEOUT_S = 30.0
"""Without a byte for so long a connection is given up."""


def fetch(source: Source, folder: Path, tell: Callable[[int], None]) -> Path:
    """Download one file into `folder`; `tell` hears of every piece, in bytes.

    Raises ModelUnavailable if it does not arrive whole, ModelError if it is not the file that the catalogue names.
    """
    path = folder / source.name
    try:
        request = urllib.request.Request(source.url, headers={"User-Agent": "edgeface"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer, path.open("wb") as file:
            received = 0
            while received <= source.size_bytes and (piece := answer.read(CHUNK_BYTES)):
                file.write(piece)
                received += len(piece)
                tell(len(piece))
    except (OSError, http.client.HTTPException) as error:
        path.unlink(missing_ok=True)
        raise ModelUnavailable(
            f"{source.url} cannot be fetched ({error}): try again, or fetch it elsewhere and give it with --from FILE"
        ) from error
    try:
        if received < source.size_bytes:
            raise ModelUnavailable(
                f"{source.url} ended after {received:,} of {source.size_bytes:,} bytes: try again, or use --from FILE"
            )
        return _checked(path, source)
    except ModelError:
        path.unlink()
        raise


def take(source: Source, given: Sequence[Path], folder: Path) -> Path:
    """Copy one file out of what was given: files, which may have any name, and folders.

    Raises ModelError if none of them is the file that the catalogue names.
    """
    candidates = [path for one in given for path in _offered(one)]
    sized = [path for path in candidates if path.stat().st_size == source.size_bytes]
    match = next((path for path in sized if digest(path) == source.sha256), None)
    if match is None:
        raise ModelError(
            f"no file given with --from is {source.name} as the catalogue knows it "
            f"({source.size_bytes:,} bytes, sha256 {source.sha256}); looked at "
            + (", ".join(map(str, candidates[:5])) or "nothing: there are no files")
        )
    path = folder / source.name
    path.write_bytes(match.read_bytes())
    return _checked(path, source)


def digest(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _offered(path: Path) -> list[Path]:
    """A folder's files; a file, and the files beside it that differ in their ending only: .xml and .bin are a pair."""
    if path.is_dir():
        return sorted(one for one in path.iterdir() if one.is_file())
    beside = (one for one in path.parent.iterdir() if one.stem == path.stem and one != path and one.is_file())
    return [path, *sorted(beside)]


def _checked(path: Path, source: Source) -> Path:
    found = digest(path)
    if found != source.sha256:
        raise ModelError(
            f"{source.name} has sha256 {found}, the catalogue says {source.sha256}: it is not the file that was "
            "checked, and nothing of it was used; if the maker published another version, edgeface must learn of it"
        )
    return path
