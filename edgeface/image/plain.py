"""What a picture file may be, and what is left of it once everything but its pixels is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgeface.errors import PictureError, PictureProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """How big a picture file may be. Decoding took up to 10.4 bytes of memory a pixel (progressive JPEG)."""

    max_pixels: int = 40_000_000
    """Width times height. 40 million admits every phone's normal mode and refuses decompression bombs."""
    max_bytes: int = 64 * 2**20
    """Size of the file. 64 MiB is a 20-megapixel PNG of pure noise."""

    def __post_init__(self) -> None:
        if self.max_pixels < 1 or self.max_bytes < 1:
            raise ValueError(f"max_pixels and max_bytes must be 1 or more, not {self.max_pixels}, {self.max_bytes}")


class Kind(StrEnum):
    """What a file is, by its first bytes."""

    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    WEBP = "WebP"
    BMP = "BMP"
    TIFF = "TIFF"
    HEIF = "HEIC or AVIF"
    JPEG_2000 = "JPEG 2000"
    OTHER = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A picture file that passed, reduced to what its pixels need: no metadata, one picture, nothing after its end."""

    width_px: int
    """As stored, before it is turned upright."""
    height_px: int
    orientation: int
    """EXIF orientation, 1..8; 1 is upright."""
    data: bytes
    """The reduced file: the same pixels, and nothing left that a codec could turn, tint or stumble over."""


def kind_of(head: bytes) -> Kind:
    """The kind of file that begins with `head` (16 bytes are enough)."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return Kind.HEIF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    return next((kind for start, kind in _FIRST_BYTES if head.startswith(start)), Kind.OTHER)


def check_size(width_px: int, height_px: int, limits: DecodeLimits) -> None:
    """Raises PictureError for an empty picture or one above the limit."""
    if width_px < 1 or height_px < 1:
        raise PictureError(PictureProblem.CORRUPT, f"its header says {width_px} x {height_px} pixels; use another file")
    if width_px * height_px > limits.max_pixels:
        limit = limits.max_pixels / 1e6
        detail = f"{width_px} x {height_px} pixels is more than {limit:g} million; scale it down first"
        raise PictureError(PictureProblem.TOO_LARGE, detail)


_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"})

_FIRST_BYTES = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF8", Kind.GIF),
    (b"BM", Kind.BMP),
    (b"II*\0", Kind.TIFF),
    (b"MM\0*", Kind.TIFF),
    (b"\0\0\0\x0cjP  ", Kind.JPEG_2000),
    (b"\xff\x4f\xff\x51", Kind.JPEG_2000),
)
