"""Other people's head pose: the FSA-Net pair (Yang et al., CVPR 2019), on the boxes of any detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeface.detect import Detection, PixelBox
from edgeface.frame import Pixels
from edgeface.pose import Pose
from tools.samples.teach_pose import PoseTeacher, cut

FSANET_FILES = ("fsanet-1x1-iter-688590.onnx", "fsanet-var-iter-688590.onnx")


class Fsanet:
    """Two networks on one crop, their answers averaged: as it is published, without a teacher's repetitions."""

    def __init__(self, weights: Path, threads: int) -> None:
        self._pair = PoseTeacher([weights / file for file in FSANET_FILES], threads)

    def __call__(self, pixels: Pixels, box: PixelBox) -> Pose:
        """Pose of the face in the box of an RGB picture, by the signs of `edgeface.pose`."""
        place = np.array([box.x, box.y, box.w, box.h], np.float32)
        crop = cut(np.ascontiguousarray(pixels[..., ::-1]), place, 0.0, mirrored=False)
        yaw_deg, pitch_deg, roll_deg = self._pair.once(crop).tolist()
        return Pose(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg)

    def teach(self, pixels: Pixels, face: Detection) -> Pose:
        """The same, with the repetitions by which it taught our own network."""
        place = np.array([face.box.x, face.box.y, face.box.w, face.box.h], np.float32)
        picture = np.ascontiguousarray(pixels[..., ::-1])
        yaw_deg, pitch_deg, roll_deg = self._pair.angles(picture, place, face.landmarks).tolist()
        return Pose(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg)
