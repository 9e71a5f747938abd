"""Faces as every kind of bad camera, light and detector shows them, each with how much of the person our embedder saw.

    python -m tools.samples.quality --faces train-faces.npz --scenes scenes.npz --embedder work/embedder/checkpoint.pt \
        --out work/quality/samples.npz

A label is the cosine between the embedding of the spoilt chip and the direction of the person: the mean of the
teacher's targets of that person's other pictures where the archive has some (SDD-FIQA and CR-FIQA learn from such
distances too), else the teacher's target of the clean crop. Nobody judges a picture: labels cost nothing but time.
Squares beside every face, and what our own detector takes for a face in pictures without one, are labelled 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import cv2
import numpy as np
import numpy.typing as npt
import torch

from edgeface import align, detect
from edgeface.adapters import manifest, tflite
from edgeface.detect import Detection, Detector
from edgeface.embed import Embedder as Reader
from edgeface.embed import embed as reader_embed
from edgeface.model import ModelSpec, Task
from tools import degrade
from tools.samples.faces import resize
from tools.samples.quality_faults import CROP_PX, MASKED_SETS, Floats, Pixels, Random, spoil, spread
from tools.train.nets import Embedder, EmbedderShape
from tools.train.student import shipped_spec, to_tensor

EMBEDDER = "edgeface-embed-80"
"""Entry of the manifest whose chips are judged."""
PEOPLE_SETS = ("fiw_train", "fiw_test")
"""Hold several pictures of most people. Elsewhere two close targets are look-alikes, toddlers above all."""
ALIKE, SAME_PICTURE = 0.6, 0.93
"""Cosine of two teacher targets between which they are taken for two pictures of one person."""
BESIDE = 0.15
"""Largest part of the smaller of two squares that a face and what is no face may share."""
LEAST_LIKENESS = 0.5
"""Cosine of the embedder's answer for a face as it is to the face's target, mean over faces. The shipped embedder has
0.87 on faces of the archive that it learnt from, and 0.03 on an archive whose targets were reduced anew."""
ALARMS = 0.2, 0.5
"""Detector scores from where on a find is a false alarm worth having, and from where on it may be a face after all that
nobody labelled; pictures without people have no such upper end."""


Embed = Callable[[Pixels], Floats]
"""BGR chips (n, side, side, 3) -> directions (n, dimensions) of length 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """Chips with labels."""

    chips: Pixels
    """uint8, shape (n, side, side, 3), BGR."""
    labels: Floats
    """float32, shape (n,), 0..1: cosine to the person, negative ones as 0."""
    held_out: npt.NDArray[np.bool_]
    """Made from pictures that are kept for validation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Files that samples are made of."""

    faces: Path
    """train-faces.npz."""
    scenes: Path
    """scenes.npz, from `tools.samples.label_scenes`."""
    embedder: Path | None
    """Checkpoint of `tools.train embedder`; None for the shipped one, as the reader runs it."""


def make(sources: Sources, archive: Path, count: int, seed: int) -> None:
    """Write `count` samples, a tenth of them without a face."""
    spec, random, others = shipped_spec(EMBEDDER), np.random.default_rng(seed), count // 10
    seen = shipped() if sources.embedder is None else trained(sources.embedder, spec)
    chips, labels, held = make_faces(sources.faces, seen, spec, count - others, random)
    nothing, nothing_held = make_others(sources.scenes, spec, others, random)
    np.savez(
        archive,
        chips=np.concatenate([chips, nothing]),
        labels=np.concatenate([np.clip(labels, 0, 1), np.zeros(others, np.float32)]),
        held_out=np.concatenate([held, nothing_held]),
    )


def trained(checkpoint: Path, spec: ModelSpec) -> Embed:
    """What the network of a training's checkpoint sees."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    net = Embedder(EmbedderShape(**state["shape"]))
    net.load_state_dict(state["average"])
    net = net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(chips: Pixels) -> Floats:
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = net(to_tensor(chips, spec))
        return np.asarray(torch.nn.functional.normalize(vectors.float()).numpy(), np.float32)

    return embed


def shipped() -> Embed:
    """What the shipped embedder sees, through the reader's own code."""
    entry = manifest.read(manifest.shipped())[EMBEDDER]
    model = tflite.load(entry.spec, entry.folder)
    reader = Reader(spec=entry.spec, infer=model, identity=model.identity)

    def embed(chips: Pixels) -> Floats:
        return np.stack([reader_embed(np.ascontiguousarray(chip[..., ::-1]), reader).vector for chip in chips])

    return embed


