"""What a picture that may stand for a person has shown."""

from __future__ import annotations

from dataclasses import dataclass

from edgeface.detect import Detection
from edgeface.embed import Embedding
from edgeface.pose import Pose
from edgeface.quality import Quality


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portrait:
    """One picture that may stand for a person."""

    embedding: Embedding
    detection: Detection
    pose: Pose
    quality: Quality
