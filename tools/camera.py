"""A frame as a cheap camera in a hallway gives it: every fault of `tools.degrade`, alone or together, mild to bad.

Faults are drawn as they come at a door: most frames have one or two, some none. All lengths are in parts of the face's
width, so that a fault means the same for a near and a far face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeface.detect import Points
from edgeface.frame import Pixels
from tools import degrade

Random = np.random.Generator
CHANCE = {
    "cover": 0.15,
    "dim": 0.22,
    "bright": 0.12,
    "haze": 0.08,
    "side": 0.12,
    "defocus": 0.22,
    "motion": 0.25,
    "far": 0.35,
    "noise": 0.30,
    "jpeg": 0.25,
    "crop": 0.05,
}
"""How often each fault is drawn; a choice, as no camera was counted."""
CLEAN = 0.12
"""Part of the frames that have no fault at all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """A face in a frame."""

    pixels: Pixels
    landmarks: Points
    width_px: float
    """Of the face's box."""
    faults: tuple[str, ...] = ()
    """What was done to it, in order."""


def shoot(shot: Shot, random: Random) -> Shot:
    """The frame with the faults that were drawn for it, in the order in which light meets them."""
    if random.random() < CLEAN:
        return shot
    drawn = [name for name, chance in CHANCE.items() if random.random() < chance]
    for name in drawn:
        shot = _STEPS[name](shot, random)
    return replace(shot, faults=tuple(drawn))


def spread(low: float, high: float, random: Random) -> float:
    """A number between the two, every doubling as likely as the next."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _cover(shot: Shot, random: Random) -> Shot:
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    colour = (red, red, red) if random.random() < 0.5 else (red, green, blue)
    cover = degrade.wear_mask if random.random() < 0.6 else degrade.bar_eyes
    return replace(shot, pixels=cover(shot.pixels, shot.landmarks, colour))


def _dim(shot: Shot, random: Random) -> Shot:
    """Less light, and a sensor noise of 3 grey levels that is then no longer small beside it."""
    return replace(shot, pixels=degrade.add_noise(degrade.expose(shot.pixels, spread(0.05, 0.7, random)), 3, random))


def _bright(shot: Shot, random: Random) -> Shot:
    return replace(shot, pixels=degrade.expose(shot.pixels, spread(1.3, 5.0, random)))


def _haze(shot: Shot, random: Random) -> Shot:
    return replace(shot, pixels=degrade.flatten(shot.pixels, spread(0.1, 0.8, random)))


def _side(shot: Shot, random: Random) -> Shot:
    x = float(shot.landmarks[:, 0].mean())
    least, sign = random.uniform(0.05, 0.6), -1.0 if random.random() < 0.5 else 1.0
    return replace(shot, pixels=degrade.light_from_side(shot.pixels, x, sign * shot.width_px, least))


def _defocus(shot: Shot, random: Random) -> Shot:
    return replace(shot, pixels=degrade.defocus(shot.pixels, shot.width_px * spread(0.006, 0.06, random)))


def _motion(shot: Shot, random: Random) -> Shot:
    length_px = max(1, round(shot.width_px * spread(0.02, 0.25, random)))
    return replace(shot, pixels=degrade.smear(shot.pixels, length_px, random.uniform(0, np.pi)))


def _far(shot: Shot, random: Random) -> Shot:
    scale = min(1.0, spread(12, 90, random) / shot.width_px)
    small = degrade.shrink(shot.pixels, scale)
    ratio = np.array(small.shape[1::-1]) / shot.pixels.shape[1::-1]
    landmarks = (shot.landmarks * ratio).astype(np.float32)
    return replace(shot, pixels=small, landmarks=landmarks, width_px=shot.width_px * float(ratio[0]))


def _noise(shot: Shot, random: Random) -> Shot:
    return replace(shot, pixels=degrade.add_noise(shot.pixels, spread(2, 40, random), random))


def _jpeg(shot: Shot, random: Random) -> Shot:
    return replace(shot, pixels=degrade.compress(shot.pixels, int(spread(5, 70, random))))


def _crop(shot: Shot, random: Random) -> Shot:
    """The picture ends within the face, at its left or right."""
    points, width_px = shot.landmarks, shot.width_px
    cut = int(points[:, 0].mean() - width_px / 2 + width_px * random.uniform(0.0, 0.4))
    if random.random() < 0.5 and 0 < cut < shot.pixels.shape[1] - 8:
        moved: npt.NDArray[np.float32] = points - np.array([cut, 0], np.float32)
        return replace(shot, pixels=np.ascontiguousarray(shot.pixels[:, cut:]), landmarks=moved)
    end = int(points[:, 0].mean() + width_px / 2 - width_px * random.uniform(0.0, 0.4))
    return replace(shot, pixels=np.ascontiguousarray(shot.pixels[:, : max(8, end)]))


_STEPS = {
    "cover": _cover,
    "dim": _dim,
    "bright": _bright,
    "haze": _haze,
    "side": _side,
    "defocus": _defocus,
    "motion": _motion,
    "far": _far,
    "noise": _noise,
    "jpeg": _jpeg,
    "crop": _crop,
}
