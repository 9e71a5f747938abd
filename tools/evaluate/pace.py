"""What leaving frames out costs and saves: the same films with every frame looked at, and at the reader's own pace."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeface import bar as bars
from edgeface import detect, embed, match, pace, pipeline
from edgeface.bar import Bar
from edgeface.decide import Outcome
from edgeface.frame import Frame, Instant, Pixels
from edgeface.match import Gallery
from edgeface.pace import EVERY_FRAME, Busy, Pace
from edgeface.pipeline import Scene, judge, recognise
from tools import metrics
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Report, Value, central_face, progress
from tools.evaluate.budget import OURS, race, ratio
from tools.metrics import Figure
from tools.samples.turn_faces import Angles
from tools.visit_bank import by_person
from tools.visits import RATE_HZ, draw_camera, film, wall

PEOPLE, VISITS = 100, 80
SEED = 100_000
"""Apart from the seeds of the bank, whose visits chose other options."""
IDLE_FRAMES = (20, 40)
LONG_IDLE = 100
SWEEP = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""Values of `moved_by` that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watched:
    """One film, watched."""

    outcomes: tuple[tuple[Outcome, str | None], ...]
    decided_at_s: float | None
    """Of the first decision; None if there was none."""
    looks: dict[Busy, list[bool]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Door:
    """What decides."""

    bench: Bench
    people: Gallery
    bar: Bar
    options: pipeline.Options


def pacing(bench: Bench) -> Report:
    """Time to decision and detector duty with the idle gate and without."""
    archive = Archive(bench.data / "lfw-dev.tar")
    pictures = {name: own for name, own in by_person(archive).items() if len(own) > 1}
    door = _door(bench, archive, pictures)
    later, otherwise, looks = list[float](), list[bool](), dict[Busy, list[bool]]()
    first_look, falsely = list[float](), {value: list[bool]() for value in SWEEP}
    for number, name in enumerate(progress(bench.sample(list(pictures)[:VISITS]), "visits, watched twice")):
        random = np.random.default_rng(SEED + number)
        idle = int(random.integers(*IDLE_FRAMES))
        frames = _frames(archive.picture(pictures[name][-1]), idle, SEED + number, bench)
        if frames is None:
            continue
        every, paced = (_watch(frames, door, options) for options in (EVERY_FRAME, pace.Options()))
        otherwise.append(every.outcomes != paced.outcomes)
        if every.decided_at_s is not None and paced.decided_at_s is not None:
            later.append(1000 * (paced.decided_at_s - every.decided_at_s))
        first_look.append(1000 * _first_look(frames, idle))
        for what, seen in paced.looks.items():
            looks.setdefault(what, []).extend(seen)
        for value, moves in falsely.items():
            moves += _false_moves(SEED + number, value)
    figures: dict[str, Value] = {
        "visits": float(len(otherwise)),
        "decided_otherwise": metrics.wilson(sum(otherwise), len(otherwise)),
        "decision_later_ms": metrics.bootstrap_mean(later),
        "decision_later_ms_at_most": float(max(later, default=0.0)),
        "first_look_later_ms_at_most": float(max(first_look, default=0.0)),
    }
    figures |= {f"looked_at_{what.value}": metrics.wilson(sum(seen), len(seen)) for what, seen in looks.items()}
    figures |= {f"idle_moved_by_{value:g}": metrics.wilson(sum(m), len(m)) for value, m in falsely.items()}
    figures |= _cost(bench, archive, pictures)
    return Report(figures=figures, remarks=("The wall is flat and nothing but light and noise moves there.",))


def _door(bench: Bench, archive: Archive, pictures: dict[str, list[str]]) -> Door:
    firsts = [own[0] for own in list(pictures.values())[:PEOPLE]]
    found = bench.vectors(archive, firsts, "LFW-dev, people enrolled")
    rows = np.stack([embed.to_template(vector) for vector in found.values() if vector is not None])
    spec, names = bench.loaded.models.embedder.spec, tuple(f"p{index}" for index in range(len(rows)))
    identity = bench.loaded.models.embedder.identity
    people = match.freeze(rows, names, identity, 1, spec.dimensions, scoring=spec.scoring)
    return Door(bench=bench, people=people, bar=bars.derive(people, spec), options=pipeline.Options())


def _frames(picture: Pixels, idle: int, seed: int, bench: Bench) -> list[Frame] | None:
    """An empty wall, then somebody; None if the picture shows no face to make a visit of."""
    still = central_face(picture, bench.loaded.models)
    if still is None:
        return None
    pose = pipeline.turned(picture, still, bench.loaded.models)
    angles = Angles(yaw_deg=pose.yaw_deg, pitch_deg=pose.pitch_deg, roll_deg=pose.roll_deg)
    random = np.random.default_rng(seed)
    visit = film(picture, still.landmarks, angles, random)
    camera = draw_camera(np.random.default_rng(seed))  # the first that `film` draws: the same one
    return [_frame(pixels, index) for index, pixels in enumerate([*wall(camera, idle, random), *visit])]


def _frame(pixels: Pixels, index: int) -> Frame:
    ns = 10**9 + index * 10**9 // RATE_HZ
    at = Instant(monotonic_ns=ns, wall_ns=ns, wall_trusted=True)
    return Frame(pixels=pixels, camera="film", sequence=index, captured_at=at)


def _watch(frames: list[Frame], door: Door, options: pace.Options) -> Watched:
    """As the reader's loop does, without journal and rules."""
    scene, remembered, outcomes, decided_at_s = Scene(), Pace(), list[tuple[Outcome, str | None]](), None
    looks: dict[Busy, list[bool]] = {what: [] for what in Busy}
    floor = door.bench.loaded.live_floor(None)
    for frame in [*frames, None]:
        if frame is None:
            scene, now = replace(scene, ended=tuple(scene.beliefs)), frames[-1].captured_at
        else:
            now = frame.captured_at
            what = pace.busy(scene, now, door.options.decide)
            remembered, wanted = pace.stir(remembered, frame, what, options)
            looks[what].append(wanted)
            if not wanted:
                continue
            scene, _ = recognise(frame, scene, door.bench.loaded.models, door.people, door.options)
        scene, decisions = judge(scene, door.people, door.bar, floor, door.options, now, lambda: "")
        outcomes += [(one.outcome, one.person_id) for one in decisions]
        if decisions and decided_at_s is None:
            decided_at_s = now.seconds_since(frames[0].captured_at)
    return Watched(outcomes=tuple(outcomes), decided_at_s=decided_at_s, looks=looks)


