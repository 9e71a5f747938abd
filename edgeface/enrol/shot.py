"""What a picture that may stand for a person has shown, or why it cannot."""

from __future__ import annotations

from dataclasses import dataclass

from edgeface.detect import Detection
from edgeface.embed import Embedding
from edgeface.pose import Pose
from edgeface.quality import Quality, Refused

NO_FACE, SEVERAL_FACES = "no_face", "several_faces"
"""Kinds of `Unfit` besides those of the gate."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portrait:
    """One picture that may stand for a person."""

    embedding: Embedding
    detection: Detection
    pose: Pose
    quality: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Why a picture cannot stand for a person."""

    kind: str
    """An identifier: `NO_FACE`, `SEVERAL_FACES`, the gate that refused it most (`quality.Refusal`), or what is wrong
    with the file (`PictureProblem`)."""
    advice: str
    """What to do about it: a sentence or several, without a full stop."""
    pose: Pose | None = None
    """Of the face that was refused; None if there was none, or several."""
    refused: tuple[Refused, ...] = ()
    """By what, the worst first; empty if no gate was asked."""
