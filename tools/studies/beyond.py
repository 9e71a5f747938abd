"""What a visit could come to if its shots were put together by other means: models/visits.md, its last part.

    python -m tools.studies.beyond --data DATA [--people FIW/data/train --reserved kin-families-reserved.txt]

The visits, galleries and FPIR of the page's first table. Two rows use what no reader knows, the photograph that a visit
was made of, and so say what is to be had at all. `--people`: Families in the Wild, for crowds and maps that are learnt
from people who are not of LFW-dev; whoever looks like somebody of LFW-dev is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeface import image
from edgeface.decide import Options
from edgeface.detect import Detection
from edgeface.embed import unit
from edgeface.frame import Pixels
from edgeface.match import compared
from edgeface.model import Tensor
from edgeface.pipeline import Models
from edgeface.service.bootstrap import load_models
from tools import degrade
from tools.comparisons import gallery_of
from tools.datasets import Archive
from tools.evaluate.acquire import Bench, central_face, progress, vector_at
from tools.evaluate.visits import DRAWS, World, fused, galleries, missed_at, populate, searches
from tools.metrics import Figure, Floats
from tools.page import write_section
from tools.quality_bank import ALIKE, PICTURES, families
from tools.samples.parts import names
from tools.studies.visits import turned, whitener
from tools.visit_bank import Visit, by_person

PAGE = Path("models/visits.md")
SIZE = 100
STEEP = 12
"""Power of the likeness to the photograph by which a shot counts, where it is known."""
COPIES = 8
"""Copies of the picture enrolled, its landmarks loosened."""
HEAD = """\
As the first table, but put together by other means (`python -m tools.studies.beyond`). What all frames of a visit have
in common, no weighing of them takes away: weights by the likeness to the photograph itself, which no reader knows,
would gain a hundredth. What is left to gain is the embedder's to give."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of lfw-dev.tar")
    parser.add_argument("--people", type=Path, help="folder of families of people")
    parser.add_argument("--reserved", type=Path, help="families that stay out, one a line")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    bench = Bench(data=arguments.data, loaded=load_models(arguments.home))
    world, models = populate(bench), bench.loaded.models
    rows = [("as it is", compare(scores(world), world))]
    rows += _oracles(world, Archive(bench.data / "lfw-dev.tar"), models)
    rows += [(f"shots that agree with the others count more, to the power of {p}", _agreeing(world, p)) for p in (2, 8)]
    rows += _copies(world, Archive(bench.data / "lfw-dev.tar"), models)
    rows += [(f"less half of the mean of the {n} others enrolled most like it", _rivals(world, n)) for n in (1, 5, 20)]
    if arguments.people is not None:
        rows += _others(world, others(arguments.people, names(arguments.reserved), world, models))
    table = [f"| {what} | {found.value:.3f} [{found.low:.3f}, {found.high:.3f}] |" for what, found in rows]
    write_section(arguments.page, "What other means would give", [HEAD, "", "| means | FNIR |", "|---|---|", *table])
    print("\n".join(table))


def scores(world: World, visits: Iterable[Visit] | None = None, references: Tensor | None = None) -> Floats:
    """(visits, people): as the reader fuses them; other visits or references than the world's may be given."""
    known, options = gallery_of(world.references if references is None else references, world.scoring), Options()
    shown = world.visits if visits is None else visits
    return np.stack([fused(one, known, options.min_shots, options.unknown_shots) for one in shown])


def compare(found: Floats, world: World) -> Figure:
    """FNIR at an FPIR of RATE with SIZE enrolled."""
    return missed_at([searches(found, world, one) for one in galleries(world, SIZE, DRAWS, np.random.default_rng(0))])


def _weighted(visit: Visit, weights: Floats) -> Visit:
    """With shots that count so much, 0..1, in the place of their quality."""
    return replace(visit, quality=(100 * np.clip(weights, 1e-6, 1) ** (1 / 8)).astype(np.float32))


def _oracles(world: World, archive: Archive, models: Models) -> list[tuple[str, Figure]]:
    """The photograph alone, and shots weighted by how like it they are."""
    pictures, clean = by_person(archive), list[Tensor]()
    for one in progress(world.visits, "photographs"):
        pixels = archive.picture(pictures[one.person][-1])
        face = central_face(pixels, models)
        nothing = np.zeros(world.references.shape[1], np.float32)
        clean.append(nothing if face is None else vector_at(pixels, face.landmarks, models))
    known = [
        _weighted(one, np.clip(one.vectors @ photograph, 0, 1).astype(np.float64) ** STEEP) if len(one.vectors) else one
        for one, photograph in zip(world.visits, clean, strict=True)
    ]
    alone = np.asarray(compared(np.stack(clean), world.enrolled()), np.float64)
    return [
        ("the photograph that the visit was made of, alone", compare(alone, world)),
        ("shots weighted by their likeness to that photograph", compare(scores(world, known), world)),
    ]


