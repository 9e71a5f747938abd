"""What the looks of the faces say about whose track each of them is. Motion proposes, looks dispose.

    settle(crowd, probes, looks, floor, now, options) -> Settled

A face that does not look like its track is somebody else's: of another track in the picture, or of one lost a moment
ago, whose best shots it looks like, or of a new one. So tracks that a crossing swapped are swapped back, whoever
comes back has his old number, and the shots of two people do not meet in one track.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from edgeface.detect import Detection
from edgeface.frame import Instant
from edgeface.model import Tensor
from edgeface.track.options import Options
from edgeface.track.visitor import Track, begin, see

YOUNG = 3
"""Good shots within which a track may still turn out to be somebody who was lost."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crowd:
    """Everybody, as motion has it."""

    tracks: tuple[Track, ...]
    """Seen now or lately, as `follow` gives them."""
    before: Mapping[int, Track]
    """By number: the tracks as they were before this frame."""
    lost: tuple[Track, ...]
    """Ended not long ago; may be resumed."""
    next_number: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """Everybody, as looks have it."""

    tracks: tuple[Track, ...]
    lost: tuple[Track, ...]
    """Without those that were resumed."""
    number: Mapping[int, int]
    """By the number that `follow` gave a face of this frame: the track that it belongs to."""
    ended: tuple[Track, ...]
    """Tracks whose place somebody else has taken."""
    renamed: Mapping[int, int] = field(default_factory=dict)
    """Young tracks that turned out to be somebody who is back: their number -> the old number. What was gathered about
    the one is about the other."""
    next_number: int = 1


def likeness(probe: Tensor, looks: Tensor | None) -> float | None:
    """Cosine of a shot to the nearest of a track's, rows of (n, d); None if it has none yet."""
    return None if looks is None or not len(looks) else float((looks @ probe).max())


def settle(
    crowd: Crowd,
    probes: Mapping[int, Tensor],
    looks: Mapping[int, Tensor],
    floor: float,
    now: Instant,
    options: Options,
) -> Settled:
    """Whose each face is. `probes`: the good shots of this frame, by the number that `follow` gave; `looks`: the best
    shots of every track, lost ones too; both directions of length 1. `floor`: cosine that the embedder's card asks for.
    """
    tracks = {track.number: track for track in crowd.tracks}
    sure = options.min_likeness_in_doubt * floor
    strangers, newcomers = set[int](), set[int]()
    for number, probe in probes.items():
        alike, track = likeness(probe, looks.get(number)), tracks[number]
        needed = sure if track.doubtful else options.min_likeness * floor
        if alike is not None and not alike >= needed:
            strangers.add(number)
        elif track.shots < YOUNG:
            newcomers.add(number)
    at_home = probes.keys() - strangers
    open_to = {
        **dict.fromkeys(newcomers, crowd.lost),
        **{number: (*crowd.lost, *(t for t in crowd.tracks if t.number not in at_home)) for number in strangers},
    }
    claims = _claims(probes, open_to, looks, sure)
    return _resolve(crowd, tracks, probes, strangers, claims, now)


def _claims(
    probes: Mapping[int, Tensor],
    open_to: Mapping[int, tuple[Track, ...]],
    looks: Mapping[int, Tensor],
    sure: float,
) -> dict[int, int]:
    """Number of a face's track -> number of the track it looks like; most alike first, each once."""
    pairs = [
        (alike, number, other.number)
        for number, others in open_to.items()
        for other in others
        if other.number != number and (alike := likeness(probes[number], looks.get(other.number))) is not None
    ]
    claims: dict[int, int] = {}
    for alike, number, other in sorted(pairs, reverse=True):
        if alike >= sure and number not in claims and other not in claims.values():
            claims[number] = other
    return claims


def _resolve(
    crowd: Crowd,
    tracks: Mapping[int, Track],
    probes: Mapping[int, Tensor],
    strangers: set[int],
    claims: Mapping[int, int],
    now: Instant,
) -> Settled:
    """Every face to its owner; a track that is left without one waits if its face is known, and has ended if not."""
    faces = {number: track.detection for number, track in tracks.items() if track.seen_at == now}
    nobodys = sorted(strangers - claims.keys())
    fresh = {number: crowd.next_number + place for place, number in enumerate(nobodys)}
    owner = {number: number for number in faces} | dict(claims) | fresh | dict(_displaced(faces, strangers, claims))
    old = {track.number: track for track in crowd.lost}
    seen = [
        _take(owner[number], number, face, tracks, crowd.before, old, now, known=number in probes)
        for number, face in faces.items()
    ]
    left = {track.number for track in seen}
    waiting = [track for number, track in tracks.items() if number not in faces and number not in left]
    ended = []
    for number in strangers - left:
        if claims.get(number) in crowd.before:
            waiting.append(replace(crowd.before[number], doubtful=True))
        else:
            ended.append(crowd.before[number])
    return Settled(
        tracks=tuple(sorted((*seen, *waiting), key=lambda track: track.number)),
        lost=tuple(track for track in crowd.lost if track.number not in left),
        number=owner,
        ended=tuple(ended),
        renamed={number: other for number, other in claims.items() if number not in strangers},
        next_number=crowd.next_number + len(fresh),
    )


def _displaced(
    faces: Mapping[int, Detection], strangers: set[int], claims: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Faces that showed nothing and whose track another face has claimed -> the track that this leaves free.

    The two have changed places, as far as anybody can tell: it stays in doubt.
    """
    claimed_by = {other: number for number, other in claims.items()}
    for other in claims.values():
        if other in faces and other not in claims and other not in strangers:
            free = claimed_by[other]
            while free in claimed_by:
                free = claimed_by[free]
            yield other, free


def _take(
    owner: int,
    number: int,
    face: Detection,
    tracks: Mapping[int, Track],
    before: Mapping[int, Track],
    lost: Mapping[int, Track],
    now: Instant,
    *,
    known: bool,
) -> Track:
    """The owner's track with this face, which motion gave to track `number`. `known`: by a good shot."""
    if owner == number:
        track = tracks[number]
        return replace(track, doubtful=False, shots=track.shots + 1) if known else track
    if owner in lost:
        back = lost[owner]
        return replace(tracks[number], number=owner, started_at=back.started_at, shots=back.shots + 1, doubtful=False)
    track = see(before[owner], face, now, doubtful=not known) if owner in before else begin(owner, face, now)
    return replace(track, shots=track.shots + known)
