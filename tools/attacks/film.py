"""Films of one presentation: a visit of a second and a half at ten frames a second, simulated.

A bona fide visitor either just stands there and sways, or turns the head when asked to. A flat medium is held still,
shaken, or turned towards and away from the camera, which is what an attacker does who knows of a motion check. A screen
plays a head that turns; what is worn over a face turns with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeface.frame import Pixels
from tools.attacks.camera import Camera
from tools.attacks.motion import Moment
from tools.attacks.photos import Photo
from tools.attacks.scene import Shot, bona_fide, present

FPS = 10.0
FRAMES = 15
REACH = 1.6
TURNING, SWAYING = "bona_fide_turning", "bona_fide_swaying"
BONA_FIDE = (TURNING, SWAYING)
STILL, SHAKEN, TURNED = "still", "shaken", "turned"
FLAT = tuple(f"{medium}_{how}" for medium in ("print", "bent_print", "monitor") for how in (STILL, SHAKEN, TURNED))
REPLAYS = ("phone_replay", "monitor_replay")
WORN = ("cut_out_worn", "mask_with_eye_holes_worn")
ATTACKS = (*FLAT, *REPLAYS, *WORN)
"""Species of `tools.attacks` with how they move. A replay shows a head that turns: its parallax is real."""

Track = Callable[[float], Moment]
"""Seconds since the first frame -> moment."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Film:
    """One presentation."""

    kind: str
    """One of `BONA_FIDE` or `ATTACKS`."""
    shots: tuple[Shot, ...]
    """One a frame, `FPS` a second."""


def film(
    kind: str, photo: Photo, others: Sequence[Photo], rooms: Sequence[Pixels], camera: Camera, seed: tuple[int, ...]
) -> Film:
    """The same film each time for the same seed."""
    path = draw_path(kind, np.random.default_rng((*seed, 1)))
    noise = np.random.default_rng((*seed, 2))
    return Film(kind=kind, shots=tuple(_shots(kind, path, photo, others, rooms, camera, seed, noise)))


def _shots(
    kind: str,
    path: Track,
    photo: Photo,
    others: Sequence[Photo],
    rooms: Sequence[Pixels],
    camera: Camera,
    seed: tuple[int, ...],
    noise: np.random.Generator,
) -> Iterator[Shot]:
    for index in range(FRAMES):
        random, moment = np.random.default_rng((*seed, 3)), path(index / FPS)
        if kind in BONA_FIDE:
            yield replace(bona_fide(photo, camera, random, REACH, moment, noise), species=kind)
        else:
            species = kind.rsplit("_", 1)[0]
            shot = present(species, photo, others, rooms, camera, random, REACH, moment, noise)
            yield replace(shot, species=kind)


def draw_path(kind: str, random: np.random.Generator) -> Track:
    """How one presentation of this kind moves."""
    tremor = _tremor(random, 0.004 if kind.endswith(STILL) else 0.01)
    if kind == SWAYING:
        return _join(tremor, _head(random, (1.0, 5.0), 2.0), _drift(random, 0.05))
    if kind == TURNING or kind.endswith(("_replay", "_worn")):
        return _join(tremor, _head(random, (12.0, 25.0), 6.0), _drift(random, 0.03))
    if kind.endswith(SHAKEN):
        return _join(tremor, _shake(random), _flex(random))
    if kind.endswith(TURNED):
        return _join(tremor, _tilt(random), _flex(random))
    return tremor


def _join(*paths: Track) -> Track:
    """What each adds to standing still."""

    def at(seconds: float) -> Moment:
        moments = [path(seconds) for path in paths]
        return Moment(
            shift=(sum(one.shift[0] for one in moments), sum(one.shift[1] for one in moments)),
            grow=float(np.prod([one.grow for one in moments])),
            roll_deg=sum(one.roll_deg for one in moments),
            tilt_deg=(sum(one.tilt_deg[0] for one in moments), sum(one.tilt_deg[1] for one in moments)),
            distance=min(one.distance for one in moments),
            head_deg=(sum(one.head_deg[0] for one in moments), sum(one.head_deg[1] for one in moments)),
            bend=float(np.prod([one.bend for one in moments])),
        )

    return at


def _wave(random: np.random.Generator, slow_hz: float, fast_hz: float) -> Callable[[float], float]:
    """-1..1, of some rhythm, nothing at the first frame."""
    hertz, phase = random.uniform(slow_hz, fast_hz), random.uniform(0, 2 * np.pi)
    return lambda seconds: float(np.sin(2 * np.pi * hertz * seconds + phase))


def _tremor(random: np.random.Generator, size: float) -> Track:
    across, down, roll = (_wave(random, 0.5, 4.0) for _ in range(3))
    return lambda s: Moment(shift=(size * across(s), size * down(s)), roll_deg=60 * size * roll(s))


def _drift(random: np.random.Generator, size: float) -> Track:
    across, near = random.normal(0, size, 2)
    return lambda s: Moment(shift=(across * s, 0.0), grow=float(np.exp(near * s)))


def _head(random: np.random.Generator, yaw_deg: tuple[float, float], nod_deg: float) -> Track:
    """From one side to the other or back to the middle, and a nod."""
    reach, nod = random.uniform(*yaw_deg) * random.choice((-1, 1)), random.normal(0, nod_deg)
    aside, up = _wave(random, 0.3, 0.7), _wave(random, 0.3, 0.7)
    return lambda s: Moment(head_deg=(reach * aside(s), nod * up(s)))


def _shake(random: np.random.Generator) -> Track:
    across, down, near, roll = (_wave(random, 0.4, 1.5) for _ in range(4))
    far, grow, turn = random.uniform(0.05, 0.2), random.uniform(0.0, 0.12), random.uniform(3, 12)
    return lambda s: Moment(
        shift=(far * across(s), 0.6 * far * down(s)), grow=float(np.exp(grow * near(s))), roll_deg=turn * roll(s)
    )


def _tilt(random: np.random.Generator) -> Track:
    about, nod = _wave(random, 0.3, 0.9), _wave(random, 0.3, 0.9)
    reach, slope, distance = random.uniform(15, 40), random.uniform(0, 25), random.uniform(2.5, 7.0)
    return lambda s: Moment(tilt_deg=(reach * about(s), slope * nod(s)), distance=distance)


def _flex(random: np.random.Generator) -> Track:
    """Fingers that press a sheet together and let it go."""
    press, size = _wave(random, 0.3, 0.9), random.uniform(0.0, 0.3)
    return lambda s: Moment(bend=float(np.exp(size * press(s))))
