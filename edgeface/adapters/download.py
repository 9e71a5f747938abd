"""The maker's files, from the network or from a folder: checked by size and digest before anybody parses them."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edgeface.adapters.catalog import Source
from edgeface.errors import ModelError, ModelUnavailable

CHUNK_BYTES = 64 * 1024
TIMEOUT_S = 30.0
"""Without a byte for so long a connection is given up."""


def fetch(source: Source, folder: Path, tell: Callable[[int], None]) -> Path:
    """Download one file into `folder`; `tell` hears of every piece, in bytes.

    Raises ModelUnavailable if it does not arrive whole, ModelError if it cannot be kept or is not the file that the
    catalogue names.
    """
    path = folder / source.name
    try:
        received = _receive(source, path, tell)
        if received < source.size_bytes:
            raise ModelUnavailable(
                f"{source.url} ended after {received:,} of {source.size_bytes:,} bytes: try again, or use --from FILE"
            )
        return _checked(path, source)
    except ModelError:
        path.unlink(missing_ok=True)
        raise


def take(source: Source, given: Sequence[Path], folder: Path) -> Path:
    """Copy one file out of what was given: files, which may have any name, and folders.

    Raises ModelError if none of them is the file that the catalogue names, or it cannot be copied.
    """
    path = folder / source.name
    try:
        candidates = [path for one in given for path in _offered(one)]
        sized = [path for path in candidates if path.stat().st_size == source.size_bytes]
        match = next((path for path in sized if digest(path) == source.sha256), None)
        if match is not None:
            shutil.copyfile(match, path)
    except OSError as error:
        raise ModelError(f"{source.name} cannot be copied to {path}: {error}") from error
    if match is None:
        raise ModelError(
            f"no file given with --from is {source.name} as the catalogue knows it "
            f"({source.size_bytes:,} bytes, sha256 {source.sha256}); looked at "
            + (", ".join(map(str, candidates[:5])) or "nothing: there are no files")
        )
    return _checked(path, source)


def digest(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _receive(source: Source, path: Path, tell: Callable[[int], None]) -> int:
    """How many bytes were written to `path`: all, fewer if the connection broke, or up to a piece too many."""
    received = 0
    try:
        with path.open("wb") as file:
            for piece in _pieces(source.url):
                file.write(piece)
                received += len(piece)
                tell(len(piece))
                if received > source.size_bytes:
                    break
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror}") from error
    return received


def _pieces(url: str) -> Iterator[bytes]:
    request = urllib.request.Request(url, headers={"User-Agent": "edgeface"})
    try:
        with urllib.request.build_opener(_Redirect).open(request, timeout=TIMEOUT_S) as answer:
            while piece := answer.read(CHUNK_BYTES):
                yield piece
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # the last: no host can have such a name
        raise ModelUnavailable(
            f"{url} cannot be fetched ({error}): try again, or fetch it elsewhere and give it with --from FILE"
        ) from error


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Follows where the maker's server points, but never out of https: the digest would hold, privacy would not."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.lower().startswith("https://"):
            raise urllib.error.URLError(f"it is redirected to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


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
