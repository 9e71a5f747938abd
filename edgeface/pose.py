"""How a head is turned, in degrees: from the detector where it says so, else from the five landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeface.detect import Detection, Points

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

MIN_INDEPENDENCE = 0.05
"""Of the two rows: their smaller singular value, 1 if they are perpendicular, 0 if parallel. Rotated heads give 1,
points on a line less than 1e-6."""


def estimate(detection: Detection) -> Pose:
    """Pose of one face."""
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
    across, down = np.linalg.lstsq(head, seen, rcond=None)[0].T
    lengths = np.linalg.norm(across), np.linalg.norm(down)
    if min(lengths) < 1e-6:
        return UNDEFINED
    return _angles(across / lengths[0], down / lengths[1])


def _angles(across: Vector, down: Vector) -> Pose:
    """Angles of the rotation nearest to one with these first two rows: R = Rx(pitch) Ry(-yaw) Rz(roll)."""
    u, values, vt = np.linalg.svd(np.stack([across, down]), full_matrices=False)
    if values[1] < MIN_INDEPENDENCE:
        return UNDEFINED
    first, second = u @ vt
    third = np.cross(first, second)
    yaw = -np.arcsin(np.clip(first[2], -1, 1))
    pitch = np.arctan2(-second[2], third[2])
    roll = np.arctan2(-first[1], first[0])
    return Pose(yaw_deg=float(np.degrees(yaw)), pitch_deg=float(np.degrees(pitch)), roll_deg=float(np.degrees(roll)))
