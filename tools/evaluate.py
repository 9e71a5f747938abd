"""Measure the reader on the development sets, through its own code: detector, alignment, int8 embedder.

    python -m tools.evaluate lfw --data DATA        LFW-dev pairs: accuracy, TAR at FMR, thresholds, failures to acquire
    python -m tools.evaluate pose --data DATA       detection, landmarks and head pose by yaw
    python -m tools.evaluate boxes --data DATA      average precision on street pictures

DATA is the folder of the archives (lfw-dev.tar, pose-dev.tar, boxes-dev.tar). Every figure comes with n and a 95 %
interval; `--json FILE` keeps them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from edgeface import align, detect, embed, pose
from edgeface.detect import Detection
from edgeface.frame import Pixels
from edgeface.pipeline import Models
from edgeface.service.bootstrap import load_models
from tools import metrics
from tools.datasets import Archive
from tools.metrics import Figure, Pairs

T = TypeVar("T")
LANDMARKS = ("eye_l", "eye_r", "nose", "mouth_l", "mouth_r")
YAW_BINS = ((0, 30), (30, 60), (60, 99))
FALSE_ALARMS = 0.1
"""Per picture: the working point of the recall figures."""
MATCH_OVERLAP = 0.35
"""Intersection over union that finds a face of pose-dev. Its boxes are drawn around 68 landmarks, forehead left out, so
that a detector's box overlaps them by about 0.6 even when it is right."""


def main() -> None:
    arguments = _parse()
    models = load_models(arguments.home).models
    measure = {"lfw": lfw, "pose": pose_dev, "boxes": boxes_dev}[arguments.what]
    figures = measure(arguments.data, models)
    for name, figure in figures.items():
        print(f"{name:36} {figure}")
    if arguments.json:
        plain = {name: asdict(f) if isinstance(f, Figure) else f for name, f in figures.items()}
        arguments.json.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


def lfw(data: Path, models: Models) -> dict[str, Figure | float]:
    """Verification on LFW's pairs, and the thresholds that all impostor pairs of the set give."""
    archive = Archive(data / "lfw-dev.tar")
    rows = list(archive.rows("pairs.csv"))
    names = sorted({row[side] for row in rows for side in ("file_a", "file_b")})
    vectors = {name: _embedding(archive.picture(f"images/{name}"), models) for name in _progress(names, "LFW-dev")}
    pairs = lfw_pairs(rows, vectors)
    lost = sum(vector is None for vector in vectors.values())
    return {
        **metrics.verification(pairs),
        "failure_to_acquire": metrics.wilson(lost, len(names)),
        **_thresholds(vectors, pairs),
    }


def lfw_pairs(rows: Sequence[Mapping[str, str]], vectors: Mapping[str, np.ndarray | None]) -> Pairs:
    """The rows of LFW's pairs.csv with the similarity of their two pictures."""
    return Pairs(
        scores=np.array([_similarity(vectors[row["file_a"]], vectors[row["file_b"]]) for row in rows]),
        same=np.array([row["same"] == "1" for row in rows]),
        fold=np.array([int(row["fold"]) for row in rows]),
        people=tuple((_person(row["file_a"]), _person(row["file_b"])) for row in rows),
    )


def _thresholds(vectors: dict[str, np.ndarray | None], pairs: Pairs) -> dict[str, Figure | float]:
    """Cosine thresholds at false match rates over every pair of different people, and what they cost the right ones."""
    kept = {name: vector for name, vector in vectors.items() if vector is not None}
    matrix, owners = np.stack(list(kept.values())), np.array([_person(name) for name in kept])
    upper = np.triu(owners[:, None] != owners[None, :])
    impostors = (matrix @ matrix.T)[upper].astype(np.float64)
    mated = pairs.scores[pairs.same]
    found: dict[str, Figure | float] = {"impostor_pairs": float(len(impostors))}
    for text, fmr in (("1e-3", 1e-3), ("1e-4", 1e-4), ("1e-5", 1e-5)):
        threshold = metrics.threshold_at_fmr(impostors, fmr)
        found[f"threshold_at_fmr_{text}"] = threshold
        found[f"fnmr_at_fmr_{text}"] = metrics.wilson(int((mated < threshold).sum()), len(mated))
    return found


