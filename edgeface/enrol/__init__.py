"""Pictures of one person become templates. Pure.

look      one picture: the same gate as at the door, and exactly one face
check     does a set show one person, and somebody new?
choose    which of the good pictures cover most
gather    a set of pictures, sorted
session   a person before a camera, asked to turn the head until all sides have been seen
alive     is it a person, and no picture of one?
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeface.enrol.check import Agreement, Bars, Resemblance, agreement, bars, resemblances
from edgeface.enrol.choose import choose
from edgeface.enrol.gather import Gathered, gather
from edgeface.enrol.look import portrait
from edgeface.enrol.session import Guided
from edgeface.enrol.shot import NO_FACE, SEVERAL_FACES, Portrait, Unfit
from edgeface.pose import Bin, bin_of

__all__ = [
    "NO_FACE",
    "SEVERAL_FACES",
    "Agreement",
    "Bars",
    "Bin",
    "Gathered",
    "Guided",
    "Options",
    "Portrait",
    "Resemblance",
    "Unfit",
    "agreement",
    "bars",
    "bin_of",
    "choose",
    "gather",
    "portrait",
    "resemblances",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What it takes to be enrolled."""

    require_consent: bool = True
    """Nobody is enrolled without a record of who took consent. A choice: faces are biometric data (GDPR, art. 9)."""
    max_templates: int = 8
    """Templates kept of the pictures of one enrolment, 1..64; chosen for poses covered and difference.
    Misses fall up to 8 in models/enrolment.md, where more could not be tried."""
    guided: Guided = field(default_factory=Guided)

    def __post_init__(self) -> None:
        if not 1 <= self.max_templates <= 64:
            raise ValueError(f"max_templates must be 1 to 64, not {self.max_templates}")
