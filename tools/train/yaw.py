"""Fit `edgeface.pose.Fusion`: how to take yaw from the head pose model and the landmarks together.

The shipped detector and head pose model look at redrawn training faces (`tools.samples.label_scenes --turned`) as the
reader would. How far each is turned is known, but for one number: the generic head they are drawn with looks some
degrees farther turned than it is. That excess is what the model, taught by real faces, reads too much from 15 to 45
degrees, where real faces are plenty. The three numbers are then those with the least mean absolute error, every band
of yaw counted alike. Real faces are no judge here: the model has learnt their very labels. A fifth is kept back, and
the error on it told. No picture of AFLW2000-3D is among them.

    python -m tools.train.yaw --scenes scenes.npz
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeface import detect, pose
from edgeface.pose import Fusion
from edgeface.service.bootstrap import load_models
from tools.samples.find import FACE
from tools.samples.scenes import DRAWN, pictures

Floats = npt.NDArray[np.float64]

BANDS_DEG = (15, 30, 45, 60, 75, 91)
TRUSTED_DEG = (15, 45)
LEAST_FACE_PX = 40
SHARES = np.arange(0, 1.01, 0.1)
KNEES_DEG = np.arange(20, 71, 5)
STRETCHES = np.arange(0, 1.01, 0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, nargs="+", required=True, help="archives of tools.samples.label_scenes")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    arguments = parser.parse_args()
    faces, excess_deg = settle(
        np.array([face for archive in arguments.scenes for face in look(archive, arguments.home)])
    )
    held_out = np.arange(len(faces)) % 5 == 0
    best = fit(faces[~held_out])
    plain = Fusion(landmark_share=0.0, knee_deg=90.0, stretch=0.0)
    print(json.dumps({
        "faces": len(faces),
        "excess_deg": round(excess_deg, 2),
        "fusion": {key: round(value, 3) for key, value in asdict(best).items()},
        "held_out_error_deg": banded(faces[held_out], best),
        "without": banded(faces[held_out], plain),
    }))  # fmt: skip


def look(archive: Path, home: Path) -> Iterator[tuple[float, float, float]]:
    """Label, the model's yaw and the landmarks' yaw, in degrees, of each redrawn face that is found."""
    models = load_models(home).models
    assert models.pose is not None
    for picture in (picture for source, picture in pictures(archive) if source == DRAWN):
        pixels = np.ascontiguousarray(picture.levels[0][..., ::-1])
        wanted = picture.faces[(picture.faces[:, 0] == FACE) & (picture.faces[:, 3:5].max(axis=1) >= LEAST_FACE_PX)]
        if not len(wanted):
            continue
        found = detect.detect(pixels, models.detector, detect.Options())
        for face in wanted:
            shares = [float(detect.overlap(face[1:5], np.array([[*_box(one)]], np.float32))[0]) for one in found]
            if shares and max(shares) >= 0.5:
                hit = found[int(np.argmax(shares))]
                model, landmarks = pose.by_model(pixels, hit, models.pose), pose.from_landmarks(hit.landmarks)
                yield float(face[15]), model.yaw_deg, landmarks.yaw_deg


def _box(face: detect.Detection) -> tuple[float, float, float, float]:
    return face.box.x, face.box.y, face.box.w, face.box.h


def settle(faces: Floats) -> tuple[Floats, float]:
    """The faces with the excess added to their labels, and the excess, degrees."""
    side, aside = np.sign(faces[:, 0]), np.abs(faces[:, 0])
    trusted = (aside >= TRUSTED_DEG[0]) & (aside < TRUSTED_DEG[1])
    excess_deg = float(np.median(((faces[:, 1] - faces[:, 0]) * side)[trusted]))
    settled = faces.copy()
    settled[:, 0] = side * np.clip(aside + excess_deg, 0, 90)
    return settled, excess_deg


def fit(faces: Floats) -> Fusion:
    """The numbers with the least error, by trying all of them."""
    tried = (
        Fusion(landmark_share=float(share), knee_deg=float(knee), stretch=float(stretch))
        for share, knee, stretch in product(SHARES, KNEES_DEG, STRETCHES)
    )
    return min(tried, key=lambda one: np.nanmean(banded(faces, one)))


def banded(faces: Floats, fusion: Fusion) -> list[float]:
    """Mean absolute error in each band of yaw, degrees."""
    label, model, landmarks = faces[:, 0], faces[:, 1], faces[:, 2]
    errors = np.abs(fusion.yaw_deg(model, landmarks) - label)
    steps = pairwise(BANDS_DEG)
    inside = [(np.abs(label) >= low) & (np.abs(label) < high) for low, high in steps]
    return [round(float(errors[one].mean()), 3) if one.any() else float("nan") for one in inside]


if __name__ == "__main__":
    main()
