"""What the reader sees in films of several people (`tools.crowds`), kept in a folder; a later run goes on.

    python -m tools.crowd_bank --data DATA --out work/crowds                 all of it
    python -m tools.crowd_bank --data DATA --out work/crowds --part 0/2      every second film, for a second processor
    python -m tools.crowd_bank --data DATA --show work/crossing.png --script crossing --number 0

People are those of LFW-dev with two pictures or more; the last one is filmed, the first is for enrolling. Scenes are
street pictures out of focus. What the detector finds is kept down to a score of 0.2, so that any tracker and any limit
can be tried on it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgeface import detect, embed, image, pipeline
from edgeface.detect import Detection, PixelBox
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.pose import Pose
from edgeface.service.bootstrap import Loaded, load_models
from tools import crowds
from tools.crowds import Face, Head, Shot
from tools.datasets import Archive
from tools.evaluate.acquire import central, progress
from tools.samples.turn_faces import Angles
from tools.visit_bank import by_person, folder_of

FILMS = 20
"""Of each script."""
FAINTEST = 0.2
"""Detections below this score are not kept."""
SOFT_PX = 14.0
"""Blur of the scenes, sigma: nobody is left in them that a detector would find."""
LEAST_HEAD_PX = 50.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One detection, looked at closely."""

    detection: Detection
    """As sure or as faint as its score says: `faint` is not set. Below the detector's own threshold nobody looked."""
    accepted: bool
    quality: float
    pose: Pose
    vector: Tensor
    """(d,), length 1; zeros unless accepted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Film:
    """What is there, and what the reader saw of it, by frame."""

    script: str
    faces: tuple[tuple[Face, ...], ...]
    looks: tuple[tuple[Look, ...], ...]
    """Strongest first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar and boxes-dev.tar")
    parser.add_argument("--out", type=Path, help="folder of the bank")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--part", default="0/1", help="I/N: every N-th film, from the I-th on")
    parser.add_argument("--show", type=Path, metavar="PNG", help="draw twelve frames of one film instead")
    parser.add_argument("--script", choices=crowds.SCRIPTS, default="crossing")
    parser.add_argument("--number", type=int, default=0)
    arguments = parser.parse_args()
    loaded = load_models(arguments.home)
    studio = Studio(arguments.data, loaded)
    if arguments.show:
        shots = list(studio.film(arguments.script, arguments.number))
        cv2.imwrite(str(arguments.show), cv2.cvtColor(_sheet(shots), cv2.COLOR_RGB2BGR))
        return
    if arguments.out is None:
        parser.error("--out is missing")
    first, of = (int(number) for number in arguments.part.split("/"))
    make(arguments.data, loaded, folder_of(loaded, arguments.out), first, of)


class Studio:
    """People and scenes to film; photographs are cut out when they are first wanted."""

    def __init__(self, data: Path, loaded: Loaded) -> None:
        self._portraits, self._streets = Archive(data / "lfw-dev.tar"), Archive(data / "boxes-dev.tar")
        self._models = loaded.models
        self._pictures = {name: own[-1] for name, own in by_person(self._portraits).items() if len(own) > 1}
        self._scenes = self._streets.names("images/")
        self._heads: dict[str, Head | None] = {}

    def film(self, script: str, number: int) -> list[Shot]:
        """The frames of a script's n-th film."""
        seed = 1000 * list(crowds.SCRIPTS).index(script) + number
        random = np.random.default_rng(seed)
        written = crowds.SCRIPTS[script](random)
        heads: list[Head] = []
        for name in random.permutation(sorted(self._pictures)):
            if len(heads) == len(written.paths):
                break
            if (head := self._head(str(name))) is not None:
                heads.append(head)
        return list(crowds.film(written, tuple(heads), self._background(random), random))

    def _head(self, person: str) -> Head | None:
        if person not in self._heads:
            pixels = self._portraits.picture(self._pictures[person])
            face = central(detect.detect(pixels, self._models.detector, detect.Options()), pixels)
            self._heads[person] = None
            if face is not None and face.box.w >= LEAST_HEAD_PX:
                pose = pipeline.turned(pixels, face, self._models)
                self._heads[person] = Head(
                    person=person,
                    pixels=pixels,
                    landmarks=face.landmarks,
                    box=face.box,
                    pose=Angles(yaw_deg=pose.yaw_deg, pitch_deg=pose.pitch_deg, roll_deg=pose.roll_deg),
                )
        return self._heads[person]

    def _background(self, random: np.random.Generator) -> Pixels:
        street = self._streets.picture(self._scenes[int(random.integers(len(self._scenes)))])
        fitted = image.resize(street, crowds.WIDTH_PX, crowds.HEIGHT_PX)
        return np.asarray(cv2.GaussianBlur(fitted, (0, 0), SOFT_PX), np.uint8)


