"""Is a presentation attack refused, and a living person not? Simulated attacks with people and kinds never trained on.

ISO/IEC 30107-3: APCER is the share of attack presentations of one species that are taken for bona fide, BPCER the share
of bona fide presentations taken for attacks. Every shot is judged through the reader's own detector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edgeface import detect, liveness
from edgeface.detect import Detection
from edgeface.frame import Pixels
from edgeface.liveness import Judge
from tools import metrics, peer_liveness
from tools.attacks import HELD_OUT, SPECIES, TRAINED, Photo, Shot, bona_fide, present
from tools.attacks.camera import draw_camera
from tools.attacks.photos import photo
from tools.datasets import Archive
from tools.evaluate import attack_plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, central_face, progress
from tools.evaluate.clips import film_of
from tools.metrics import Figure, Floats
from tools.peers import PeerMissing

PEER = "MiniFASNet pair"
EACH = 200
"""Attacks of a species."""
EVERY = 6
"""Frames of a clip, one in so many: two a second."""
REACH = 1.6
"""How much farther than the network looks a shot reaches: the peer wants to see four times the box."""
RATES = {"1": 0.01, "5": 0.05}
"""BPCER in percent, at which APCER is read."""
LIVE, RAW = "bona_fide_camera", ("bona_fide_lfw", "bona_fide_london")
"""Kinds of bona fide presentations: through the simulated camera, and photographs as they are."""
PEER_THRESHOLD = 0.5
TURNED_PX = 32
"""Cut off every side of LFW's pictures: they were turned upright (deep funnelling), and nine in ten have black wedges
there, which look like the rim of a screen. Uncut, an early network refused three times as many of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """One shot with both verdicts; NaN where there was no face to judge."""

    shot: Shot
    ours: float
    theirs: float


def attacks(bench: Bench) -> Report:
    """APCER by species and BPCER by source, ours and the peer's, at equal BPCER and at each one's own threshold."""
    judge = bench.loaded.models.liveness
    if judge is None:
        return Report(figures={}, remarks=("no liveness model is in use",))
    peer: peer_liveness.MiniFasNets | None = None
    remarks: tuple[str, ...] = ()
    if bench.peers:
        try:
            peer = peer_liveness.load(bench.peers)
        except PeerMissing as reason:
            remarks = (str(reason),)
    judged = [_judged(shot, bench, judge, peer) for shot in compose(bench)]
    told = report(judged, judge.spec.thresholds["live"], with_peer=peer is not None)
    return replace(told, figures=dict(told.figures) | _dithered(bench, judge), remarks=(*told.remarks, *remarks))


def _dithered(bench: Bench, judge: Judge) -> dict[str, Value]:
    """Living people in clips of 256 colours: how many are refused. Frames are alike and clips few: see it as a hint."""
    archive, models, scores = Archive(bench.data / "clips-cc-by.tar"), bench.loaded.models, []
    for name in archive.names():
        if not name.endswith(".gif"):
            continue
        for pixels, faces in list(film_of(archive.read(name), models))[::EVERY]:
            sure = [face for face in faces if face.score >= models.detector.spec.thresholds["min_score"]]
            verdicts = [liveness.assess(pixels, face, judge, liveness.Options()) for face in sure]
            scores += [verdict.score for verdict in verdicts if verdict.unjudged is None]
    return {"bpcer_dithered_clips": _below(np.array(scores), judge.spec.thresholds["live"])}


