"""Other people's head pose: the FSA-Net pair (Yang et al., CVPR 2019), on the boxes of any detector.

Not among the exports of `tools.peers`: importing it loads onnxruntime.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeface.detect import PixelBox
from edgeface.frame import Pixels
from edgeface.pose import Pose
from tools.peers.onnx import Network, planes
from tools.teach_pose import cut

FSANET_FILES = ("fsanet-1x1-iter-688590.onnx", "fsanet-var-iter-688590.onnx")


class Fsanet:
    """Two networks on one crop, their answers averaged: as it is published, without a teacher's repetitions."""

    def __init__(self, weights: Path, threads: int) -> None:
        self._networks = [Network(weights / file, threads) for file in FSANET_FILES]

    def __call__(self, pixels: Pixels, box: PixelBox) -> Pose:
        """Pose of the face in the box of an RGB picture, by the signs of `edgeface.pose`."""
        place = np.array([box.x, box.y, box.w, box.h], np.float32)
        crop = cut(np.ascontiguousarray(pixels[..., ::-1]), place, 0.0, mirrored=False)
        blob = planes(crop, (127.5, 127.5, 127.5), (128, 128, 128))
        yaw_deg, pitch_deg, roll_deg = np.mean([network(blob)[0][0] for network in self._networks], axis=0).tolist()
        return Pose(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg)
