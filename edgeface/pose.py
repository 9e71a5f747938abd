"""How a head is turned, in degrees: by a model of its own, by the detector, or from the five landmarks.

    prepare -> infer -> decode

are the steps of the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from edgeface.detect import Detection, PixelBox, Points
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import warp
from edgeface.model import Infer, ModelSpec, Tensor

Vector = npt.NDArray[np.float64]

HEAD = np.array(
    [[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.56, 0.50], [-0.41, 1.12, 0.07], [0.41, 1.12, 0.07]], np.float64
)
"""A mean head's five landmarks in units of the distance between the eyes: x right in the picture, y down, z out of the
face. Depths fitted on AFLW2000-3D would be training on it, so they are a plain anthropometric mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Head rotation (ISO/IEC 29794-5: head pose), each about -90..90 degrees, 0 when facing the camera upright."""

    yaw_deg: float
    """Positive: the nose points to the left side of the picture (the sign of AFLW2000-3D and 300W-LP)."""
    pitch_deg: float
    """Positive: the nose points up."""
    roll_deg: float
    """Positive: the head is tilted clockwise, as seen in the picture."""


UNDEFINED = Pose(yaw_deg=90.0, pitch_deg=90.0, roll_deg=90.0)
"""What no gate accepts: each of its limits is below 90."""

TURNED_DEG = 15.0
"""Beyond this a head is turned, not frontal. A choice."""


class Bin(StrEnum):
    """Where a head points, as the person who stands there says it."""

    FRONTAL = "frontal"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


def bin_of(pose: Pose) -> Bin:
    """The bin of a pose. To the person's left the nose points to the right side of the picture."""
    if max(abs(pose.yaw_deg), abs(pose.pitch_deg)) <= TURNED_DEG:
        return Bin.FRONTAL
    if abs(pose.yaw_deg) >= abs(pose.pitch_deg):
        return Bin.RIGHT if pose.yaw_deg > 0 else Bin.LEFT
    return Bin.UP if pose.pitch_deg > 0 else Bin.DOWN


MIN_INDEPENDENCE = 0.05
"""Of the two rows: their smaller singular value, 1 if they are perpendicular, 0 if parallel. Rotated heads give 1,
points on a line less than 1e-6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """Yaw from two witnesses: the head pose model, which reads a profile short, and the detector's landmarks.

    Their errors have little to do with each other, so that a mean of both is better than either.
    """

    landmark_share: float
    """Weight of the landmarks' yaw, 0..1."""
    knee_deg: float
    """From this mean yaw on, degrees, both are known to fall short ..."""
    stretch: float
    """... and what lies beyond counts this much more: 0.5 makes 10 degrees 15."""

    def yaw_deg(self, model_deg: float, landmarks_deg: float) -> float:
        """Yaw of both, within +-90 degrees; arrays alike."""
        mean = (1 - self.landmark_share) * model_deg + self.landmark_share * landmarks_deg
        beyond = np.sign(mean) * np.maximum(np.abs(mean) - self.knee_deg, 0.0)
        clipped: float = np.clip(mean + self.stretch * beyond, -90.0, 90.0)
        return clipped


FUSION = Fusion(landmark_share=0.7, knee_deg=50.0, stretch=0.2)
"""Fitted by `tools.train.yaw` on 824 redrawn training faces, none of AFLW2000-3D. On the fifth kept back the mean error
falls from 6.1 to 2.7 degrees between 60 and 75, from 9.3 to 4.2 beyond that, and by 0.5 to 1.0 below 60."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseModel:
    """A head pose model, ready to run."""

    spec: ModelSpec
    infer: Infer


def measure(pixels: Pixels, detection: Detection, model: PoseModel) -> Pose:
    """Pose of one face, by a model of its own; the landmarks have a say in its yaw.

    Raises ModelError if the model does not give two rows of a rotation.
    """
    seen, landmarks = by_model(pixels, detection, model), from_landmarks(detection.landmarks)
    if UNDEFINED in (seen, landmarks):
        return seen
    return replace(seen, yaw_deg=float(FUSION.yaw_deg(seen.yaw_deg, landmarks.yaw_deg)))


def by_model(pixels: Pixels, detection: Detection, model: PoseModel) -> Pose:
    """Pose of one face, by a model of its own alone. Raises ModelError as `measure` does."""
    turn_deg = upright_deg(detection.landmarks)
    return decode(model.infer(prepare(pixels, detection.box, turn_deg, model.spec)), turn_deg, model.spec)


def upright_deg(landmarks: Points) -> float:
    """How far to turn a picture clockwise, in degrees, to bring a face's mouth straight below its eyes."""
    across, down = (landmarks[3:].mean(axis=0) - landmarks[:2].mean(axis=0)).astype(np.float64)
    return float(np.degrees(np.arctan2(across, down)))


