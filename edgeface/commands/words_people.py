"""What the verbs about one person are told and answer. `mark` tells whether somebody else changed the person since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edgeface.commands.words import ConsentGiven, Right
from edgeface.commands.words_records import DecisionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """That a person agreed."""

    by: str
    """Who took it."""
    given: ConsentGiven
    text: str
    """Version of the text."""
    text_sha256: str
    at: datetime
    """As far as the device knew the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinRow:
    """Somebody who was enrolled with the same face."""

    id: str
    name: str | None
    allowed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard:
    """Somebody enrolled, but for what the face looks like."""

    id: str
    name: str
    mark: str
    """Another after each change of the person: to be given back with a change, so that nobody overwrites another's."""
    enrolled_at: datetime
    """As far as the device knew the time."""
    templates: int
    """How many the embedder in use can compare."""
    templates_of_other_models: int
    learned: int
    """How many of them visits taught."""
    groups: tuple[str, ...]
    valid_from: str | None
    """First day on which the person may pass anything, such as 2026-12-01."""
    valid_until: str | None
    """Last such day."""
    pin: bool
    """Whether there is one."""
    cards: int
    consent: ConsentRow | None
    keep_until: datetime | None
    """When the person is forgotten by itself."""
    last_visit: datetime | None
    """The last decision about the person at a time that was known."""
    keep_says: str = ""
    """How long the person is kept, as a sentence."""
    twins: tuple[TwinRow, ...] = ()
    """Whose face it is too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Destroy all that is kept of somebody."""

    who: str
    """Name or id."""
    mark: str | None = None
    """As it was shown; the person is forgotten only if it still is that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """On which days somebody may pass anything."""

    who: str
    """Name or id."""
    valid_from: str | None = None
    """First day, such as 2026-12-01; null: no beginning."""
    valid_until: str | None = None
    """Last day; null: no end."""
    mark: str | None = None
    """As it was shown; nothing is changed if it is another by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """One person was enrolled twice."""

    who: str
    """Name or id of the one that goes: the templates move, name, consent, rights and questions are forgotten."""
    into: str
    """Name or id of the one that stays, with all that is said of it."""
    mark: str | None = None
    """Of the one that goes, as it was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The one that stays, and the receipt of the one that went."""

    id: str
    templates: int
    """How many the person has now."""
    moved: int
    gone: str
    """Id of the one that went."""
    remains: tuple[str, ...]
    """Files that still hold the one that went: copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRow:
    """What stands for one picture of a face."""

    number: int
    model_sha256: str
    vector: str
    """int8 numbers, base64."""
    quality: float
    """0..100."""
    yaw_deg: float | None
    pitch_deg: float | None
    roll_deg: float | None
    source: str
    """Where the picture came from."""
    learned: bool
    """Whether a visit taught it."""
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonData:
    """Everything that is kept of a person, to be handed to the person."""

    card: PersonCard
    templates: tuple[TemplateRow, ...]
    rights: tuple[Right, ...]
    """Grants that name the person, or a group of the person's."""
    snapshots: int
    """Pictures of visits: `edgeface people snapshots` shows them."""
    questions: int
    """Visits that somebody is still asked about."""
    decisions: tuple[DecisionRow, ...]
    """The newest, 50 at the most."""
    decisions_in_all: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Until when somebody is kept. With none of them: by the general rule."""

    who: str
    """Name or id."""
    until: str | None = None
    """The last day, such as 2026-12-31, UTC."""
    days: float | None = None
    """So many days from now on."""
    forever: bool = False
    """Until somebody forgets the person."""

    def __post_init__(self) -> None:
        if (self.until is not None) + (self.days is not None) + self.forever > 1:
            raise ValueError("until, days or forever: say one of them")
        if self.days is not None and not 0 < self.days <= 36_500:
            raise ValueError("days must be above 0 and at most 36500")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How long that is."""

    id: str
    says: str
    """As a sentence."""
    until: datetime | None
    """Null: not until a certain time."""
