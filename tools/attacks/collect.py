r"""Pick the photographs that all simulated pictures are made of: one face each, large enough, nobody on both sides.

A folder after `--train` or `--measure` is searched for pictures. Of each `--measure` folder n are held out. From the
rest everybody goes who looks like somebody held out, in LFW-dev or in the London Set: cosine by the reader's own
embedder above `ALIKE`.

    python -m tools.attacks.collect --train masks:MASKS family:FIW:8 ages:UTKFACE:16 --reserved reserved.txt \
        --measure celeba:CELEBA:150 --data DATA --out work/liveness
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

import cv2
import numpy as np

from edgeface import detect
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.pipeline import Models
from edgeface.service.bootstrap import load_models
from tools.attacks.photos import Photo, photo, save
from tools.datasets import Archive
from tools.evaluate.acquire import progress, vector_at
from tools.samples.parts import names

ALIKE = 0.45
"""Cosine above which two photographs may show one person; the threshold of the embedder's card is 0.48."""
LEAST_FACE_PX = 90
"""Longer side of a face's box: below, nothing is left of what tells paper from skin."""
LARGEST_READ_PX = 1400
SUFFIXES = {".jpg", ".jpeg", ".png"}


def main() -> None:
    arguments = _parse()
    collect(
        arguments.train,
        arguments.out,
        load_models(arguments.home).models,
        measure=arguments.measure,
        reserved=names(arguments.reserved),
        data=arguments.data,
    )


def collect(
    train: Sequence[str],
    out: Path,
    models: Models,
    *,
    measure: Sequence[str] = (),
    reserved: Set[str] = frozenset(),
    data: Path | None = None,
) -> None:
    """Write photos-train.npz, and photos-held-out.npz if any are `measure`d; nobody of `data` is among the first."""
    measured = [] if data is None else [_vector(one, models) for one in lfw_and_london(data, models)]
    held_out: list[Photo] = []
    candidates: list[Photo] = []
    for source in measure:
        name, folder, number = source.split(":")
        photos = list(_folder(name, Path(folder), models))
        order = np.random.default_rng(0).permutation(len(photos))
        held_out += [photos[index] for index in order[: int(number)]]
        candidates += [photos[index] for index in order[int(number) :]]
    for source in train:
        name, folder, every = [*source.split(":"), "1"][:3]
        candidates += _folder(name, Path(folder), models, int(every), reserved)
    near = [_vector(one, models) for one in held_out] + measured
    looking = progress(candidates, "looking for people on both sides")
    kept = [one for one in looking if not near or _strange(one, np.stack(near), models)]
    if not kept:
        raise ValueError(f"no photograph shows one face of {LEAST_FACE_PX} px or more, and nobody else")
    out.mkdir(parents=True, exist_ok=True)
    save(kept, out / "photos-train.npz")
    if held_out:
        save(held_out, out / "photos-held-out.npz")
    print(f"{len(kept)} to train on, {len(candidates) - len(kept)} dropped as alike, {len(held_out)} held out")


def lfw_and_london(data: Path, models: Models) -> Iterator[Photo]:
    """One photograph a person of LFW-dev and two of the London Set: people that no model of ours has seen."""
    lfw = Archive(data / "lfw-dev.tar")
    people = {Path(name).parent.name: name for name in reversed(lfw.names("images/"))}
    yield from _archive("LFW", lfw, sorted(people.values()), models)
    london = Archive(data / "london-cc-by.tar")
    yield from _archive("London", london, [n for n in london.names() if n.endswith(".jpg")], models)


def _archive(source: str, archive: Archive, names: Sequence[str], models: Models) -> Iterator[Photo]:
    for name in names:
        found = _only_face(_limit(archive.picture(name)), models, source)
        if found is not None:
            yield found


def _folder(
    source: str, folder: Path, models: Models, every: int = 1, reserved: Set[str] = frozenset()
) -> Iterator[Photo]:
    """Photographs of a folder, one in `every`, without those below a folder whose name is reserved."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    for path in progress([path for path in paths if not reserved & set(path.parts)][::every], source):
        bgr = cv2.imread(str(path))
        if bgr is None or max(bgr.shape[:2]) < 2 * LEAST_FACE_PX:
            continue
        found = _only_face(_limit(np.ascontiguousarray(bgr[..., ::-1])), models, source)
        if found is not None:
            yield found


def _only_face(pixels: Pixels, models: Models, source: str) -> Photo | None:
    """The one large face of a picture; None if there is none, or a second one."""
    faces = detect.detect(pixels, models.detector, detect.Options())
    large = [face for face in faces if max(face.box.w, face.box.h) > 0.3 * max(faces[0].box.w, faces[0].box.h)]
    if len(large) != 1:
        return None
    one = photo(pixels, large[0], source)
    return one if one.face_px >= LEAST_FACE_PX else None


def _limit(pixels: Pixels) -> Pixels:
    scale = min(1.0, LARGEST_READ_PX / max(pixels.shape[:2]))
    if scale == 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _vector(one: Photo, models: Models) -> Tensor:
    return vector_at(one.pixels, one.landmarks, models)


def _strange(one: Photo, near: Tensor, models: Models) -> bool:
    return bool((near @ _vector(one, models)).max() < ALIKE)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="*", default=[], help="name:folder[:n] of pictures to train on, one in n")
    parser.add_argument("--reserved", type=Path, help="names of folders to skip, one a line")
    parser.add_argument("--measure", nargs="*", default=[], help="name:folder:n, of which n pictures are held out")
    parser.add_argument("--data", type=Path, help="folder of lfw-dev.tar and london-cc-by.tar, whose people stay out")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--out", type=Path, default=Path("work/liveness"), help="folder to write into")
    return parser.parse_args()


if __name__ == "__main__":
    main()
