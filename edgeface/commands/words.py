"""What each verb is told and what it answers, as records: those about people here, with what many verbs share, and the
others by their names here as well. People are named by id or name; answers that are stored know ids only, but for those
of ENROL."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgeface.commands.words_access import Card, GroupRow, Members, Pin, Right, RuleBook, RuleName, Tried, Try, TryStep
from edgeface.commands.words_device import Calibration, DeviceKey, Health, Log, LogLevel, Watch
from edgeface.commands.words_doors import Lockdown, Open, Opened, Present, Presented, Reset
from edgeface.commands.words_keys import KeyName, KeyRow, Keys, Pair, Paired

__all__ = [
    "Calibration",
    "Card",
    "ConsentGiven",
    "ConsentTaken",
    "Count",
    "DeviceKey",
    "Enrol",
    "Enrolled",
    "Forgotten",
    "GroupRow",
    "Health",
    "Id",
    "KeyName",
    "KeyRow",
    "Keys",
    "Lockdown",
    "Log",
    "LogLevel",
    "Members",
    "Nothing",
    "Open",
    "Opened",
    "Page",
    "Pair",
    "Paired",
    "People",
    "PersonRow",
    "Pin",
    "Present",
    "Presented",
    "Rename",
    "Reset",
    "Right",
    "RuleBook",
    "RuleName",
    "Tried",
    "Try",
    "TryStep",
    "Watch",
    "Who",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No words, or no answer but that it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """One person."""

    who: str
    """Name or id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Id:
    """Whom it was about."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many there are now."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Somebody enrolled."""

    id: str
    name: str
    templates: int
    """How many the embedder in use can compare."""
    templates_of_other_models: int


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A page of everybody, by name."""

    people: tuple[PersonRow, ...]
    total: int
    """How many there are, or were found; what does not fit into one message is on the next page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list."""

    first: int = 0
    """How many to skip."""
    most: int = 100
    """How many to tell, 1..200."""
    find: str = ""
    """Only people whose name or id holds this, in any case; empty: everybody."""

    def __post_init__(self) -> None:
        if self.first < 0 or not 1 <= self.most <= 200 or len(self.find) > 200:
            raise ValueError("first must not be negative, most must be 1 to 200, find 200 characters at the most")


class ConsentGiven(StrEnum):
    """How a consent was given."""

    WRITTEN = "written"
    SPOKEN = "spoken"
    ON_SCREEN = "on_screen"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTaken:
    """That a person agreed, to which words."""

    by: str
    """Who took it."""
    given: ConsentGiven
    text_version: str
    text_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrol:
    """A person to be taught, from pictures."""

    name: str
    pictures: tuple[str, ...]
    """JPEG or PNG files in base64, 1..8; with the rest of the message below 64 KiB, or 7.5 MB by the console's REST."""
    consent_by: str | None = None
    """Who took the person's consent; needed unless the settings say otherwise, or `add`."""
    consent_given: ConsentGiven = ConsentGiven.WRITTEN
    add: bool = False
    """More pictures of somebody enrolled."""
    allow_duplicate: bool = False
    """Enrol a face that is enrolled already."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.pictures) <= 8:
            raise ValueError("pictures must be 1 to 8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What became of the pictures."""

    id: str
    templates: int
    """How many the person has now."""
    pictures_used: int
    refused: tuple[str, ...]
    """Why pictures were not used: "1: too blurred ...", counted from 0."""
    looks_like: tuple[str, ...]
    """Whom the person may be taken for, as sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """Another name for somebody."""

    who: str
    name: str
    mark: str | None = None
    """As people/show told it; nothing is changed if it is another by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """The receipt."""

    id: str
    templates: int
    """How many were destroyed."""
    files: int
    """How many files were searched for what might be left."""
    remains: tuple[str, ...]
    """Files that still hold the person."""
