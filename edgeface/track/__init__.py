"""One visitor stays one track, from frame to frame, and no track is ever two people.

follow   where the faces of the last frame are in this one: by motion, before anybody is looked at
focus    which of them are looked at closely in this frame
settle   what their looks say: whose track each face is, who is back, and whose place somebody else has taken
"""

from edgeface.track.focus import focus
from edgeface.track.follow import follow
from edgeface.track.options import Options
from edgeface.track.settle import Crowd, Settled, likeness, settle
from edgeface.track.visitor import Track

__all__ = ["Crowd", "Options", "Settled", "Track", "focus", "follow", "likeness", "settle"]
