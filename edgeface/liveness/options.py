"""What a door wants of a visitor before it believes that a person is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from edgeface.liveness import challenge, motion


class Check(StrEnum):
    """One way to tell a person from a picture of one."""

    PICTURE = "picture"
    """The model's word on single pictures, over the track and on the newest."""
    MOTION = "motion"
    """Depth: a head that turns shows parallax, a sheet does not."""
    CHALLENGE = "challenge"
    """Turns of the head, asked for one by one in an order drawn by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is taken for a living face, and what can be judged at all."""

    require: tuple[Check, ...] = ()
    """Checks that a visitor must pass before the door opens: "picture", the model's word on single pictures; "motion",
    depth that shows when the head turns a little; "challenge", turns of the head that a display asks for. Each must
    pass, and one that cannot be made has failed. Empty: the liveness is told with each decision and does not count: the
    shipped model knows simulated attacks only and refuses about one living face in twenty
    (models/edgeface-live-80.md). Require "picture" at doors that nobody watches; "motion" asks every visitor to turn
    the head a little, "challenge" takes each several seconds and needs a display."""
    min_score: float | None = None
    """Faces below this are attacks, 0..1; unset: the threshold of the model's card. A lower one lets more pictures
    pass for people."""
    min_face_px: float = 72.0
    """Longer side of the face's box. Training saw nothing smaller."""
    min_room: float = 1.1
    """Least side of the square that the picture leaves around the face, in longer sides of its box. Training saw 1.1
    and more."""

    motion: motion.Options = field(default_factory=motion.Options)
    """Counts only where "motion" is required."""
    challenge: challenge.Options = field(default_factory=challenge.Options)
    """Counts only where "challenge" is required."""

    def __post_init__(self) -> None:
        if len(set(self.require)) < len(self.require):
            raise ValueError("require names a check twice")
        if self.min_score is not None and not 0 < self.min_score < 1:
            raise ValueError("min_score must be between 0 and 1")
        if not 16 <= self.min_face_px <= 1000:
            raise ValueError("min_face_px must be 16 to 1000")
        if not 0.5 <= self.min_room <= 8:
            raise ValueError("min_room must be 0.5 to 8")