def central(faces: Sequence[Detection], pixels: Pixels) -> Detection | None:
    """The face nearest to the picture's centre, which is whom an LFW picture is named after; None if there is none."""
    centre = np.array([pixels.shape[1], pixels.shape[0]]) / 2
    return min(faces, key=lambda one: float(np.abs(one.landmarks.mean(axis=0) - centre).sum()), default=None)


def central_face(pixels: Pixels, models: Models) -> Detection | None:
    """As `central`, by the models' own detector."""
    return central(detect.detect(pixels, models.detector, detect.Options()), pixels)


def _embedding(pixels: Pixels, models: Models) -> np.ndarray | None:
    face = central_face(pixels, models)
    if face is None:
        return None
    chip = align.chip(pixels, face.landmarks, models.embedder.spec)
    return embed.from_template(embed.to_template(embed.embed(chip, models.embedder).vector))


def _similarity(first: np.ndarray | None, second: np.ndarray | None) -> float:
    return -1.0 if first is None or second is None else float(first @ second)


def _person(file: str) -> str:
    return file.split("/")[0]


def pose_dev(data: Path, models: Models) -> dict[str, Figure | float]:
    """Recall by yaw at one false alarm in ten pictures, landmark error, head pose error."""
    archive = Archive(data / "pose-dev.tar")
    rows = list(archive.rows("pose.csv"))
    options = detect.Options(min_score=0.02)
    found = [
        detect.detect(archive.picture(f"images/{row['file']}"), models.detector, options)
        for row in _progress(rows, "pose-dev")
    ]
    hits = [_best_hit(_row_box(row), faces) for row, faces in zip(rows, found, strict=True)]
    threshold = _threshold_at_false_alarms(found, hits, FALSE_ALARMS)
    figures: dict[str, Figure | float] = {"min_score_at_0.1_false_alarms": threshold}
    for low, high in YAW_BINS:
        inside = [i for i, row in enumerate(rows) if low <= abs(float(row["yaw_deg"])) < high]
        seen = [i for i in inside if (hit := hits[i]) is not None and hit.score >= threshold]
        figures[f"recall_yaw_{low}_{high}"] = metrics.wilson(len(seen), len(inside))
        figures[f"landmark_error_yaw_{low}_{high}"] = metrics.bootstrap_mean(
            [_landmark_error(rows[i], hits[i]) for i in seen]
        )
    return figures | _pose_error(rows, hits)


def _row_box(row: dict[str, str]) -> np.ndarray:
    return np.array([float(row[key]) for key in "xywh"], np.float32)


def _best_hit(box: np.ndarray, faces: tuple[Detection, ...]) -> Detection | None:
    """The strongest detection that overlaps a labelled face."""
    boxes = _boxes(faces)
    return next(
        (f for f, shared in zip(faces, detect.overlap(box, boxes), strict=True) if shared >= MATCH_OVERLAP), None
    )


def _boxes(faces: Iterable[Detection]) -> np.ndarray:
    return np.array([[f.box.x, f.box.y, f.box.w, f.box.h] for f in faces], np.float32).reshape(-1, 4)


def _threshold_at_false_alarms(found: list[tuple[Detection, ...]], hits: list[Detection | None], rate: float) -> float:
    """Score above which all pictures together have at most `rate` false alarms a picture.

    A detection that overlaps the labelled face is no false alarm. Every other one counts, also the bystanders that the
    set does not label: the figure is a little pessimistic.
    """
    alarms = sorted(
        (face.score for faces, hit in zip(found, hits, strict=True) for face in faces if not _same_place(face, hit)),
        reverse=True,
    )
    allowed = int(rate * len(found))
    return float(np.nextafter(alarms[allowed], 1)) if len(alarms) > allowed else 0.02


def _same_place(face: Detection, hit: Detection | None) -> bool:
    return hit is not None and float(detect.overlap(_boxes([hit])[0], _boxes([face]))[0]) >= MATCH_OVERLAP


