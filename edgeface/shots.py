"""The best shots of one track, few and different: what it looks like, for tracking, enrolment and whoever explains.

Memory stays flat however long somebody stays: the best two of each way to hold the head are kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from edgeface.detect import Detection
from edgeface.embed import Embedding
from edgeface.frame import Instant
from edgeface.liveness import Liveness
from edgeface.model import Tensor
from edgeface.pose import Bin, Pose, bin_of
from edgeface.quality import Quality

MOST_OF_A_BIN = 2
"""Of 5,569 good shots of simulated visits 0.16 % are less like the best two of their track than the tracker's lower
limit asks for (0.336), and 0.38 % less like the best one alone; of strangers' 0.9 and 0.6 % are as alike."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """One good shot of a visitor."""

    captured_at: Instant
    detection: Detection
    pose: Pose
    quality: Quality
    embedding: Embedding
    liveness: Liveness | None
    """None if there is no model for it."""


Album = tuple[Shot, ...]
"""The best shots of one track, the best first."""


def keep(album: Album, shot: Shot) -> Album:
    """The album with one more shot, if it is better than those that it would push out."""
    kept, taken = list[Shot](), Counter[Bin]()
    for one in sorted((*album, shot), key=lambda one: -one.quality.score):
        where = bin_of(one.pose)
        if taken[where] < MOST_OF_A_BIN:
            taken[where] += 1
            kept.append(one)
    return tuple(kept)


def looks(album: Album) -> Tensor:
    """Directions of the shots: float32, shape (shots, dimensions)."""
    return np.stack([shot.embedding.vector for shot in album])