def report(judged: Sequence[Judged], threshold: float, *, with_peer: bool) -> Report:
    """Figures and plots of shots that have been judged."""
    seen = [one for one in judged if np.isfinite(one.ours)]
    ours = by_kind(seen, [one.ours for one in seen])
    theirs = by_kind(seen, [one.theirs for one in seen])
    systems = {"edgeface": ours} | ({PEER: theirs} if with_peer else {})
    figures: dict[str, Value] = {**rates(ours, threshold), **_non_response(judged)}
    return Report(
        figures=figures,
        peers={PEER: rates(theirs, PEER_THRESHOLD)} if with_peer else {},
        ahead={PEER: _ahead(ours, theirs)} if with_peer else {},
        plots={
            "det": Plot(
                says="APCER over BPCER: attacks of trained and of held-out species, each system on the same shots.",
                draw=lambda file: attack_plots.det(systems, file),
            ),
            "attacks": Plot(
                says="Shots with the score of edgeface and, after the stroke, of the peer: 0 attack, 1 bona fide.",
                draw=lambda file: attack_plots.sheet(_examples(seen), file),
            ),
        },
        remarks=("All attacks are simulated: these figures say nothing about a certification by ISO/IEC 30107-3.",),
    )


def compose(bench: Bench) -> Iterator[Shot]:
    """Every shot of the measurement, the same each time: bona fide presentations, then attacks by species."""
    photos = people(bench)
    street = Archive(bench.data / "boxes-dev.tar")
    rooms = [street.picture(name) for name in bench.sample(street.names("images/"))[::6]]
    for index, one in enumerate(progress(photos, "bona fide")):
        yield _as_it_is(one)
        random = np.random.default_rng((1, index))
        yield replace(bona_fide(one, draw_camera(random), random, REACH), species=LIVE)
    for place, species in enumerate(SPECIES):
        for index in progress(bench.sample(range(EACH)), species):
            random = np.random.default_rng((2 + place, index))
            one = photos[int(random.integers(len(photos)))]
            yield present(species, one, photos, rooms, draw_camera(random), random, REACH)


def people(bench: Bench) -> list[Photo]:
    """One photograph of every fourth person of LFW-dev, and both of everybody in the London Set."""
    lfw = Archive(bench.data / "lfw-dev.tar")
    first = {Path(name).parent.name: name for name in reversed(lfw.names("images/"))}
    london = Archive(bench.data / "london-cc-by.tar")
    both = [name for name in london.names() if name.endswith(".jpg")]
    found = []
    for source, archive, names in (("lfw", lfw, sorted(first.values())[::4]), ("london", london, both)):
        for name in progress(bench.sample(names), source):
            pixels = archive.picture(name)
            if source == "lfw":
                pixels = np.ascontiguousarray(pixels[TURNED_PX:-TURNED_PX, TURNED_PX:-TURNED_PX])
            face = central_face(pixels, bench.loaded.models)
            if face is not None:
                found.append(photo(pixels, face, source))
    return found


def rates(scores: Mapping[str, Floats], threshold: float) -> dict[str, Value]:
    """APCER by species and BPCER by source at `threshold`, then APCER where 1 % and 5 % of the bona fide fail."""
    live = _bona_fide(scores)
    found: dict[str, Value] = {"threshold": threshold}
    found |= {f"bpcer_{kind}": _below(scores[kind], threshold) for kind in (LIVE, *RAW) if kind in scores}
    found |= {f"apcer_{kind}": _at_least(scores[kind], threshold) for kind in SPECIES if kind in scores}
    for percent, rate in RATES.items():
        strict = threshold_at(live, rate)
        found[f"threshold_at_bpcer_{percent}"] = strict
        for kind in SPECIES:
            if kind in scores:
                found[f"apcer_{kind}_at_bpcer_{percent}"] = _at_least(scores[kind], strict)
        for name, kinds in (("trained", TRAINED), ("held_out", HELD_OUT)):
            all_of = np.concatenate([scores[kind] for kind in kinds if kind in scores])
            found[f"apcer_all_{name}_at_bpcer_{percent}"] = _at_least(all_of, strict)
        every = np.concatenate([scores[kind] for kind in SPECIES if kind in scores])
        found[f"apcer_all_at_bpcer_{percent}"] = _at_least(every, strict)
    return found


def threshold_at(live: Floats, bpcer: float) -> float:
    """The highest score as threshold at which at most `bpcer` of the bona fide presentations lie below."""
    return float(np.sort(live)[int(np.floor(bpcer * len(live)))])


