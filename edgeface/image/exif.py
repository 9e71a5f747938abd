"""Which way up a camera was held, as its EXIF block says (CIPA DC-008, tag 0x0112)."""

from __future__ import annotations

import struct

UPRIGHT = 1
"""The orientation of a picture stored as it is seen."""

_ORIENTATION_TAG = 0x0112
_SHORT = 3
_ENTRY_BYTES = 12


def orientation_of(tiff: bytes) -> int:
    """EXIF orientation, 1..8, of a TIFF block (what follows "Exif\\0\\0" in a JPEG, or a PNG's eXIf chunk).

    A block that is malformed, or says nothing valid, means upright, as it does to every viewer.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    if directory + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", tiff, directory)
    for index in range(count):
        entry = directory + 2 + index * _ENTRY_BYTES
        if entry + _ENTRY_BYTES > len(tiff):
            return UPRIGHT
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == _ORIENTATION_TAG:
            return value if (kind, values) == (_SHORT, 1) and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
