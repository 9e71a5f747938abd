"""Judges a PNG by its chunks and keeps only those that its pixels need (W3C PNG, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from edgeface.errors import PictureError, PictureProblem
from edgeface.image.exif import UPRIGHT, orientation_of
from edgeface.image.plain import DecodeLimits, Plain, check_size

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _INDEXED, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_DEPTHS = {_GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _INDEXED: (1, 2, 4, 8), _GREY_ALPHA: (8, 16), _RGB_ALPHA: (8, 16)}
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_MAX_CHUNKS = 100_000
"""A 64 MiB file of 4 KiB chunks has 16,000."""


def strip_png(data: bytes, limits: DecodeLimits) -> Plain:
    """Walks a whole PNG from chunk to chunk, checksums included: 8-bit (or less) grey or RGB, one picture, opaque.

    Raises PictureError: ALPHA, PALETTE, SIXTEEN_BIT, ANIMATED, TOO_LARGE, TRUNCATED or CORRUPT.
    """
    width_px, height_px = _judge_header(data, limits)
    orientation: int | None = None
    kept: list[bytes] = []
    for count, (kind, start, end) in enumerate(_chunks(data)):
        _judge_chunk(kind, count)
        if kind == b"eXIf" and orientation is None:
            orientation = orientation_of(data[start + 8 : end - 4])
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            kept.append(data[start:end])
    if len(kept) < 3:
        raise _corrupt("it has no pixels")
    return Plain(
        width_px=width_px,
        height_px=height_px,
        orientation=orientation or UPRIGHT,
        data=_SIGNATURE + b"".join(kept),
    )


def _judge_header(data: bytes, limits: DecodeLimits) -> tuple[int, int]:
    """Width and height of the first chunk, once it describes a picture we take."""
    if len(data) < 33:
        raise _truncated()
    if data[8:16] != b"\0\0\0\x0dIHDR":
        raise _corrupt("it does not begin with a header")
    width_px, height_px, depth, colour, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    check_size(width_px, height_px, limits)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise _corrupt("its header describes no picture")
    _judge_colour(colour, depth)
    return width_px, height_px


def _judge_colour(colour: int, depth: int) -> None:
    if colour in (_GREY_ALPHA, _RGB_ALPHA):
        raise _see_through()
    if colour == _INDEXED:
        raise PictureError(PictureProblem.PALETTE, "indexed colours; save it as RGB or as a JPEG")
    if depth == 16:
        raise PictureError(PictureProblem.SIXTEEN_BIT, "16 bits a channel; save it with 8 bits a channel")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of each chunk up to IEND."""
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise _truncated()
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if not kind.isalpha():
            raise _corrupt(f"byte {at} should begin a part of the file and does not")
        end = at + 12 + length
        if end > len(data):
            raise _truncated()
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise _corrupt(f"the part at byte {at} does not match its checksum")
        yield kind, at, end
        at = end


def _judge_chunk(kind: bytes, count: int) -> None:
    if kind == b"tRNS":
        raise _see_through()
    if kind == b"acTL":
        raise PictureError(PictureProblem.ANIMATED, "it is an animation; save the one picture you mean by itself")
    critical = kind[:1].isupper()
    if critical and (kind not in _CRITICAL or (kind == b"IHDR") != (count == 0)):
        raise _corrupt(f"part {count} is of a kind that does not belong there")
    if count > _MAX_CHUNKS:
        raise _corrupt(f"it has more than {_MAX_CHUNKS} parts")


def _see_through() -> PictureError:
    detail = "it has transparency, so what it shows depends on the background; save it as a JPEG"
    return PictureError(PictureProblem.ALPHA, detail)


def _truncated() -> PictureError:
    return PictureError(PictureProblem.TRUNCATED, "it stops before its end; copy or download it again")


def _corrupt(what: str) -> PictureError:
    return PictureError(PictureProblem.CORRUPT, f"{what}; copy it again, or open and save it in a picture program")
