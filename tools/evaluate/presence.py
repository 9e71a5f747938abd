"""Is a presentation attack refused over a whole visit? Simulated films, the picture model alone and with motion.

ISO/IEC 30107-3: APCER is the share of attack presentations of one species that pass, BPCER the share of bona fide
presentations that are refused. A presentation is a film of a second and a half (tools/attacks/film.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgeface import liveness
from edgeface.frame import Instant, Pixels
from edgeface.liveness import Check, Judge, Options, Record
from edgeface.liveness.motion import Depth
from edgeface.liveness.motion import judge as depth_of
from tools import metrics
from tools.attacks import Photo
from tools.attacks import film as films
from tools.attacks.camera import draw_camera
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Report, Value, progress
from tools.evaluate.attacks import found, people
from tools.metrics import Figure

EACH = 60
"""Films of a kind."""
EVERY = 3
"""The picture model judges one frame in so many, as many shots as a decision rests on."""
WAYS = ("one_picture", "track", "motion", "track_and_motion")
"""The picture model on the first shot; on the mean and the newest; motion alone; both."""


def presence(bench: Bench) -> Report:
    """APCER by species and motion, and BPCER, for single pictures, tracks, motion, and both."""
    judge = bench.loaded.models.liveness
    if judge is None:
        return Report(figures={}, remarks=("no liveness model is in use",))
    photos, scenes = people(bench), rooms(bench)
    passed: dict[str, list[Mapping[str, bool]]] = {}
    for place, kind in enumerate((*films.BONA_FIDE, *films.ATTACKS)):
        for index in progress(bench.sample(range(EACH)), kind):
            passed.setdefault(kind, []).append(_play(kind, place, index, photos, scenes, bench, judge))
    return Report(
        figures=rates(passed),
        remarks=("All films are simulated: these figures say nothing about a certification by ISO/IEC 30107-3.",),
    )


def rates(passed: Mapping[str, Sequence[Mapping[str, bool]]]) -> dict[str, Value]:
    """BPCER and APCER of each way by kind of film."""
    figures: dict[str, Value] = {}
    for kind, said in passed.items():
        for way in WAYS:
            figures[f"{'bpcer' if kind in films.BONA_FIDE else 'apcer'}_{kind}_{way}"] = _rate(kind, way, said)
    return figures


def _rate(kind: str, way: str, said: Sequence[Mapping[str, bool]]) -> Figure:
    through = sum(one[way] for one in said)
    return metrics.wilson(len(said) - through if kind in films.BONA_FIDE else through, len(said))


def rooms(bench: Bench) -> list[Pixels]:
    """Streets to hold a sheet or a screen before."""
    street = Archive(bench.data / "boxes-dev.tar")
    return [street.picture(name) for name in street.names("images/")[::6][:EACH]]


def _play(
    kind: str, place: int, index: int, photos: Sequence[Photo], scenes: Sequence[Pixels], bench: Bench, judge: Judge
) -> dict[str, bool]:
    """Whether one film passes each way; motion passes if it is solid at any frame, as a door that waits would see."""
    random = np.random.default_rng((11, place, index))
    shown = photos[int(random.integers(len(photos)))]
    film = films.film(kind, shown, photos, scenes, draw_camera(random), (11, place, index))
    record, options, first, solid = Record(), Options(require=(Check.PICTURE,)), False, False
    floor = judge.spec.thresholds["live"]
    for number, shot in enumerate(film.shots):
        face = found(shot, bench)
        if face is None:
            continue
        now = Instant(monotonic_ns=round(number * 1e9 / films.FPS), wall_ns=0, wall_trusted=False)
        record = liveness.sight(record, face, 1.0, now, options)
        solid = solid or depth_of(record.motion, options.motion).depth is Depth.SOLID
        if number % EVERY == 0:
            record = liveness.shot(record, liveness.assess(shot.pixels, face, judge, options))
            first = first or (record.shots == 1 and liveness.fault(record, options, floor) is None)
    track = liveness.fault(record, options, floor) is None
    return {"one_picture": first, "track": track, "motion": solid, "track_and_motion": track and solid}
