"""Films of several people with known truth: heads cut out of photographs move before a blurred scene.

    film(script, heads, background, random) -> Iterator of frames at 10 a second, each with who is where

Six scripts, each what a tracker at a door gets wrong: two who cross, one before the other; two who meet and turn back;
people who wander; a pillar that people walk behind; people who leave and come back elsewhere; one who steps into the
place of another. Nearer heads hide those behind them. Light, noise, focus and compression stay the same within a film,
as in `tools.visits`; heads turn towards where they walk, but not by more than 40 degrees.

What this is not: all frames of somebody show one photograph; bodies and hands are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.detect import PixelBox
from tools import degrade
from tools.samples.turn_faces import Angles, turn
from tools.visits import STEP_DEG, Camera, draw_camera

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

HEIGHT_PX, WIDTH_PX = 360, 640
RATE_HZ = 10
FRAMES = 60
HEAD = (0.72, 0.86)
"""Half axes of the part of a photograph that is cut out, in parts of the face's box: hair and ears, no shoulders."""
PILLAR = -2
NOBODY = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """A photograph with one face."""

    person: str
    pixels: Pixels
    landmarks: npt.NDArray[np.float32]
    """(5, 2)."""
    box: PixelBox
    pose: Angles
    turned: dict[tuple[float, float], Pixels] = field(default_factory=dict)
    """Redrawn so far, by further yaw and pitch."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path:
    """Where one person is in each frame; of shape (frames,)."""

    x: Floats
    """Middle of the face, in widths of the picture; beyond 0..1 is outside."""
    y: Floats
    """In heights."""
    width: Floats
    """Of the face, in widths of the picture: larger is nearer, and in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """The truth about one face of one frame."""

    person: str
    box: PixelBox
    seen: float
    """Part of the face that nothing hides, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """One frame."""

    pixels: Pixels
    """RGB if the photographs are."""
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Script:
    """One film's action."""

    paths: tuple[Path, ...]
    pillar: tuple[float, float] | None = None
    """Left and right edge of something that stands before everybody, in widths of the picture."""


def film(script: Script, heads: tuple[Head, ...], background: Pixels, random: np.random.Generator) -> Iterator[Shot]:
    """The frames of one film; `heads` go the paths of the script, in its order."""
    camera, pillar_grey = _camera(random), int(random.integers(40, 200))
    for index in range(FRAMES):
        canvas = background.copy()
        owner = np.full(canvas.shape[:2], NOBODY, np.int16)
        order = sorted(range(len(heads)), key=lambda one: script.paths[one].width[index])
        boxes: dict[int, PixelBox] = {}
        for one in order:
            boxes[one] = _draw(canvas, owner, one, heads[one], script.paths[one], index)
        if script.pillar is not None:
            left, right = (round(edge * WIDTH_PX) for edge in script.pillar)
            canvas[:, left:right], owner[:, left:right] = pillar_grey, PILLAR
        faces = tuple(
            Face(person=heads[one].person, box=box, seen=_seen(owner, one, box)) for one, box in boxes.items()
        )
        yield Shot(pixels=_shoot(canvas, camera, random), faces=faces)


def _camera(random: np.random.Generator) -> Camera:
    drawn = draw_camera(random)
    return Camera(
        gain=max(drawn.gain, 0.5),
        contrast=drawn.contrast,
        noise=drawn.noise,
        defocus_px=drawn.defocus_px / 2,
        motion_px=drawn.motion_px / 2,
        jpeg=drawn.jpeg,
    )


