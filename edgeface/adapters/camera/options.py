"""How a camera is asked to film, and how long it may be silent."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraOptions:
    """How a source of frames is opened."""

    name: str = ""
    """What frames and messages call it; empty: its source, without passwords."""
    width_px: int = 1280
    """Width asked of a live camera, 16..8192; it may answer with another."""
    height_px: int = 720
    """Height asked of a live camera, 16..8192."""
    fps: float = 15.0
    """Pictures a second, 0.1..240: asked of a live camera, and the pace at which a folder stands for a film. A video
    keeps its own."""
    real_time: bool = False
    """Whether files replay at the pace they were filmed, late pictures dropped as a camera would, or as fast as they
    are asked for."""
    first_frame_s: float = 10.0
    """Seconds a live camera may take to deliver its first picture, 0.1..120."""
    stall_s: float = 1.0
    """Seconds without a picture after which a live camera counts as lost and is opened anew, 0.1..120."""

    def __post_init__(self) -> None:
        for field, low, high in _RANGES:
            value = getattr(self, field)
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{field} must be {low:g} to {high:g}, not {value}")


_RANGES = (
    ("width_px", 16, 8192),
    ("height_px", 16, 8192),
    ("fps", 0.1, 240),
    ("first_frame_s", 0.1, 120),
    ("stall_s", 0.1, 120),
)
