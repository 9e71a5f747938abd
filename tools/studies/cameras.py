"""What the watch over cameras notices, how often it is wrong, and what a camera without colours costs.

    python -m tools.studies.cameras --data DATA --out models/cameras.md

Real pictures of boxes-dev and pose-dev stand for cameras that see; each is scaled to a camera's size and made dark or
covered once. Faces of LFW-dev are shown with red and blue exchanged, and once more without colours.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edgeface import align, footage
from edgeface.footage import Footage, Look, Options
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.pipeline import Models
from edgeface.service.bootstrap import Loaded, load_models
from tools import metrics
from tools.datasets import Archive
from tools.evaluate.acquire import central_face, person_of, progress, vector_at
from tools.metrics import Figure

SIZES = ((640, 480), (1280, 720))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Face:
    """One face of LFW-dev, with its colours and without."""

    person: str
    chip: Pixels
    vector: Tensor
    grey: Tensor | None
    """None if the detector lost it with its colours."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with boxes-dev, pose-dev and lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--out", type=Path, default=Path("models/cameras.md"), help="page to write")
    arguments = parser.parse_args()
    looks = scenes(arguments.data)
    loaded = load_models(arguments.home)
    faces, missing = portraits(arguments.data, loaded.models)
    arguments.out.write_text(page(looks, faces, missing, loaded), encoding="utf-8")
    print(f"written: {arguments.out}")


def scenes(data: Path) -> dict[str, list[Look]]:
    """What the watch sees of real pictures, and of the same made dark or covered."""
    chance = np.random.default_rng(0)
    looks: dict[str, list[Look]] = {"as they are": [], "dark": [], "covered": []}
    for name in ("boxes-dev.tar", "pose-dev.tar"):
        archive = Archive(data / name)
        pictures = [member for member in archive.names() if member.endswith((".jpg", ".png"))]
        for member in progress(pictures, name):
            pixels = cv2.resize(archive.picture(member), SIZES[int(chance.integers(2))])
            looks["as they are"].append(footage.look(np.asarray(pixels, np.uint8)))
            looks["dark"].append(footage.look(dark(pixels, chance)))
            looks["covered"].append(footage.look(covered(pixels.shape, chance)))
    return looks


def dark(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """Next to no light, and a sensor's noise."""
    noise = chance.normal(0, chance.uniform(0.5, 4), pixels.shape)
    return np.asarray(np.clip(pixels * chance.uniform(0, 0.03) + noise, 0, 255), np.uint8)


def covered(shape: tuple[int, ...], chance: np.random.Generator) -> Pixels:
    """A hand or tape before the lens: one smooth tone that falls off to the corners, and a sensor's noise."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    tone = chance.uniform(30, 220) * (1 - chance.uniform(0, 0.3) * (x * x + y * y)) + chance.uniform(-30, 30) * x
    noise = chance.normal(0, chance.uniform(1, 6), shape)
    return np.asarray(np.clip(tone[:, :, None] + noise, 0, 255), np.uint8)


def portraits(data: Path, models: Models) -> tuple[list[Face], int]:
    """LFW-dev's faces, embedded with colours and without; how many pictures showed none."""
    archive = Archive(data / "lfw-dev.tar")
    faces: list[Face] = []
    missing = 0
    for name in progress(archive.names("images/"), "LFW-dev"):
        pixels = archive.picture(name)
        face = central_face(pixels, models)
        if face is None:
            missing += 1
            continue
        colourless = without_colours(pixels)
        again = central_face(colourless, models)
        faces.append(
            Face(
                person=person_of(name),
                chip=align.chip(pixels, face.landmarks, models.embedder.spec),
                vector=vector_at(pixels, face.landmarks, models),
                grey=None if again is None else vector_at(colourless, again.landmarks, models),
            )
        )
    return faces, missing


def without_colours(pixels: Pixels) -> Pixels:
    """As a grey or infrared camera delivers it: three equal channels. Infrared light itself is not copied."""
    return np.asarray(np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2), np.uint8)


def page(looks: dict[str, list[Look]], faces: list[Face], missing: int, loaded: Loaded) -> str:
    """The page, Markdown."""
    options = Options()
    used = f"{loaded.choice.embedder.spec.name} at its threshold {loaded.floor:g}"
    rows = [f"| {name} | {_rate(of, options, True)} | {_rate(of, options, False)} |" for name, of in looks.items()]
    return f"""# Cameras, measured

`python -m tools.studies.cameras --data DATA` on the development sets, 95 % intervals by Wilson's method unless said
otherwise. These are pictures made dark or covered by arithmetic, not by a hand before a lens: that, on a board, is
still to be measured.

## Does it see?

Pictures of boxes-dev and pose-dev, scaled to {" or ".join(f"{wide}x{high}" for wide, high in SIZES)}. A camera is dark
below {options.dark_below:g} grey levels in its brightest twentieth, covered if nine tenths of its fields differ from
their neighbours by less than {options.flat_below:g}. Either must last {options.after_s:g} s to count.

| pictures | said to be dark | said to be covered |
|---|---|---|
{chr(10).join(rows)}

## Red and blue

The middle of an aligned face of LFW-dev, bluer than red by more than {options.blue_by:g} levels: one face in so many.
{options.blue_faces} in a row must say so.

| faces | said to be exchanged |
|---|---|
| as they are | {_blue([face.chip for face in faces], options)} |
| red and blue exchanged | {_blue([face.chip[:, :, ::-1] for face in faces], options)} |
| without colours | {_blue([without_colours(face.chip) for face in faces], options)} |

## Without colours

LFW-dev's pictures ({len(faces)} with a face, {missing} without), {used}; all pairs, intervals by bootstrap over people.

| compared | FNMR | FMR | faces lost by the detector |
|---|---|---|---|
{_pairs(faces, loaded)}

Infrared light shows skin and hair otherwise than grey copies do: for that, this is a lower bound.
"""


def _rate(seen: list[Look], options: Options, is_dark: bool) -> Figure:
    hits = sum(
        one.brightest < options.dark_below
        if is_dark
        else one.brightest >= options.dark_below and one.structure < options.flat_below
        for one in seen
    )
    return metrics.wilson(hits, len(seen))


def _blue(chips: list[Pixels], options: Options) -> Figure:
    return metrics.wilson(sum(footage.meet(Footage(), chip, options).blue for chip in chips), len(chips))


def _pairs(faces: list[Face], loaded: Loaded) -> str:
    kept = [face for face in faces if face.grey is not None]
    people = np.array([face.person for face in kept])
    colour = np.stack([face.vector for face in kept])
    grey = np.stack([face.grey for face in kept if face.grey is not None])
    lost = metrics.wilson(len(faces) - len(kept), len(faces))
    compared = {
        "colour with colour": (colour, colour),
        "colour with grey": (colour, grey),
        "grey with grey": (grey, grey),
    }
    upper = np.triu_indices(len(people), 1)
    same = people[upper[0]] == people[upper[1]]
    mated = [(str(people[a]), str(people[a])) for a in upper[0][same]]
    rows = []
    for name, (first, second) in compared.items():
        scores = (first @ second.T)[upper]
        fnmr = metrics.rate_by_person(scores[same] < loaded.floor, mated)
        fmr = metrics.wilson(int((scores[~same] >= loaded.floor).sum()), int((~same).sum()))
        rows.append(f"| {name} | {fnmr} | {fmr} | {'-' if second is colour else lost} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
