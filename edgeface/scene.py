"""What the reader remembers from frame to frame, and what it says of each face of one frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from edgeface import decide, track
from edgeface.decide import Outcome
from edgeface.detect import Detection
from edgeface.embed import Embedding
from edgeface.evidence import Belief
from edgeface.frame import Frame, Instant, Pixels
from edgeface.liveness import Liveness, Prompt, Record, challenge
from edgeface.match import Match
from edgeface.pose import Pose
from edgeface.quality import Quality
from edgeface.shots import Album, Shot
from edgeface.track import Track

MOST_LOST = 32
"""Tracks that are remembered after their end, the newest; a crowd must not fill the memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One face of a picture, looked at closely."""

    pose: Pose
    quality: Quality
    chip: Pixels
    """The aligned face, as the embedder takes it."""


class Passed(StrEnum):
    """Why a face is followed, but not looked at closely."""

    DECIDED = "decided"
    """Its visit is decided."""
    FAINT = "faint"
    """The detector is not sure that it is one."""
    CROWD = "crowd"
    """There are more faces than may be looked at in a frame, and this is not among the largest."""

    @property
    def why(self) -> str:
        """As part of a sentence."""
        match self:
            case Passed.DECIDED:
                return "its visit is decided"
            case Passed.FAINT:
                return "the detector is not sure"
            case Passed.CROWD:
                return "nearer faces come first"
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting:
    """One face in one frame, and what became of it."""

    track: int
    """Number of its track."""
    detection: Detection
    view: View | None = None
    """None if it was passed over."""
    liveness: Liveness | None = None
    """None, as `match`, if the gate refused it or it was passed over; or if there is no model for it."""
    match: Match | None = None
    passed: Passed | None = None
    """Why it was passed over; None if it was looked at."""

    def shot(self, model_sha256: str, captured_at: Instant) -> Shot | None:
        """What is kept of it if it is a good shot; None if it is none. `model_sha256`: whose embedding it is."""
        if self.view is None or self.match is None:
            return None
        return Shot(
            captured_at=captured_at,
            detection=self.detection,
            pose=self.view.pose,
            quality=self.view.quality,
            embedding=Embedding(vector=self.match.probe, model_sha256=model_sha256),
            liveness=self.liveness,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What the reader remembers from frame to frame."""

    tracks: tuple[Track, ...] = ()
    lost: tuple[Track, ...] = ()
    """Visitors who left a moment ago and would be known again by their looks."""
    albums: Mapping[int, Album] = field(default_factory=dict)
    """By track number, lost ones too: the best shots."""
    beliefs: Mapping[int, Belief] = field(default_factory=dict)
    """By track number; a decided visit has none until it may be judged afresh."""
    decided: Mapping[int, tuple[Outcome, Instant]] = field(default_factory=dict)
    """By track number, lost ones too: the last outcome, and when."""
    ended: tuple[int, ...] = ()
    """Tracks that have closed and still wait for judgement."""
    taken_for: Mapping[int, str] = field(default_factory=dict)
    """By track number: whom a decided visitor was taken for, let in or not; opaque ids."""
    newest_at: Instant | None = None
    """Capture time of the newest frame; None before the first."""
    size_px: tuple[int, int] | None = None
    """Width and height of the newest frame."""
    next_number: int = 1
    chance: tuple[int, ...] = ()
    """Whole numbers that nobody else can know, for challenges; without any none is set, and a door that wants one stays
    shut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """What one visitor is asked to do now."""

    track: int
    prompt: Prompt


def prompts(scene: Scene) -> tuple[Prompted, ...]:
    """What the visitors who are still to be judged are asked to do."""
    asked = [(number, belief.liveness.challenge) for number, belief in scene.beliefs.items()]
    shown = [(number, challenge.prompt(one)) for number, one in asked if one is not None]
    return tuple(Prompted(track=number, prompt=prompt) for number, prompt in shown if prompt is not None)


def sized(scene: Scene, frame: Frame) -> Scene:
    """The scene, with its tracks ended if frames have another size from this one on."""
    size = frame.width_px, frame.height_px
    if scene.size_px in (None, size):
        return replace(scene, size_px=size)
    ended = (*scene.ended, *(visitor.number for visitor in scene.tracks))
    return replace(scene, tracks=(), lost=(*scene.lost, *scene.tracks), ended=ended, size_px=size)


def is_open(scene: Scene, number: int, now: Instant, options: decide.Options) -> bool:
    """Whether this visit still needs judging: it is undecided, or was not let in and may try again."""
    past = scene.decided.get(number)
    return past is None or may_retry(past, now, options)


def looked_at(
    scene: Scene,
    now: Instant,
    look: Callable[[Sighting], Sighting],
    tracking: track.Options,
    deciding: decide.Options,
) -> tuple[Sighting, ...]:
    """The faces of this frame; looked at closely are those whose visit is open or that may be somebody else by now."""
    seen = [visitor for visitor in scene.tracks if visitor.seen_at == now]
    wanted = [
        visitor
        for visitor in seen
        if not visitor.detection.faint and (visitor.doubtful or is_open(scene, visitor.number, now, deciding))
    ]
    chosen, numbers = track.focus(wanted, tracking), {visitor.number for visitor in wanted}
    sightings = []
    for visitor in seen:
        passed = None
        if visitor.number not in chosen:
            crowded = visitor.number in numbers
            passed = Passed.CROWD if crowded else Passed.FAINT if visitor.detection.faint else Passed.DECIDED
        sighting = Sighting(track=visitor.number, detection=visitor.detection, passed=passed)
        sightings.append(sighting if passed else look(sighting))
    return tuple(sightings)


def may_retry(past: tuple[Outcome, Instant], now: Instant, options: decide.Options) -> bool:
    """Whether who was not let in may be judged afresh by now."""
    outcome, decided_at = past
    return outcome is not Outcome.GRANT and now.seconds_since(decided_at) >= options.retry_s


def remembered(scene: Scene, gone: tuple[Track, ...], now: Instant, options: track.Options) -> tuple[Track, ...]:
    """Who may be resumed: lost not long ago, known by looks. Whoever has not been judged yet cannot: what was gathered
    about a visit that has ended must not meet what comes."""
    lost = [one for one in (*scene.lost, *gone) if one.number in scene.albums]
    return tuple(one for one in lost if now.seconds_since(one.seen_at) <= options.memory_s)[-MOST_LOST:]


def unmoved(scene: Scene) -> Scene:
    """The scene, in which visitors in doubt have not moved yet, unless a good shot says whose motion it was: a living
    head must not vouch for the picture that takes its place."""
    doubtful = {visitor.number for visitor in scene.tracks if visitor.doubtful}
    beliefs = {
        number: replace(belief, liveness=Record()) if number in doubtful and not belief.shots else belief
        for number, belief in scene.beliefs.items()
    }
    return replace(scene, beliefs=beliefs)


def renumbered(scene: Scene, renamed: Mapping[int, int]) -> Scene:
    """The scene, in which some young tracks turned out to be visitors who are back: what is known of either is of one.

    The shots of the former visit were judged when it ended; those of the young track go on under the old number, unless
    that was decided a moment ago: then they are dropped, as all are until the visitor may try again.
    """
    if not renamed:
        return scene
    albums, beliefs = dict(scene.albums), dict(scene.beliefs)
    decided, taken_for = dict(scene.decided), dict(scene.taken_for)
    for young, old in renamed.items():
        gathered = beliefs.pop(young, None)
        if gathered is not None and old not in decided:
            beliefs[old] = gathered
        if young in decided:
            decided[old] = decided.pop(young)
            taken_for.pop(old, None)
            if young in taken_for:
                taken_for[old] = taken_for.pop(young)
        albums.pop(young, None)
    return replace(scene, albums=albums, beliefs=beliefs, decided=decided, taken_for=taken_for)


def resumed(scene: Scene, numbers: frozenset[int], now: Instant, options: decide.Options) -> Scene:
    """The scene, in which these visitors are back. Whoever was decided some time ago has come again, and is judged."""
    stale = {n for n in numbers & scene.decided.keys() if now.seconds_since(scene.decided[n][1]) >= options.retry_s}
    decided = {number: past for number, past in scene.decided.items() if number not in stale}
    taken_for = {number: person for number, person in scene.taken_for.items() if number not in stale}
    return replace(scene, decided=decided, taken_for=taken_for)


def contested(scene: Scene, claims: Mapping[int, str]) -> set[int]:
    """Undecided tracks whose person another living track is taken for too, or was when it was decided.

    Nobody stands in two places: a twin, or a photo held beside the person. Which is which a score cannot tell, so that
    neither is let in while both are there. Cost: who loses a track in mid-visit waits until that has ended.
    """
    there = {visitor.number for visitor in scene.tracks}  # seen lately: a blink of the detector removes nobody
    taken = Counter(person for n, person in {**scene.taken_for, **claims}.items() if n in there)
    return {n for n, person in claims.items() if taken[person] > 1}


def tidy(scene: Scene) -> Scene:
    """Nothing is kept of visitors who are neither there nor remembered."""
    known = {visitor.number for visitor in (*scene.tracks, *scene.lost)}
    return replace(
        scene,
        albums={number: album for number, album in scene.albums.items() if number in known},
        decided={number: past for number, past in scene.decided.items() if number in known},
        taken_for={number: person for number, person in scene.taken_for.items() if number in known},
    )
