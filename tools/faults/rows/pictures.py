"""Pictures that somebody brings: damaged, cut short, of a size that is none, with what hides another picture."""

from __future__ import annotations

import random
import struct
import time
import zlib
from collections.abc import Callable

import cv2
import numpy as np

from edgeface import image
from edgeface.errors import PictureError
from edgeface.frame import Pixels
from tools.faults.result import Result
from tools.faults.rows.bits import turned_over

SIDE_PX = 96
LONGEST_S = 1.0
MOST_PX = 20_000_000

Decode = Callable[[bytes], Pixels | None]
"""Pixels, or None for a picture that is refused."""


def odd_pictures(n: int, seed: int, decode: Decode | None = None) -> Result:
    """What must be refused is; anything else is refused with our own error or gives pixels of a sane size, in time."""
    dice, wrong, read = random.Random(seed), list[str](), 0
    scene = np.random.default_rng(seed).integers(0, 255, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
    whole = image.encode_jpeg(cv2.GaussianBlur(scene, (0, 0), 3)), image.encode_png(scene)
    for trial in range(n):
        kind = dice.choice(sorted(KINDS))
        data, refuse = KINDS[kind](dice.choice(whole), dice)
        began = time.monotonic()
        try:
            pixels = (decode or _by_us)(data)
        except Exception as error:
            wrong.append(f"try {trial}: stumbled over one {kind}: {type(error).__name__}: {error}")
            continue
        read += pixels is not None
        if pixels is not None and (refuse or pixels.dtype != np.uint8 or pixels.shape[2:] != (3,)):
            wrong.append(f"try {trial}: one {kind} was read")
        if pixels is not None and pixels.shape[0] * pixels.shape[1] > MOST_PX:
            wrong.append(f"try {trial}: one {kind} has {pixels.shape} pixels")
        if (took_s := time.monotonic() - began) > LONGEST_S:
            wrong.append(f"try {trial}: one {kind} took {took_s:.1f} s")
    return Result(fault="pictures damaged, cut short, too large, see-through", n=n, failures=wrong, seed=seed,
                  acknowledged=n, note=f"{read} read")  # fmt: skip


def as_it_comes(n: int, seed: int) -> Result:
    """The control: OpenCV alone, which reads what it can."""

    def decode(data: bytes) -> Pixels | None:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        return None if found is None else np.asarray(found, np.uint8)

    return odd_pictures(n, seed, decode)


def _by_us(data: bytes) -> Pixels | None:
    try:
        return image.decode(data)
    except PictureError:
        return None


def _bits(whole: bytes, dice: random.Random) -> tuple[bytes, bool]:
    content = turned_over(whole, dice.choice((1, 4, 64)), dice)
    return content, False  # a JPEG has no sums: what is altered may be another picture


def _cut(whole: bytes, dice: random.Random) -> tuple[bytes, bool]:
    return whole[: dice.randrange(int(0.9 * len(whole)))], True


def _repeated(whole: bytes, dice: random.Random) -> tuple[bytes, bool]:
    begin, end = sorted(dice.sample(range(len(whole)), 2))
    return whole[:end] + whole[begin:], False


def _png(width: int, height: int, colour: int, rows: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG of whatever its head says (https://www.w3.org/TR/png/, section 11)."""
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    coded = (struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
             for kind, part in chunks)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(coded)


def _bomb(whole: bytes, dice: random.Random) -> tuple[bytes, bool]:
    """Small in bytes, more than the most in pixels."""
    width, height = dice.randrange(5_000, 40_000), dice.randrange(5_000, 40_000)
    return _png(width, height, 2, bytes(1000)), True


def _see_through(whole: bytes, dice: random.Random) -> tuple[bytes, bool]:
    """Whoever drops the last channel sees another picture than people do."""
    rows = b"".join(b"\0" + dice.randbytes(4 * 8) for _ in range(8))
    return _png(8, 8, 6, rows), True


def _keyed(whole: bytes, dice: random.Random) -> tuple[bytes, bool]:
    """One colour stands for nothing."""
    rows = b"".join(b"\0" + dice.randbytes(3 * 8) for _ in range(8))
    return _png(8, 8, 2, rows, (b"tRNS", dice.randbytes(6))), True


KINDS: dict[str, Callable[[bytes, random.Random], tuple[bytes, bool]]] = {
    "with other bits": _bits,
    "cut short": _cut,
    "repeated within": _repeated,
    "too large": _bomb,
    "see-through": _see_through,
    "with a colour for nothing": _keyed,
    "of bytes by chance": lambda whole, dice: (dice.randbytes(dice.randrange(2000)), True),
}
"""The bytes, and whether they must be refused."""
