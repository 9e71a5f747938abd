"""One camera picture of a person, or of a medium that shows one: where everything stands, and what covers what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from edgeface.frame import Pixels
from tools import degrade
from tools.attacks import camera as cameras
from tools.attacks import cutout, media
from tools.attacks.camera import Camera, Light
from tools.attacks.media import Surface
from tools.attacks.motion import Moment, moved, turned
from tools.attacks.photos import Photo
from tools.attacks.room import BEZELS, in_room
from tools.attacks.view import View, aim, bend, look, sampled

TRAINED = ("print", "phone", "monitor", "cut_out")
HELD_OUT = ("bent_print", "tablet", "mask_with_eye_holes", "projector")
SPECIES = (*TRAINED, *HELD_OUT)
"""Presentation attack instrument species (ISO/IEC 30107-3)."""
BONA_FIDE = "bona_fide"
LAYOUTS = {"phone": "stripe", "monitor": "stripe", "tablet": "pentile", "projector": "projector"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """What the camera gave, and where the face is."""

    pixels: Pixels
    """RGB."""
    box: npt.NDArray[np.float32]
    """(4,): left, top, width, height."""
    landmarks: npt.NDArray[np.float32]
    """(5, 2)."""
    species: str
    """`bona_fide` or one of `SPECIES`."""


STILL = Moment()
"""The first frame of a film, or the only one."""


def bona_fide(
    photo: Photo,
    camera: Camera,
    random: np.random.Generator,
    reach: float = 1.0,
    moment: Moment = STILL,
    noise: np.random.Generator | None = None,
) -> Shot:
    """The person before the camera. For the frames of a film, `random` begins anew each time and `noise` does not."""
    view = moved(aim(photo, camera, random, reach, within=True), photo, moment)
    light = cameras.focus(look(photo.pixels, view, *turned(photo, view.x, view.y, moment)), camera)
    return _shot(light, view, photo, camera, random, BONA_FIDE, noise)


def present(
    species: str,
    photo: Photo,
    others: Sequence[Photo],
    rooms: Sequence[Pixels],
    camera: Camera,
    random: np.random.Generator,
    reach: float = 1.0,
    moment: Moment = STILL,
    noise: np.random.Generator | None = None,
) -> Shot:
    """An attack of one species with the person of `photo`; a cut-out is held before somebody of `others`.

    `moment` and `noise`: see `bona_fide`. A screen may show a head that turns; what is worn turns with its bearer.
    """
    cv2.setRNGSeed(int(random.integers(2**31)))
    if species in ("cut_out", "mask_with_eye_holes"):
        bearer = others[int(random.integers(len(others)))]
        view = moved(aim(bearer, camera, random, reach, within=True), bearer, moment)
        x, y = turned(bearer, view.x, view.y, moment)
        light = _worn(species, photo, bearer, replace(view, x=x, y=y), camera, random)
        return _shot(light, view, bearer, camera, random, species, noise)
    close = random.random() < 0.45 and species != "projector"
    view = moved(aim(photo, camera, random, reach, within=close), photo, moment)
    x, y = bend(photo, view, random, moment.bend) if species == "bent_print" else (view.x, view.y)
    shown = cameras.focus(look(_as_shown(photo, random), view, *turned(photo, x, y, moment)), camera)
    surface = Surface(x=x * np.float32(view.scale), y=y * np.float32(view.scale))
    if species in LAYOUTS:
        light = media.screen(shown, surface, LAYOUTS[species], camera, random)
    else:
        light = media.paper(shown, surface, camera, random)
    if species == "bent_print":
        light = light * _curved_light(photo, x, random)
    if not close:
        light = in_room(light, species, photo, view, (x, y), rooms, camera, random)
    if random.random() < (0.5 if species in BEZELS else 0.3):
        light = light + media.glare(light.shape, random) * np.float32(random.uniform(0.1, 0.8))
    return _shot(light, view, photo, camera, random, species, noise)


def _as_shown(photo: Photo, random: np.random.Generator) -> Pixels:
    """The picture that the attacker has: from the net, from a video call, or a good one."""
    pixels = photo.pixels
    if random.random() < 0.3:
        factor = float(np.clip(random.uniform(90, 260) / photo.face_px, 0.2, 1.0))
        height, width = pixels.shape[:2]
        pixels = np.asarray(cv2.resize(degrade.shrink(pixels, factor), (width, height)), np.uint8)
    if random.random() < 0.5:
        pixels = degrade.compress(pixels, int(random.integers(35, 95)))
    return pixels


def _curved_light(photo: Photo, x: Light, random: np.random.Generator) -> Light:
    """A bent sheet is lit from one side."""
    across = (x - np.float32(photo.box[0] + photo.box[2] / 2)) / np.float32(photo.face_px)
    lit = np.cos(np.clip(across * np.float32(random.uniform(0.3, 0.9)) + np.float32(random.normal(0, 0.4)), -1.5, 1.5))
    return np.asarray(np.maximum(lit, 0.1)[..., None], np.float32)


def _worn(species: str, photo: Photo, bearer: Photo, view: View, camera: Camera, random: np.random.Generator) -> Light:
    """A printed face, cut out along its contour, before another person's; with holes one looks through it."""
    light = cameras.focus(look(bearer.pixels, view), camera)
    back = cutout.onto(photo.landmarks, bearer.landmarks, random)
    x = np.float32(back[0, 0]) * view.x + np.float32(back[0, 1]) * view.y + np.float32(back[0, 2])
    y = np.float32(back[1, 0]) * view.x + np.float32(back[1, 1]) * view.y + np.float32(back[1, 2])
    zoom = view.scale / float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
    shown = _as_shown(photo, random)
    seen = View(matrix=view.matrix, width=view.width, height=view.height, scale=zoom, x=x, y=y)
    picture = cameras.focus(look(shown, seen), camera)
    surface = Surface(x=view.x * np.float32(view.scale), y=view.y * np.float32(view.scale))
    printed = media.paper(picture, surface, camera, random) * np.float32(random.uniform(0.7, 1.3))
    if species == "mask_with_eye_holes":
        printed = printed * _curved_light(photo, x, random)
    mask = cutout.outline(photo, random, eye_holes=species == "mask_with_eye_holes")
    cover = sampled(mask, seen, None, None, cv2.BORDER_CONSTANT)[..., None] * np.float32(1 / 255)
    fall = random.uniform(1, 8)
    shadow = cv2.GaussianBlur(
        np.roll(cover[..., 0], (int(fall / 2), int(random.integers(-3, 4))), (0, 1)), (0, 0), fall
    )
    light = light * (1 - np.float32(random.uniform(0, 0.5)) * shadow[..., None])
    return np.asarray(light * (1 - cover) + printed * cover, np.float32)


