"""Frames of known people as a camera sees them, with what every measure says of each and how like the person it is.

    python -m tools.quality_bank --people FIW/data/train --reserved kin-families-reserved.txt --data DATA --out bank.npz

A folder for each family, in it one for each person (Families in the Wild). A person's first picture stands for the
person; each of the others is shot several times by `tools.camera`, its face found again by our detector, and compared.
`tools.train.combination` learns from it. Left out are reserved families and whoever looks like somebody of LFW-dev.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zlib import crc32

import click
import numpy as np
import numpy.typing as npt

from edgeface import image, pipeline
from edgeface.detect import Detection
from edgeface.frame import Pixels
from edgeface.pipeline import Models
from edgeface.quality import measures
from edgeface.quality.score import features
from edgeface.service.bootstrap import load_models
from tools import camera, degrade
from tools.datasets import Archive
from tools.evaluate.acquire import central_face, progress, template, vector_at
from tools.samples.parts import names

ALIKE = 0.45
"""Cosine to a picture of LFW-dev, by the embedder in use, from which on a person is left out."""
PICTURES = 5
"""Probes of one person at most: a few families hold most pictures."""
LOOSE, LOOSEST = 0.12, 0.08
"""How often landmarks are loosened, as by a detector that errs, and by how much at most: parts of the face's width."""
Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """One face as the reader sees it."""

    vector: Vector
    """Direction of length 1."""
    features: npt.NDArray[np.float64]
    """As `edgeface.quality.score.features`."""
    measured: dict[str, float]
    """By name of the measure, with the pose and the detector's score."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, required=True, help="folder of families of people")
    parser.add_argument("--reserved", type=Path, required=True, help="families that stay out, one a line")
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home")
    parser.add_argument("--shots", type=int, default=3, help="of every picture")
    parser.add_argument("--out", type=Path, required=True, help="archive to write")
    arguments = parser.parse_args()
    models = load_models(arguments.home).models
    people = list(families(arguments.people, names(arguments.reserved)))
    near = _strangers(arguments.data, models)
    rows: list[tuple[str, float, Seen]] = []
    left_out = 0
    for person, files in progress(people, "people"):
        found = compare(person, files, near, models, arguments.shots)
        left_out += found is None
        rows += found or []
    click.echo(f"{len(people)} people, {left_out} left out as like LFW-dev or without a face; {len(rows)} comparisons")
    _write(arguments.out, rows)


def families(folder: Path, reserved: set[str]) -> Iterator[tuple[str, list[Path]]]:
    """Everybody with two pictures or more."""
    for family in sorted(one for one in folder.iterdir() if one.name not in reserved):
        for person in sorted(family.iterdir()):
            pictures = sorted(person.glob("*.jpg"))
            if len(pictures) > 1:
                yield f"{family.name}/{person.name}", pictures[: PICTURES + 1]


def _strangers(data: Path, models: Models) -> Vector:
    archive, found = Archive(data / "lfw-dev.tar"), []
    for name in progress(archive.names("images/"), "LFW-dev"):
        pixels = archive.picture(name)
        if (face := central_face(pixels, models)) is not None:
            found.append(vector_at(pixels, face.landmarks, models))
    return np.stack(found)


def compare(
    person: str, files: Sequence[Path], near: Vector, models: Models, count: int
) -> list[tuple[str, float, Seen]] | None:
    """(person, cosine, what was seen) of every shot; None if the person is left out."""
    first, *others = [image.read(file) for file in files]
    face = central_face(first, models)
    if face is None or float((near @ (reference := vector_at(first, face.landmarks, models))).max()) > ALIKE:
        return None
    rows = []
    for file, pixels in zip(files[1:], others, strict=True):
        if (face := central_face(pixels, models)) is not None:
            for seen in _shots(pixels, face, f"{person}/{file.name}", models, count):
                rows.append((person, float(template(reference) @ seen.vector), seen))
    return rows


def _shots(pixels: Pixels, face: Detection, name: str, models: Models, count: int) -> Iterator[Seen]:
    """A picture shot `count` times, the same each time; where the face is not found again there is none."""
    clean = camera.Shot(pixels=pixels, landmarks=face.landmarks, width_px=face.box.w)
    for number in range(count):
        random = np.random.default_rng(crc32(f"{number} {name}".encode()))
        shot = camera.shoot(clean, random)
        if (again := central_face(shot.pixels, models)) is None:
            continue
        if random.random() < LOOSE:
            off = random.uniform(0.01, LOOSEST) * again.box.w
            again = replace(again, landmarks=degrade.loosen(again.landmarks, off, random))
        yield see(shot.pixels, again, models)


def see(pixels: Pixels, face: Detection, models: Models) -> Seen:
    """Everything that is known of a face, by the reader's own code."""
    view = pipeline.examine(pixels, face, models, pipeline.Options())
    found, unified = measures.measure(pixels, face, view.pose), view.quality.unified_score or 0.0
    return Seen(
        vector=template(vector_at(pixels, face.landmarks, models)),
        features=features(unified, face.score, found),
        measured={**asdict(found), **asdict(view.pose), "unified": unified, "detector": face.score},
    )


def _write(archive: Path, rows: Sequence[tuple[str, float, Seen]]) -> None:
    names = list(rows[0][2].measured)
    np.savez(
        archive,
        person=np.array([person for person, _, _ in rows]),
        cosine=np.array([cosine for _, cosine, _ in rows], np.float32),
        features=np.stack([seen.features for _, _, seen in rows]),
        **{name: np.array([seen.measured[name] for _, _, seen in rows], np.float32) for name in names},
    )


if __name__ == "__main__":
    main()
