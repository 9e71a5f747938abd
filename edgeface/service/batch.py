"""Many people enrolled from one folder or zip file: who is shown where, and what becomes of every picture.

    sort_out(items, table) -> groups, one a person, and what is left out
    enrol_group(group, ...) -> PersonReport

One person at a time, one transaction each: a run that was cut off goes on with those who are not enrolled yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from edgeface import image
from edgeface.adapters.album import Album, Item
from edgeface.enrol import Portrait, Unfit, bars, gather, portrait
from edgeface.errors import EnrolmentError, EnrolmentProblem, PictureError
from edgeface.frame import Instant
from edgeface.pipeline import Models, Options
from edgeface.service.enrolment import Admits, Shot, Wish
from edgeface.store.consent import Consent
from edgeface.store.names import name_key, valid_name

MOST_PICTURES = 200
"""Looked at of one person: more add nothing, and to compare all with all takes memory."""


class Fate(StrEnum):
    """What became of one picture."""

    USED = "used"
    """It is a template now, or would be."""
    SPARE = "spare"
    """It is good, and adds nothing to those that were used."""
    UNFIT = "unfit"
    """The gate refused it."""
    UNREADABLE = "unreadable"
    """It is no picture that can be read."""
    OUTLIER = "outlier"
    """It shows somebody else than the other pictures of that person."""
    UNUSED = "unused"
    """It is good, and its person was not enrolled."""
    NOT_LOOKED_AT = "not_looked_at"
    """Its person is enrolled already, or has no name that will do."""
    LEFT_OUT = "left_out"
    """It belongs to nobody, or is not to be trusted."""


class Outcome(StrEnum):
    """What became of one person."""

    ENROLLED = "enrolled"
    WOULD_BE = "would_be_enrolled"
    BEFORE = "enrolled_before"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureReport:
    """One file."""

    path: str
    fate: Fate
    kind: str = ""
    """An identifier of what is wrong, if anything is."""
    advice: str = ""
    """What to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReport:
    """One person of the batch."""

    name: str
    outcome: Outcome
    kind: str = ""
    """An identifier of why nobody was enrolled."""
    reason: str = ""
    """Why, as a sentence."""
    person_id: str | None = None
    templates: int = 0
    alike: tuple[str, ...] = ()
    """Whom the person looks like, as sentences that follow the name."""
    pictures: tuple[PictureReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All pictures of one person."""

    name: str
    """As it was found: the name of a folder, or in the table."""
    items: tuple[Item, ...]
    problem: tuple[str, str] | None = None
    """Why nobody can be enrolled under it, as an identifier and a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A folder or zip file, sorted out."""

    groups: tuple[Group, ...]
    """By name."""
    left_out: tuple[PictureReport, ...]


def sort_out(items: Sequence[Item], table: Mapping[str, str] | None) -> Batch:
    """Who is shown where: the table says so (path -> name), or else the folder at the top that holds a picture.

    A folder round all others, as zip files have it, is no person.
    """
    sound = [item for item in items if item.problem is None]
    names = _of_folders(sound) if table is None else table
    nobody = "it lies in no folder with a person's name" if table is None else "the table does not name it"
    left_out = [_left_out(item.path, "not_trusted", str(item.problem)) for item in items if item.problem is not None]
    left_out += [_left_out(item.path, "nobody", nobody) for item in sound if not names.get(item.path)]
    gone = sorted(set(names) - {item.path for item in items})
    left_out += [_left_out(path, "missing", "the table names it, and it is not there") for path in gone]
    people: dict[str, list[Item]] = {}
    for item in sound:
        if name := names.get(item.path):
            people.setdefault(_same(name), []).append(item)
    groups = [_group(tuple(shown), names) for _, shown in sorted(people.items())]
    return Batch(groups=tuple(groups), left_out=tuple(left_out))


def _of_folders(items: Sequence[Item]) -> dict[str, str]:
    """Path -> name of the folder at the top; empty for what lies beside the folders."""
    parts = {item.path: item.path.split("/") for item in items}
    while parts and min(map(len, parts.values())) > 2 and len({path[0] for path in parts.values()}) == 1:
        parts = {path: rest[1:] for path, rest in parts.items()}
    return {path: rest[0] if len(rest) > 1 else "" for path, rest in parts.items()}


def _same(name: str) -> str:
    """Equal for names that the gallery does not tell apart."""
    try:
        return name_key(valid_name(name))
    except EnrolmentError:
        return name


def _group(items: tuple[Item, ...], names: Mapping[str, str]) -> Group:
    spelt = sorted({names[item.path] for item in items})
    if len(spelt) > 1:
        sentence = f"{' and '.join(spelt)} are one name: they may be two people, so give them two names"
        return Group(name=spelt[0], items=items, problem=("name_twice", sentence))
    try:
        return Group(name=valid_name(spelt[0]), items=items)
    except EnrolmentError as error:
        return Group(name=spelt[0], items=items, problem=("name", str(error)))


def _left_out(path: str, kind: str, advice: str) -> PictureReport:
    return PictureReport(path=path, fate=Fate.LEFT_OUT, kind=kind, advice=advice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What enrolling a group takes."""

    album: Album
    registrar: Admits
    models: Models
    options: Options
    most: int
    """Templates a person."""
    strict: bool
    """Enrol nobody of whom a picture is refused."""
    consent: Consent | None
    looked: Callable[[], None] = field(default=lambda: None)
    """Called after each picture."""


def enrol_group(group: Group, desk: Desk, now: Instant) -> PersonReport:
    """Enrol one person of a batch, or say why not. Raises GalleryError if the gallery fails."""
    wish = Wish(name=group.name)
    try:
        if group.problem is not None:
            return _unseen(group, Outcome.REFUSED, *group.problem, desk)
        desk.registrar.expect(wish)
    except EnrolmentError as error:
        kind = EnrolmentProblem.NAME_TAKEN
        sentence = f"{error}; nothing was looked at"
        return _unseen(group, Outcome.BEFORE, kind.value, sentence, desk)
    found = {item.path: _look(item, desk) for item in group.items[:MOST_PICTURES]}
    told = {path: _refused(path, outcome) for path, outcome in found.items() if not isinstance(outcome, Portrait)}
    for item in group.items[MOST_PICTURES:]:
        desk.looked()
        advice = f"more than {MOST_PICTURES} pictures of one person: the first ones are enough"
        told[item.path] = _left_out(item.path, "too_many", advice)
    usable = {path: outcome for path, outcome in found.items() if isinstance(outcome, Portrait)}
    report = _decide(group, usable, told, desk, wish, now)
    return replace(report, pictures=tuple(sorted(report.pictures, key=lambda picture: picture.path)))


def _look(item: Item, desk: Desk) -> Portrait | Unfit | PictureError:
    try:
        return portrait(image.decode(desk.album.read(item)), desk.models, desk.options)
    except PictureError as error:
        return error
    finally:
        desk.looked()


def _refused(path: str, outcome: Unfit | PictureError) -> PictureReport:
    if isinstance(outcome, PictureError):
        return PictureReport(path=path, fate=Fate.UNREADABLE, kind=outcome.reason.value, advice=outcome.detail)
    return PictureReport(path=path, fate=Fate.UNFIT, kind=outcome.kind, advice=outcome.advice)


def _decide(
    group: Group,
    usable: Mapping[str, Portrait],
    told: Mapping[str, PictureReport],
    desk: Desk,
    wish: Wish,
    now: Instant,
) -> PersonReport:
    paths = list(usable)
    gathered = gather(list(usable.values()), bars(desk.models.embedder.spec).apart, desk.most)
    pictures = dict(told)
    for place in gathered.outliers:
        advice = "it shows somebody else than the other pictures of this person"
        pictures[paths[place]] = PictureReport(path=paths[place], fate=Fate.OUTLIER, kind="outlier", advice=advice)
    try:
        if gathered.problem is not None:
            kind = EnrolmentProblem.SEVERAL_PEOPLE if usable else EnrolmentProblem.NO_PICTURE
            raise EnrolmentError(gathered.problem, kind)
        if desk.strict and pictures:
            raise EnrolmentError("not every picture is usable", EnrolmentProblem.NO_PICTURE)
        shots = [Shot(source=paths[place], portrait=usable[paths[place]]) for place in gathered.kept]
        admitted = desk.registrar.admit(wish, shots, desk.consent, now)
    except EnrolmentError as error:
        rest = [PictureReport(path=path, fate=Fate.UNUSED) for path in paths if path not in pictures]
        kind_of = "" if error.problem is None else error.problem.value
        return PersonReport(
            name=group.name,
            outcome=Outcome.REFUSED,
            kind=kind_of,
            reason=str(error),
            pictures=(*pictures.values(), *rest),
        )
    fates = {paths[place]: Fate.USED for place in gathered.kept} | {
        paths[place]: Fate.SPARE for place in gathered.spare
    }
    return PersonReport(
        name=group.name,
        outcome=Outcome.WOULD_BE if admitted.person_id is None else Outcome.ENROLLED,
        person_id=admitted.person_id,
        templates=admitted.templates,
        alike=admitted.alike,
        pictures=(*pictures.values(), *(PictureReport(path=path, fate=fate) for path, fate in fates.items())),
    )


def _unseen(group: Group, outcome: Outcome, kind: str, reason: str, desk: Desk) -> PersonReport:
    for _ in group.items:
        desk.looked()
    pictures = tuple(PictureReport(path=item.path, fate=Fate.NOT_LOOKED_AT, kind=kind) for item in group.items)
    return PersonReport(name=group.name, outcome=outcome, kind=kind, reason=reason, pictures=pictures)