def _agreeing(world: World, power: int) -> Figure:
    """Shots weighted by quality as they are, and by the likeness to the sum of all."""

    def again(one: Visit) -> Visit:
        if not one.accepted.any():
            return one
        weights = (one.quality.astype(np.float64) / 100) ** 8
        whole = unit((one.vectors[one.accepted] * weights[one.accepted, None]).sum(axis=0))
        return _weighted(one, weights * np.clip(one.vectors @ whole, 0.05, 1) ** power)

    return compare(scores(world, [again(one) for one in world.visits]), world)


def _copies(world: World, archive: Archive, models: Models) -> list[tuple[str, Figure]]:
    """Templates made of the picture enrolled and of copies of it, spoilt or with landmarks loosened."""
    pictures = by_person(archive)
    spoilt, loose = list[Tensor](), list[Tensor]()
    for number, name in enumerate(progress(world.names, "templates")):
        pixels, random = archive.picture(pictures[name][0]), np.random.default_rng(number)
        face = central_face(pixels, models)
        if face is None:
            raise SystemExit(f"{name} has no face")
        spoilt.append(_sum(world.references[number], _spoilt(pixels, face, random), models))
        shaken = [(pixels, degrade.loosen(face.landmarks, 0.03 * face.box.w, random)) for _ in range(COPIES)]
        loose.append(_sum(world.references[number], shaken, models))
    return [
        (what, compare(scores(world, references=np.stack(made)), world))
        for what, made in (
            ("the template is the mean of the picture and of spoilt copies", spoilt),
            ("the template is the mean of the picture and of copies with loosened landmarks", loose),
        )
    ]


def _spoilt(pixels: Pixels, face: Detection, random: np.random.Generator) -> list[tuple[Pixels, Tensor]]:
    small = 0.4
    return [
        (degrade.defocus(pixels, 1.5), face.landmarks),
        (degrade.smear(pixels, 6), face.landmarks),
        (degrade.expose(pixels, 0.4), face.landmarks),
        (degrade.add_noise(pixels, 12, random), face.landmarks),
        (degrade.compress(pixels, 30), face.landmarks),
        (degrade.shrink(pixels, small), np.asarray(face.landmarks * small, np.float32)),
    ]


def _sum(own: Tensor, copies: list[tuple[Pixels, Tensor]], models: Models) -> Tensor:
    return unit(np.sum([2 * own, *(vector_at(pixels, marks, models) for pixels, marks in copies)], axis=0))


def _rivals(world: World, most: int) -> Figure:
    """Each score less half of the mean of the highest others in the gallery."""
    found, outcomes = scores(world), []
    for gallery in galleries(world, SIZE, DRAWS, np.random.default_rng(0)):
        told = found[:, gallery]
        top = np.sort(told, axis=1)[:, -(most + 1) :]
        rivals = np.where(told >= top[:, :1], top.sum(axis=1, keepdims=True) - told, top[:, 1:].sum(axis=1)[:, None])
        lessened = found.copy()
        lessened[:, gallery] = np.where(told <= -1, -2.0, told - rivals / most / 2)
        outcomes.append(searches(lessened, world, gallery))
    return missed_at(outcomes)


def others(folder: Path, reserved: set[str], world: World, models: Models) -> list[Tensor]:
    """Embeddings of other people's pictures, (pictures, d) each; nobody who looks like somebody of LFW-dev."""
    found = []
    for _, files in progress(list(families(folder, reserved)), "other people"):
        rows = []
        for file in files[: PICTURES + 1]:
            pixels = image.read(file)
            if (face := central_face(pixels, models)) is not None:
                rows.append(vector_at(pixels, face.landmarks, models))
        if rows and float((np.stack(rows) @ world.references.T).max()) <= ALIKE:
            found.append(np.stack(rows))
    return found


def _others(world: World, people: list[Tensor]) -> list[tuple[str, Figure]]:
    """Crowds of other people, and a map in which what one person's pictures differ by counts less."""
    crowd, plain = np.stack([one[0] for one in people]), scores(world)
    rows = []
    for top in (20, len(crowd)):
        likeness = np.sort(scores(world, references=crowd), axis=1)[:, -top:].mean(axis=1, keepdims=True)
        lessened = np.where(plain <= -1, -2.0, plain - likeness)
        rows.append((f"less the mean of the {top} most alike of {len(crowd)} other people", compare(lessened, world)))
        near = np.sort(world.references @ crowd.T, axis=1)[:, -top:].mean(axis=1)
        what = f"less half of what the {top} of them most like the template come to"
        rows.append((what, compare(np.where(plain <= -1, -2.0, plain - near / 2), world)))
    apart = np.concatenate([(one - one.mean(axis=0)) / np.sqrt(len(one) - 1) for one in people if len(one) > 1])
    white = turned(world, whitener(apart, 1))
    found = compare(scores(white), white)
    return [*rows, ("within-class whitening learnt on them", found)]


if __name__ == "__main__":
    main()
