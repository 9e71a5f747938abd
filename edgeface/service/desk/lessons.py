"""Verbs about what visits taught, and what a person is asked about them."""

from __future__ import annotations

from edgeface.adapters.clock import boot_id
from edgeface.commands import words, words_review
from edgeface.commands.words_review import LessonRow, QuestionRow, Taught, Untaught
from edgeface.embed import from_template
from edgeface.errors import EnrolmentError
from edgeface.learn import refusal
from edgeface.service.bootstrap import freeze_gallery
from edgeface.service.desk.moment import moment
from edgeface.service.desk.place import Desk
from edgeface.store import audit
from edgeface.store.gallery import GalleryStore
from edgeface.store.lessons import LessonStore


def questions(desk: Desk, ask: words.Nothing) -> words_review.Questions:
    """Visits of which a person should say whether they were who the reader took them for."""
    store = GalleryStore(desk.database)
    return words_review.Questions(
        questions=tuple(
            QuestionRow(
                id=one.id,
                person_id=one.person_id,
                name=store.name_of(one.person_id),
                when=moment(one.asked_at_wall_ns),
                door=audit.door_of(desk.database, one.decision_id),
                decision=one.decision_id,
                quality=round(one.quality, 1),
                why=one.why,
            )
            for one in _store(desk).questions()
        )
    )


def yes(desk: Desk, ask: words_review.QuestionId) -> Taught:
    """The visitor was that person: the shot becomes a template."""
    embedder, lessons = desk.loaded().models.embedder, _store(desk)
    asked, shot = lessons.shot(ask.question)
    if shot.model_sha256 != embedder.identity:
        raise EnrolmentError(f"{asked.id} was asked with another embedder: answer no, it is deleted with its time")
    pupil = lessons.pupil(asked.person_id, freeze_gallery(GalleryStore(desk.database), embedder))
    options = desk.config.learn
    if (why := refusal(from_template(shot.vector), pupil, options)) is not None:
        raise EnrolmentError(f"{asked.id} was not learned: {why}")
    template = lessons.confirm(ask.question, desk.now(), options)
    desk.renew_people()
    return Taught(person_id=asked.person_id, template=template)


def no(desk: Desk, ask: words_review.QuestionId) -> Taught:
    """It was somebody else: for a while nothing like it teaches that person's templates."""
    return Taught(person_id=_store(desk).deny(ask.question).person_id, template=None)


def learned(desk: Desk, ask: words_review.Whose) -> words_review.Lessons:
    """The templates that visits taught."""
    store = GalleryStore(desk.database)
    found = _store(desk).learned(None if ask.who is None else store.find(ask.who).id)
    return words_review.Lessons(
        lessons=tuple(
            LessonRow(
                template=one.template,
                person_id=one.person_id,
                name=store.name_of(one.person_id),
                when=moment(one.taught_at_wall_ns),
                door=audit.door_of(desk.database, one.decision_id),
                decision=one.decision_id,
                taught_by=one.taught_by.value,
            )
            for one in found
        )
    )


def undo(desk: Desk, ask: words_review.TemplateId) -> Untaught:
    """Take a learned template back, to the last byte."""
    lesson = _store(desk).undo(ask.template, desk.now())
    desk.renew_people()
    return Untaught(person_id=lesson.person_id, templates=(lesson.template,))


def drop(desk: Desk, ask: words.Who) -> Untaught:
    """Take back all that visits taught about somebody: what was enrolled stays."""
    person = GalleryStore(desk.database).find(ask.who)
    gone = _store(desk).drop(person.id, desk.now())
    desk.renew_people()
    return Untaught(person_id=person.id, templates=tuple(lesson.template for lesson in gone))


def _store(desk: Desk) -> LessonStore:
    return LessonStore(desk.database, boot_id())