def by_kind(judged: Sequence[Judged], scores: Sequence[float]) -> dict[str, Floats]:
    """The scores of each species and each kind of bona fide presentation."""
    kinds = np.array([one.shot.species for one in judged])
    values = np.array(scores, np.float64)
    return {kind: values[kinds == kind] for kind in (LIVE, *RAW, *SPECIES) if (kinds == kind).any()}


def _bona_fide(scores: Mapping[str, Floats]) -> Floats:
    return np.concatenate([scores[kind] for kind in (LIVE, *RAW) if kind in scores])


def _below(scores: Floats, threshold: float) -> Figure:
    return metrics.wilson(int((scores < threshold).sum()), len(scores))


def _at_least(scores: Floats, threshold: float) -> Figure:
    return metrics.wilson(int((scores >= threshold).sum()), len(scores))


def _non_response(judged: Sequence[Judged]) -> dict[str, Value]:
    """Presentations in which no face was found, or none that could be judged: neither right nor wrong."""
    found: dict[str, Value] = {}
    for name, kinds in (("bpnrr", (LIVE, *RAW)), ("apnrr", SPECIES)):
        lost = [not np.isfinite(one.ours) for one in judged if one.shot.species in kinds]
        found[name] = metrics.wilson(sum(lost), len(lost))
    return found


def _ahead(ours: Mapping[str, Floats], theirs: Mapping[str, Floats]) -> dict[str, Figure]:
    """APCER of ours minus theirs on the same shots, each at its own threshold for a BPCER of 5 %, which stays while
    shots are drawn again."""
    strict = [threshold_at(_bona_fide(scores), RATES["5"]) for scores in (ours, theirs)]
    found = {}
    for kind in SPECIES:
        if kind in ours:
            passed = (ours[kind] >= strict[0]).astype(np.float64) - (theirs[kind] >= strict[1])
            found[f"apcer_{kind}_at_bpcer_5"] = metrics.bootstrap_mean(passed.tolist())
    return found


def _judged(shot: Shot, bench: Bench, judge: Judge, peer: peer_liveness.MiniFasNets | None) -> Judged:
    face = found(shot, bench)
    verdict = None if face is None else liveness.assess(shot.pixels, face, judge, liveness.Options())
    if face is None or verdict is None or verdict.unjudged is not None:
        return Judged(shot=shot, ours=float("nan"), theirs=float("nan"))
    theirs = peer.score(shot.pixels, face.box) if peer else float("nan")
    return Judged(shot=shot, ours=verdict.score, theirs=theirs)


def found(shot: Shot, bench: Bench) -> Detection | None:
    """The face that the reader's detector finds where the shot has one."""
    faces = detect.detect(shot.pixels, bench.loaded.models.detector, detect.Options())
    middle = shot.box[:2] + shot.box[2:] / 2
    near = [one for one in faces if np.abs(one.landmarks.mean(axis=0) - middle).max() < 0.4 * shot.box[2:].max()]
    return max(near, key=lambda one: one.box.w * one.box.h, default=None)


def _as_it_is(one: Photo) -> Shot:
    return Shot(pixels=one.pixels, box=one.box, landmarks=one.landmarks, species=f"bona_fide_{one.source}")


def _examples(judged: Sequence[Judged]) -> dict[str, list[tuple[Pixels, float, float]]]:
    """Eight shots of each kind, cut to what the network sees around the face."""
    found: dict[str, list[tuple[Pixels, float, float]]] = {}
    for kind in (LIVE, *SPECIES):
        chosen = [one for one in judged if one.shot.species == kind][:: max(1, EACH // 8)][:8]
        found[kind] = [(_around(one.shot), one.ours, one.theirs) for one in chosen]
    return found


def _around(shot: Shot) -> Pixels:
    middle, half = shot.box[:2] + shot.box[2:] / 2, 1.1 * shot.box[2:].max()
    left, top = np.maximum(middle - half, 0).astype(int)
    right, bottom = (middle + half).astype(int)
    return np.asarray(cv2.resize(shot.pixels[top:bottom, left:right], (96, 96), interpolation=cv2.INTER_AREA), np.uint8)
