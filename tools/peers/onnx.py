"""Other people's networks in onnxruntime: one thread unless told, planes in, real numbers out."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeface.frame import Pixels
from edgeface.model import Tensor


class Network:
    """An ONNX file, loaded. onnxruntime is imported here, so that a process without one does not pay for it."""

    def __init__(self, path: Path, threads: int) -> None:
        onnxruntime = importlib.import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # SCRFD's file promises the output sizes of a 640 px input; at any other it warns, nine lines a picture.
        options.log_severity_level = 3
        # Workers that spin on after a run would take the processor from the chain that is timed next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, planes: Tensor) -> list[Tensor]:
        return list(self._session.run(None, {self._input: planes}))


def planes(pixels: Pixels, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Picture (h, w, 3) -> float32 (1, 3, h, w), normalised, channels in the order they come."""
    scaled = (pixels - np.array(mean, np.float32)) / np.array(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
