"""frame -> detect -> track -> pose -> align -> quality -> liveness -> embed -> match -> evidence -> decide.

What a frame shows is folded into a `Scene`; what a scene calls for becomes decisions. Journal and publish come after,
outside: everything here is pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgeface import align, decide, detect, embed, evidence, liveness, match, pose, quality, shots, track
from edgeface.bar import Bar
from edgeface.decide import Case, Decision
from edgeface.detect import Detection, Detector
from edgeface.embed import Embedder
from edgeface.evidence import Belief, Verdict
from edgeface.frame import Frame, Instant, Pixels
from edgeface.liveness import Judge
from edgeface.match import Gallery
from edgeface.model import ModelSpec
from edgeface.pose import Pose, PoseModel
from edgeface.quality import Scorer
from edgeface.scene import (
    Passed,
    Prompted,
    Scene,
    Sighting,
    View,
    contested,
    is_open,
    looked_at,
    prompts,
    remembered,
    renumbered,
    resumed,
    sized,
    tidy,
    unmoved,
)
from edgeface.track import Crowd, Settled

__all__ = [
    "Models",
    "Options",
    "Passed",
    "Prompted",
    "Scene",
    "Sighting",
    "View",
    "examine",
    "fold",
    "judge",
    "prompts",
    "recognise",
]


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


def recognise(
    frame: Frame, scene: Scene, models: Models, gallery: Gallery, options: Options
) -> tuple[Scene, tuple[Sighting, ...]]:
    """Every face in `frame`, with its similarity to everybody or the reason it was refused, folded into the scene.

    Faces whose visit is decided are only followed: that halves the processor time of a 640x480 frame with one of them.
    A frame that is not newer than the one before adds nothing. When frames change their size, all tracks end: what was
    where means nothing any more.
    """
    now = frame.captured_at
    if scene.newest_at is not None and not now.seconds_since(scene.newest_at) > 0:
        return scene, ()
    scene = sized(scene, frame)
    found = detect.detect(frame.pixels, models.detector, options.detect, with_faint=True)

    def look(sighting: Sighting) -> Sighting:
        return _judge_view(frame.pixels, sighting, models, gallery, options)

    return fold(scene, found, now, look, models.embedder, options)


def fold(
    scene: Scene,
    found: tuple[Detection, ...],
    now: Instant,
    look: Callable[[Sighting], Sighting],
    embedder: Embedder,
    options: Options,
) -> tuple[Scene, tuple[Sighting, ...]]:
    """As `recognise`, of faces that were found before; `look` looks at one closely. For films that are seen again."""
    tracks, gone = track.follow(scene.tracks, found, now, options.track, scene.next_number)
    lost = remembered(scene, gone, now, options.track)
    ended = (*scene.ended, *(visitor.number for visitor in gone))
    moved = unmoved(replace(scene, tracks=tracks, lost=lost, ended=ended, newest_at=now))
    sightings = looked_at(moved, now, look, options.track, options.decide)
    settled = _settle(scene, moved, sightings, embedder, now, options)
    owned = tuple(replace(one, track=settled.number[one.track]) for one in sightings)
    grown = tidy(_enter(moved, settled, now, options))
    return _remember(grown, owned, embedder, now, options), owned


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
            strength=_strength(verdicts[number], bar, gallery),
            lifeless=liveness.fault(belief.liveness, options.liveness, live_floor),
        )
        for number, belief in scene.beliefs.items()
    ]
    claims = {one.track: one.verdict.person_id for one in alone if one.verdict is not None and _claims(one, options)}
    rivals = contested(scene, claims)
    return tuple(replace(one, contested=one.track in rivals) for one in alone)


def _claims(case: Case, options: Options) -> bool:
    """Whether the visitor is alike enough to be taken for whom the verdict names, let in or not."""
    return case.verdict is not None and case.verdict.score >= decide.needed(case.floor, options.decide)


def _needed(verdict: Verdict | None, bar: Bar, gallery: Gallery) -> float:
    """The score that lets this visitor in, infinity if the bar is another gallery's."""
    if bar.revision != gallery.revision:
        return math.inf
    return bar.threshold if verdict is None else bar.needed(verdict.person_id)