def _shot(
    light: Light,
    view: View,
    photo: Photo,
    camera: Camera,
    random: np.random.Generator,
    species: str,
    noise: np.random.Generator | None,
) -> Shot:
    """Light falls off across the room, the camera takes it, and the face's place goes along."""
    pixels = cameras.capture(_lamp(light, random), camera, noise or random)
    x, y, w, h = photo.box
    corners = np.array([[x, y], [x + w, y], [x, y + h], [x + w, y + h]], np.float32)
    shrunk = pixels.shape[1] / view.width
    points = cv2.perspectiveTransform(np.concatenate([corners, photo.landmarks])[None], view.matrix)[0] * shrunk
    low, high = points[:4].min(axis=0), points[:4].max(axis=0)
    return Shot(
        pixels=pixels,
        box=np.concatenate([low, high - low]).astype(np.float32),
        landmarks=_left_first(points[4:]),
        species=species,
    )


def _left_first(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Landmarks in the order as seen, also after the picture was mirrored."""
    mirrored = points[0, 0] > points[1, 0]
    return np.asarray(points[[1, 0, 2, 4, 3]] if mirrored else points, np.float32)


def _lamp(light: Light, random: np.random.Generator) -> Light:
    """A slope of brightness and colour across the picture, for half of the pictures."""
    if random.random() < 0.5:
        return light
    columns = np.linspace(-1, 1, light.shape[1], dtype=np.float32)
    rows = np.linspace(-1, 1, light.shape[0], dtype=np.float32)[:, None]
    angle, depth = random.uniform(0, 2 * np.pi), random.uniform(0.05, 0.5)
    slope = 1 + np.float32(depth) * (np.float32(np.cos(angle)) * columns + np.float32(np.sin(angle)) * rows)
    return np.asarray(light * np.maximum(slope, 0.1)[..., None], np.float32)
