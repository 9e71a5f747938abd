"""LightQNet (Chen et al., IEEE Signal Processing Letters 2021), a learned face quality that ours is compared to.

Prepared as its authors' demo does it: eyes and the middle of the mouth aligned on a square, 96x96, (x - 128) / 128, BGR
as OpenCV decodes. Runs in OpenVINO, which reads its frozen TensorFlow graph as it is.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

from edgeface import align, image
from edgeface.detect import Points
from edgeface.frame import Pixels
from tools.peers import PeerMissing

FILE = "lightqnet-dm100.pb"
SIDE_PX = 96
TEMPLATE = ((0.3419, 0.4616), (0.6565, 0.4598), (0.5012, 0.8240))
"""Left eye, right eye, middle of the mouth, in parts of the side; of the authors' `face_normalizer.py`."""


class LightQNet:
    """Face quality, 0..1. Not for use by two threads at once."""

    def __init__(self, weights: Path) -> None:
        """Raises PeerMissing if the file or OpenVINO is not there."""
        if not (weights / FILE).is_file():
            raise PeerMissing(f"LightQNet left out: {weights.name} has no {FILE}")
        try:
            openvino = importlib.import_module("openvino")
        except ModuleNotFoundError as error:
            raise PeerMissing("LightQNet left out: openvino is not installed") from error
        self._model = openvino.Core().compile_model(str(weights / FILE), "CPU", {"INFERENCE_NUM_THREADS": 1})

    def __call__(self, pixels: Pixels, landmarks: Points) -> float:
        """Quality of the face of a picture (h, w, 3), RGB."""
        chip = cut(pixels, landmarks)[..., ::-1]
        outputs = self._model(((chip.astype(np.float32) - 128) / 128)[None])
        return float(np.asarray(outputs[0]).reshape(-1)[0])


def cut(pixels: Pixels, landmarks: Points) -> Pixels:
    """The aligned face as LightQNet takes it: uint8 (96, 96, 3), RGB."""
    points = np.stack([landmarks[0], landmarks[1], landmarks[3:].mean(axis=0)]).astype(np.float64)
    return image.warp(pixels, align.similarity(points - 0.5, np.array(TEMPLATE) * SIDE_PX), SIDE_PX, SIDE_PX)
