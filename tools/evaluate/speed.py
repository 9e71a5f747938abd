"""How long each part takes beside other people's: detectors on the same pictures, embedders on the same faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from edgeface import align, detect, embed, match
from edgeface.detect import Points
from edgeface.frame import Frame, Instant, Pixels
from edgeface.pipeline import Models, Options, Scene, recognise
from tools import metrics
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, Report, Value
from tools.evaluate.budget import OURS, race, ratio, spread
from tools.metrics import Figure
from tools.peers import EMBEDDERS, PeerMissing, build_embedder
from tools.peers.detectors import YUNET_ANY_SIZE_FILE, YUNET_FILES, Find, Yunet, YunetOnnx

SIDES_PX = (320, 640)
Face = tuple[Pixels, Points]
CHECKS = ("pose", "quality", "liveness")
"""Models that the reader can do without."""


def speed(bench: Bench) -> Report:
    """Processor time of the detector and of the embedder, and other people's as multiples of it."""
    archive = Archive(bench.data / "lfw-dev.tar")
    pictures = [archive.picture(name) for name in _names(bench, archive)]
    figures: dict[str, Value] = {}
    peers: dict[str, dict[str, Value]] = {}
    for side_px in SIDES_PX:
        times = race(_detectors(bench, side_px), pictures, f"detectors at {side_px} px")
        _add(f"detector_at_{side_px}", times, figures, peers)
    times, remarks = race_embedders(bench, list(EMBEDDERS))
    _add("embedder", times, figures, peers)
    figures |= _checks(bench.loaded.models, pictures)
    return Report(figures=figures, peers=peers, remarks=remarks)


def race_embedders(bench: Bench, keys: Sequence[str]) -> tuple[dict[str, list[float]], tuple[str, ...]]:
    """Processor seconds of our embedder and of these peers', face by face, and which of them could not run."""
    archive = Archive(bench.data / "lfw-dev.tar")
    faces = [
        (archive.picture(name), face.landmarks)
        for name in _names(bench, archive)
        if (face := bench.face(archive, name)) is not None
    ]
    embedders, remarks = _embedders(bench, faces, keys)
    return race(embedders, range(len(faces)), "embedders"), remarks


def _names(bench: Bench, archive: Archive) -> list[str]:
    """Pictures that are timed."""
    return bench.sample(spread(archive.names("images/")))


def _detectors(bench: Bench, side_px: int) -> dict[str, Find]:
    """At their makers' own thresholds; a peer whose file is missing is left out."""
    assert bench.peers is not None
    options, detector = detect.Options(max_side_px=side_px), bench.loaded.models.detector
    found: dict[str, Find] = {OURS: lambda pixels: detect.detect(pixels, detector, options)}
    if (path := bench.peers / YUNET_FILES[side_px]).is_file():
        found["yunet-opencv"] = Yunet(path, 1, side_px=side_px)
    if (path := bench.peers / YUNET_ANY_SIZE_FILE).is_file():
        found["yunet-onnxruntime"] = YunetOnnx(path, 1, side_px=side_px)
    return found


def _embedders(
    bench: Bench, faces: Sequence[Face], keys: Sequence[str]
) -> tuple[dict[str, Callable[[int], object]], tuple[str, ...]]:
    """Each embeds a face by its number: the chips are cut before the race."""
    assert bench.peers is not None
    embedder, remarks = bench.loaded.models.embedder, []
    chips = [align.chip(pixels, landmarks, embedder.spec) for pixels, landmarks in faces]
    found: dict[str, Callable[[int], object]] = {OURS: lambda number: embed.embed(chips[number], embedder)}
    for key in keys:
        try:
            peer = build_embedder(key, bench.peers, 1)
        except PeerMissing as reason:
            remarks.append(str(reason))
            continue
        theirs = [peer.cut_ours(pixels, landmarks) for pixels, landmarks in faces]
        found[key] = lambda number, peer=peer, theirs=theirs: peer.embed(theirs[number])  # type: ignore[misc]
    return found, tuple(remarks)


def _checks(models: Models, pictures: Sequence[Pixels]) -> dict[str, Value]:
    """What a frame with an open visit takes with the checks, in times of one without any."""
    bare = replace(models, pose=None, quality=None, liveness=None)
    with_one = {f"with_{name}": replace(bare, **{name: getattr(models, name)}) for name in CHECKS}
    times = race(
        {"bare": _frame(bare), "with_all": _frame(models)} | {k: _frame(m) for k, m in with_one.items()},
        pictures,
        "checks",
    )
    return {f"open_visit_{key}_in_bare": ratio(times[key], times["bare"]) for key in times if key != "bare"}


def _frame(models: Models) -> Callable[[Pixels], object]:
    """The reader's whole flow on a picture, up to the match with one person enrolled."""
    size, at = models.embedder.spec.dimensions, Instant(monotonic_ns=0, wall_ns=0, wall_trusted=False)
    gallery = match.freeze(np.ones((1, size), np.int8), ("somebody",), models.embedder.identity, 0, size)

    def run(pixels: Pixels) -> object:
        frame = Frame(pixels=pixels, camera="bench", sequence=0, captured_at=at)
        return recognise(frame, Scene(), models, gallery, Options())[1] or None

    return run


def _add(
    part: str, times: dict[str, list[float]], figures: dict[str, Value], peers: dict[str, dict[str, Value]]
) -> None:
    figures[f"{part}_ms"] = _milliseconds(times[OURS])
    figures[f"{part}_in_ours"] = ratio(times[OURS], times[OURS])
    for key in [key for key in times if key != OURS]:
        peers.setdefault(key, {})[f"{part}_in_ours"] = ratio(times[key], times[OURS])


def _milliseconds(seconds: Sequence[float]) -> Figure:
    """Mean over pictures; NaN, a face not found, is left out."""
    return metrics.bootstrap_mean([1000 * one for one in seconds if one == one])
