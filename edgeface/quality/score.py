"""The score that orders sightings by how well they will be recognised: the unified score and what it does not see.

The network sees the aligned face at one size and nothing else. How sure the detector was, how well its landmarks fit a
head, and how many pixels there were before scaling say more. A line through them, learnt on people of another set, lies
below the unified score alone on the error-versus-discard curve: models/quality.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeface.quality.measures import Measures
from edgeface.quality.weights import BIAS, WEIGHTS

Floats = npt.NDArray[np.float64]


def combined(unified_score: float, detection_score: float, measures: Measures) -> float:
    """0..100, as the unified score is. What is no number gives 0."""
    value = float(features(unified_score, detection_score, measures) @ np.array(WEIGHTS)) + BIAS
    return float(np.clip(value, 0, 100)) if np.isfinite(value) else 0.0


def features(unified_score: float, detection_score: float, measures: Measures) -> Floats:
    """What the line runs through, shape (6,): each saturates, so that no one number can outweigh all others."""
    sure = min(max(detection_score, 0.02), 0.98) if np.isfinite(detection_score) else 0.02
    return np.array(
        [
            unified_score,
            np.log(sure / (1 - sure)),
            min(measures.landmark_misfit, 0.3),
            np.log(min(max(measures.inter_eye_distance_px, 4.0), 80.0)),
            min(measures.sharpness, 20.0),
            measures.occlusion,
        ]
    )
