"""Small pictures, good and odd, made of bytes so that no test needs a file from elsewhere.

PNGs are written here from scratch; JPEGs are a good one with parts put in, left out or altered.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from edgeface.errors import PictureProblem
from edgeface.frame import Pixels
from edgeface.image import encode_jpeg

EOI = b"\xff\xd9"


def scene(width_px: int = 48, height_px: int = 32) -> Pixels:
    """A picture without symmetry: red grows to the right, green downwards, and one corner is blue."""
    pixels = np.zeros((height_px, width_px, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width_px).astype(np.uint8)
    pixels[..., 1] = np.linspace(0, 255, height_px).astype(np.uint8)[:, None]
    pixels[: height_px // 4, : width_px // 4, 2] = 255
    return pixels


def jpeg(pixels: Pixels | None = None, *segments: bytes) -> bytes:
    """A good JPEG, with segments put in after its start."""
    data = encode_jpeg(scene() if pixels is None else pixels, quality=95)
    return data[:2] + b"".join(segments) + data[2:]


def segment(marker: int, payload: bytes) -> bytes:
    """One JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def exif(orientation: int, order: str = ">", kind: int = 3) -> bytes:
    """A TIFF block with nothing but an orientation."""
    value = struct.pack(f"{order}HH", orientation, 0) if kind == 3 else struct.pack(f"{order}I", orientation)
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}I", 8)
    return head + struct.pack(f"{order}HHHI", 1, 0x0112, kind, 1) + value + bytes(4)


def exif_jpeg(orientation: int, pixels: Pixels | None = None, order: str = ">") -> bytes:
    """A JPEG whose EXIF block claims an orientation."""
    return jpeg(pixels, segment(0xE1, b"Exif\0\0" + exif(orientation, order)))


