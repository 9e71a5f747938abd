"""Judges a JPEG by its markers and keeps only those that its pixels need (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edgeface.errors import PictureError, PictureProblem
from edgeface.image.exif import UPRIGHT, orientation_of
from edgeface.image.plain import DecodeLimits, Plain, check_size

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
_HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_FRAMES = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_TABLES = frozenset({0xC4, 0xDB, 0xDD})
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})

_MAX_SEGMENTS = 4096
"""A 64 MiB file of full metadata segments has about 1,000."""
_MAX_SCANS = 100
"""Encoders write about 10 for a progressive picture; each one costs a pass over all pixels."""

_FILL = re.compile(rb"\xff+")
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Within a scan, 0xFF is followed by 0 (stuffing), a restart marker or more fill; anything else ends it."""

_GAIN_MAPS = (
    b"http://ns.adobe.com/hdr-gain-map/",
    b"urn:iso:std:iso:ts:21496",
    b"urn:com:apple:photo:2020:aux:hdrgainmap",
)
"""Phones append a brightness map for HDR screens as a second picture; it is not a second view."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """One marker with its payload; `start` to `end` spans it in the file, scan data included."""

    marker: int
    payload: bytes
    start: int
    end: int


def strip_jpeg(data: bytes, limits: DecodeLimits) -> Plain:
    """Walks a whole JPEG from marker to marker, 8-bit grey or YCbCr/RGB, Huffman coded.

    Raises PictureError: CMYK, SIXTEEN_BIT, ANIMATED, TOO_LARGE, TRUNCATED or CORRUPT.
    """
    segments: list[_Segment] = []
    for segment in _segments(data):
        if segment.marker in _HUFFMAN_FRAMES | _OTHER_FRAMES:
            _judge_frame(segment, limits)
        segments.append(segment)
        if len(segments) > _MAX_SEGMENTS:
            raise _corrupt(f"it has more than {_MAX_SEGMENTS} parts")
    _refuse_several_pictures(data, segments)
    height_px, width_px = _only_frame_size(segments)
    kept = b"".join(data[s.start : s.end] for s in segments if _needed(s))
    return Plain(
        width_px=width_px,
        height_px=height_px,
        orientation=_orientation(segments),
        data=b"\xff\xd8" + kept + b"\xff\xd9",
    )


def _segments(data: bytes) -> Iterator[_Segment]:
    """The parts of a JPEG after its start marker, the end marker included."""
    at = 2
    while True:
        fill = _FILL.match(data, at)
        if fill is None and at < len(data):
            raise _corrupt(f"byte {at} should begin a part of the file and does not")
        if fill is None or fill.end() == len(data):
            raise _truncated()
        marker, start = data[fill.end()], fill.end() - 1
        if marker == EOI:
            yield _Segment(marker, b"", start, start + 2)
            return
        if marker not in _HUFFMAN_FRAMES | _OTHER_FRAMES | _TABLES | _METADATA | {SOS}:
            raise _corrupt(f"marker {marker:#04x} at byte {start} does not belong there")
        at = _segment_end(data, start)
        payload = data[start + 4 : at]
        if marker == SOS:
            at = _scan_end(data, at)
        yield _Segment(marker, payload, start, at)


def _segment_end(data: bytes, start: int) -> int:
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    if start + 4 > len(data) or start + 2 + length > len(data):
        raise _truncated()
    if length < 2:
        raise _corrupt(f"the part at byte {start} has no length")
    return start + 2 + length


def _scan_end(data: bytes, start: int) -> int:
    """Where the marker after a scan begins; the end of the file if there is none."""
    end = _END_OF_SCAN.search(data, start)
    return len(data) if end is None else end.start()


def _judge_frame(frame: _Segment, limits: DecodeLimits) -> None:
    """Judges the frame header: precision, size, components."""
    body = frame.payload
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise _corrupt("its header has the wrong length")
    check_size(int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big"), limits)
    if body[0] != 8:
        detail = f"{body[0]} bits a channel; save it with 8 bits a channel"
        raise PictureError(PictureProblem.SIXTEEN_BIT, detail)
    if body[5] == 4:
        raise PictureError(PictureProblem.CMYK, "print colours (CMYK); save it as RGB")
    if body[5] not in (1, 3):
        raise _corrupt(f"it has {body[5]} colour channels")
    if frame.marker not in _HUFFMAN_FRAMES:
        raise _corrupt("it is lossless, hierarchical or arithmetic coded; save it as an ordinary JPEG")


def _only_frame_size(segments: list[_Segment]) -> tuple[int, int]:
    """Height and width of the one frame, once its scans are known to follow it."""
    order = [s.marker for s in segments if s.marker in _HUFFMAN_FRAMES | {SOS}]
    if len(order) < 2 or order[0] == SOS or set(order[1:]) != {SOS}:
        raise _corrupt("it does not hold one header followed by pixels")
    if len(order) - 1 > _MAX_SCANS:
        raise _corrupt(f"its pixels come in more than {_MAX_SCANS} passes")
    body = next(s.payload for s in segments if s.marker in _HUFFMAN_FRAMES)
    return int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")


def _refuse_several_pictures(data: bytes, segments: list[_Segment]) -> None:
    """Refuses a multi-picture file (CIPA DC-007) and pictures in a row, but not a phone's HDR gain map."""
    declared = any(s.marker == _APP2 and s.payload.startswith(b"MPF\0") for s in segments)
    follows = data.startswith(b"\xff\xd8\xff", segments[-1].end)
    if (declared or follows) and not any(sign in data for sign in _GAIN_MAPS):
        raise PictureError(PictureProblem.ANIMATED, "it holds more than one picture; save the one you mean by itself")


def _orientation(segments: list[_Segment]) -> int:
    blocks = (s.payload for s in segments if s.marker == _APP1 and s.payload.startswith(b"Exif\0"))
    first = next(blocks, None)
    return UPRIGHT if first is None else orientation_of(first[6:])


def _needed(segment: _Segment) -> bool:
    """Whether pixels depend on it; of the metadata only the two that name the colour space (JFIF, Adobe) count."""
    if segment.marker == _APP0:
        return segment.payload.startswith(b"JFIF\0")
    if segment.marker == _APP14:
        return segment.payload.startswith(b"Adobe")
    return segment.marker not in _METADATA and segment.marker != EOI


def _truncated() -> PictureError:
    return PictureError(PictureProblem.TRUNCATED, "it stops before its end; copy or download it again")


def _corrupt(what: str) -> PictureError:
    return PictureError(PictureProblem.CORRUPT, f"{what}; copy it again, or open and save it in a picture program")