def prepare(pixels: Pixels, box: PixelBox, turn_deg: float, spec: ModelSpec) -> Pixels:
    """The square around a face's box, turned clockwise: uint8 (1, height_px, width_px, 3).

    Its side is `spec.crop` times the longer side of the box; black where the picture ends.
    """
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    scale = spec.width_px / (spec.crop * max(box.w, box.h))
    linear = scale * np.array([[cosine, -sine], [sine, cosine]])
    # The box counts from the picture's corner, `warp` from the centre of the first pixel.
    centre = np.array([box.x + box.w / 2, box.y + box.h / 2]) - 0.5
    middle = np.array([spec.width_px, spec.height_px]) / 2 - 0.5
    matrix = np.column_stack([linear, middle - linear @ centre])
    return warp(pixels, matrix, spec.width_px, spec.height_px)[None]


def decode(outputs: tuple[Tensor, ...], turn_deg: float, spec: ModelSpec) -> Pose:
    """The model's six numbers -> pose in the picture as it was before it was turned clockwise by `turn_deg`.

    They are the first two rows of the head's rotation (Zhou et al., CVPR 2019), not angles: no number of them jumps or
    loses its meaning in profile, where yaw comes near 90 degrees.
    """
    numbers = outputs[0].reshape(-1).astype(np.float64) if outputs else np.empty(0)
    if numbers.size != 6 or not np.isfinite(numbers).all():
        raise ModelError(f"{spec.name} gives no head rotation: it takes six finite numbers, two rows of three")
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return _of_rows(numbers.reshape(2, 3), np.array([[cosine, sine], [-sine, cosine]]))


def estimate(detection: Detection) -> Pose:
    """Pose of one face, without a model of its own."""
    if detection.angles_deg is not None:
        yaw_deg, pitch_deg, roll_deg = detection.angles_deg
        return Pose(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg)
    return from_landmarks(detection.landmarks)


def from_landmarks(landmarks: Points) -> Pose:
    """Pose by scaled orthographic projection (DeMenthon & Davis, IJCV 1995, first step).

    The 2x3 matrix that best maps the mean head to the landmarks has, up to scale, the first two rows of the rotation.
    Points on a line, or all in one place, give an undefined pose; then all angles are 90, which no gate accepts.
    """
    seen = landmarks.astype(np.float64) - landmarks.mean(axis=0)
    head = HEAD - HEAD.mean(axis=0)
    return _of_rows(np.linalg.lstsq(head, seen, rcond=None)[0].T, np.eye(2))


def _of_rows(rows: Vector, turn: Vector) -> Pose:
    """Angles of the rotation nearest to one whose first two rows (2, 3) have these directions, turned in the picture.

    R = Rx(pitch) Ry(-yaw) Rz(roll). Rows without length, or along one line, give an undefined pose.
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if lengths.min() < 1e-6:
        return UNDEFINED
    u, values, vt = np.linalg.svd(rows / lengths, full_matrices=False)
    if values[1] < MIN_INDEPENDENCE:
        return UNDEFINED
    first, second = turn @ u @ vt
    third = np.cross(first, second)
    yaw = -np.arcsin(np.clip(first[2], -1, 1))
    pitch = np.arctan2(-second[2], third[2])
    roll = np.arctan2(-first[1], first[0])
    return Pose(yaw_deg=float(np.degrees(yaw)), pitch_deg=float(np.degrees(pitch)), roll_deg=float(np.degrees(roll)))
