"""Moments and frames."""

from __future__ import annotations

import numpy as np
import pytest

from edgeface.frame import Frame, Instant
from portraits import at


def test_durations_ignore_the_wall_clock() -> None:
    before = Instant(monotonic_ns=1_000_000_000, wall_ns=10**18, wall_trusted=False)
    after = Instant(monotonic_ns=3_500_000_000, wall_ns=5, wall_trusted=True)
    assert after.seconds_since(before) == 2.5
    assert before.seconds_since(after) == -2.5


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 6), np.uint8), np.zeros((4, 6, 4), np.uint8), np.zeros((4, 6, 3), np.float32), np.zeros(6, np.uint8)],
)
def test_a_frame_is_rgb_bytes(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        Frame(pixels=pixels, camera="front", sequence=0, captured_at=at(0))


def test_a_frame_knows_its_size_and_cannot_be_painted_on() -> None:
    frame = Frame(pixels=np.zeros((4, 6, 3), np.uint8), camera="front", sequence=0, captured_at=at(0))
    assert (frame.width_px, frame.height_px) == (6, 4)
    with pytest.raises(ValueError, match="read-only"):
        frame.pixels[0, 0, 0] = 1
