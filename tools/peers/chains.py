"""Whole face readers: a detector, an alignment and an embedder, so that they can be timed side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgeface import align, detect, embed
from edgeface.adapters import manifest, tflite
from edgeface.adapters.spec import Entry
from edgeface.detect import Detector, Points
from edgeface.embed import Embedder
from edgeface.frame import Pixels
from edgeface.model import Tensor
from tools.peers.detectors import SCRFD_FILE, WORKING_SIDE_PX, YUNET_FILES, Find, Scrfd, Yunet
from tools.peers.embedders import (
    ESPDL_FILE,
    FOAMLIU_FILE,
    INT8_ENTRY,
    PEER_MANIFEST,
    PeerMissing,
    build_embedder,
)

BLAZEFACE_ENTRY = "blazeface-short-range"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One face reader, from decoded pixels to an embedding. Not for use by two threads at once."""

    key: str
    """Short name, as on the command line."""
    title: str
    """What it is made of."""
    finder: str
    """Short name of its detector: chains with the same one find the same faces."""
    find: Find
    cut: Callable[[Pixels, Points], Pixels]
    """Picture and landmarks (5, 2) as `find` gives them -> the aligned face as the embedder takes it, uint8."""
    embed: Callable[[Pixels], Tensor]
    """Aligned face -> float32 (dimensions,), length 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the models of all chains lie."""

    home: Path
    """edgeface home: which of our models are in use."""
    weights: Path
    """Folder of the peers' weights."""


def build(key: str, sources: Sources, threads: int) -> Chain:
    """A chain with its models loaded. Raises ModelError, PeerMissing, or what a runtime raises about a peer's file."""
    return ALL_CHAINS[key](sources, threads)


def missing(weights: Path) -> list[str]:
    """Files of the peers in BUILDERS that are not in the folder."""
    declared = [entry.spec.file for entry in manifest.read(PEER_MANIFEST).values()]
    wanted = [YUNET_FILES[WORKING_SIDE_PX], FOAMLIU_FILE, SCRFD_FILE, ESPDL_FILE, *declared]
    return [name for name in wanted if not (weights / name).is_file()]


def _edgeface(sources: Sources, threads: int) -> Chain:
    choice = manifest.chosen(sources.home)
    return reader("edgeface", "edgeface, int8, LiteRT", choice.detector, choice.embedder, threads)


def _blazeface(sources: Sources, threads: int) -> Chain:
    """Other people's models through edgeface's own code: all that it takes is their manifest."""
    entries = manifest.read(PEER_MANIFEST)
    detector, embedder = (replace(entries[name], folder=sources.weights) for name in (BLAZEFACE_ENTRY, INT8_ENTRY))
    return reader("blazeface", "BlazeFace + MobileFaceNet int8, LiteRT", detector, embedder, threads)


def reader(key: str, title: str, finder: Entry, namer: Entry, threads: int) -> Chain:
    """edgeface's own code on any two models that a manifest describes."""
    model = tflite.load(namer.spec, namer.folder, threads=threads)
    embedder = Embedder(spec=namer.spec, infer=model, identity=model.identity)
    detector = Detector(spec=finder.spec, infer=tflite.load(finder.spec, finder.folder, threads=threads))
    options = detect.Options(max_side_px=WORKING_SIDE_PX)
    return Chain(
        key=key,
        title=title,
        finder=finder.spec.name,
        find=lambda pixels: detect.detect(pixels, detector, options),
        cut=lambda pixels, landmarks: align.chip(pixels, landmarks, namer.spec),
        embed=lambda chip: embed.embed(chip, embedder).vector,
    )


def _with_yunet(key: str, title: str, embedder: str) -> Callable[[Sources, int], Chain]:
    def make(sources: Sources, threads: int) -> Chain:
        _require(key, sources.weights / YUNET_FILES[WORKING_SIDE_PX])
        find = Yunet(sources.weights / YUNET_FILES[WORKING_SIDE_PX], threads)
        return _pair(key, title, "yunet", find, embedder, sources.weights, threads)

    return make


def _scrfd(sources: Sources, threads: int) -> Chain:
    _require("scrfd", sources.weights / SCRFD_FILE)
    find = Scrfd(sources.weights / SCRFD_FILE, threads)
    title = "SCRFD-500M + MobileFaceNet-large, onnxruntime"
    return _pair("scrfd", title, "scrfd", find, "mobilefacenet-large", sources.weights, threads)


def _pair(key: str, title: str, finder: str, find: Find, embedder: str, weights: Path, threads: int) -> Chain:
    peer = build_embedder(embedder, weights, threads)
    return Chain(key=key, title=title, finder=finder, find=find, cut=peer.cut, embed=peer.embed)


def _require(key: str, path: Path) -> None:
    if not path.is_file():
        raise PeerMissing(f"{key} left out: {path.parent.name} has no {path.name}")


BUILDERS: Mapping[str, Callable[[Sources, int], Chain]] = {
    "edgeface": _edgeface,
    "yunet": _with_yunet("yunet", "YuNet, OpenCV + MobileFaceNet, onnxruntime", "foamliu"),
    "scrfd": _scrfd,
    "blazeface": _blazeface,
}
"""The chains of `tools.benchmark`. Ours first: everything else is compared to it."""

ALL_CHAINS: Mapping[str, Callable[[Sources, int], Chain]] = {
    **BUILDERS,
    "yunet-omz": _with_yunet("yunet-omz", "YuNet, OpenCV + OMZ 0095, OpenVINO", "omz"),
    "yunet-edgeface-xxs": _with_yunet(
        "yunet-edgeface-xxs", "YuNet, OpenCV + EdgeFace-XXS, onnxruntime", "edgeface-xxs"
    ),
}
"""Those of `tools.evaluate budget`."""
