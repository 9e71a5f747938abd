"""Which of a person's good pictures become templates: those that show most of the head, then those that differ most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeface.enrol.shot import Portrait
from edgeface.pose import Bin, bin_of


def choose(portraits: Sequence[Portrait], most: int) -> tuple[int, ...]:
    """Places of at most `most` portraits to keep, the best first.

    Greedy: the best frontal face, then whichever shows a new bin, is least like what is kept, and is of good quality.
    """
    if not portraits:
        return ()
    vectors = np.stack([portrait.embedding.vector for portrait in portraits])
    bins = [bin_of(portrait.pose) for portrait in portraits]
    quality = np.array([portrait.quality.score / 100 for portrait in portraits])
    kept = [int(np.argmax(quality + np.array([found is Bin.FRONTAL for found in bins])))]
    while len(kept) < min(most, len(portraits)):
        novelty = 1 - (vectors @ vectors[kept].T).max(axis=1)
        new_bin = np.array([found not in {bins[place] for place in kept} for found in bins])
        gain = quality * (new_bin + novelty)
        gain[kept] = -np.inf
        kept.append(int(np.argmax(gain)))
    return tuple(kept)
