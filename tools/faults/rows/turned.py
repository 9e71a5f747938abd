"""Pictures stored as a camera was held, and EXIF blocks that say so, say two things, or say nothing that is valid."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np

from edgeface import image
from edgeface.enrol import Portrait, portrait
from edgeface.errors import PictureError
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.pipeline import Models
from edgeface.service.bootstrap import load_models
from edgeface.service.settings import Config
from tools.faults.result import Result
from tools.faults.rows.bits import turned_over
from tools.faults.rows.disk import folder_in_memory
from tools.hallway.camera import portraits

ALIKE, LOSSY = 0.999, 0.985
"""Cosine of what the embedder makes of a picture and of the same one stored upright, at the least: where the file keeps
all pixels, and of a JPEG, whose own loss is another when it is turned (0.9914 at the least of 16, at quality 98)."""
OTHER = 4.0
"""Of 255, in the mean: how far the pixels of a JPEG that was turned may be from those of one that was not."""
SHORT, LONG, ORIENTATION = 3, 4, 0x0112

Decode = Callable[[bytes], Pixels | None]
"""Pixels, or None for a picture that is refused."""
Said = tuple[list[bytes], bool]
"""Blocks as they follow each other, each a TIFF structure; and whether a picture may be refused for them."""


def turned(n: int, seed: int, decode: Decode | None = None) -> Result:
    """However a picture is stored, the same face comes out of it; or it is refused by name where the block is odd."""
    dice, wrong, read, lowest = random.Random(seed), list[str](), 0, {True: 1.0, False: 1.0}
    with folder_in_memory() as home:
        models = load_models(home).models
    faces = [_whole_blocks(face) for face in portraits()]
    known = {(which, exact): _embedded(_by_us(_file(face, [], exact)), models)
             for which, face in enumerate(faces) for exact in (False, True)}  # fmt: skip
    for trial in range(n):
        kind, orientation = dice.choice(sorted(KINDS)), dice.randrange(1, 9)
        which = dice.randrange(len(faces))
        blocks, may_refuse = KINDS[kind](orientation, dice)
        stored = stored_as(faces[which], orientation if kind in TRUE else 1)
        exact = dice.random() < 0.5 and len(blocks) == 1  # a PNG has room for one block
        data = _file(stored, blocks, exact)
        where = f"try {trial}: {kind} of {orientation}"
        try:
            pixels = (decode or _by_us)(data)
        except Exception as error:
            wrong.append(f"{where}: stumbled: {type(error).__name__}: {error}")
            continue
        if pixels is None:
            wrong += [] if may_refuse else [f"{where}: refused"]
            continue
        read += 1
        cosine = float(_embedded(pixels, models) @ known[which, exact])
        if not _same(pixels, faces[which], 0 if exact else OTHER):
            wrong.append(f"{where}: it is not upright")
        elif cosine < (ALIKE if exact else LOSSY):
            wrong.append(f"{where}: another embedding, cosine {cosine:.4f}")
        lowest[exact] = min(lowest[exact], cosine)
    note = f"{read} read; cosine at the least {lowest[True]:.4f}, of a JPEG {lowest[False]:.4f}"
    return Result(fault="pictures turned; EXIF that contradicts itself or is malformed", n=n, failures=wrong, seed=seed,
                  acknowledged=n, note=note)  # fmt: skip


def as_stored(n: int, seed: int) -> Result:
    """The control: pixels as they are stored, whatever EXIF says."""

    def decode(data: bytes) -> Pixels | None:
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        found = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        return None if found is None else np.ascontiguousarray(np.asarray(found, np.uint8)[..., ::-1])

    return turned(n, seed, decode)


def stored_as(upright: Pixels, orientation: int) -> Pixels:
    """What a camera held that way stores, by the eight cases of the EXIF standard (CIPA DC-008, tag 0x0112)."""
    quarter = {5: upright.transpose(1, 0, 2), 6: np.rot90(upright, 1), 8: np.rot90(upright, -1),
               7: np.rot90(upright, 2).transpose(1, 0, 2)}  # fmt: skip
    half = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1]}
    return np.ascontiguousarray((half | quarter)[orientation])


def _by_us(data: bytes) -> Pixels | None:
    try:
        return image.decode(data)
    except PictureError:
        return None


def _embedded(pixels: Pixels | None, models: Models) -> Tensor:
    found = None if pixels is None else portrait(pixels, models, Config().pipeline())
    return found.embedding.vector if isinstance(found, Portrait) else np.zeros(128, np.float32)


def _whole_blocks(pixels: Pixels) -> Pixels:
    """Cut to sides of whole blocks of a JPEG, which then loses the same however it is turned."""
    height, width = (side // 16 * 16 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[:height, :width])


def _same(pixels: Pixels, wanted: Pixels, most: float) -> bool:
    if pixels.shape != wanted.shape:
        return False
    return float(np.abs(pixels.astype(np.int16) - wanted).mean()) <= most


def _file(pixels: Pixels, blocks: list[bytes], exact: bool) -> bytes:
    """A PNG, which keeps its pixels exactly, or a JPEG."""
    if exact:
        whole = image.encode_png(pixels)
        chunks = [b"eXIf" + block for block in blocks]
        told = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks]
        return whole[:33] + b"".join(told) + whole[33:]  # after IHDR
    whole = image.encode_jpeg(pixels, quality=98)
    parts = [b"http://ns.adobe.com/xap/1.0/\0" + block if block.startswith(b"<") else b"Exif\0\0" + block
             for block in blocks]  # fmt: skip
    told = [b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in parts]
    return whole[:2] + b"".join(told) + whole[2:]


def _block(orientation: int, dice: random.Random, *, kind: int = SHORT, values: int = 1, twice: int | None = None,
           small: int | None = None) -> bytes:  # fmt: skip
    """A TIFF structure (TIFF 6.0, section 2) with an orientation among other tags. `twice`: what it says after that;
    `small`: what the second directory, that of a thumbnail, says."""
    order = dice.choice("<>")

    def entry(tag: int, kind: int, values: int, value: int) -> bytes:
        packed = struct.pack(f"{order}HH" if kind == SHORT else f"{order}I", value, *([0] if kind == SHORT else []))
        return struct.pack(f"{order}HHI", tag, kind, values) + packed

    def directory(entries: list[bytes], after: int) -> bytes:
        return struct.pack(f"{order}H", len(entries)) + b"".join(entries) + struct.pack(f"{order}I", after)

    others = [entry(tag, LONG, 1, dice.getrandbits(32)) for tag in dice.sample(range(0x100, 0x110), dice.randrange(5))]
    more = [] if twice is None else [entry(ORIENTATION, SHORT, 1, twice)]
    entries = [*others, entry(ORIENTATION, kind, values, orientation), *more]
    start = 8 + 2 * dice.randrange(20)
    second = 0 if small is None else start + 6 + 12 * len(entries)
    whole = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start) + bytes(start - 8)
    whole += directory(entries, second)
    return whole + (b"" if small is None else directory([entry(ORIENTATION, SHORT, 1, small)], 0))


def _said(orientation: int, dice: random.Random) -> Said:
    return [_block(orientation, dice)], False


def _two_blocks(orientation: int, dice: random.Random) -> Said:
    return [_block(orientation, dice), _block(dice.randrange(1, 9), dice)], True


def _xmp(orientation: int, dice: random.Random) -> Said:
    told = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="{dice.randrange(1, 9)}"/>'.encode()
    blocks = [_block(orientation, dice), told]
    return blocks if dice.random() < 0.5 else blocks[::-1], True


def _twice(orientation: int, dice: random.Random) -> Said:
    return [_block(orientation, dice, twice=dice.randrange(1, 9))], True


def _thumbnail(orientation: int, dice: random.Random) -> Said:
    return [_block(orientation, dice, small=dice.randrange(1, 9))], False


def _no_value(orientation: int, dice: random.Random) -> Said:
    return [_block(dice.choice((0, 9, 90, 255, 65535)), dice)], True


def _no_short(orientation: int, dice: random.Random) -> Said:
    changed: dict[str, int] = dice.choice(({"kind": LONG}, {"kind": 1}, {"values": 0}, {"values": 2}, {"kind": 13}))
    return [_block(orientation, dice, **changed)], True


def _cut(orientation: int, dice: random.Random) -> Said:
    """Before the tag has come to its end."""
    block = _block(orientation, dice)
    return [block[: dice.randrange(len(block) - 8)]], True


def _elsewhere(orientation: int, dice: random.Random) -> Said:
    """The directory is said to be where none is."""
    block = bytearray(_block(orientation, dice))
    block[4:8] = dice.choice((b"\xff" * 4, len(block).to_bytes(4, "big"), len(block).to_bytes(4, "little")))
    return [bytes(block)], True


def _headless(orientation: int, dice: random.Random) -> Said:
    return [dice.choice((b"XX", b"")) + turned_over(_block(orientation, dice)[2:], 1, dice)], True


KINDS: dict[str, Callable[[int, random.Random], Said]] = {
    "an orientation": _said,
    "two blocks": _two_blocks,
    "XMP says another": _xmp,
    "a tag that stands twice": _twice,
    "a thumbnail's is another": _thumbnail,
    "a value that is none": _no_value,
    "a tag of another kind": _no_short,
    "a block cut short": _cut,
    "a directory elsewhere": _elsewhere,
    "no head": _headless,
}
TRUE = ("an orientation", "two blocks", "XMP says another", "a tag that stands twice", "a thumbnail's is another")
"""Whose first word is how the picture is stored; by all others it is stored upright, as every viewer shows it."""
