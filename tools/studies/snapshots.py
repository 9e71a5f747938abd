"""How few bytes a picture of a face needs to stay the same face to the embedder.

    python -m tools.studies.snapshots --data DATA --out models/snapshots.md

Of LFW-dev pictures the face is cut out as the reader does it and coded in so many bytes, by the highest quality that
fits. The reader's own detector and embedder then look at what is decoded, and the cosine to the embedding of the
untouched picture says how much of the person is left. WebP is there for
comparison: the reader decodes none.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeface import image, snapshot
from edgeface.detect import Detection
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.service.bootstrap import Loaded, load_models
from tools.datasets import Archive
from tools.evaluate.acquire import central_face, person_of, progress, similarity, vector_at
from tools.metrics import Figure, rate_by_person

BUDGETS = (1500, 2000, 3000, 4000, 6000)
EVERY = 12
"""One picture in so many is looked at in every way."""
Coder = Callable[[Pixels, Detection, int], Pixels | None]
"""(picture, its face, bytes) -> what is decoded from so many bytes; None if it cannot be done."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--out", type=Path, required=True, help="Markdown to write")
    arguments = parser.parse_args()
    loaded, archive = load_models(arguments.home), Archive(arguments.data / "lfw-dev.tar")
    cosines = _cosines(archive, loaded)
    again = _recognised(archive, loaded)
    arguments.out.write_text(_page(cosines, again, loaded), encoding="utf-8")
    print(f"wrote {arguments.out}")


def _coders() -> dict[str, Coder]:
    return {
        "ours": lambda pixels, face, budget: _jpeg(snapshot.cut(pixels, face), budget),
        "all in focus": lambda pixels, face, budget: _jpeg(_sharp(pixels, face), budget),
        "80 px": lambda pixels, face, budget: _jpeg(image.resize(snapshot.cut(pixels, face), 80, 80), budget),
        "WebP": lambda pixels, face, budget: _webp(snapshot.cut(pixels, face), budget),
        "WebP, all in focus": lambda pixels, face, budget: _webp(_sharp(pixels, face), budget),
    }


def _sharp(pixels: Pixels, face: Detection) -> Pixels:
    """As `snapshot.cut`, with its surroundings as they are."""
    box, side = face.box, snapshot.SIDE_PX
    scale = side / (snapshot.AROUND * max(box.w, box.h))
    shift = scale / 2 - 0.5
    left, top = side / 2 - scale * (box.x + box.w / 2), side / 2 - scale * (box.y + box.h / 2)
    return image.warp(pixels, np.array([[scale, 0, left + shift], [0, scale, top + shift]]), side, side)


def _jpeg(face: Pixels, budget: int) -> Pixels | None:
    made = snapshot.fitted(face, budget)
    return None if made is None else image.decode(made)


def _webp(face: Pixels, budget: int) -> Pixels | None:
    low, high, best = 1, 99, None
    while low <= high:
        quality = (low + high) // 2
        _, made = cv2.imencode(".webp", face[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
        low, high, best = (quality + 1, high, made) if len(made) <= budget else (low, quality - 1, best)
    return None if best is None else np.ascontiguousarray(cv2.imdecode(best, cv2.IMREAD_COLOR)[..., ::-1])


def _cosines(archive: Archive, loaded: Loaded) -> dict[tuple[str, int], npt.NDArray[np.float64]]:
    """By coder and budget: the cosine of each picture's snapshot to the picture; -1 where no face is left."""
    found: dict[tuple[str, int], list[float]] = {}
    for name in progress(archive.names("images/")[::EVERY], "Snapshots of LFW-dev"):
        pixels = archive.picture(name)
        face = central_face(pixels, loaded.models)
        if face is None:
            continue
        whole = vector_at(pixels, face.landmarks, loaded.models)
        for label, coder in _coders().items():
            for budget in BUDGETS:
                seen = coder(pixels, face, budget)
                cosine = similarity(whole, None if seen is None else _vector(seen, loaded))
                found.setdefault((label, budget), []).append(cosine)
    return {key: np.array(values) for key, values in found.items()}


def _vector(pixels: Pixels, loaded: Loaded) -> Tensor | None:
    face = central_face(pixels, loaded.models)
    return None if face is None else vector_at(pixels, face.landmarks, loaded.models)


def _recognised(archive: Archive, loaded: Loaded) -> tuple[Figure, Figure]:
    """Mated pairs that reach the card's threshold: two pictures, and one of them as a snapshot at our setting."""
    scores: list[tuple[str, float, float]] = []
    for first, second in progress(list(_pairs(archive)), "Mated pairs, one as a snapshot"):
        pixels, other = archive.picture(first), _vector(archive.picture(second), loaded)
        face = central_face(pixels, loaded.models)
        if face is None or other is None:
            continue
        seen = _jpeg(snapshot.cut(pixels, face), snapshot.Options().max_bytes)
        plain = similarity(vector_at(pixels, face.landmarks, loaded.models), other)
        coded = similarity(None if seen is None else _vector(seen, loaded), other)
        scores.append((person_of(first), plain, coded))
    people = [(name, name) for name, _, _ in scores]
    plain, coded = (np.array([row[column] for row in scores]) >= loaded.floor for column in (1, 2))
    return rate_by_person(plain, people), rate_by_person(coded, people)


def _pairs(archive: Archive) -> Iterator[tuple[str, str]]:
    """The first two pictures of one person in so many."""
    people: dict[str, list[str]] = {}
    for name in archive.names("images/"):
        people.setdefault(person_of(name), []).append(name)
    several = [own for own in people.values() if len(own) > 1]
    yield from ((own[0], own[1]) for own in several[:: max(1, len(several) // 300)])


def _page(cosines: dict[tuple[str, int], npt.NDArray[np.float64]], again: tuple[Figure, Figure], loaded: Loaded) -> str:
    labels = list(_coders())
    rows = "\n".join(_row(budget, [cosines[label, budget] for label in labels]) for budget in BUDGETS)
    n, options = len(next(iter(cosines.values()))), snapshot.Options()
    plain, coded = (f"{100 * f.value:.1f} % [{100 * f.low:.1f}, {100 * f.high:.1f}]" for f in again)
    return f"""# How few bytes a face needs

Written by `python -m tools.studies.snapshots`. {n} pictures of LFW-dev: the face, cut out as the reader does it
({snapshot.SIDE_PX} px, {snapshot.AROUND:g} times the face's box, out of focus beyond the face), coded as JPEG by the
highest quality that fits into so many bytes, decoded, found and embedded again. Cosine to the embedding of the
untouched picture, median [5th percentile]; what is coded so coarsely that no face is found counts as -1.

| bytes | {" | ".join(labels)} |
|---|{"---|" * len(labels)}
{rows}

Surroundings that are out of focus leave their bytes to the face. The reader keeps at most {options.max_bytes:,} bytes
(`snapshots.max_bytes`), as JPEG, which its one strict decoder reads. Of {again[0].n} pairs of pictures of one person
{plain} reach the embedder's own threshold of {loaded.floor:.2f}, and {coded} with one of the two
as such a snapshot (95 %, drawing people with replacement).
"""


def _row(budget: int, columns: list[npt.NDArray[np.float64]]) -> str:
    return f"| {budget:,} | " + " | ".join(f"{np.median(c):.3f} [{np.percentile(c, 5):.3f}]" for c in columns) + " |"


if __name__ == "__main__":
    main()
