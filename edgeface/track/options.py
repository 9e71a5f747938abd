"""What `edgeface.track` may be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """When two faces are the same visitor."""

    min_overlap: float = 0.25
    """Intersection over union with the predicted box that links a face to a track. At 10 frames a second a walking
    head moves a fifth of its width: overlap 0.67."""
    max_jump: float = 1.0
    """A face that overlaps no predicted box may be this far from one, in widths of the face, and then is in doubt.
    Without jumps IDF1 falls from 0.918 to 0.895 on composed crowds (`tools.evaluate tracks`; models/tracking.md)."""
    patience_s: float = 0.7
    """A track unseen this long has ended. A choice, not a measurement: a blink of the detector must not end a visit,
    and the next visitor must not inherit it."""
    memory_s: float = 5.0
    """For this long after its end a track may be resumed by a face that looks like it: as the same visitor, but judged
    by new shots alone. How long is a choice; without any memory IDF1 falls to 0.799 there."""
    min_likeness: float = 0.7
    """Cosine of a good shot to the track's best ones, in parts of the score that the embedder's card asks for, below
    which somebody else has taken the track's place: 0.5 % of a visitor's own good shots are turned away there, and
    1.5 % of others' pass."""
    min_likeness_in_doubt: float = 0.9
    """The same where somebody else may have: after a gap, a jump, or among faces that overlap. 1.2 % are turned away,
    0.1 % pass."""
    most_looked_at: int = 6
    """Faces of one frame that are looked at closely, the largest first: bounds the time that a crowd can take. A
    choice."""

    def __post_init__(self) -> None:
        if not 0 < self.min_overlap < 1:
            raise ValueError("min_overlap must be between 0 and 1")
        if not 0 <= self.max_jump <= 3:
            raise ValueError("max_jump must be 0 to 3")
        if not 0 < self.patience_s <= 10:
            raise ValueError("patience_s must be above 0 and at most 10")
        if not 0 <= self.memory_s <= 60:
            raise ValueError("memory_s must be 0 to 60")
        if not 0 < self.min_likeness <= self.min_likeness_in_doubt:
            raise ValueError("min_likeness must be above 0 and at most min_likeness_in_doubt")
        if not self.min_likeness_in_doubt <= 2:
            raise ValueError("min_likeness_in_doubt must be at most 2")
        if not 1 <= self.most_looked_at <= 64:
            raise ValueError("most_looked_at must be 1 to 64")