def make(data: Path, loaded: Loaded, out: Path, first: int = 0, of: int = 1) -> None:
    """Film and look at every film that is not kept in `out` yet."""
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    studio = Studio(data, loaded)
    wanted = [(script, number) for number in range(FILMS) for script in crowds.SCRIPTS]
    for script, number in progress(wanted[first::of], "films"):
        file = out / f"{script}-{number:03d}.npz"
        if not file.exists():
            part = file.with_suffix(".part.npz")
            np.savez_compressed(part, **_look(studio.film(script, number), loaded))
            part.replace(file)


def _look(shots: list[Shot], loaded: Loaded) -> dict[str, Any]:
    """Columns of two tables: true faces, and faces seen."""
    options = detect.Options(faint_score=FAINTEST)
    true, seen = [], []
    for number, shot in enumerate(shots):
        true += [(number, one.person, *_corners(one.box), one.seen) for one in shot.faces]
        for face in detect.detect(shot.pixels, loaded.models.detector, options, with_faint=True):
            accepted, measured, vector = _closely(shot.pixels, face, loaded)
            row = (*_corners(face.box), face.score, *face.landmarks.reshape(-1), *measured)
            seen.append((number, accepted, row, vector))
    return {
        "frames": len(shots),
        "true_frame": np.array([row[0] for row in true], np.int64),
        "true_person": np.array([row[1] for row in true], np.str_),
        "true_box": np.array([row[2:] for row in true], np.float32),
        "seen_frame": np.array([row[0] for row in seen], np.int64),
        "seen_accepted": np.array([row[1] for row in seen], bool),
        "seen_numbers": np.array([row[2] for row in seen], np.float32).reshape(len(seen), 19),
        "seen_vector": np.array([row[3] for row in seen], np.float32).reshape(len(seen), -1),
    }


def _closely(pixels: Pixels, face: Detection, loaded: Loaded) -> tuple[bool, tuple[float, ...], Tensor]:
    """Whether the gate accepts it, quality and pose, embedding; nothing of a faint one, which nobody looks at."""
    nothing = np.zeros(loaded.models.embedder.spec.dimensions, np.float32)
    if face.faint:
        return False, (0.0, 0.0, 0.0, 0.0), nothing
    view = pipeline.examine(pixels, face, loaded.models, pipeline.Options())
    measured = (view.quality.score, view.pose.yaw_deg, view.pose.pitch_deg, view.pose.roll_deg)
    if not view.quality.accepted:
        return False, measured, nothing
    return True, measured, embed.embed(view.chip, loaded.models.embedder).vector


def _corners(box: PixelBox) -> tuple[float, float, float, float]:
    return box.x, box.y, box.w, box.h


def read(folder: Path) -> list[Film]:
    """Every film that is kept."""
    return [_film(file) for file in sorted(folder.glob("*-[0-9][0-9][0-9].npz"))]


def _film(file: Path) -> Film:
    with np.load(file) as kept:
        columns = {name: kept[name] for name in kept.files}
    frames = int(columns["frames"])
    faces: list[list[Face]] = [[] for _ in range(frames)]
    for frame, person, row in zip(*(columns[f"true_{name}"] for name in ("frame", "person", "box")), strict=True):
        box = PixelBox(**dict(zip("xywh", map(float, row[:4]), strict=True)))
        faces[frame].append(Face(person=str(person), box=box, seen=float(row[4])))
    looks: list[list[Look]] = [[] for _ in range(frames)]
    names = ("frame", "accepted", "numbers", "vector")
    for frame, accepted, row, vector in zip(*(columns[f"seen_{name}"] for name in names), strict=True):
        looks[frame].append(_seen(bool(accepted), row, vector))
    return Film(script=file.stem.rsplit("-", 1)[0], faces=tuple(map(tuple, faces)), looks=tuple(map(tuple, looks)))


def _seen(accepted: bool, row: Tensor, vector: Tensor) -> Look:
    yaw, pitch, roll = (float(angle) for angle in row[16:19])
    return Look(
        detection=Detection(
            box=PixelBox(**dict(zip("xywh", map(float, row[:4]), strict=True))),
            landmarks=row[5:15].reshape(5, 2),
            score=float(row[4]),
            angles_deg=None,
        ),
        accepted=accepted,
        quality=float(row[15]),
        pose=Pose(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll),
        vector=vector,
    )


def _sheet(shots: list[Shot]) -> Pixels:
    """Twelve frames, three a row, with the truth drawn on: green what counts, grey what is hidden."""
    tiles = []
    for shot in shots[:: max(1, len(shots) // 12)][:12]:
        tile = shot.pixels.copy()
        for face in shot.faces:
            corner = (round(face.box.x), round(face.box.y))
            end = (round(face.box.x + face.box.w), round(face.box.y + face.box.h))
            cv2.rectangle(tile, corner, end, (60, 200, 90) if face.seen >= 0.5 else (150, 150, 150), 2)
        tiles.append(tile)
    return np.asarray(np.vstack([np.hstack(tiles[row : row + 3]) for row in range(0, len(tiles), 3)]), np.uint8)


if __name__ == "__main__":
    main()
