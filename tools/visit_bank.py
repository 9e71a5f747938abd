"""What the reader sees in simulated visits of LFW-dev people (`tools.visits`), kept in a folder; a later run goes on.

    python -m tools.visit_bank --data DATA --out work/visits                 all of it
    python -m tools.visit_bank --data DATA --out work/visits --part 0/2      every second one, for a second processor

One visit of everybody who has two pictures or more, made of the last one; the first one is the reference that he would
be enrolled with. Whoever is not in a gallery is a stranger to it.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import defaultdict
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgeface import detect, embed, image, pipeline, quality
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.pose import Pose
from edgeface.quality import weights
from edgeface.quality.limits import limits, refusals
from edgeface.quality.measures import Measures
from edgeface.service.bootstrap import Loaded, load_models
from tools.datasets import Archive
from tools.evaluate.acquire import central, person_of, progress
from tools.samples.turn_faces import Angles
from tools.visits import film


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visit:
    """One visit, as the reader saw it; arrays over its frames, rows of frames without a face are left out."""

    person: str
    vectors: Tensor
    """(n, d), length 1."""
    quality: Tensor
    """(n,), 0..100."""
    unified: Tensor
    """(n,), 0..100: the unified score alone; -1 without a model for it."""
    pose: Tensor
    """(n, 3): yaw, pitch and roll, degrees."""
    measures: Tensor
    """(n, `MEASURES`)."""
    accepted: np.ndarray
    """(n,), bool: the gate let it pass."""
    frame: np.ndarray
    """(n,): number of the frame within the visit; 10 a second."""
    area_px: Tensor
    """(n,): of the box."""
    blur: Tensor
    """(n,): variance of the Laplacian of the box."""
    refused: tuple[str, ...]
    """(n,): the worst reason, or an empty text."""
    frames: int
    """In all."""


KINDS: dict[str, Any] = {
    "vectors": np.float32,
    "quality": np.float32,
    "unified": np.float32,
    "pose": np.float32,
    "measures": np.float32,
    "frame": np.int64,
    "area_px": np.float32,
    "blur": np.float32,
}
"""What is kept of every face. What the gate says of it is reckoned when it is read: its limits may have changed."""
MEASURES = tuple(field.name for field in fields(Measures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw-dev.tar")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--part", default="0/1", help="I/N: every N-th visit, from the I-th on")
    arguments = parser.parse_args()
    first, of = (int(number) for number in arguments.part.split("/"))
    loaded, archive = load_models(arguments.home), Archive(arguments.data / "lfw-dev.tar")
    make(archive, loaded, folder_of(loaded, arguments.out), first, of)


def folder_of(loaded: Loaded, bank: Path) -> Path:
    """Where visits belong that these models saw: what others saw must not be taken for them."""
    seen = [entry.spec.sha256 for entry in loaded.choice.entries()]
    gate = repr(
        (seen, pipeline.Options().detect, pipeline.Options().quality, weights.BIAS, weights.WEIGHTS, list(KINDS))
    )
    return bank / hashlib.sha256(gate.encode()).hexdigest()[:12]


def make(archive: Archive, loaded: Loaded, out: Path, first: int = 0, of: int = 1) -> None:
    """Film and look at every visit that is not kept in `out` yet."""
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    pictures = by_person(archive)
    able = [name for name, own in pictures.items() if len(own) > 1]
    for number in progress(list(range(first, len(able), of)), "visits"):
        file = out / f"{number:05d}.npz"
        if not file.exists():
            seen = _look(archive.picture(pictures[able[number]][-1]), loaded, np.random.default_rng(number))
            part = file.with_suffix(".part.npz")
            np.savez_compressed(part, person=able[number], **seen)
            part.replace(file)


def by_person(archive: Archive) -> dict[str, list[str]]:
    """Everybody's pictures, in the order of the names."""
    pictures: dict[str, list[str]] = defaultdict(list)
    for name in archive.names("images/"):
        pictures[person_of(name)].append(name)
    return dict(pictures)


def read(folder: Path, options: quality.Options | None = None) -> list[Visit]:
    """Every visit that is kept, with what the gate says of each face."""
    found = []
    for file in sorted(folder.glob("[0-9]*[0-9].npz")):
        with np.load(file) as kept:
            plain: dict[str, Any] = {key: kept[key] for key in kept.files}
        plain |= {"person": str(plain["person"]), "frames": int(plain["frames"])}
        found.append(Visit(**plain, **gated(plain, options or quality.Options())))
    return found


def gated(faces: dict[str, Any], options: quality.Options) -> dict[str, Any]:
    """Which faces the gate lets pass, and the worst reason of the others."""
    reasons = []
    rows = zip(faces["measures"].tolist(), faces["pose"].tolist(), faces["unified"].tolist(), strict=True)
    for values, (yaw, pitch, roll), unified in rows:
        measures = Measures(**dict(zip(MEASURES, values, strict=True)))
        pose = Pose(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
        refused = refusals(limits(measures, pose, None if unified < 0 else unified, 0.0, options))
        reasons.append(refused[0].refusal.value if refused else "")
    return {"accepted": np.array([not reason for reason in reasons], bool), "refused": tuple(reasons)}


def _look(picture: Pixels, loaded: Loaded, random: np.random.Generator) -> dict[str, Any]:
    models, options = loaded.models, pipeline.Options()
    rows: list[tuple[Any, ...]] = []
    still = central(detect.detect(picture, models.detector, options.detect), picture)
    frames: list[Pixels] = []
    if still is not None:
        pose = pipeline.turned(picture, still, models)
        angles = Angles(yaw_deg=pose.yaw_deg, pitch_deg=pose.pitch_deg, roll_deg=pose.roll_deg)
        frames = film(picture, still.landmarks, angles, random)
    for number, frame in enumerate(frames):
        face = central(detect.detect(frame, models.detector, options.detect), frame)
        if face is None:
            continue
        view = pipeline.examine(frame, face, models, options)
        vector = embed.embed(view.chip, models.embedder).vector
        usable, pose = view.quality, view.pose
        unified = -1.0 if usable.unified_score is None else usable.unified_score
        turned = pose.yaw_deg, pose.pitch_deg, pose.roll_deg
        measures = [getattr(usable, name) for name in MEASURES]
        left, top = max(0, int(face.box.x)), max(0, int(face.box.y))
        crop = frame[top : int(face.box.y + face.box.h), left : int(face.box.x + face.box.w)]
        blur = float(cv2.Laplacian(image.luminance(crop), cv2.CV_64F).var())
        rows.append((vector, usable.score, unified, turned, measures, number, face.box.w * face.box.h, blur))
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in KINDS]
    made = {name: np.array(column, kind) for (name, kind), column in zip(KINDS.items(), columns, strict=True)}
    return {**made, "frames": len(frames)}


if __name__ == "__main__":
    main()
