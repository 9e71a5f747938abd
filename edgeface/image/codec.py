"""The one decoder: a picture file becomes upright RGB pixels, or a PictureError that says what to do."""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

import cv2
import numpy as np

from edgeface.errors import PictureError, PictureProblem
from edgeface.frame import Pixels
from edgeface.image.jpeg import strip_jpeg
from edgeface.image.plain import DecodeLimits, Kind, Plain, kind_of
from edgeface.image.png import strip_png

# OpenCV would otherwise start a thread per core for each small resize, against the model's own threads.
cv2.setNumThreads(1)
# Its warnings go to stderr and name files; every failure is raised as one of our errors instead.
# OpenCV 4.12 moved the switch; the versions before it are the last ones for numpy 1, which tflite-runtime needs.
if hasattr(cv2, "setLogLevel"):
    cv2.setLogLevel(0)
else:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

_USUAL = DecodeLimits()


def read(path: Path | str, *, limits: DecodeLimits = _USUAL) -> Pixels:
    """Pixels of a picture file, as a person sees it; never reads more than `limits.max_bytes`.

    Raises PictureError: UNREADABLE if the system cannot read it or it is no regular file, else as `decode`.
    """
    return decode(_bytes_of(Path(path), limits), limits=limits)


def decode(data: bytes, *, limits: DecodeLimits = _USUAL) -> Pixels:
    """Pixels, uint8 (height, width, 3) RGB, of a JPEG or PNG held in memory, turned upright once as its EXIF says.

    Grey becomes RGB; colour profiles are ignored. Raises PictureError for anything else and anything damaged.
    """
    if len(data) > limits.max_bytes:
        raise _too_many_bytes(limits)
    plain = _strip(data, limits)
    return _upright(_decode_plain(plain), plain.orientation)


def encode_jpeg(pixels: Pixels, *, quality: int = 90, small: bool = False) -> bytes:
    """A JPEG file of RGB pixels; quality 1..100. `small`: fewer bytes of the same pixels, at several times the time."""
    tight = [cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if small else []
    return _encode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, *tight])


def encode_png(pixels: Pixels) -> bytes:
    """A PNG file of RGB pixels, exact."""
    return _encode(".png", pixels, [])


def _bytes_of(path: Path, limits: DecodeLimits) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PictureError(PictureProblem.UNREADABLE, "it is not a file; name a JPEG or PNG file")
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except OSError as error:
        detail = f"{error.strerror or error}; check its name and permissions"
        raise PictureError(PictureProblem.UNREADABLE, detail) from error
    except ValueError as error:
        raise PictureError(PictureProblem.UNREADABLE, "no file can have this name; check it") from error
    if len(data) > limits.max_bytes:
        raise _too_many_bytes(limits)
    return data


def _too_many_bytes(limits: DecodeLimits) -> PictureError:
    detail = f"the file is bigger than {limits.max_bytes / 2**20:g} MiB; scale the picture down or save it as a JPEG"
    return PictureError(PictureProblem.TOO_LARGE, detail)


def _strip(data: bytes, limits: DecodeLimits) -> Plain:
    match kind_of(data[:16]):
        case Kind.JPEG:
            return strip_jpeg(data, limits)
        case Kind.PNG:
            return strip_png(data, limits)
        case Kind.OTHER:
            what = "it is empty" if not data else "it is neither a JPEG nor a PNG"
            raise PictureError(PictureProblem.NOT_A_PICTURE, f"{what}; name a JPEG or PNG file")
        case Kind.GIF | Kind.WEBP | Kind.BMP | Kind.TIFF | Kind.HEIF | Kind.JPEG_2000 as kind:
            raise PictureError(PictureProblem.NOT_A_PICTURE, f"{kind.value} is not read here; save it as a JPEG or PNG")
        case never:
            assert_never(never)


def _decode_plain(plain: Plain) -> Pixels:
    """RGB pixels as stored. IGNORE_ORIENTATION restates what `Plain` ensures: only `_upright` turns a picture."""
    damaged = PictureError(
        PictureProblem.CORRUPT, "its pixels are damaged; copy it again, or open and save it in a picture program"
    )
    with _overheard() as complaints:
        try:
            found = cv2.imdecode(np.frombuffer(plain.data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error as error:
            raise damaged from error
    if found is None or complaints or found.shape != (plain.height_px, plain.width_px, 3):
        raise damaged
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undoes the way the camera was held (EXIF orientation 1..8)."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


_DAMAGE = re.compile(rb"Corrupt JPEG|Premature end of JPEG|Inconsistent progression|bad Huffman|libpng error")
_CHATTER = re.compile(rb"libpng warning|Invalid SOS parameters|Unknown Adobe|unknown JFIF|^\s*$")
_one_listener = threading.Lock()


@contextmanager
def _overheard() -> Iterator[list[bytes]]:
    """Collects what libjpeg and libpng have to say about damaged pixels, filled in when the block ends.

    They tell of damage (half a picture grey, for one) only by printing to file descriptor 2, so it is lent to a scratch
    file for the length of one decode. Lines of anyone else are passed on. Where Python found no stderr when it started,
    descriptor 2 may be any file by now and is left alone.
    """
    complaints: list[bytes] = []
    if sys.__stderr__ is None or sys.__stderr__.closed or sys.__stderr__.fileno() != 2:
        yield complaints
        return
    with _one_listener, tempfile.TemporaryFile() as scratch:
        stderr = os.dup(2)
        try:
            os.dup2(scratch.fileno(), 2)
            yield complaints
        finally:
            os.dup2(stderr, 2)
            scratch.seek(0)
            complaints += _sort_out(scratch.read(), stderr)
            os.close(stderr)


def _sort_out(said: bytes, stderr: int) -> list[bytes]:
    """The complaints among what was said; what no codec said goes to where it was meant for."""
    for line in said.splitlines(keepends=True):
        if not _DAMAGE.search(line) and not _CHATTER.search(line):
            os.write(stderr, line)
    return [line for line in said.splitlines() if _DAMAGE.search(line)]


def _encode(suffix: str, pixels: Pixels, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"pixels of shape {pixels.shape} cannot be written as {suffix}")
    return data.tobytes()
