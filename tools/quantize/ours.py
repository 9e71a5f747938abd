"""The networks that this project trains, as their trainings keep them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from tools.detector_net import Detector, DetectorShape
from tools.liveness_net import LivenessNet, LivenessShape
from tools.nets import Embedder, EmbedderShape, PoseNet, PoseShape
from tools.quality_net import QualityNet, QualityShape


def restore(kind: str, checkpoint: Path) -> nn.Module:
    """The network of a training checkpoint, by the running mean of its weights. Kinds: see below.

    Raises ValueError if the file is no checkpoint of that kind.
    """
    makers: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
        "detector": lambda shape: Detector(DetectorShape(**shape)),
        "embedder": lambda shape: Embedder(EmbedderShape(**shape)),
        "liveness": lambda shape: LivenessNet(LivenessShape(**shape)),
        "pose": lambda shape: PoseNet(PoseShape(**shape)),
        "quality": lambda shape: QualityNet(QualityShape(**shape)),
    }
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=False)
        net = makers[kind](state["shape"])
        net.load_state_dict(state["average"])
    except (KeyError, TypeError, EOFError, RuntimeError, UnpicklingError) as error:
        raise ValueError(f"{checkpoint} is no checkpoint of tools.train_{kind}: {error}") from error
    return net.eval()
