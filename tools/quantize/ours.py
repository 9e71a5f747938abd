"""The networks that this project trains, as their trainings keep them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from tools.train.detector_net import Detector, DetectorShape
from tools.train.liveness_net import LivenessNet, LivenessShape
from tools.train.nets import Embedder, EmbedderShape, PoseNet, PoseShape
from tools.train.quality_net import QualityNet, QualityShape

KINDS: dict[str, tuple[Callable[[Any], nn.Module], Callable[..., Any]]] = {
    "detector": (Detector, DetectorShape),
    "embedder": (Embedder, EmbedderShape),
    "liveness": (LivenessNet, LivenessShape),
    "pose": (PoseNet, PoseShape),
    "quality": (QualityNet, QualityShape),
}
"""What makes each network, and its size; the size without arguments is the shipped one's."""


def fresh(kind: str) -> tuple[nn.Module, Any]:
    """An untrained network of this kind in the size that ships, and that size."""
    make, shape = KINDS[kind]
    return make(shape()), shape()


def restore(kind: str, checkpoint: Path) -> nn.Module:
    """The network of a training checkpoint, by the running mean of its weights. Kinds: see above.

    Raises ValueError if the file is no checkpoint of that kind.
    """
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=False)
        net = KINDS[kind][0](KINDS[kind][1](**state["shape"]))
        net.load_state_dict(state["average"])
    except (KeyError, TypeError, EOFError, RuntimeError, UnpicklingError) as error:
        raise ValueError(f"{checkpoint} is no checkpoint of tools.train {kind}: {error}") from error
    return net.eval()
