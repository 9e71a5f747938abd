"""What the verbs about visits that taught something, strangers and snapshots are told and answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edgeface.commands.words import ConsentTaken


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRow:
    """A visit of which somebody should say whether it was who the reader took it for."""

    id: str
    person_id: str
    name: str | None
    when: datetime
    door: str | None
    decision: str
    quality: float
    """0..100."""
    why: str
    """What was doubtful."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """All that are open."""

    questions: tuple[QuestionRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionId:
    """One of them."""

    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What an answer led to."""

    person_id: str
    template: int | None
    """The template that it became; null after a no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Of somebody, by name or id, or of everybody."""

    who: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRow:
    """A template that a visit taught."""

    template: int
    person_id: str
    name: str | None
    when: datetime
    door: str | None
    decision: str
    taught_by: str
    """visit or answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """All of them."""

    lessons: tuple[LessonRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateId:
    """A template that a visit taught."""

    template: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaught:
    """What was taken back."""

    person_id: str
    templates: tuple[int, ...]
    """Their numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangersWanted:
    """Which strangers."""

    everybody: bool = False
    """Those who are ignored as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerRow:
    """A visitor whom nobody enrolled."""

    id: str
    visits: int
    first_seen: datetime
    last_seen: datetime
    ignored: bool
    most_like: str | None
    """Name of the person enrolled who is most like."""
    similarity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """Who came most often comes first."""

    strangers: tuple[StrangerRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerId:
    """A visitor whom nobody enrolled."""

    stranger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Whether a stranger is shown."""

    stranger: str
    ignored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A stranger who becomes a person."""

    stranger: str
    name: str
    consent: ConsentTaken | None = None
    """Needed unless the settings say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """The person that a stranger became."""

    id: str
    visits: int
    """From how many the first template is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRow:
    """A picture of a visit."""

    decision: str
    taken: datetime
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Those of one person, the oldest first."""

    id: str
    name: str
    snapshots: tuple[SnapshotRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visit of somebody."""

    who: str
    """Name or id."""
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A JPEG file."""

    jpeg: str
    """base64."""
