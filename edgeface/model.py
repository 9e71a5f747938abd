"""What a model file expects and gives, and how pixels become its numbers. Pure; the file itself is the adapter's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from edgeface.frame import Pixels

Tensor = npt.NDArray[np.float32]
Infer = Callable[[Pixels], tuple[Tensor, ...]]
"""Picture, uint8 (1, h, w, 3) RGB -> the model's outputs as real numbers, in the order of its file. The adapter
normalises and quantizes with the spec, so that a stage and a test never see scales and zero points."""


class Task(StrEnum):
    """What a model is for."""

    DETECTOR = "detector"
    EMBEDDER = "embedder"
    QUALITY = "quality"
    LIVENESS = "liveness"
    POSE = "pose"


class Layout(StrEnum):
    """How a model's outputs are to be read."""

    GRID = "grid"
    """Ours: score, shape and pose maps at strides 8, 16 and 32."""
    YUNET = "yunet"
    """OpenCV's face detector: maps of two probabilities, box and landmarks at strides 8, 16 and 32."""
    BLAZEFACE = "blazeface"
    """MediaPipe's short-range face detector: 896 anchors, 6 keypoints."""
    EMBEDDING = "embedding"
    """One vector."""
    SCORE = "score"
    """One number that says how usable a face is; `edgeface/quality/unified.py` reads it."""
    LIVENESS = "liveness"
    """One logit that says how live a face is; `edgeface/liveness/picture.py` reads it."""
    ANGLES = "angles"
    """The first two rows of a head's rotation; `edgeface/pose.py` reads them."""

    @property
    def resizable(self) -> bool:
        """Whether such a model runs at any input size whose sides are multiples of 32."""
        return self in (Layout.GRID, Layout.YUNET)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpostorTail:
    """How often strangers come close: a generalised Pareto distribution fitted to the highest cosines of different
    people (peaks over threshold; Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, ch. 4)."""

    above: float
    """Cosine from which on it holds, -1..1."""
    rate: float
    """Share of the comparisons of different people that come above it, 0..1."""
    shape: float
    """Below 0: there is a highest cosine; 0: exponential."""
    scale: float
    """In cosine, above 0."""
    shape_interval: tuple[float, float]
    """95 %, drawing people with replacement; as is the next."""
    scale_interval: tuple[float, float]
    exceedances: int
    """Comparisons above `above` that it was fitted to."""
    pairs: int
    """Comparisons of different people in all."""
    lowest_fmr: float
    """False match rate down to which its promises were kept on people it had not seen; it promises nothing lower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How an embedder's vectors are compared: see `edgeface/scoring.py`. Learnt from many faces, nobody's template."""

    dimensions: int
    """The embedder's: d."""
    probe: bytes
    """float16, little-endian, (d, d): what a visitor's embedding, a row, is multiplied by, to be without faults."""
    template: bytes
    """The same for what is enrolled."""
    directions: bytes
    """int8, (n, d): spread, behind `template`, as the faces are that the embedder learnt from; means over many each."""
    sharpness: float
    """Of the kernel around each direction, above 0, at most 50."""
    weight: float
    """Part of the density, in cosine, that is taken off, 0..1."""
    level: float
    """Density, in cosine, at which nothing is taken off."""

    def __post_init__(self) -> None:
        square = self.dimensions**2 * 2
        if not (self.dimensions > 0 and len(self.probe) == len(self.template) == square):
            raise ValueError("a map is not square, or not of the embedder's dimensions")
        if not all(np.isfinite(np.frombuffer(one, "<f2")).all() for one in (self.probe, self.template)):
            raise ValueError("a map holds what is no number")
        if not self.directions or len(self.directions) % self.dimensions:
            raise ValueError("directions are not of the embedder's dimensions")
        if not (0 < self.sharpness <= 50 and 0 <= self.weight <= 1 and abs(self.level) < 1):
            raise ValueError("sharpness, weight or level is out of range")


@dataclass(frozen=True, slots=True, kw_only=True)
class MatedScores:
    """What visits of people enrolled come to: the fused score of the best moment of each."""

    quantiles: tuple[float, ...]
    """Rising cosines at evenly spaced shares from 0 to 1; -1 for visits without enough good shots."""
    visits: int
    """That they were measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One entry of `models/manifest.toml`: everything needed to run a file, and the right to."""

    name: str
    """Unique within the manifest."""
    task: Task
    file: str
    """File name, beside the manifest."""
    sha256: str
    """Of the file, hex; checked before the file is parsed."""
    licence: str
    """SPDX identifier, or a sentence where none applies."""
    origin: str
    """Who made it, from what."""
    layout: Layout
    width_px: int
    """Input width. For resizable layouts a default: any multiple of 32 runs."""
    height_px: int
    mean: float
    """Input = (pixel - mean) / std."""
    std: float
    order: str = "RGB"
    """Colour order of the input: "RGB" or "BGR"."""
    template: tuple[tuple[float, float], ...] = ()
    """Embedders and quality models: where the five landmarks belong, as fractions of input width and height."""
    crop: float = 0.0
    """Liveness and pose models: side of the square around the face that they see, in longer sides of its box."""
    dimensions: int = 0
    """Embedders: length of the vector."""
    output: int = 0
    """Embedders: which of the file's outputs is the vector."""
    mirror: bool = False
    """Embedders: add the embedding of the mirrored chip."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """Scores this model was measured to need, by name, with the measurement in its card."""
    calibration: tuple[tuple[float, float], ...] = ()
    """Embedders: cosine -> log10 likelihood ratio, the corners of a rising line; see `edgeface/calibration.py`."""
    impostor_tail: ImpostorTail | None = None
    """Embedders: of single pictures."""
    scoring: Scoring | None = None
    """Embedders: how probes and templates are compared; None: by their cosine as it is."""
    visit_tail: ImpostorTail | None = None
    """Embedders: of the best moment of whole visits, shots fused as the reader does; see `tools/visit_tail.py`."""
    visit_mates: MatedScores | None = None
    """Embedders: of the people enrolled themselves, one picture each."""
    visit_calibration: tuple[tuple[float, float], ...] = ()
    """Embedders: as `calibration`, of the best moment of whole visits."""
    golden: dict[str, str] = field(default_factory=dict)
    """sha256 of what the model gives for the probes of `edgeface/adapters/golden.py`, by kernel path."""
    golden_sample: bytes = b""
    """Some of those numbers, int8: to say how far others are away."""


def normalise(pixels: Pixels, spec: ModelSpec) -> Tensor:
    """RGB uint8 pixels -> float32 numbers in the model's colour order, as training and calibration feed it."""
    ordered = pixels if spec.order == "RGB" else pixels[..., ::-1]
    return ((ordered.astype(np.float32) - np.float32(spec.mean)) / np.float32(spec.std)).astype(np.float32)


def input_table(spec: ModelSpec, scale: float, zero_point: int, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """The 256 quantized values of the 256 pixel values: normalising a picture is then one look-up a byte."""
    real = (np.arange(256, dtype=np.float64) - spec.mean) / spec.std
    limits = np.iinfo(np.dtype(dtype))
    # Half up, not numpy's half to even: a mean of 127.5 puts every pixel on a half, and neighbours would collapse.
    steps = np.floor(real / scale + 0.5) + zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max), dtype)


def dequantize(values: npt.NDArray[np.generic], scale: float, zero_point: int) -> Tensor:
    """Quantized numbers -> real numbers, float32."""
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