def _landmark_error(row: dict[str, str], hit: Detection | None) -> float:
    """Mean distance of the five landmarks, in parts of the labelled face's size (the root of its box's area)."""
    assert hit is not None
    true = np.array([[float(row[f"{name}_x"]), float(row[f"{name}_y"])] for name in LANDMARKS])
    size = np.sqrt(float(row["w"]) * float(row["h"]))
    return float(np.linalg.norm(hit.landmarks - true, axis=1).mean() / size)


def _pose_error(rows: list[dict[str, str]], hits: list[Detection | None]) -> dict[str, Figure | float]:
    """Mean absolute error in degrees over faces within +-99 degrees, by the detector and by the landmarks alone."""
    figures: dict[str, Figure | float] = {}
    angles = ("yaw_deg", "pitch_deg", "roll_deg")
    kept = [
        (row, hit)
        for row, hit in zip(rows, hits, strict=True)
        if hit is not None and all(abs(float(row[angle])) <= 99 for angle in angles)
    ]
    for source, estimate in (
        ("detector", lambda h: pose.estimate(h)),
        ("landmarks", lambda h: pose.from_landmarks(h.landmarks)),
    ):
        guesses = [estimate(hit) for _, hit in kept]
        for angle in angles:
            errors = [abs(getattr(g, angle) - float(row[angle])) for g, (row, _) in zip(guesses, kept, strict=True)]
            figures[f"{angle}_error_by_{source}"] = metrics.bootstrap_mean(errors)
    return figures


def boxes_dev(data: Path, models: Models) -> dict[str, Figure | float]:
    """Average precision at overlap 0.5 for faces of 24 px and more; smaller ones count neither way."""
    archive = Archive(data / "boxes-dev.tar")
    truth: dict[str, list[np.ndarray]] = {}
    for row in archive.rows("boxes.csv"):
        x1, y1, x2, y2 = (float(row[key]) for key in ("x1", "y1", "x2", "y2"))
        truth.setdefault(row["file"], []).append(np.array([x1, y1, x2 - x1, y2 - y1], np.float32))
    files = sorted(name for name in truth if _held_out(name))
    figures: dict[str, Figure | float] = {"pictures": float(len(files))}
    for side in (320, 640):
        options = detect.Options(min_score=0.02, max_side_px=side)
        scored: list[tuple[float, bool]] = []
        wanted = 0
        for name in _progress(files, f"boxes-dev at {side} px"):
            faces = detect.detect(archive.picture(f"images/{name}"), models.detector, options)
            found, large = _score_boxes(faces, np.stack(truth[name]))
            scored += found
            wanted += large
        scores, hits = np.array([s for s, _ in scored]), np.array([h for _, h in scored], bool)
        figures[f"ap50_faces_24px_at_{side}"] = metrics.average_precision(scores, hits, wanted)
        figures[f"faces_24px_at_{side}"] = float(wanted)
    return figures


def _held_out(name: str) -> bool:
    """Pictures with an odd number were trained on (see tools/scenes.py)."""
    return int("".join(filter(str.isdigit, name))) % 2 == 0


def _score_boxes(faces: tuple[Detection, ...], truth: np.ndarray) -> tuple[list[tuple[float, bool]], int]:
    """(score, hit) of each detection that counts, and how many labelled faces are large enough to count."""
    large = truth[:, 2:].min(axis=1) >= 24
    taken: set[int] = set()
    scored = []
    for face in faces:
        shared = detect.overlap(_boxes([face])[0], truth)
        shared[list(taken)] = 0
        best = int(np.argmax(shared))
        if shared[best] >= 0.5:
            taken.add(best)
            if large[best]:
                scored.append((face.score, True))
        elif min(face.box.w, face.box.h) >= 24:
            scored.append((face.score, False))
    return scored, int(large.sum())


def _progress(items: list[T], label: str) -> Iterator[T]:
    with click.progressbar(items, label=label) as bar:
        yield from bar


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("lfw", "pose", "boxes"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the archives")
    parser.add_argument("--home", type=Path, default=Path("work/home"), help="edgeface home: which models are in use")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
