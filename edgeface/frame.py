"""A picture from a camera, with the moment it was taken."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""uint8, shape (height, width, 3), RGB, as a person sees it (EXIF orientation applied)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A moment, told by two clocks. Durations use the monotonic one; a Pi's wall clock is wrong until it is set."""

    monotonic_ns: int
    """Nanoseconds since some moment before boot, also those that the machine slept; never goes back."""
    wall_ns: int
    """Nanoseconds since 1970-01-01 UTC, as far as this device knows."""
    wall_trusted: bool
    """Whether the wall clock has been synchronised since boot."""

    def seconds_since(self, earlier: Instant) -> float:
        """Seconds from `earlier` to this moment, by the monotonic clock."""
        return (self.monotonic_ns - earlier.monotonic_ns) / 1e9


def shifted(moment: Instant, by_ns: int) -> Instant:
    """So many nanoseconds later, or before if that is negative, by both clocks."""
    return replace(moment, monotonic_ns=moment.monotonic_ns + by_ns, wall_ns=moment.wall_ns + by_ns)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One picture of one camera."""

    pixels: Pixels
    """uint8, shape (height, width, 3), RGB, read-only."""
    camera: str
    """Which camera; an opaque id such as "front" or a file's path."""
    sequence: int
    """Counts the frames that the camera delivered, from 0; gaps are frames skipped."""
    captured_at: Instant
    """When the shutter closed, as near as the source can tell."""

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ValueError(f"a frame is uint8 (h, w, 3), not {self.pixels.dtype} {self.pixels.shape}")
        self.pixels.flags.writeable = False

    @property
    def width_px(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height_px(self) -> int:
        return int(self.pixels.shape[0])