def chunk(kind: bytes, payload: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(
    width_px: int = 5,
    height_px: int = 3,
    *,
    depth: int = 8,
    colour: int = 2,
    between: bytes = b"",
    rows: bytes | None = None,
    end: bytes = chunk(b"IEND", b""),
) -> bytes:
    """A PNG with any header, `between` put in before its pixels; `rows` are black unless given."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    if rows is None:
        rows = bytes((1 + (width_px * channels * depth + 7) // 8) * height_px)
    header = struct.pack(">IIBBBBB", width_px, height_px, depth, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + between + pixels + end


def reheaded(
    width_px: int = 48, height_px: int = 32, *, precision: int = 8, components: int = 3, kind: int = 0xC0
) -> bytes:
    """A good JPEG under a frame header that claims something else."""
    data = jpeg()
    start = data.index(b"\xff\xc0")
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    parts = b"".join(bytes((number, 0x11, 0)) for number in range(1, components + 1))
    frame = struct.pack(">BHHB", precision, height_px, width_px, components) + parts
    return data[:start] + segment(kind, frame) + data[end:]


def good() -> dict[str, bytes]:
    """Pictures that must be read."""
    grey = bytes((0, 10, 20, 30, 40, 50)) * 3
    return {
        "jpeg": jpeg(),
        "jpeg with rubbish after its end": jpeg() + b"motion photo" * 9,
        "jpeg with fill bytes": jpeg(None, b"\xff" * 7 + segment(0xFE, b"comment")),
        "jpeg with a gain map": jpeg(None, segment(0xE2, b"MPF\0"), segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0"))
        + jpeg(),
        "jpeg with broken exif": jpeg(None, segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff")),
        "png": png(),
        "png grey": png(colour=0, rows=grey),
        "png grey of one bit": png(colour=0, depth=1),
        "png with a suggested palette and text": png(between=chunk(b"PLTE", bytes(6)) + chunk(b"tEXt", b"a\0b")),
        "png with rubbish after its end": png() + b"rubbish",
    }


PIXEL_DAMAGE = frozenset({"jpeg cut, but ended", "png with too few rows", "png with an unknown filter"})
"""Which of the bad pictures only their decoder can find out."""


def bad() -> dict[str, tuple[bytes, PictureProblem]]:
    """Pictures that must be refused, and why."""
    whole, whole_png = jpeg(), png()
    scan = whole.index(b"\xff\xda") + 40
    flipped = bytearray(whole_png)
    flipped[-20] ^= 1
    return {
        "nothing": (b"", PictureProblem.NOT_A_PICTURE),
        "text": (b"hello", PictureProblem.NOT_A_PICTURE),
        "gif": (b"GIF89a" + bytes(40), PictureProblem.NOT_A_PICTURE),
        "webp": (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(40), PictureProblem.NOT_A_PICTURE),
        "heic": (b"\0\0\0\x18ftypheic" + bytes(40), PictureProblem.NOT_A_PICTURE),
        "jpeg cut in its pixels": (whole[:scan], PictureProblem.TRUNCATED),
        "jpeg cut in its header": (whole[:30], PictureProblem.TRUNCATED),
        "jpeg without its last byte": (whole[:-1], PictureProblem.TRUNCATED),
        "jpeg cut, but ended": (whole[:scan] + EOI, PictureProblem.CORRUPT),
        "jpeg of nothing": (b"\xff\xd8" + EOI, PictureProblem.CORRUPT),
        "jpeg without pixels": (b"\xff\xd8" + segment(0xFE, b"hi") + EOI, PictureProblem.CORRUPT),
        "jpeg with a hole": (jpeg(None, b"\0\0"), PictureProblem.NOT_A_PICTURE),
        "jpeg with a hole later": (jpeg(None, segment(0xFE, b"x") + b"\0\0"), PictureProblem.CORRUPT),
        "jpeg with a part of no length": (jpeg(None, b"\xff\xfe\0\0"), PictureProblem.CORRUPT),
        "jpeg of no height": (reheaded(height_px=0), PictureProblem.CORRUPT),
        "jpeg arithmetic coded": (reheaded(kind=0xC9), PictureProblem.CORRUPT),
        "jpeg with two channels": (reheaded(components=2), PictureProblem.CORRUPT),
        "jpeg cmyk": (reheaded(components=4), PictureProblem.CMYK),
        "jpeg of 12 bits": (reheaded(precision=12, kind=0xC1), PictureProblem.SIXTEEN_BIT),
        "jpeg of 20,000 x 20,000": (reheaded(20_000, 20_000), PictureProblem.TOO_LARGE),
        "jpeg with several pictures": (jpeg(None, segment(0xE2, b"MPF\0")), PictureProblem.ANIMATED),
        "jpegs in a row": (whole + whole, PictureProblem.ANIMATED),
        "png with alpha": (png(colour=6), PictureProblem.ALPHA),
        "png grey with alpha": (png(colour=4), PictureProblem.ALPHA),
        "png with a clear colour": (png(between=chunk(b"tRNS", bytes(6))), PictureProblem.ALPHA),
        "png palette": (png(colour=3, between=chunk(b"PLTE", bytes(6))), PictureProblem.PALETTE),
        "png of 16 bits": (png(depth=16), PictureProblem.SIXTEEN_BIT),
        "png grey of 16 bits": (png(depth=16, colour=0), PictureProblem.SIXTEEN_BIT),
        "png of 3 bits": (png(depth=3), PictureProblem.CORRUPT),
        "png animated": (png(between=chunk(b"acTL", bytes(8))), PictureProblem.ANIMATED),
        "png of 20,000 x 20,000": (png(20_000, 20_000, rows=b""), PictureProblem.TOO_LARGE),
        "png of no width": (png(0, 3), PictureProblem.CORRUPT),
        "png without an end": (png(end=b""), PictureProblem.TRUNCATED),
        "png cut": (whole_png[:-20], PictureProblem.TRUNCATED),
        "png cut in its header": (whole_png[:20], PictureProblem.TRUNCATED),
        "png with a flipped bit": (bytes(flipped), PictureProblem.CORRUPT),
        "png with too few rows": (png(rows=bytes(16)), PictureProblem.CORRUPT),
        "png with an unknown filter": (png(rows=b"\x09" + bytes(47)), PictureProblem.CORRUPT),
        "png with an unknown part": (png(between=chunk(b"ABCD", b"")), PictureProblem.CORRUPT),
        "png with two headers": (png(between=chunk(b"IHDR", bytes(13))), PictureProblem.CORRUPT),
    }
