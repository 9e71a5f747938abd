"""What the verbs of a guided enrolment before the reader's own camera are told and answer."""

from __future__ import annotations

from dataclasses import dataclass

from edgeface.commands.words import ConsentGiven


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedWish:
    """Somebody stands before the camera and is to be enrolled."""

    name: str
    consent_by: str | None = None
    """Who took the person's consent; needed unless the settings say otherwise, or `add`."""
    consent_given: ConsentGiven = ConsentGiven.WRITTEN
    add: bool = False
    """More pictures of somebody enrolled."""
    glasses: bool = False
    """The person wears some, and is to be seen with and without them."""
    instead: bool = False
    """Give up another that is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedId:
    """One guided enrolment; whoever knows its id may go on with it."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedEnd:
    """Store what was seen."""

    id: str
    allow_duplicate: bool = False
    """Enrol a face that is enrolled already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Where the head is to point."""

    name: str
    """frontal, left, right, up or down, as the person has it."""
    share: float
    """How much of it has been seen, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedState:
    """How far it has come. It tells nothing of the face."""

    id: str
    stage: str
    """waiting for the camera, looking, crowded, glasses (`enrol/changed` goes on), done, timed_out, other_person."""
    hint: str
    """What the person is to do now: words without a full stop."""
    sides: tuple[Side, ...]
    """What is asked for; the others are left out."""
    asked: str | None
    """The side that is asked for now."""
    progress: float
    """Of the whole, 0..1."""
    pictures: int
    yaw_deg: float | None
    """How the head is turned now; null if no single face is seen. Signs as in `edgeface.pose`."""
    pitch_deg: float | None
