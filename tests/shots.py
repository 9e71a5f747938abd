"""Portraits made by hand: whose they are is known, and how alike they are."""

from __future__ import annotations

import numpy as np

from edgeface.detect import Detection, PixelBox
from edgeface.embed import Embedding, unit
from edgeface.enrol import Portrait
from edgeface.model import Tensor
from edgeface.pose import Pose
from edgeface.quality import Quality

MODEL = "a" * 64


def person(seed: int) -> Tensor:
    """Somebody."""
    return unit(np.random.default_rng(seed).normal(size=128).astype(np.float32))


def near(vector: Tensor, seed: int, share: float = 0.5) -> Tensor:
    """Another picture of somebody: cosine about 0.9."""
    return unit(vector + share * person(seed))


def made(vector: Tensor, *, yaw_deg: float = 0.0, pitch_deg: float = 0.0, score: float = 80.0) -> Portrait:
    """A good picture with that embedding."""
    box = PixelBox(x=0.0, y=0.0, w=100.0, h=100.0)
    return Portrait(
        embedding=Embedding(vector=vector, model_sha256=MODEL),
        detection=Detection(box=box, landmarks=np.zeros((5, 2), np.float32), score=0.9, angles_deg=None),
        pose=Pose(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=0.0),
        quality=Quality(
            score=score,
            refusals=(),
            inter_eye_distance_px=60.0,
            sharpness=50.0,
            brightness=120.0,
            dynamic_range=150.0,
            inside=1.0,
        ),
    )