def _draw(canvas: Pixels, owner: npt.NDArray[np.int16], one: int, head: Head, path: Path, index: int) -> PixelBox:
    """Pastes one head with a soft edge; gives the face's box in the frame."""
    scale = float(path.width[index]) * WIDTH_PX / head.box.w
    centre = np.array([head.box.x + head.box.w / 2, head.box.y + head.box.h / 2])
    target = np.array([path.x[index] * WIDTH_PX, path.y[index] * HEIGHT_PX])
    matrix = np.column_stack([np.eye(2) * scale, target - scale * centre])
    photo = _turned(head, path, index)
    if scale < 1:  # averaged, so that shrinking does not alias
        small = degrade.shrink(photo, scale)
        matrix[:, :2] = np.diag(np.array(photo.shape[1::-1]) * scale / np.array(small.shape[1::-1]))
        photo = small
    size = (WIDTH_PX, HEIGHT_PX)
    drawn = cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    across = (np.arange(WIDTH_PX) - target[0]) / (HEAD[0] * head.box.w * scale)
    down = (np.arange(HEIGHT_PX) - target[1]) / (HEAD[1] * head.box.h * scale)
    radius = np.sqrt(across[None] ** 2 + down[:, None] ** 2)
    cover = np.clip((1 - radius) / 0.12, 0, 1).astype(np.float32)[..., None]
    canvas[:] = (drawn * cover + canvas * (1 - cover)).astype(np.uint8)
    owner[cover[..., 0] > 0.5] = one
    w, h = head.box.w * scale, head.box.h * scale
    return PixelBox(x=float(target[0] - w / 2), y=float(target[1] - h / 2), w=w, h=h)


def _turned(head: Head, path: Path, index: int) -> Pixels:
    """The photograph, turned towards where the person walks."""
    speed = float(np.gradient(path.x)[index] * RATE_HZ) / max(float(path.width[index]), 1e-3)
    # Positive yaw: the nose points to the left side of the picture.
    aside = float(np.clip(STEP_DEG * round(-12 * speed / STEP_DEG), -40, 40))
    if (aside, 0.0) not in head.turned:
        still = aside == 0
        new = head.pixels if still else turn(head.pixels, head.landmarks, head.pose, head.pose.turned(aside, 0)).image
        head.turned[aside, 0.0] = new
    return head.turned[aside, 0.0]


def _seen(owner: npt.NDArray[np.int16], one: int, box: PixelBox) -> float:
    """Part of the box that shows this head; what lies outside the picture does not."""
    left, top = max(0, round(box.x)), max(0, round(box.y))
    part = owner[top : max(top, round(box.y + box.h)), left : max(left, round(box.x + box.w))]
    return min(1.0, float((part == one).sum() / max(1.0, box.w * box.h)))


def _shoot(canvas: Pixels, camera: Camera, random: np.random.Generator) -> Pixels:
    frame = degrade.defocus(canvas, camera.defocus_px)
    frame = degrade.smear(frame, max(1, round(camera.motion_px * random.uniform(0.2, 1))), random.uniform(0, np.pi))
    frame = degrade.flatten(degrade.expose(frame, camera.gain), camera.contrast)
    return degrade.compress(degrade.add_noise(frame, camera.noise, random), camera.jpeg)


def crossing(random: np.random.Generator) -> Script:
    """Two walk past each other, one nearer, at about one height."""
    y, meet = random.uniform(0.35, 0.6), random.uniform(0.4, 0.6)
    paths = []
    for side in (-1, 1):
        speed = random.uniform(0.12, 0.3)  # widths of the picture a second
        when = FRAMES / RATE_HZ / 2 + random.uniform(-0.2, 0.2)
        x = meet - side * speed * (_seconds() - when)
        paths.append(_path(x, y + random.uniform(-0.04, 0.04), random.uniform(0.1, 0.17), random))
    return Script(paths=tuple(paths))


def meeting(random: np.random.Generator) -> Script:
    """Two come together until one half hides the other, stop, and turn back."""
    y, meet, gap = random.uniform(0.35, 0.6), random.uniform(0.4, 0.6), random.uniform(0.02, 0.07)
    far = random.uniform(0.25, 0.4)
    knots = (0, random.uniform(1.2, 2), random.uniform(2.5, 4), 6)
    paths = []
    for side in (-1, 1):
        x = meet + side * np.interp(_seconds(), knots, (far, gap / 2, gap / 2, far))
        paths.append(_path(x, y + random.uniform(-0.04, 0.04), random.uniform(0.1, 0.16), random))
    return Script(paths=tuple(paths))


