"""A bank of finished samples to train on: the two looks of `edgeface.liveness`, a margin wider than the network's.

Shards of a few thousand, each from a seed of its own, so that making them can be stopped and taken up again.

    python -m tools.attacks.bank --photos work/liveness/photos-train.npz --rooms ROOMS --out work/liveness/bank
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edgeface import liveness
from edgeface.detect import Detection, PixelBox
from edgeface.frame import Pixels
from edgeface.model import Layout, ModelSpec, Task
from tools.attacks import SPECIES, TRAINED, Photo, Shot, bona_fide, present
from tools.attacks.camera import draw_camera
from tools.attacks.photos import load
from tools.evaluate.acquire import progress

SPEC = ModelSpec(
    name="edgeface-live-80",
    task=Task.LIVENESS,
    file="edgeface-live-80.tflite",
    sha256="0" * 64,
    licence="Apache-2.0",
    origin="trained by this project on simulated attacks",
    layout=Layout.LIVENESS,
    width_px=160,
    height_px=80,
    mean=127.5,
    std=127.5,
    crop=1.8,
    thresholds={"live": 0.5},
)
"""How the reader feeds this network, before it has an entry in the manifest; the test compares the two."""
MARGIN = 1.1
"""A stored look is this much wider than what the network takes, so that training can shift it."""
BONA_FIDE = 0.45
"""Share of bona fide presentations."""
ROOM_SIDE_PX = 480


def detection(shot: Shot, random: np.random.Generator | None = None) -> Detection:
    """The face of a shot; with `random`, as far off as our detector errs."""
    x, y, w, h = (float(value) for value in shot.box)
    if random is not None:
        x, y = x + random.normal(0, 0.03) * w, y + random.normal(0, 0.03) * h
        w, h = w * float(np.exp(random.normal(0, 0.05))), h * float(np.exp(random.normal(0, 0.05)))
    return Detection(box=PixelBox(x=x, y=y, w=w, h=h), landmarks=shot.landmarks, score=1.0, angles_deg=None)


def wider(spec: ModelSpec) -> ModelSpec:
    """How a stored sample is cut: both looks `MARGIN` times as wide, at the same pixels per face."""
    side_px = round(spec.height_px * MARGIN)
    return replace(spec, height_px=side_px, width_px=2 * side_px, crop=spec.crop * MARGIN)


def rooms(folder: Path, every: int = 1) -> list[Pixels]:
    """Backgrounds, RGB, from any folder of pictures."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file())[::every]:
        bgr = cv2.imread(str(path))
        if bgr is not None and min(bgr.shape[:2]) >= 160:
            scale = min(1.0, ROOM_SIDE_PX / min(bgr.shape[:2]))
            small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            found.append(np.ascontiguousarray(np.asarray(small, np.uint8)[..., ::-1]))
    return found


def draw(photos: Sequence[Photo], backgrounds: Sequence[Pixels], random: np.random.Generator) -> Shot:
    """A bona fide presentation or an attack of a species to train on."""
    photo, camera = photos[int(random.integers(len(photos)))], draw_camera(random)
    if random.random() < BONA_FIDE:
        return bona_fide(photo, camera, random)
    species = TRAINED[int(random.integers(len(TRAINED)))]
    return present(species, photo, photos, backgrounds, camera, random)


def fill(
    photos: Sequence[Photo], backgrounds: Sequence[Pixels], spec: ModelSpec, number: int, seed: int
) -> tuple[Pixels, np.ndarray]:
    """`number` samples: RGB pictures (n, h, 2 h, 3), and what each is: 0 bona fide, else 1 + its place in `SPECIES`."""
    random = np.random.default_rng(seed)
    samples, kinds = [], []
    for _ in progress(range(number), f"shard {seed}"):
        shot = draw(photos, backgrounds, random)
        face = detection(shot, random)
        if liveness.unjudged(shot.pixels, face, spec, liveness.Options(min_face_px=60)) is None:
            samples.append(liveness.prepare(shot.pixels, face, spec)[0])
            kinds.append(1 + SPECIES.index(shot.species) if shot.species in SPECIES else 0)
    return np.stack(samples), np.array(kinds, np.int8)


def make(photos: Path, backgrounds: list[Pixels], out: Path, seeds: Sequence[int], samples: int) -> None:
    """Write a shard of so many samples for each seed, but for those that are there."""
    shown, spec = load(photos), wider(SPEC)
    out.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        file = out / f"shard-{seed:03d}.npz"
        if not file.exists():
            pictures, kinds = fill(shown, backgrounds, spec, samples, seed)
            part = file.with_suffix(".part.npz")
            np.savez(part, samples=pictures, kinds=kinds)
            part.replace(file)


def main() -> None:
    arguments = _parse()
    cv2.setNumThreads(1)
    seeds = range(arguments.first, arguments.first + arguments.shards)
    make(arguments.photos, rooms(arguments.rooms, arguments.every), arguments.out, seeds, arguments.samples)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="from tools.attacks.collect")
    parser.add_argument("--rooms", type=Path, required=True, help="folder of pictures to stand behind the attacks")
    parser.add_argument("--every", type=int, default=3, help="take every so many of them")
    parser.add_argument("--out", type=Path, default=Path("work/liveness/bank"), help="folder of shards")
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--first", type=int, default=0, help="seed of the first shard")
    parser.add_argument("--samples", type=int, default=2000, help="samples a shard")
    return parser.parse_args()


if __name__ == "__main__":
    main()
