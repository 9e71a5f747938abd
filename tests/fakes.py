"""Made-up faces, models and galleries, for tests that need to know exactly what a stage is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeface import match
from edgeface.bar import Bar
from edgeface.detect import Detection, PixelBox
from edgeface.evidence import Belief, Verdict
from edgeface.liveness import Record
from edgeface.match import Gallery
from edgeface.model import Layout, ModelSpec, Task, Tensor
from edgeface.pose import Pose
from edgeface.quality import Quality, Refusal, Refused
from portraits import at

FRONTAL = Pose(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0)
FACE = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
"""Landmarks of a frontal face as fractions of its box."""


def spec(**changes: Any) -> ModelSpec:
    """A grid detector, unless told otherwise."""
    plain: dict[str, Any] = {
        "name": "made-up",
        "task": Task.DETECTOR,
        "file": "made-up.tflite",
        "sha256": "0" * 64,
        "licence": "Apache-2.0",
        "origin": "a test",
        "layout": Layout.GRID,
        "width_px": 320,
        "height_px": 320,
        "mean": 127.5,
        "std": 127.5,
        "thresholds": {"min_score": 0.5},
    }
    return ModelSpec(**{**plain, **changes})


def embedder_spec(**changes: Any) -> ModelSpec:
    """An embedder of 128 numbers."""
    plain: dict[str, Any] = {
        "task": Task.EMBEDDER,
        "layout": Layout.EMBEDDING,
        "width_px": 80,
        "height_px": 80,
        "dimensions": 128,
        "template": tuple((float(x), float(y)) for x, y in FACE),
        "thresholds": {"grant": 0.45},
    }
    return spec(**{**plain, **changes})


def liveness_spec(**changes: Any) -> ModelSpec:
    """A liveness model of two looks of 80 px, that wants a score of 0.6."""
    plain: dict[str, Any] = {
        "task": Task.LIVENESS,
        "layout": Layout.LIVENESS,
        "width_px": 160,
        "height_px": 80,
        "crop": 1.8,
        "thresholds": {"live": 0.6},
    }
    return spec(**{**plain, **changes})


def detection(x: float = 100.0, y: float = 100.0, side: float = 100.0, score: float = 0.9, **changes: Any) -> Detection:
    """A frontal face in a square box."""
    plain: dict[str, Any] = {
        "box": PixelBox(x=x, y=y, w=side, h=side),
        "landmarks": FACE * np.float32(side) + np.array([x, y], np.float32),
        "score": score,
        "angles_deg": (0.0, 0.0, 0.0),
    }
    return Detection(**{**plain, **changes})


def quality(score: float = 80.0, *refused: Refusal) -> Quality:
    """A sighting that is accepted, unless refusals are given."""
    return Quality(
        score=score,
        refusals=tuple(Refused(refusal=refusal, measure="sharpness", value=1.0, limit=2.0) for refusal in refused),
        inter_eye_distance_px=40.0,
        sharpness=50.0,
        brightness=120.0,
        dynamic_range=120.0,
        inside=1.0,
    )


def gallery(people: Sequence[str] = ("p_ada", "p_bob"), *, revision: int = 1, model: str = "m" * 64) -> Gallery:
    """People who are at right angles to each other: the n-th is the n-th axis of 128."""
    vectors = np.zeros((len(people), 128), np.int8)
    for index in range(len(people)):
        vectors[index, index] = 127
    return match.freeze(vectors, tuple(people), model, revision, 128)


def axis(*parts: float, rest: int = -1) -> Tensor:
    """A unit vector of 128 with these first entries; what they lack in length goes to the axis `rest`, the last one.

    Whoever shares it looks alike, apart from the first entries.
    """
    vector = np.zeros(128, np.float32)
    vector[: len(parts)] = parts
    vector[rest] = np.sqrt(max(0.0, 1 - float(np.sum(vector**2))))
    return vector


def belief(**changes: Any) -> Belief:
    """Three good shots of somebody alive, the newest at 1.0 s."""
    plain: dict[str, Any] = {
        "begun_at": at(0.8),
        "newest_at": at(1.0),
        "shot_at": at(1.0),
        "shots": 3,
        "sightings": 3,
        "weight": 2.4,
        "total": np.array([1.7, 0.2], np.float32),
        "newest": np.array([0.7, 0.1], np.float32),
        "revision": 1,
        "best_quality": 80.0,
        "quality_sum": 240.0,
        "pose": FRONTAL,
    }
    made = {**plain, **changes}
    return Belief(**{"liveness": record(made["shots"]), **made})


def record(shots: int = 3, **changes: Any) -> Record:
    """As many good shots of somebody alive."""
    return Record(**{"shots": shots, "judged": shots, "score_sum": 0.9 * shots, "newest": 0.9, **changes})


def level(people: Gallery, threshold: float) -> Bar:
    """A bar of the same height for everybody."""
    return Bar(
        threshold=threshold,
        floors=np.full(len(people.people), threshold),
        people=people.people,
        chances=len(people.people),
        revision=people.revision,
        promised=None,
        strictest=None,
        too_alike=(),
        problem=None,
        reason="a test says so",
    )


def verdict(score: float = 0.7, margin: float | None = 0.4, newest: float | None = None) -> Verdict:
    """It is Ada; the newest shot says what all say, unless it is given."""
    return Verdict(person_id="p_ada", score=score, newest_score=score if newest is None else newest, margin=margin)
