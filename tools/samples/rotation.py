"""Head rotations as matrices, where turning, mirroring and averaging are exact.

Yaw, pitch and roll are neither: once a head looks far to the side, tilting the picture changes all three of them. The
signs and the order are the reader's (`edgeface.pose`), which are those of 300W-LP and AFLW2000-3D (Zhu et al., CVPR
2016): R = Rx(pitch) Ry(-yaw) Rz(roll), from head to camera coordinates, x right, y down, z towards the camera.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

MIRROR = np.diag([-1.0, 1.0, 1.0])
"""The mirror image of a head turned by R is turned by MIRROR R MIRROR."""


def elements(sines: Any, cosines: Any) -> list[Any]:
    """The nine elements of R, row by row, from the (yaw, pitch, roll) sines and cosines: numbers, arrays or tensors."""
    (sy, sp, sr), (cy, cp, cr) = sines, cosines
    return [
        *(cy * cr, -cy * sr, -sy),
        *(cp * sr - sp * sy * cr, cp * cr + sp * sy * sr, -sp * cy),
        *(sp * sr + cp * sy * cr, sp * cr - cp * sy * sr, cp * cy),
    ]


def matrices(angles_deg: Floats) -> Floats:
    """Yaw, pitch, roll (..., 3) in degrees -> R (..., 3, 3)."""
    angles = np.moveaxis(np.radians(angles_deg), -1, 0)
    return np.stack(elements(np.sin(angles), np.cos(angles)), -1).reshape(*angles.shape[1:], 3, 3)


def angles_deg(rotations: Floats) -> Floats:
    """R (..., 3, 3) -> yaw within +-90, pitch and roll within +-180 degrees, (..., 3)."""
    yaw = -np.arcsin(np.clip(rotations[..., 0, 2], -1, 1))
    pitch = np.arctan2(-rotations[..., 1, 2], rotations[..., 2, 2])
    roll = np.arctan2(-rotations[..., 0, 1], rotations[..., 0, 0])
    return np.asarray(np.degrees(np.stack([yaw, pitch, roll], -1)))


def in_plane(turn_deg: float) -> Floats:
    """What turning the picture clockwise does to every rotation seen in it: R becomes in_plane(turn) R."""
    sine, cosine = np.sin(np.radians(turn_deg)), np.cos(np.radians(turn_deg))
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def moved(angles: Floats, turn_deg: float, *, mirrored: bool) -> Floats:
    """Yaw, pitch, roll (..., 3) in degrees after the picture was mirrored, if so, and then turned clockwise."""
    rotations = matrices(angles)
    if mirrored:
        rotations = MIRROR @ rotations @ MIRROR
    return angles_deg(in_plane(turn_deg) @ rotations)


def mean(rotations: Floats) -> Floats:
    """The rotation nearest to the mean of matrices (n, 3, 3); the chordal mean (Hartley et al., IJCV 2013)."""
    left, _, right = np.linalg.svd(rotations.mean(axis=0))
    return np.asarray(left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right)
