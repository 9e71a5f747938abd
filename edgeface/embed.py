"""An aligned face as a direction in space: alike faces point alike (ArcFace, Deng et al., CVPR 2019, sec. 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.bridge import Bridge
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import mirrored
from edgeface.model import Infer, ModelSpec, Tensor

Template = npt.NDArray[np.int8]
"""int8, shape (dimensions,): an embedding stored in a byte a dimension. Only its direction means anything."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embedding:
    """A face as a direction."""

    vector: Tensor
    """float32, shape (dimensions,), L2 norm 1."""
    model_sha256: str
    """Which weights, runtime kernels and settings made it. Embeddings of different models are never compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedder:
    """An embedding model, ready to run."""

    spec: ModelSpec
    infer: Infer
    identity: str
    """What templates are bound to: see `Embedding.model_sha256`."""
    bridges: tuple[Bridge, ...] = ()
    """Maps from former embedders, whose templates need not be made anew."""

    @property
    def understood(self) -> tuple[str, ...]:
        """Embedders whose templates this one's embeddings can be compared with, itself first."""
        return self.identity, *(bridge.former for bridge in self.bridges)


def embed(chip: Pixels, embedder: Embedder) -> Embedding:
    """Chip (h, w, 3) -> embedding. With `spec.mirror`, the sum of the chip's and its mirror image's.

    Raises ModelError if the model does not give what its manifest promises.
    """
    total = _vector(chip, embedder)
    if embedder.spec.mirror:
        total = total + _vector(mirrored(chip), embedder)
    return Embedding(vector=unit(total), model_sha256=embedder.identity)


def _vector(chip: Pixels, embedder: Embedder) -> Tensor:
    spec, outputs = embedder.spec, embedder.infer(chip[None])
    if not 0 <= spec.output < len(outputs):
        raise ModelError(f"{spec.name} has {len(outputs)} outputs, its manifest wants number {spec.output}")
    vector = outputs[spec.output].reshape(-1)
    if vector.size != spec.dimensions:
        raise ModelError(f"{spec.name} gives {vector.size} numbers, its manifest promises {spec.dimensions}")
    if not np.isfinite(vector).all():
        raise ModelError(f"{spec.name} gives an embedding that is no number: `edgeface models check` it")
    return unit(vector)


def unit(vector: Tensor) -> Tensor:
    """The same direction at length 1. A zero vector, which no trained model gives, stays zero and matches nobody."""
    norm = float(np.linalg.norm(vector))
    return np.asarray(vector / norm if norm > 0 else vector, np.float32)


def to_template(vector: Tensor) -> Template:
    """Unit vector -> int8 template, scaled so that its largest entry is 127. Costs less than 0.0002 in cosine."""
    largest = float(np.abs(vector).max())
    return np.round(vector * (127 / largest) if largest > 0 else vector).astype(np.int8)


def from_template(template: Template) -> Tensor:
    """Int8 template -> unit vector."""
    return unit(template.astype(np.float32))
