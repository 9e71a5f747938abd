"""Which faces of a frame are looked at closely: there may be more than there is time for."""

from __future__ import annotations

from collections.abc import Sequence

from edgeface.track.options import Options
from edgeface.track.visitor import Track


def focus(tracks: Sequence[Track], options: Options) -> frozenset[int]:
    """Numbers of the tracks to look at, of those that want it: the largest faces, which are the nearest.

    Nobody is passed over for ever: whoever is decided, or found to be unusable for as long as the door is patient, no
    longer wants to be looked at.
    """
    nearest = sorted(tracks, key=lambda track: (-track.detection.box.w * track.detection.box.h, track.number))
    return frozenset(track.number for track in nearest[: options.most_looked_at])
