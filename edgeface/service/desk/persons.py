"""Verbs about one person: what is known, on which days it counts, and one person who was enrolled twice."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict
from datetime import UTC, date, datetime

from edgeface.canonical import canonical
from edgeface.commands import words, words_people
from edgeface.commands.words_people import ConsentRow, PersonCard, PersonData, TemplateRow, TwinRow
from edgeface.enrol import bars
from edgeface.errors import ConfigError, EnrolmentError
from edgeface.frame import Instant
from edgeface.match import compared
from edgeface.service.bootstrap import freeze_gallery
from edgeface.service.desk import records, rulebook
from edgeface.service.desk.moment import moment
from edgeface.service.desk.place import Desk
from edgeface.store import audit, consent
from edgeface.store import merge as merging
from edgeface.store.audit import Kind
from edgeface.store.gallery import GalleryStore, Person, expect
from edgeface.store.retention import DAY_NS, FOREVER_NS, RetentionStore, Term

MOST_DECISIONS = 50


def show(desk: Desk, ask: words.Who) -> PersonCard:
    """Somebody enrolled."""
    return card_of(desk, GalleryStore(desk.database).find(ask.who))


def validity(desk: Desk, ask: words_people.Validity) -> words.Id:
    """From which day and until which somebody may pass anything."""
    expect_mark(desk, ask.who, ask.mark)
    return rulebook.set_validity(desk.rules(), ask)


def merge(desk: Desk, ask: words_people.Merge) -> words_people.Merged:
    """Two records of one person become one. They must look alike, or one face would open as two people."""
    store = GalleryStore(desk.database)
    gone, kept = expect_mark(desk, ask.who, ask.mark), store.find(ask.into)
    _expect_alike(desk, store, gone, kept)
    moved, receipt = merging.merge(desk.database, gone.id, kept.id, desk.now(), by=desk.by)
    desk.renew_people()
    return words_people.Merged(
        id=kept.id,
        templates=sum(store.find(kept.id).templates.values()),
        moved=moved,
        gone=gone.id,
        remains=receipt.remains,
    )


def data(desk: Desk, ask: words.Who) -> PersonData:
    """Everything that is kept of a person; that it was handed out is audited."""
    desk.expect_private()
    person = GalleryStore(desk.database).find(ask.who)
    card, rules = card_of(desk, person), desk.rules().rules()
    counts = {
        table: int(desk.database.read(f"SELECT count(*) AS n FROM {table} WHERE person_id = ?", (person.id,))[0]["n"])
        for table in ("snapshots", "questions")
    }
    newest, in_all = records.of_person(desk, person.id, MOST_DECISIONS)
    with desk.database.transaction() as tables:
        key = expect(tables, person.id)
        audit.note(tables, Kind.COPY, desk.now(), {"by": desk.by, "what": "data of a person"}, person=key)
    return PersonData(
        card=card,
        templates=_templates(desk, person.id),
        rights=tuple(rulebook.shown(right) for right in rules.grants if rules.includes(right.who, person.id)),
        snapshots=counts["snapshots"],
        questions=counts["questions"],
        decisions=newest,
        decisions_in_all=in_all,
    )


def keep(desk: Desk, ask: words_people.Keep) -> words_people.Kept:
    """Until when somebody is kept; then the running reader forgets the person by itself."""
    now, options = desk.now(), desk.config.retention
    if ask.days is not None and not now.wall_trusted:
        raise ConfigError("the clock is not set, so days cannot be counted: name a day")
    person, terms = GalleryStore(desk.database).find(ask.who), RetentionStore(desk.database, options)
    terms.keep(person.id, _until(ask, now))
    term = terms.term(person.id)
    ends = None if term.ends_wall_ns is None or term.ends_wall_ns >= FOREVER_NS else moment(term.ends_wall_ns)
    return words_people.Kept(id=person.id, says=kept(term, options.people_days), until=ends)


def _until(ask: words_people.Keep, now: Instant) -> int | None:
    """The date that was asked for, in nanoseconds since 1970; None for the general rule."""
    if ask.until is not None:
        try:
            day = date.fromisoformat(ask.until)
        except ValueError:
            raise ConfigError("use a day such as 2026-12-21") from None
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + 86_400) * 10**9
    if ask.days is not None:
        return min(now.wall_ns + int(ask.days * DAY_NS), FOREVER_NS)
    return FOREVER_NS if ask.forever else None


def kept(term: Term, people_days: float | None) -> str:
    """How long somebody is kept, and why, as a sentence."""
    if term.set_wall_ns == FOREVER_NS:
        return "kept until somebody forgets the person, by a setting of its own"
    if people_days is None and term.set_wall_ns is None:
        return "kept until somebody forgets the person"
    if term.ends_wall_ns is None:
        return f"kept for {people_days:g} days after the last visit, once the reader has run with its clock set"
    day = moment(term.ends_wall_ns).isoformat(timespec="seconds")
    if term.set_wall_ns is not None:
        return f"kept until {day}, a date of its own"
    return f"kept until {day}, {people_days:g} days after the last visit"


def card_of(desk: Desk, person: Person) -> PersonCard:
    """What is known of a person."""
    comparable, rules = person.made_by(desk.loaded().models.embedder.understood), desk.rules().rules()
    entry, given = rules.people.get(person.id), consent.consent_of(desk.database, person.id)
    term = RetentionStore(desk.database, desk.config.retention).term(person.id)
    seen = desk.database.read(
        "SELECT at_wall_ns FROM audit WHERE person_id = ? AND kind = 'decision' AND wall_trusted "
        "ORDER BY seq DESC LIMIT 1",
        (person.id,),
    )
    return PersonCard(
        id=person.id,
        name=person.name,
        mark=_mark(desk, person),
        enrolled_at=moment(person.created_at_wall_ns),
        templates=comparable,
        templates_of_other_models=sum(person.templates.values()) - comparable,
        learned=_learned(desk, person.id),
        groups=tuple(name for name, group in rules.groups.items() if person.id in group.members),
        valid_from=None if entry is None or entry.valid_from is None else entry.valid_from.isoformat(),
        valid_until=None if entry is None or entry.valid_until is None else entry.valid_until.isoformat(),
        pin=entry is not None and bool(entry.pin),
        cards=0 if entry is None else len(entry.cards),
        consent=None if given is None else _consent(given),
        keep_until=None if term.ends_wall_ns is None else moment(term.ends_wall_ns),
        last_visit=moment(seen[0]["at_wall_ns"]) if seen else None,
        keep_says=kept(term, desk.config.retention.people_days),
        twins=_twins(desk, person.id),
    )


def expect_mark(desk: Desk, who: str, mark: str | None) -> Person:
    """The person, if nobody has changed it since. Raises UnknownPerson, EnrolmentError."""
    person = GalleryStore(desk.database).find(who)
    if mark is not None and mark != _mark(desk, person):
        raise EnrolmentError("somebody else has changed this person since you looked: look again, then decide anew")
    return person


def _mark(desk: Desk, person: Person) -> str:
    """Of all that a person who decides about somebody has seen."""
    rules = desk.rules().rules()
    entry = rules.people.get(person.id)
    seen = {
        "name": person.name,
        "templates": dict(person.templates),
        "groups": [name for name, group in rules.groups.items() if person.id in group.members],
        "entry": None if entry is None else {key: str(value) for key, value in asdict(entry).items()},
    }
    return hashlib.sha256(canonical(seen)).hexdigest()[:16]


def _learned(desk: Desk, person_id: str) -> int:
    sql = "SELECT count(*) AS n FROM lessons JOIN templates ON templates.id = template_id WHERE person_id = ?"
    return int(desk.database.read(sql, (person_id,))[0]["n"])


def _twins(desk: Desk, person_id: str) -> tuple[TwinRow, ...]:
    store = GalleryStore(desk.database)
    return tuple(
        TwinRow(id=twin.of_person_id, name=store.name_of(twin.of_person_id), allowed_by=twin.allowed_by)
        for twin in consent.duplicates_of(desk.database, person_id)
    )


def _consent(given: consent.Consent) -> ConsentRow:
    return ConsentRow(
        by=given.recorded_by,
        given=words.ConsentGiven(given.given.value),
        text=given.text_version,
        text_sha256=given.text_sha256,
        at=moment(given.recorded_at_wall_ns),
    )


def _templates(desk: Desk, person_id: str) -> tuple[TemplateRow, ...]:
    with desk.database.transaction() as tables:
        key = expect(tables, person_id)
        rows = list(
            tables.query(
                "SELECT templates.*, template_id IS NOT NULL AS learned FROM templates "
                "LEFT JOIN lessons ON template_id = templates.id WHERE person_id = ? ORDER BY templates.id",
                (person_id,),
            )
        )
    return tuple(
        TemplateRow(
            number=row["id"],
            model_sha256=row["model_sha256"],
            vector=base64.b64encode(key.vector(row["vector"], row["id"], row["model_sha256"])).decode(),
            quality=row["quality"],
            yaw_deg=row["yaw_deg"],
            pitch_deg=row["pitch_deg"],
            roll_deg=row["roll_deg"],
            source=key.source(row["sealed_source"], row["id"]),
            learned=bool(row["learned"]),
            made_at=moment(row["created_at_wall_ns"]),
        )
        for row in rows
    )


def _expect_alike(desk: Desk, store: GalleryStore, gone: Person, kept: Person) -> None:
    embedder = desk.loaded().models.embedder
    gallery = freeze_gallery(store, embedder)
    if gone.id == kept.id or not {gone.id, kept.id} <= set(gallery.people):
        raise EnrolmentError("two people with templates of the model in use are merged, no others: nothing was changed")
    first, second = (gallery.rows_of(one.id) for one in (gone, kept))
    likeness = float(compared(gallery.vectors[first], gallery)[:, second].max())
    needed = bars(embedder.spec).apart
    if likeness < needed:
        raise EnrolmentError(
            f"{gone.name} and {kept.name} do not look like one person (similarity {likeness:.2f}, at least "
            f"{needed:.2f} is needed): nothing was merged"
        )