def _strength(verdict: Verdict | None, bar: Bar, gallery: Gallery) -> float | None:
    return None if verdict is None or bar.revision != gallery.revision else bar.strength(verdict.score)


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


def _judge_view(pixels: Pixels, sighting: Sighting, models: Models, gallery: Gallery, options: Options) -> Sighting:
    view = examine(pixels, sighting.detection, models, options)
    seen = replace(sighting, view=view)
    if not view.quality.accepted:
        return seen
    judge, live = models.liveness, None
    if judge is not None:
        live = liveness.assess(pixels, sighting.detection, judge, options.liveness)
    return replace(seen, liveness=live, match=match.match(embed.embed(view.chip, models.embedder), gallery))


def _settle(
    before: Scene, scene: Scene, sightings: Sequence[Sighting], embedder: Embedder, now: Instant, options: Options
) -> Settled:
    """Whose each face is. Who is lost, but not judged yet, cannot be resumed."""
    crowd = Crowd(
        tracks=scene.tracks,
        before={visitor.number: visitor for visitor in before.tracks},
        lost=tuple(visitor for visitor in scene.lost if visitor.number not in scene.beliefs),
        next_number=max([scene.next_number, *(visitor.number + 1 for visitor in scene.tracks)]),
    )
    probes = {one.track: one.match.probe for one in sightings if one.match is not None}
    looks = {number: shots.looks(album) for number, album in scene.albums.items()} if probes else {}
    return track.settle(crowd, probes, looks, embedder.spec.thresholds["grant"], now, options.track)


def _enter(scene: Scene, settled: Settled, now: Instant, options: Options) -> Scene:
    """The scene with everybody's true number."""
    before = {visitor.number for visitor in scene.lost}
    back = frozenset(visitor.number for visitor in settled.tracks if visitor.number in before)
    taken = tuple(visitor.number for visitor in settled.ended)
    lost = tuple(visitor for visitor in scene.lost if visitor.number not in back)
    again = resumed(scene, back, now, options.decide)
    return replace(
        renumbered(again, settled.renamed),
        tracks=settled.tracks,
        lost=(*lost, *settled.ended),
        ended=(*(number for number in scene.ended if number not in back), *taken),
        next_number=settled.next_number,
    )


def _remember(scene: Scene, sightings: Sequence[Sighting], embedder: Embedder, now: Instant, options: Options) -> Scene:
    """The scene with what was seen of everybody: best shots, and beliefs about whoever is not decided."""
    albums, beliefs = dict(scene.albums), dict(scene.beliefs)
    doubtful = {visitor.number for visitor in scene.tracks if visitor.doubtful}
    for one in sightings:
        if one.view is None:
            continue
        if (shot := one.shot(embedder.identity, now)) is not None:
            albums[one.track] = shots.keep(albums.get(one.track, ()), shot)
        if is_open(scene, one.track, now, options.decide):
            belief = _learn(beliefs.get(one.track), one.view, one, now)
            chance = (*scene.chance, one.track) if scene.chance else ()
            beliefs[one.track] = _sight(belief, one.view, one, now, options, chance, doubtful=one.track in doubtful)
    return replace(scene, albums=albums, beliefs=beliefs)


def _learn(belief: Belief | None, view: View, sighting: Sighting, captured_at: Instant) -> Belief:
    belief = belief or evidence.begin(captured_at)
    if sighting.match is None:
        return evidence.refuse(belief, view.quality, captured_at)
    return evidence.add(belief, view.quality, view.pose, sighting.match, captured_at, liveness=sighting.liveness)


def _sight(
    belief: Belief,
    view: View,
    sighting: Sighting,
    captured_at: Instant,
    options: Options,
    chance: tuple[int, ...],
    *,
    doubtful: bool,
) -> Belief:
    """How the face moved counts whether the shot was good or not: heads that turn are refused by the gate for pose.

    In doubt it does not: nobody can tell whose motion it is.
    """
    if doubtful:
        return belief
    seen = liveness.sight(
        belief.liveness,
        sighting.detection,
        view.quality.inside,
        captured_at,
        options.liveness,
        yaw_deg=math.nan if view.pose == pose.UNDEFINED else view.pose.yaw_deg,
        chance=chance,
    )
    return replace(belief, liveness=seen)
