"""The MiniFASNet pair (minivision, Silent-Face-Anti-Spoofing, Apache-2.0) as its makers run it: the peer for liveness.

Two networks see the face at 2.7 and 4 times its box, 80x80 BGR, 0..255; their probabilities are averaged. Class 1 of
three is a live face.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.detect import PixelBox
from edgeface.frame import Pixels
from tools.peers import PeerMissing
from tools.peers.onnx import Network, planes

SIDE_PX = 80
FILES = {"2.7_80x80_MiniFASNetV2.onnx": 2.7, "4_0_0_80x80_MiniFASNetV1SE.onnx": 4.0}
"""File -> how many times the box it sees."""
LIVE = 1


@dataclass(frozen=True, slots=True)
class MiniFasNets:
    """Both networks, ready to run."""

    networks: tuple[tuple[Network, float], ...]
    """Each with how many times the box it sees."""

    def score(self, pixels: Pixels, box: PixelBox) -> float:
        """How live the face in `box` of an RGB picture looks, 0..1."""
        chances = [_chances(network, crop(pixels, box, scale)) for network, scale in self.networks]
        return float(np.mean(chances, axis=0)[LIVE])


def load(weights: Path) -> MiniFasNets:
    """The pair, one thread each. Raises PeerMissing if the folder lacks a file, or onnxruntime is not there."""
    if lacking := [name for name in FILES if not (weights / name).is_file()]:
        raise PeerMissing(f"MiniFASNet pair left out: {weights.name} has no {lacking[0]}")
    try:
        return MiniFasNets(tuple((Network(weights / name, 1), scale) for name, scale in FILES.items()))
    except ModuleNotFoundError as error:
        raise PeerMissing(f"MiniFASNet pair left out: {error.name} is not installed") from error


def crop(pixels: Pixels, box: PixelBox, scale: float) -> Pixels:
    """The makers' crop: the box enlarged, less where the picture is too small, shifted to lie inside; 80x80 BGR."""
    height, width = pixels.shape[:2]
    scale = min((height - 1) / box.h, (width - 1) / box.w, scale)
    w, h = box.w * scale, box.h * scale
    left = min(max(0.0, box.x + box.w / 2 - w / 2), width - 1 - w)
    top = min(max(0.0, box.y + box.h / 2 - h / 2), height - 1 - h)
    part = pixels[int(top) : int(top + h) + 1, int(left) : int(left + w) + 1, ::-1]
    return np.asarray(cv2.resize(np.ascontiguousarray(part), (SIDE_PX, SIDE_PX)), np.uint8)


def _chances(network: Network, picture: Pixels) -> npt.NDArray[np.float64]:
    """Softmax over the three classes."""
    logits = network(planes(picture, (0, 0, 0), (1, 1, 1)))[0][0].astype(np.float64)
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())
