"""Are the faces found, where, and turned which way? Head pose pictures (AFLW2000-3D) and street pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from edgeface import detect, pose
from edgeface.detect import Detection
from edgeface.pose import Pose
from edgeface.service.bootstrap import Loaded
from tools import metrics
from tools.datasets import Archive
from tools.evaluate.acquire import Report, Value, progress
from tools.metrics import Figure

Scored = tuple[list[tuple[float, bool]], int]
"""Of one picture: (score, hit) of each detection that counts, and how many labelled faces are large enough to count."""
LANDMARKS = ("eye_l", "eye_r", "nose", "mouth_l", "mouth_r")
YAW_BINS = ((0, 30), (30, 60), (60, 99))
FALSE_ALARMS = 0.1
"""Per picture: the working point of the recall figures."""
MATCH_OVERLAP = 0.35
"""Intersection over union that finds a face of pose-dev. Its boxes are drawn around 68 landmarks, forehead left out, so
that a detector's box overlaps them by about 0.6 even when it is right."""


def pose_dev(data: Path, loaded: Loaded) -> Report:
    """Recall by yaw at one false alarm in ten pictures, landmark error, head pose error."""
    archive = Archive(data / "pose-dev.tar")
    rows = list(archive.rows("pose.csv"))
    options = detect.Options(min_score=0.02)
    found = [
        detect.detect(archive.picture(f"images/{row['file']}"), loaded.models.detector, options)
        for row in progress(rows, "pose-dev")
    ]
    hits = [_best_hit(_row_box(row), faces) for row, faces in zip(rows, found, strict=True)]
    threshold = _threshold_at_false_alarms(found, hits, FALSE_ALARMS)
    figures: dict[str, Value] = {"min_score_at_0.1_false_alarms": threshold}
    for low, high in YAW_BINS:
        inside = [i for i, row in enumerate(rows) if low <= abs(float(row["yaw_deg"])) < high]
        seen = [i for i in inside if (hit := hits[i]) is not None and hit.score >= threshold]
        figures[f"recall_yaw_{low}_{high}"] = metrics.wilson(len(seen), len(inside))
        figures[f"landmark_error_yaw_{low}_{high}"] = metrics.bootstrap_mean(
            [_landmark_error(rows[i], hits[i]) for i in seen]
        )
    return Report(figures=figures | _pose_error(rows, hits))


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


def _pose_error(rows: list[dict[str, str]], hits: list[Detection | None]) -> dict[str, Value]:
    """Mean absolute error in degrees over faces within +-99 degrees, by the detector and by the landmarks alone."""
    figures: dict[str, Value] = {}
    angles = ("yaw_deg", "pitch_deg", "roll_deg")
    kept = [
        (row, hit)
        for row, hit in zip(rows, hits, strict=True)
        if hit is not None and all(abs(float(row[angle])) <= 99 for angle in angles)
    ]
    sources: dict[str, Callable[[Detection], Pose]] = {
        "detector": pose.estimate,
        "landmarks": lambda face: pose.from_landmarks(face.landmarks),
    }
    for source, estimate in sources.items():
        guesses = [estimate(hit) for _, hit in kept]
        for angle in angles:
            errors = [abs(getattr(g, angle) - float(row[angle])) for g, (row, _) in zip(guesses, kept, strict=True)]
            figures[f"{angle}_error_by_{source}"] = metrics.bootstrap_mean(errors)
    return figures


def boxes_dev(data: Path, loaded: Loaded) -> Report:
    """Average precision at overlap 0.5 for faces of 24 px and more; smaller ones count neither way."""
    archive = Archive(data / "boxes-dev.tar")
    truth: dict[str, list[np.ndarray]] = {}
    for row in archive.rows("boxes.csv"):
        x1, y1, x2, y2 = (float(row[key]) for key in ("x1", "y1", "x2", "y2"))
        truth.setdefault(row["file"], []).append(np.array([x1, y1, x2 - x1, y2 - y1], np.float32))
    files = sorted(name for name in truth if _held_out(name))
    figures: dict[str, Value] = {"pictures": float(len(files))}
    for side in (320, 640):
        options = detect.Options(min_score=0.02, max_side_px=side)
        scored = []
        for name in progress(files, f"boxes-dev at {side} px"):
            faces = detect.detect(archive.picture(f"images/{name}"), loaded.models.detector, options)
            scored.append(_score_boxes(faces, np.stack(truth[name])))
        figures[f"ap50_faces_24px_at_{side}"] = _precision(scored)
    return Report(figures=figures)


def _precision(pictures: Sequence[Scored], *, rounds: int = 500) -> Figure:
    """Average precision over pictures, n the faces that count; its interval by drawing pictures with replacement."""

    def measured(chosen: Sequence[Scored]) -> float:
        scores = np.array([score for found, _ in chosen for score, _ in found])
        hits = np.array([hit for found, _ in chosen for _, hit in found], bool)
        return metrics.average_precision(scores, hits, sum(large for _, large in chosen))

    random = np.random.default_rng(0)
    draws = [measured([pictures[i] for i in random.integers(0, len(pictures), len(pictures))]) for _ in range(rounds)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Figure(value=measured(pictures), low=float(low), high=float(high), n=sum(large for _, large in pictures))


def _held_out(name: str) -> bool:
    """Pictures with an odd number were trained on (see tools/scenes.py)."""
    return int("".join(filter(str.isdigit, name))) % 2 == 0


def _score_boxes(faces: tuple[Detection, ...], truth: np.ndarray) -> Scored:
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
