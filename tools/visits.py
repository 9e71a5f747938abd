"""Visits to a door, made up of one photograph each: someone approaches, stops, looks aside and leaves.

    film(picture, landmarks, pose, random) -> Iterator of frames at 10 a second

Whatever spoils a frame belongs to the visit and drifts slowly: light, noise, focus, compression, the way of walking. So
the frames of a visit are alike in their faults, as they are at a door, and what a fault does to an embedding does not
average out as fast as independent noise would. Size grows with the approach, blur comes from motion, the head is turned
by `tools.samples.turn_faces`; landmarks err because the reader's detector finds them anew in every frame.

What this is not: another day, another haircut, an expression that changes. All frames show one photograph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tools import degrade
from tools.samples.turn_faces import Angles, turn

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

HEIGHT_PX, WIDTH_PX = 360, 480
FRAMES = (5, 40)
"""Fewest and most frames of a visit; as many visits are shorter than the geometric mean as are longer."""
RATE_HZ = 10
STEP_DEG = 10.0
"""Heads are turned in steps: the eye does not see less, and a turned head is drawn once."""
GREY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """What stays the same throughout a visit."""

    gain: float
    """Of the light; 1 as photographed."""
    contrast: float
    """Part that haze, glare or a backlight leaves, 0..1."""
    noise: float
    """Deviation, grey levels."""
    defocus_px: float
    """Sigma, at the photograph's own size."""
    motion_px: float
    """Length of the blur of a walking head, at the photograph's own size."""
    jpeg: int
    """Quality of the stream, 1..100."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """Where the visitor is in each frame; all of shape (frames,)."""

    scale: Floats
    """Of the photograph's size."""
    yaw_deg: Floats
    """How much farther than photographed the head is turned."""
    pitch_deg: Floats
    speed: Floats
    """0 standing .. 1 walking."""
    light: Floats
    """Gain on top of the camera's."""
    shift_px: npt.NDArray[np.float64]
    """(frames, 2)."""


def film(
    picture: Pixels, landmarks: npt.NDArray[np.float32], pose: Angles, random: np.random.Generator
) -> list[Pixels]:
    """Frames (HEIGHT_PX, WIDTH_PX, 3) of one visit, as `picture` is ordered; landmarks and pose are the picture's."""
    camera, course = draw_camera(random), draw_course(random)
    turned: dict[tuple[float, float], Pixels] = {}
    return list(_frames(picture, landmarks, pose, camera, course, turned, random))


def wall(camera: Camera, frames: int, random: np.random.Generator) -> list[Pixels]:
    """What the camera sees while nobody is there: light that drifts, noise, compression."""
    empty = np.full((HEIGHT_PX, WIDTH_PX, 3), GREY, np.uint8)
    light = camera.gain * np.exp(_wander(frames, 0.15, random))
    lit = (degrade.flatten(degrade.expose(empty, float(gain)), camera.contrast) for gain in light)
    return [degrade.compress(degrade.add_noise(frame, camera.noise, random), camera.jpeg) for frame in lit]


def draw_camera(random: np.random.Generator) -> Camera:
    """One camera on one day: half of them good, the others poor in one way or several."""
    poor = random.random(5) < 0.3
    return Camera(
        gain=float(np.exp(random.normal(-0.9 if poor[0] else 0.0, 0.2))),
        contrast=float(random.uniform(0.4, 0.8)) if poor[1] else 1.0,
        noise=float(random.uniform(6, 16) if poor[2] else random.uniform(1, 5)),
        defocus_px=float(random.uniform(1.2, 2.6) if poor[3] else random.uniform(0, 0.8)),
        motion_px=float(random.uniform(6, 14) if poor[4] else random.uniform(1, 6)),
        jpeg=int(random.integers(30, 95)),
    )


def draw_course(random: np.random.Generator) -> Course:
    """Approach, stop, look aside, leave; some of it is short, or missing from short visits."""
    frames = round(float(np.exp(random.uniform(*np.log(FRAMES)))))
    ends = np.cumsum(random.dirichlet((4, 4, 1.5, 1.5)))
    at = (np.arange(frames) + 0.5) / frames
    far, near = random.uniform(0.28, 0.5), random.uniform(0.55, 1.1)
    corners = (0.0, ends[0], ends[2], 1.0)
    scale = np.interp(at, corners, (far, near, near, far * random.uniform(1, 1.5)))
    aside, away = random.uniform(15, 55) * random.choice((-1, 1)), random.uniform(40, 75) * random.choice((-1, 1))
    knots = (0.0, ends[1], (ends[1] + ends[2]) / 2, ends[2], 1.0)
    yaw = np.interp(at, knots, (0.0, 0.0, aside, 0.0, away)) + _wander(frames, 6.0, random)
    pitch = random.normal(0, 6) + _wander(frames, 4.0, random)
    speed = np.interp(at, (ends[0] - 0.05, ends[0] + 0.05, ends[2], ends[2] + 0.05), (1.0, 0.15, 0.15, 1.0))
    return Course(
        scale=scale * np.exp(_wander(frames, 0.03, random)),
        yaw_deg=np.asarray(yaw),
        pitch_deg=np.asarray(pitch),
        speed=speed * random.uniform(0.6, 1.4, frames),
        light=np.exp(_wander(frames, 0.15, random)),
        shift_px=np.stack([_wander(frames, 6.0, random) for _ in range(2)], axis=1),
    )


def _wander(frames: int, deviation: float, random: np.random.Generator, memory: float = 0.85) -> Floats:
    """A first-order autoregression: each value is mostly the last one."""
    values = np.empty(frames)
    values[0] = random.normal(0, deviation)
    for i in range(1, frames):
        values[i] = memory * values[i - 1] + random.normal(0, deviation * np.sqrt(1 - memory**2))
    return values


def _frames(
    picture: Pixels,
    landmarks: npt.NDArray[np.float32],
    pose: Angles,
    camera: Camera,
    course: Course,
    turned: dict[tuple[float, float], Pixels],
    random: np.random.Generator,
) -> Iterator[Pixels]:
    for i in range(len(course.scale)):
        step = tuple(float(STEP_DEG * round(v[i] / STEP_DEG)) for v in (course.yaw_deg, course.pitch_deg))
        aside, nod = step[0], step[1]
        if (aside, nod) not in turned:
            still = not (aside or nod)
            turned[aside, nod] = picture if still else turn(picture, landmarks, pose, pose.turned(aside, nod)).image
        scale = float(course.scale[i])
        face = degrade.shrink(turned[aside, nod], scale)
        frame = _place(face, course.shift_px[i])
        frame = degrade.defocus(frame, camera.defocus_px * scale)
        length = max(1, round(camera.motion_px * float(course.speed[i]) * scale))
        frame = degrade.smear(frame, length, float(random.uniform(0, np.pi)))
        frame = degrade.flatten(degrade.expose(frame, camera.gain * float(course.light[i])), camera.contrast)
        yield degrade.compress(degrade.add_noise(frame, camera.noise, random), camera.jpeg)


def _place(face: Pixels, shift_px: Floats) -> Pixels:
    """The photograph in the middle of a grey wall, moved by whole and part pixels."""
    middle = np.array([WIDTH_PX - face.shape[1], HEIGHT_PX - face.shape[0]]) / 2 + shift_px
    move = np.array([[1, 0, middle[0]], [0, 1, middle[1]]], np.float32)
    wall = (GREY, GREY, GREY)
    placed = cv2.warpAffine(face, move, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_CONSTANT, borderValue=wall)
    return np.asarray(placed, np.uint8)
