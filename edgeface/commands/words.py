"""What each verb is told and what it answers, as records. People are named by id or name; answers that are stored know
ids only, but for those of ENROL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from edgeface.access.factors import FactorKind, Reply
from edgeface.access.parts import ALL, ALWAYS
from edgeface.access.ruling import Code as RuleCode
from edgeface.access.ruling import Verdict
from edgeface.commands.roles import Role
from edgeface.commands.words_device import Alike, Dial, Share
from edgeface.commands.words_doors import ScheduleRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No words, or no answer but that it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """One person."""

    who: str
    """Name or id."""


# --- people


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
        if self.first < 0 or not 1 <= self.most <= 200:
            raise ValueError("first must not be negative, most must be 1 to 200")


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
    """JPEG or PNG files in base64, 1..8; with the rest of the message below 64 KiB."""
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
class Id:
    """Whom it was about."""

    id: str


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


# --- rules of access


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A grant, or a deny."""

    who: tuple[str, ...]
    """Names or ids of people, groups, or "everyone"."""
    doors: tuple[str, ...] = (ALL,)
    schedule: str = ALWAYS
    """Name of a schedule of the rules."""
    valid_from: str | None = None
    """First day, such as 2026-12-01."""
    valid_until: str | None = None
    """Last day."""
    name: str = ""
    """What decisions call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleName:
    """A rule, by its name or its place such as grants[2]."""

    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """People of a group."""

    group: str
    who: tuple[str, ...]
    """Names or ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many there are now."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A PIN for somebody. Only a slow hash of it is kept."""

    who: str
    pin: str = field(repr=False)
    """4 to 12 digits."""
    duress: bool = False
    """The PIN that opens and silently raises the alarm."""

    def __post_init__(self) -> None:
        if re.fullmatch(r"[0-9]{4,12}", self.pin) is None:
            raise ValueError("a PIN is 4 to 12 digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card for somebody. Only a slow hash of its number is kept."""

    who: str
    number: str = field(repr=False)
    """1 to 64 letters and digits, as the card reader sends it."""

    def __post_init__(self) -> None:
        if re.fullmatch(r"[0-9A-Za-z]{1,64}", self.number) is None:
            raise ValueError("a card's number is 1 to 64 letters and digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """A group of people."""

    name: str
    members: tuple[str, ...]
    """Ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """The rules in force, without PINs and cards."""

    doors: tuple[str, ...]
    groups: tuple[GroupRow, ...]
    schedules: tuple[str, ...]
    grants: tuple[Right, ...]
    denies: tuple[Right, ...]
    weekly: tuple[ScheduleRow, ...] = ()
    """The schedules with their hours."""
    time_zone: str = "UTC"
    """Of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """Could somebody open a door?"""

    who: str
    door: str
    at: str | None = None
    """When, such as 2026-12-24T18:30, by the site's wall clock; default: now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryStep:
    """One question and its answer."""

    code: RuleCode
    passed: bool
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The answer of the rules alone: nobody inside, no lockdown, no refusals before."""

    verdict: Verdict
    code: RuleCode
    rule: str
    reason: str
    steps: tuple[TryStep, ...]


# --- doors


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockdown:
    """Shut a door, or all, to everybody but a few."""

    door: str = ALL
    lift: bool = False
    """End it instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Forget what the doors remember: of one person, of the clock, or everything."""

    who: str | None = None
    clock: bool = False
    everything: bool = False
    """Lockdowns included; also after damage."""

    def __post_init__(self) -> None:
        if (self.who is not None) + self.clock + self.everything != 1:
            raise ValueError("who, clock or everything: say one of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Open a door now, for whoever stands there."""

    door: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The decision that opens it, as it is published: signed, with the controller's newest word, for 3 seconds."""

    decision: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A PIN was typed, or a card held up."""

    door: str
    kind: FactorKind
    secret: str = field(repr=False)
    """The digits or the card's number; never stored, logged or sent on."""
    id: str | None = None
    """Whose PIN it claims to be, if the keypad asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What the keypad's display may say. The same for a duress PIN."""

    reply: Reply
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """A key of the reader that is no secret."""

    key: str
    """Public, as text."""


# --- the device


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the reader is."""

    version: str
    door: str
    people: int
    gallery_revision: int
    last_seq: int
    waiting: int
    """Decisions that no consumer has confirmed yet."""
    clock_trusted: bool
    shut: str | None
    """Why the rules let in nobody, or hardly anybody; null if they do not."""
    lacking: int
    """People whom the embedder in use cannot know: to be enrolled again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the reader asks of a visitor."""

    embedder: str
    people: int
    false_accepts: str | None
    """The dial, such as "1 in 10000"."""
    threshold: float
    """Cosine that lets in."""
    reason: str
    too_alike: int
    """Pairs of people enrolled who need more than that to be told apart."""
    problem: str | None = None
    """Why the dial cannot be kept; then nobody is let in."""
    expected: Share | None = None
    """Of visits by strangers, the share let in, at most."""
    missed: Share | None = None
    """Of visits by people enrolled, as hard as those that were simulated, the share turned away."""
    strictest: float | None = None
    """The least share of strangers that could be promised here."""
    pairs: tuple[Alike, ...] = ()
    """The most alike, 20 at the most."""
    dials: tuple[Dial, ...] = ()
    """What other settings would ask for."""


class LogLevel(StrEnum):
    """What is logged: this and what is graver."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Until the next start."""

    level: LogLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """See what the camera sees: a stream of the newest frames, until whoever watches closes the link."""

    images: bool = False
    """With pictures, or only where faces are and what became of them."""
    most_fps: int = 5
    """At most so many frames a second, 1..10."""

    def __post_init__(self) -> None:
        if not 1 <= self.most_fps <= 10:
            raise ValueError("most_fps must be 1 to 10")


# --- keys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key that may command."""

    id: str
    name: str
    role: Role
    revoked: bool
    added_at: datetime
    """As far as the device knew the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """All of them, the revoked as well."""

    keys: tuple[KeyRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyName:
    """A key, by id."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A new key introduces itself, while somebody at the device lets it. It signs this with its own private key."""

    public_key: str
    """As `edgeface keys make` tells it."""
    name: str
    """Whose key it is: 1 to 40 letters, digits, spaces, - and _."""
    proof: str
    """HMAC-SHA-256 of the public key's text under the code that the device showed, 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The key may command from now on."""

    id: str
    role: Role