def _first_look(frames: list[Frame], idle: int) -> float:
    """Seconds from a visitor's first frame to the first look, if no look were due by time."""
    patient = pace.Options(idle_s=2.0)
    remembered, _ = pace.stir(Pace(), frames[idle - 1], Busy.IDLE, patient)
    for frame in frames[idle:]:
        if pace.stir(remembered, frame, Busy.IDLE, patient)[1]:
            return frame.captured_at.seconds_since(frames[idle].captured_at)
    return frames[-1].captured_at.seconds_since(frames[idle].captured_at)


def _false_moves(seed: int, moved_by: float) -> list[bool]:
    """Whether each frame of an empty wall, but the first, seems to move against the one of half a second before."""
    options, random = pace.Options(moved_by=moved_by), np.random.default_rng(seed)
    camera = draw_camera(random)
    greys = [pace.small(_frame(pixels, 0)) for pixels in wall(camera, LONG_IDLE, random)]
    return [pace.moved(before, after, options) for before, after in zip(greys, greys[5:], strict=False)]


def _cost(bench: Bench, archive: Archive, pictures: dict[str, list[str]]) -> dict[str, Figure]:
    """Processor time of the gate, in times of looking for faces, on pictures of a camera's size."""
    detector, options = bench.loaded.models.detector, detect.Options()
    shown = [np.tile(archive.picture(own[0]), (2, 3, 1))[:480, :640] for own in list(pictures.values())[:50]]
    frames = [_frame(np.ascontiguousarray(pixels), index) for index, pixels in enumerate(shown)]
    before, usual = pace.small(frames[0]), pace.Options()
    times = race(
        {
            OURS: lambda frame: detect.detect(frame.pixels, detector, options),
            "gate": lambda frame: pace.moved(before, pace.small(frame), usual),
        },
        frames,
        "gate and detector",
    )
    return {"gate_in_detections": ratio(times["gate"], times[OURS])}