def load(archive: Path) -> Samples:
    """What `main` wrote."""
    with np.load(archive) as data:
        return Samples(chips=data["chips"], labels=data["labels"], held_out=data["held_out"])


def directions(targets: Floats, among: npt.NDArray[np.bool_]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """What stands for each picture's person, (n, dimensions), and whether other pictures of the person went into it.

    Only pictures of `among` are compared.
    """
    found, known, people = targets.copy(), np.zeros(len(targets), bool), np.flatnonzero(among)
    for start in range(0, len(people), 1000):
        rows = people[start : start + 1000]
        likeness = targets[rows] @ targets[people].T
        near = (likeness > ALIKE) & (likeness < SAME_PICTURE)
        mean, enough = near.astype(np.float32) @ targets[people], near.sum(axis=1) >= 2
        known[rows[enough]] = True
        found[rows[enough]] = mean[enough] / np.linalg.norm(mean[enough], axis=1, keepdims=True)
    return found, known


def make_faces(
    archive: Path, embed: Embed, spec: ModelSpec, count: int, random: Random
) -> tuple[Pixels, Floats, npt.NDArray[np.bool_]]:
    """`count` spoilt faces of the archive, their labels, and which are of its held-out pictures."""
    with np.load(archive) as data:
        stream, starts, held, sets = data["webp"], list(pairwise(data["offsets"])), data["val"], data["set"]
        targets = data["targets_int8"].astype(np.float32)
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    tried = range(0, len(starts), max(1, len(starts) // 64))
    crops = [np.asarray(cv2.imdecode(stream[slice(*starts[i])], cv2.IMREAD_COLOR), np.uint8) for i in tried]
    same_space(embed(resize(np.stack(crops), spec.width_px)), targets[tried])
    people, known = directions(targets, np.isin(sets, PEOPLE_SETS))
    usable = np.flatnonzero(~np.isin(sets, MASKED_SETS))
    # People with several pictures are fewer, and their labels are the better ones.
    weights = np.where(known[usable], 3.0, 1.0)
    chosen = random.choice(usable, count, p=weights / weights.sum())
    chips = np.empty((count, spec.height_px, spec.width_px, 3), np.uint8)
    own, other = np.empty(count, np.float32), np.empty(count, np.float32)
    with click.progressbar(range(0, count, 64), label="faces") as bar:
        for start in bar:
            batch = chosen[start : start + 64]
            for place, index in enumerate(batch, start):
                first, last = starts[index]
                crop = np.asarray(cv2.imdecode(stream[first:last], cv2.IMREAD_COLOR), np.uint8)
                chips[place] = spoil(crop, spec, random)
            vectors = embed(chips[start : start + 64])
            own[start : start + 64] = (vectors * targets[batch]).sum(axis=1)
            other[start : start + 64] = (vectors * people[batch]).sum(axis=1)
    # Other pictures are less alike than the crop itself: one scale for both.
    among = known[chosen]
    ratio = float(own[among].mean() / other[among].mean()) if among.any() else 1.0
    click.echo(f"people with other pictures: {among.mean():.2f} of the samples; own/other {ratio:.3f}")
    return chips, np.where(among, other * ratio, own), held[chosen]


def same_space(vectors: Floats, targets: Floats) -> None:
    """Raises ValueError unless what the embedder says of faces as they are, (n, dimensions), is about their targets."""
    likeness = float((vectors * targets).sum(axis=1).mean())
    if likeness < LEAST_LIKENESS:
        raise ValueError(
            f"the embedder did not learn from these faces: a cosine of {likeness:.2f} to their targets, at least "
            f"{LEAST_LIKENESS} is wanted; give --faces and --embedder of one training, such as work/embedder/faces.npz "
            "and work/embedder/checkpoint.pt"
        )


def make_others(archive: Path, spec: ModelSpec, count: int, random: Random) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """`count` chips that show no face, or so little of one that nobody could be known by it, and which are held out.

    Squares of any picture, one each, and our detector's false alarms; all of a tenth of the pictures is held out.
    """
    with np.load(archive) as data:
        stream, starts, faces, sources = data["jpeg"], list(pairwise(data["offsets"])), data["faces"], data["source"]
    detector, crops, kept = _detector(), [], []
    order = random.permutation(np.flatnonzero(sources != "crop"))
    with click.progressbar(order, label="no faces") as bar:
        for index in bar:
            first, last = starts[index]
            pixels = np.asarray(cv2.imdecode(stream[first:last], cv2.IMREAD_COLOR), np.uint8)
            boxes = faces[faces[:, 0] == index, 2:6]
            found = [_elsewhere(pixels, boxes, random), *_alarms(pixels, boxes, sources[index], detector, spec)]
            crops += found
            kept += [index % 10 == 0] * len(found)
    chosen = random.choice(len(crops), count)
    chips = np.stack([spoil(_tint(crops[i], random), spec, random) for i in chosen])
    return chips, np.array(kept)[chosen]


def _detector() -> Detector:
    """The shipped one."""
    entry = next(one for one in manifest.read(manifest.shipped()).values() if one.spec.task is Task.DETECTOR)
    return Detector(spec=entry.spec, infer=tflite.load(entry.spec, entry.folder))


def _alarms(pixels: Pixels, boxes: Floats, source: str, detector: Detector, spec: ModelSpec) -> list[Pixels]:
    """Crops of what the detector wrongly finds, aligned as if it were a face; the three strongest."""
    least, unsure = ALARMS
    rgb = np.ascontiguousarray(pixels[..., ::-1])
    found = detect.detect(rgb, detector, detect.Options(min_score=least))
    wrong = [face for face in found if (source == "empty" or face.score < unsure) and _is_beside(face, boxes)]
    target = np.array(spec.template) * CROP_PX
    matrices = [align.similarity(face.landmarks.astype(np.float64) - 0.5, target) for face in wrong[:3]]
    return [np.asarray(cv2.warpAffine(pixels, one, (CROP_PX, CROP_PX)), np.uint8) for one in matrices]


def _is_beside(face: Detection, boxes: Floats) -> bool:
    corner, side = np.array([face.box.x, face.box.y], np.float32), (face.box.w + face.box.h) / 2
    return all(_shared(corner, side, box) < BESIDE for box in boxes)


def _tint(crop: Pixels, random: Random) -> Pixels:
    """Colour for every other crop: most pictures without people are grey, and grey is no sign of anything."""
    if random.random() < 0.5:
        return crop
    return np.asarray(np.clip(crop * np.exp(random.normal(0, 0.25, 3)) + random.normal(0, 12, 3), 0, 255), np.uint8)


def _elsewhere(pixels: Pixels, boxes: Floats, random: Random) -> Pixels:
    """A square of the picture that hardly overlaps a face; after many attempts, a crop of one colour with noise."""
    shortest = min(pixels.shape[:2])
    for _ in range(20):
        side = min(shortest, spread(12, max(13, shortest), random))
        corner = random.uniform(0, 1, 2) * (np.array(pixels.shape[1::-1]) - side)
        if all(_shared(corner, side, box) < BESIDE for box in boxes):
            square = pixels[int(corner[1]) : int(corner[1] + side), int(corner[0]) : int(corner[0] + side)]
            return np.asarray(cv2.resize(square, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA), np.uint8)
    flat = np.full((CROP_PX, CROP_PX, 3), random.integers(0, 256, 3), np.uint8)
    return degrade.add_noise(flat, spread(1, 60, random), random)


def _shared(corner: Floats, side: float, box: Floats) -> float:
    """Overlap of a square with a face's box: intersection over the smaller of the two."""
    low, high = np.maximum(corner, box[:2]), np.minimum(corner + side, box[:2] + box[2:4])
    shared = float(np.prod(np.maximum(0, high - low)))
    return shared / max(1.0, min(side * side, float(box[2] * box[3])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="train-faces.npz")
    parser.add_argument("--scenes", type=Path, required=True, help="scenes.npz, from tools.samples.label_scenes")
    parser.add_argument("--embedder", type=Path, help="checkpoint of tools.train embedder; default: the shipped one")
    parser.add_argument("--count", type=int, default=120_000, help="samples in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="archive to write, about 19 KB a sample")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    sources = Sources(faces=arguments.faces, scenes=arguments.scenes, embedder=arguments.embedder)
    make(sources, arguments.out, arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
