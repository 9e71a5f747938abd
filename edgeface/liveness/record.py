"""What the shots of one track say about liveness, folded one by one, in a record that does not grow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeface.liveness.picture import Liveness


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that a track has shown so far."""

    shots: int = 0
    """Good shots."""
    judged: int = 0
    """Of those, the ones that the picture model could judge."""
    score_sum: float = 0.0
    """Sum of their scores; a shot that could not be judged adds nothing, so that it counts as an attack's."""
    newest: float | None = None
    """Score of the newest good shot alone; None if it could not be judged."""

    @property
    def score(self) -> float | None:
        """Mean score of the good shots, 0 attack .. 1 bona fide; None before the first that could be judged."""
        return self.score_sum / self.shots if self.judged else None


def shot(record: Record, said: Liveness | None) -> Record:
    """The record after one more good shot; None if there is no model to say anything."""
    score = said.score if said is not None and said.unjudged is None else None
    return replace(
        record,
        shots=record.shots + 1,
        judged=record.judged + (score is not None),
        score_sum=record.score_sum + (score or 0.0),
        newest=score,
    )
