"""Label pictures for the embedder: faces found and aligned, each with its teachers' target, packed into one file.

    python -m tools.samples.label_faces --weights WEIGHTS --apart lfw-dev.tar london-cc-by.tar --out faces.npz \
        celebrities:CELEBA family:FIW ages:UTKFACE:2

Every source is a folder of pictures, given as `folder` or `name:folder[:n]` (n: keep every n-th). YuNet finds the
faces; each embedder named by `--teachers` looks at them aligned as it likes best. A face's target is the direction of
all that they say, reduced to 128 dimensions by the training faces' own principal components.

Copies of a picture count once. `--apart` names archives, or folders, that are for measuring: whoever looks like
somebody there to the teachers is left out, and how many that were is told. One picture in thirty is held out, by its
path, and one at least. What was done is kept beside the output file, part by part: called again, the command goes on
where it was.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeface import embed, image
from tools.datasets import Archive
from tools.peers import PeerEmbedder, build_embedder
from tools.peers.detectors import YUNET_FILES
from tools.peers.embedders import omz_chip
from tools.samples.find import CERTAIN, Finder, fingerprint, merge
from tools.samples.parts import Arrays, in_parts, joined, names, paths_below, split

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

TEACHERS = ("mobilefacenet-large", "omz")
"""Both are openly licensed; together they are better than either."""
DIMENSIONS = 128
ALIKE = 0.45
"""Cosine to the teachers from where on two faces may show one person: of LFW's pictures between one and five in a
hundred are as like somebody else."""
LEAST_FACE_PX = 40
WINDOW = slice(24, 128), slice(12, 116)
"""Of the 128x128 chip of Open Model Zoo: the tight crop that the embedder's template describes."""
HELD_OUT = 30
LARGEST_READ_PX = 1600


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A folder of pictures."""

    name: str
    folder: Path
    every: int = 1


def source(text: str) -> Source:
    """`folder` or `name:folder[:n]`."""
    name, folder, every = [*text.split(":"), "1"][:3] if ":" in text else (Path(text).name, text, "1")
    return Source(name=name, folder=Path(folder), every=int(every))


class Labeller:
    """Finds faces and asks the teachers."""

    def __init__(self, weights: Path, teachers: Sequence[str]) -> None:
        self._finder = Finder(weights / YUNET_FILES[320])
        self._teachers: list[PeerEmbedder] = [build_embedder(name, weights, 1) for name in teachers]

    def faces(self, pixels: Pixels) -> Iterator[tuple[Pixels, Floats]]:
        """Of an RGB picture: each sure, large face as a tight crop (104, 104, 3), BGR, and what the teachers say."""
        bgr = np.ascontiguousarray(pixels[..., ::-1])
        # Near the picture's own size and, for tight crops, smaller with grey around it.
        found = merge(np.concatenate([self._finder(bgr, 640, 0), self._finder(bgr, 160, 256)]))
        for face in found:
            if face[14] >= CERTAIN and max(face[2:4]) >= LEAST_FACE_PX:
                landmarks = face[4:14].reshape(5, 2)
                said = [teacher.embed(teacher.cut(pixels, landmarks)) for teacher in self._teachers]
                crop = omz_chip(pixels, landmarks)[WINDOW]
                yield np.ascontiguousarray(crop[..., ::-1]), np.concatenate(said)


def label(
    sources: Sequence[Source], labeller: Labeller, apart: Floats, out: Path, reserved: Set[str] = frozenset()
) -> Arrays:
    """Everything but the targets: crops, what the teachers say, the set's name, held out or not, who was left out.

    Nothing is taken from below a folder whose name is reserved.
    """
    seen: set[int] = set()
    kept: dict[str, list[npt.NDArray[np.generic]]] = {"said": [], "set": [], "val": []}
    blobs: list[npt.NDArray[np.uint8]] = []
    alike = 0
    for one in sources:

        def make(paths: Sequence[Path], one: Source = one) -> Arrays:
            return _part(paths, one, labeller, seen)

        paths = paths_below(one.folder, one.every, reserved)
        for part in in_parts(paths, out.with_suffix(".parts"), f"faces {one.name}", make):
            seen.update(int(mark) for mark in part["marks"])
            strange = np.ones(len(part["val"]), bool)
            if len(apart) and len(strange):
                strange = (embed_unit(part["said"]) @ apart.T).max(axis=1) <= ALIKE
            alike += int((~strange).sum())
            blobs += [blob for blob, keep in zip(split(part), strange, strict=True) if keep]
            kept["said"].append(part["said"][strange])
            kept["val"].append(part["val"][strange])
            kept["set"].append(np.full(int(strange.sum()), one.name))
    if not blobs:
        raise ValueError("no face was found in these pictures")
    columns = {name: np.concatenate(values) for name, values in kept.items()}
    if not columns["val"].any():
        columns["val"][0] = True  # of few pictures the paths may choose none, and a training wants one to be judged by
    return {**joined(blobs), **columns, "alike": np.array(alike)}


def _part(paths: Sequence[Path], one: Source, labeller: Labeller, seen: set[int]) -> Arrays:
    """The faces of some pictures; copies, and what cannot be read, are passed over."""
    blobs: list[npt.NDArray[np.uint8]] = []
    said: list[Floats] = []
    held, marks = [], []
    for path in paths:
        pixels = _read(path)
        if pixels is None or (mark := fingerprint(pixels)) in seen or mark in marks:
            continue
        marks.append(mark)
        for crop, words in labeller.faces(pixels):
            blobs.append(cv2.imencode(".webp", crop, [cv2.IMWRITE_WEBP_QUALITY, 95])[1].ravel())
            said.append(words)
            held.append(zlib.crc32(str(path.relative_to(one.folder)).encode()) % HELD_OUT == 0)
    return {
        **joined(blobs),
        "said": np.array(said, np.float32),
        "val": np.array(held, bool),
        "marks": np.array(marks, np.uint64),
    }


def _read(path: Path) -> Pixels | None:
    bgr = cv2.imread(str(path))
    if bgr is None or min(bgr.shape[:2]) < LEAST_FACE_PX:
        return None
    scale = min(1.0, LARGEST_READ_PX / max(bgr.shape[:2]))
    if scale < 1:
        bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.asarray(bgr, np.uint8)[..., ::-1])


def embed_unit(said: Floats) -> Floats:
    """Directions (n, d) of length 1."""
    return np.asarray(said / np.linalg.norm(said, axis=1, keepdims=True), np.float32)


def to_keep_apart(places: Sequence[Path], labeller: Labeller, out: Path) -> Floats:
    """What the teachers say of everybody in these archives and folders: directions (n, d)."""
    found: list[Floats] = []
    for place in places:
        archive = None if place.is_dir() else Archive(place)
        paths = paths_below(place) if archive is None else [Path(name) for name in archive.pictures()]

        def make(paths: Sequence[Path], archive: Archive | None = archive) -> Arrays:
            pictures = (image.read(path) if archive is None else archive.picture(str(path)) for path in paths)
            said = [words for pixels in pictures for _, words in labeller.faces(pixels)]
            return {"said": np.array(said, np.float32)}

        parts = in_parts(paths, out.with_suffix(".parts"), f"apart from {place.name}", make)
        found += [part["said"] for part in parts if len(part["said"])]
    return embed_unit(np.concatenate(found)) if found else np.zeros((0, 0), np.float32)


def reduce(said: Floats, held_out: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Targets (n, DIMENSIONS) of length 1, and the mean and the basis (d, DIMENSIONS) that made them.

    The components are those of the faces to train on; with fewer faces than dimensions the rest of a target is 0.
    """
    training = said[~held_out]
    mean = training.mean(axis=0)
    _, _, rows = np.linalg.svd(training - mean, full_matrices=False)
    basis = np.zeros((said.shape[1], DIMENSIONS), np.float32)
    basis[:, : min(DIMENSIONS, len(rows))] = rows[:DIMENSIONS].T
    return embed_unit((said - mean) @ basis), np.asarray(mean, np.float32), basis


