"""frame -> detect -> track -> pose -> align -> quality -> liveness -> embed -> match -> evidence -> decide.

What a frame shows is folded into a `Scene`; what a scene calls for becomes decisions. Journal and publish come after,
outside: everything here is pure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgeface import align, decide, detect, embed, evidence, liveness, match, pose, quality, track
from edgeface.bar import Bar
from edgeface.decide import Case, Decision, Outcome
from edgeface.detect import Detection, Detector
from edgeface.embed import Embedder
from edgeface.evidence import Belief, Verdict
from edgeface.frame import Frame, Instant, Pixels
from edgeface.liveness import Judge, Liveness
from edgeface.match import Gallery, Match
from edgeface.model import ModelSpec
from edgeface.pose import Pose, PoseModel
from edgeface.quality import Quality, Scorer
from edgeface.track import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Every stage's options, in the order of the flow."""

    detect: detect.Options = field(default_factory=detect.Options)
    track: track.Options = field(default_factory=track.Options)
    quality: quality.Options = field(default_factory=quality.Options)
    liveness: liveness.Options = field(default_factory=liveness.Options)
    decide: decide.Options = field(default_factory=decide.Options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The models that the flow runs."""

    detector: Detector
    embedder: Embedder
    pose: PoseModel | None = None
    """None: the detector's own angles count, or those of the landmarks."""
    quality: Scorer | None = None
    """None: the score is made of the measures alone."""
    liveness: Judge | None = None
    """None: nothing tells a person from a picture, and a door that asks for it stays shut."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One face of a picture, looked at closely."""

    pose: Pose
    quality: Quality
    chip: Pixels
    """The aligned face, as the embedder takes it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting:
    """One face in one frame, and what became of it."""

    track: int
    """Number of its track."""
    detection: Detection
    view: View | None = None
    """None if its visit is already decided: then it is followed, not looked at."""
    liveness: Liveness | None = None
    """None, as `match`, if the gate refused it or its visit is already decided; or if there is no model for it."""
    match: Match | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What the reader remembers from frame to frame."""

    tracks: tuple[Track, ...] = ()
    beliefs: Mapping[int, Belief] = field(default_factory=dict)
    """By track number; a decided visit has none until it may be judged afresh."""
    decided: Mapping[int, tuple[Outcome, Instant]] = field(default_factory=dict)
    """By track number: the last outcome of visitors still in the picture, and when."""
    ended: tuple[int, ...] = ()
    """Tracks that have closed and still wait for judgement."""
    taken_for: Mapping[int, str] = field(default_factory=dict)
    """By track number: whom a decided visitor was taken for, let in or not, while in the picture; opaque ids."""
    newest_at: Instant | None = None
    """Capture time of the newest frame; None before the first."""
    size_px: tuple[int, int] | None = None
    """Width and height of the newest frame."""
    next_number: int = 1


def recognise(
    frame: Frame, scene: Scene, models: Models, gallery: Gallery, options: Options
) -> tuple[Scene, tuple[Sighting, ...]]:
    """Every face in `frame`, with its similarity to everybody or the reason it was refused, folded into the scene.

    Faces whose visit is decided are only followed: that halves the processor time of a 640x480 frame with one of them.
    A frame that is not newer than the one before adds nothing. When frames change their size, all tracks end: what was
    where means nothing any more.
    """
    if scene.newest_at is not None and not frame.captured_at.seconds_since(scene.newest_at) > 0:
        return scene, ()
    scene = _sized(scene, frame)
    found = detect.detect(frame.pixels, models.detector, options.detect)
    tracks, ended = track.follow(scene.tracks, found, frame.captured_at, options.track, scene.next_number)
    seen = [visitor for visitor in tracks if visitor.seen_at == frame.captured_at]
    beliefs = dict(scene.beliefs)
    sightings = []
    for visitor in seen:
        if not _is_open(scene, visitor, frame, options):
            sightings.append(Sighting(track=visitor.number, detection=visitor.detection))
            continue
        view = examine(frame.pixels, visitor.detection, models, options)
        sighting = _judge_view(frame.pixels, visitor, view, models, gallery, options)
        belief = _learn(beliefs.get(visitor.number), view, sighting, frame.captured_at)
        beliefs[visitor.number] = _sight(belief, view, sighting, frame.captured_at, options)
        sightings.append(sighting)
    numbers = {visitor.number for visitor in tracks}
    grown = replace(
        scene,
        tracks=tracks,
        beliefs=beliefs,
        decided={number: past for number, past in scene.decided.items() if number in numbers},
        taken_for={number: person for number, person in scene.taken_for.items() if number in numbers},
        newest_at=frame.captured_at,
        ended=(*scene.ended, *(visitor.number for visitor in ended)),
        next_number=max([scene.next_number, *(number + 1 for number in numbers)]),
    )
    return grown, tuple(sightings)


def judge(
    scene: Scene,
    gallery: Gallery,
    bar: Bar,
    live_floor: float | None,
    options: Options,
    now: Instant,
    identify: Callable[[], str],
) -> tuple[Scene, tuple[Decision, ...]]:
    """The decisions that a scene calls for now. `identify` gives unique ids.

    `bar` is what this gallery asks for: one that was derived for another revision lets nobody in. `live_floor` is the
    liveness model's threshold: None if there is no such model.
    """
    beliefs, decided, taken_for = dict(scene.beliefs), dict(scene.decided), dict(scene.taken_for)
    decisions = []
    for case in cases(scene, gallery, bar, live_floor, options):
        number, verdict = case.track, case.verdict
        decision = decide.decide(case, options.decide, now, identify())
        if decision is not None:
            decisions.append(decision)
            decided[number] = decision.outcome, now
            taken_for.pop(number, None)
            if verdict is not None and _claims(case, options):
                taken_for[number] = verdict.person_id
        if decision is not None or case.ended:
            del beliefs[number]
    return replace(scene, beliefs=beliefs, decided=decided, taken_for=taken_for, ended=()), tuple(decisions)


def cases(scene: Scene, gallery: Gallery, bar: Bar, live_floor: float | None, options: Options) -> tuple[Case, ...]:
    """Every visit that is not decided, as `decide` takes it; arguments as for `judge`."""
    verdicts = {number: evidence.weigh(belief, gallery) for number, belief in scene.beliefs.items()}
    alone = [
        Case(
            track=number,
            belief=belief,
            verdict=verdicts[number],
            ended=number in scene.ended,
            floor=_needed(verdicts[number], bar, gallery),
            lifeless=liveness.fault(belief.liveness, options.liveness, live_floor),
        )
        for number, belief in scene.beliefs.items()
    ]
    claims = {one.track: one.verdict.person_id for one in alone if one.verdict is not None and _claims(one, options)}
    contested = _contested(scene, claims)
    return tuple(replace(one, contested=one.track in contested) for one in alone)


def _claims(case: Case, options: Options) -> bool:
    """Whether the visitor is alike enough to be taken for whom the verdict names, let in or not."""
    return case.verdict is not None and case.verdict.score >= decide.needed(case.floor, options.decide)


def _needed(verdict: Verdict | None, bar: Bar, gallery: Gallery) -> float:
    """The score that lets this visitor in, infinity if the bar is another gallery's."""
    if bar.revision != gallery.revision:
        return math.inf
    return bar.threshold if verdict is None else bar.needed(verdict.person_id)


def examine(
    pixels: Pixels, detection: Detection, models: Models, options: Options, *, others: Sequence[Detection] = ()
) -> View:
    """How one face of a picture is turned, whether it is good enough, and its chip for the embedder.

    `others` are the faces that it must not be confused with: see `quality.assess`.
    """
    spec = models.embedder.spec
    if not quality.placed(detection):  # nowhere to look: no model is asked
        nothing = np.zeros((spec.height_px, spec.width_px, 3), np.uint8)
        usable = quality.assess(pixels, detection, pose.UNDEFINED, options.quality)
        return View(pose=pose.UNDEFINED, quality=usable, chip=nothing)
    angles = turned(pixels, detection, models)
    chip = align.chip(pixels, detection.landmarks, spec)
    score = unified_score(pixels, detection, chip, models)
    usable = quality.assess(pixels, detection, angles, options.quality, score, others=others)
    return View(pose=angles, quality=usable, chip=chip)


def turned(pixels: Pixels, detection: Detection, models: Models) -> Pose:
    """How a head is turned, by the best means that there are."""
    return pose.estimate(detection) if models.pose is None else pose.measure(pixels, detection, models.pose)


def unified_score(pixels: Pixels, detection: Detection, chip: Pixels, models: Models) -> float | None:
    """The unified quality score, or None without a model for it.

    Another embedder may want the face at another place than the score's model: then that gets a chip of its own.
    """
    if models.quality is None:
        return None
    same = _cut_of(models.quality.spec) == _cut_of(models.embedder.spec)
    own = chip if same else align.chip(pixels, detection.landmarks, models.quality.spec)
    return quality.unified(own, models.quality)


def _cut_of(spec: ModelSpec) -> tuple[object, ...]:
    return spec.template, spec.width_px, spec.height_px


def _sized(scene: Scene, frame: Frame) -> Scene:
    """The scene, with its tracks ended if frames have another size from this one on."""
    size = frame.width_px, frame.height_px
    if scene.size_px in (None, size):
        return replace(scene, size_px=size)
    ended = (*scene.ended, *(visitor.number for visitor in scene.tracks))
    return replace(scene, tracks=(), ended=ended, size_px=size)


def _contested(scene: Scene, claims: Mapping[int, str]) -> set[int]:
    """Undecided tracks whose person another living track is taken for too, or was when it was decided.

    Nobody stands in two places: a twin, or a photo held beside the person. Which is which a score cannot tell, so that
    neither is let in while both are there. Cost: who loses a track in mid-visit waits until that has ended.
    """
    there = {visitor.number for visitor in scene.tracks}  # seen lately: a blink of the detector removes nobody
    taken = Counter(person for n, person in {**scene.taken_for, **claims}.items() if n in there)
    return {n for n, person in claims.items() if taken[person] > 1}


def _judge_view(
    pixels: Pixels, visitor: Track, view: View, models: Models, gallery: Gallery, options: Options
) -> Sighting:
    seen = Sighting(track=visitor.number, detection=visitor.detection, view=view)
    if not view.quality.accepted:
        return seen
    judge, live = models.liveness, None
    if judge is not None:
        live = liveness.assess(pixels, visitor.detection, judge, options.liveness)
    return replace(seen, liveness=live, match=match.match(embed.embed(view.chip, models.embedder), gallery))


def _learn(belief: Belief | None, view: View, sighting: Sighting, captured_at: Instant) -> Belief:
    belief = belief or evidence.begin(captured_at)
    if sighting.match is None:
        return evidence.refuse(belief, view.quality, captured_at)
    return evidence.add(belief, view.quality, view.pose, sighting.match, captured_at, liveness=sighting.liveness)


def _sight(belief: Belief, view: View, sighting: Sighting, captured_at: Instant, options: Options) -> Belief:
    """How the face moved counts whether the shot was good or not: heads that turn are refused by the gate for pose."""
    seen = liveness.sight(belief.liveness, sighting.detection, view.quality.inside, captured_at, options.liveness)
    return replace(belief, liveness=seen)


def _is_open(scene: Scene, visitor: Track, frame: Frame, options: Options) -> bool:
    """Whether this visit still needs judging."""
    past = scene.decided.get(visitor.number)
    return past is None or _may_retry(past, frame.captured_at, options)


def _may_retry(past: tuple[Outcome, Instant], now: Instant, options: Options) -> bool:
    outcome, decided_at = past
    return outcome is not Outcome.GRANT and now.seconds_since(decided_at) >= options.decide.retry_s