def wandering(random: np.random.Generator) -> Script:
    """Four to six people who go here and there."""
    paths = []
    for _ in range(int(random.integers(4, 7))):
        knots = np.concatenate([[0], np.sort(random.uniform(0, 6, 3)), [6]])
        x = np.interp(_seconds(), knots, random.uniform(0.08, 0.92, 5))
        paths.append(_path(x, random.uniform(0.25, 0.75), random.uniform(0.08, 0.15), random))
    return Script(paths=tuple(paths))


def pillar(random: np.random.Generator) -> Script:
    """Two or three walk behind a pillar; some turn back there."""
    left = random.uniform(0.4, 0.5)
    right = left + random.uniform(0.1, 0.16)
    paths = []
    for _ in range(int(random.integers(2, 4))):
        start, end = sorted(random.uniform((0.05, right + 0.05), (left - 0.05, 0.95)))
        if random.random() < 0.5:
            start, end = end, start
        hidden = random.uniform(0.2, 1.2)
        arrive = random.uniform(1.5, 3.5)
        middle = (left + right) / 2
        back = random.random() < 0.3
        knots = (0, arrive, arrive + hidden, 6)
        x = np.interp(_seconds(), knots, (start, middle, middle, start if back else end))
        paths.append(_path(x, random.uniform(0.3, 0.7), random.uniform(0.08, 0.12), random))
    return Script(paths=tuple(paths), pillar=(left, right))


def returning(random: np.random.Generator) -> Script:
    """One or two walk out of the picture and come back after 1 to 2.5 s, often on the other side."""
    paths = []
    for _ in range(int(random.integers(1, 3))):
        side = random.choice((-0.2, 1.2))
        back = side if random.random() < 0.5 else 1 - side
        gone = random.uniform(1.5, 2.2)
        again = gone + random.uniform(1.0, 2.5)
        x = np.interp(_seconds(), (0, 0.5, gone), (0.5, random.uniform(0.3, 0.7), side))
        later = np.interp(_seconds(), (again, again + 1, 6), (back, random.uniform(0.3, 0.7), 0.5))
        x = np.where(_seconds() < (gone + again) / 2, x, later)
        paths.append(_path(x, random.uniform(0.3, 0.7), random.uniform(0.1, 0.16), random))
    return Script(paths=tuple(paths))


def replacing(random: np.random.Generator) -> Script:
    """One stands there and steps aside, and another is in his place 0.2 to 0.8 s later."""
    place, y, width = random.uniform(0.35, 0.65), random.uniform(0.35, 0.6), random.uniform(0.1, 0.16)
    leave, gap, step = random.uniform(1.5, 3), random.uniform(0.2, 0.8), random.uniform(0.3, 0.6)
    side = random.choice((-1, 1))
    away = np.interp(_seconds(), (0, leave, leave + step), (place, place, place + side * 0.3))
    come = np.interp(_seconds(), (leave + gap - step, leave + gap, 6), (place - side * 0.3, place, place))
    hidden = _seconds() < leave + gap - step
    coming = np.where(hidden, -1.0, come)  # not there before
    return Script(
        paths=(
            _path(away, y, width, random),
            _path(coming, y + random.uniform(-0.03, 0.03), width * random.uniform(0.9, 1.1), random),
        )
    )


Writer = Callable[[np.random.Generator], Script]
SCRIPTS: dict[str, Writer] = {
    "crossing": crossing,
    "meeting": meeting,
    "wandering": wandering,
    "pillar": pillar,
    "returning": returning,
    "replacing": replacing,
}


def _seconds() -> Floats:
    return np.arange(FRAMES) / RATE_HZ


def _path(x: Floats, y: float, width: float, random: np.random.Generator) -> Path:
    """With a walker's bob and sway, and a slow change of distance."""
    bob = 0.008 * np.sin(2 * np.pi * random.uniform(1.5, 2) * _seconds() + random.uniform(0, 6))
    sway = 0.003 * np.sin(2 * np.pi * random.uniform(0.7, 1.2) * _seconds() + random.uniform(0, 6))
    nearer = np.linspace(1, random.uniform(0.9, 1.15), FRAMES)
    return Path(x=np.asarray(x) + sway, y=y + bob, width=width * nearer)