def save(found: Arrays, out: Path) -> None:
    """The archive that `tools.samples.faces` reads."""
    targets, mean, basis = reduce(found["said"], found["val"])
    part = out.with_suffix(".part.npz")
    np.savez(
        part,
        webp=found["stream"],
        offsets=found["offsets"],
        set=found["set"],
        val=found["val"],
        targets_int8=np.stack([embed.to_template(one) for one in targets]),
        pca_mean=mean,
        pca_basis=basis,
    )
    part.replace(out)


def make(
    sources: Sequence[str],
    weights: Path,
    apart: Sequence[Path],
    out: Path,
    *,
    teachers: Sequence[str],
    reserved: Path | None = None,
) -> None:
    """Write the archive `out`, from where a former call got. Raises ValueError, PeerMissing."""
    cv2.setNumThreads(1)
    out.parent.mkdir(parents=True, exist_ok=True)
    labeller = Labeller(weights, teachers)
    found = label([source(one) for one in sources], labeller, to_keep_apart(apart, labeller, out), out, names(reserved))
    save(found, out)
    print(f"{len(found['val'])} faces, {int(found['val'].sum())} of them held out; {found['alike']} left out as alike")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder of the teachers' files and YuNet's")
    parser.add_argument("--teachers", nargs="+", default=list(TEACHERS), help="of tools.peers.embedders.EMBEDDERS")
    parser.add_argument("--apart", type=Path, nargs="*", default=[], help="archives and folders that are for measuring")
    parser.add_argument("--reserved", type=Path, help="names of folders to skip, one a line")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    parser.add_argument("sources", nargs="+", help="folder, or name:folder[:n]")
    arguments = parser.parse_args()
    make(
        arguments.sources,
        arguments.weights,
        arguments.apart,
        arguments.out,
        teachers=arguments.teachers,
        reserved=arguments.reserved,
    )


if __name__ == "__main__":
    main()
