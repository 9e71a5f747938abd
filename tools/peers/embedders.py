"""Other people's face embedders: an aligned face -> a direction, each with the template and numbers it was made for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeface import align, embed, image
from edgeface.adapters import manifest, tflite
from edgeface.detect import Points
from edgeface.embed import Embedder as Reader
from edgeface.frame import Pixels
from edgeface.model import Tensor
from tools.peers.onnx import Network, planes

FOAMLIU_FILE = "embed_mobilefacenet_foamliu.onnx"
ESPDL_FILE = "embed_mbf_espdl.onnx"
EDGEFACE_XXS_FILE = "embed_edgeface_xxs.onnx"
OMZ_FILE = "face-reidentification-retail-0095.xml"
INT8_ENTRY = "mobilefacenet-int8"
PEER_MANIFEST = Path(__file__).parents[2] / "models" / "examples" / "peers.toml"

ARCFACE_PX = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""Where five landmarks belong on a 112x112 chip (Deng et al., CVPR 2019; the values are insightface's)."""
OMZ_PARTS = (
    (0.31556875, 0.46157410), (0.68262291, 0.46157410), (0.50026249, 0.64050535),
    (0.34947187, 0.82469196), (0.65343645, 0.82325089),
)  # fmt: skip
"""Likewise on Open Model Zoo's chip, in parts of its side."""
IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
MIDDLE = (127.5, 127.5, 127.5)
TO_PIXEL_CENTRE = 0.5
"""How far the centre of the first pixel, from where published templates count, is from the corner, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerEmbedder:
    """One embedder. Not for use by two threads at once."""

    title: str
    cut: Callable[[Pixels, Points], Pixels]
    """Picture and landmarks (5, 2), counted from the centre of the first pixel -> the aligned face, uint8."""
    embed: Callable[[Pixels], Tensor]
    """Aligned face -> float32 (dimensions,), length 1."""

    def cut_ours(self, pixels: Pixels, landmarks: Points) -> Pixels:
        """As `cut`, by landmarks of our own detector, which counts them from the picture's corner."""
        return self.cut(pixels, landmarks - np.float32(TO_PIXEL_CENTRE))


class PeerMissing(Exception):
    """A peer cannot run here; the message says why, as a sentence."""


def build_embedder(key: str, weights: Path, threads: int) -> PeerEmbedder:
    """One of EMBEDDERS with its model loaded. Raises PeerMissing if its file or its runtime is not there."""
    file, make = EMBEDDERS[key]
    if not (weights / file).is_file():
        raise PeerMissing(f"{key} left out: {weights.name} has no {file}")
    try:
        return make(weights, threads)
    except ModuleNotFoundError as error:
        raise PeerMissing(f"{key} left out: {error.name} is not installed") from error


def _onnx(title: str, file: str, mean: Sequence[float], std: Sequence[float]) -> Callable[[Path, int], PeerEmbedder]:
    def make(weights: Path, threads: int) -> PeerEmbedder:
        network = Network(weights / file, threads)
        return PeerEmbedder(
            title=title,
            cut=arcface_chip,
            embed=lambda chip: embed.unit(network(planes(chip, mean, std))[0].reshape(-1)),
        )

    return make


def arcface_chip(pixels: Pixels, landmarks: Points) -> Pixels:
    """The 112x112 chip that most published embedders take."""
    return image.warp(pixels, align.similarity(landmarks.astype(np.float64), np.array(ARCFACE_PX)), 112, 112)


def omz_chip(pixels: Pixels, landmarks: Points) -> Pixels:
    return image.warp(pixels, align.similarity(landmarks.astype(np.float64), 128 * np.array(OMZ_PARTS)), 128, 128)


def _omz(weights: Path, threads: int) -> PeerEmbedder:
    """Open Model Zoo's network, 128x128 BGR 0..255, in the runtime it was made for."""
    core = importlib.import_module("openvino").Core()
    model = core.compile_model(
        str(weights / OMZ_FILE), "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    )

    def vector(chip: Pixels) -> Tensor:
        return embed.unit(np.array(model(planes(chip[..., ::-1], (0, 0, 0), (1, 1, 1)))[0], np.float32).reshape(-1))

    return PeerEmbedder(title="OMZ face-reidentification-retail-0095, OpenVINO", cut=omz_chip, embed=vector)


def _int8(weights: Path, threads: int) -> PeerEmbedder:
    """Other people's TFLite file through edgeface's own code: all that it takes is its manifest."""
    entry = replace(manifest.read(PEER_MANIFEST)[INT8_ENTRY], folder=weights)
    model = tflite.load(entry.spec, entry.folder, threads=threads)
    reader = Reader(spec=entry.spec, infer=model, identity=model.identity)
    return PeerEmbedder(
        title="MobileFaceNet int8 (zye1996), LiteRT",
        # `align.chip` counts landmarks from the corner.
        cut=lambda pixels, landmarks: align.chip(
            pixels, np.asarray(landmarks + TO_PIXEL_CENTRE, np.float32), entry.spec
        ),
        embed=lambda chip: embed.embed(chip, reader).vector,
    )


EMBEDDERS: Mapping[str, tuple[str, Callable[[Path, int], PeerEmbedder]]] = {
    "edgeface-xxs": (
        EDGEFACE_XXS_FILE,
        _onnx("EdgeFace-XXS (Idiap), onnxruntime", EDGEFACE_XXS_FILE, MIDDLE, MIDDLE),
    ),
    "omz": (OMZ_FILE, _omz),
    "foamliu": (
        FOAMLIU_FILE,
        _onnx("MobileFaceNet (foamliu), onnxruntime", FOAMLIU_FILE, IMAGENET_MEAN, IMAGENET_STD),
    ),
    "mobilefacenet-large": (
        ESPDL_FILE,
        _onnx("MobileFaceNet-large (ESP-DL), onnxruntime", ESPDL_FILE, MIDDLE, MIDDLE),
    ),
    "mobilefacenet-int8": ("embed_mobilefacenet_int8_zye.tflite", _int8),
}
"""By short name: the file it needs, and how to load it."""
