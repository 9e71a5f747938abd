"""Is a person there, or a picture of one? Presentation attack detection in the words of ISO/IEC 30107-3.

picture   one picture, judged by a model
motion    a track's landmarks: does what moves have depth?
challenge does the head turn to where it is asked to?
record    what a track's shots say, folded one by one
fusion    every check that the door requires, or a fault with its reason
"""

from edgeface.liveness.challenge import Prompt
from edgeface.liveness.fusion import Fault, Kind, fault, missing
from edgeface.liveness.options import Check, Options
from edgeface.liveness.picture import (
    Judge,
    Liveness,
    Square,
    Unjudged,
    around,
    assess,
    decode,
    detail,
    prepare,
    unjudged,
)
from edgeface.liveness.record import Record, shot, sight

__all__ = [
    "Check",
    "Fault",
    "Judge",
    "Kind",
    "Liveness",
    "Options",
    "Prompt",
    "Record",
    "Square",
    "Unjudged",
    "around",
    "assess",
    "decode",
    "detail",
    "fault",
    "missing",
    "prepare",
    "shot",
    "sight",
    "unjudged",
]
