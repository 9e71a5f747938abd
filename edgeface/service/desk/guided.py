"""Verbs of a guided enrolment: somebody before the reader's own camera is told where to turn the head."""

from __future__ import annotations

from dataclasses import replace

from edgeface.commands import words, words_enrol
from edgeface.commands.words_enrol import GuidedEnd, GuidedId, GuidedState, GuidedWish, Side
from edgeface.enrol import Guided, bars, gather
from edgeface.enrol.session import ENDED, Session, Stage, filled, missing, progress, wanted
from edgeface.errors import EnrolmentError
from edgeface.service.desk.people import consent_of
from edgeface.service.desk.place import Desk
from edgeface.service.enrolment import Registrar, Shot, Wish
from edgeface.service.guide import Guide, Sitting
from edgeface.store.names import valid_name

WAITING = "waiting"
"""Before the first frame."""


def begin(desk: Desk, ask: GuidedWish) -> GuidedState:
    """Name and consent first, as everywhere; then the camera."""
    guide, now = desk.expect_guide(), desk.now()
    wish = Wish(name=valid_name(ask.name), add=ask.add)
    consent = consent_of(desk, ask)
    Registrar(desk.database, desk.loaded().models.embedder, by=desk.by).expect(wish)
    if guide.busy(now) and not ask.instead:
        raise EnrolmentError("somebody is being enrolled at this reader: wait, or ask for yours instead")
    sitting = guide.begun(wish, consent, glasses=ask.glasses)
    desk.then.append(lambda: guide.hold(sitting, now))
    return _told(sitting, guide.asked)


def look(desk: Desk, ask: GuidedId) -> GuidedState:
    """How far it has come."""
    guide = desk.expect_guide()
    return _told(guide.find(ask.id, desk.now()), guide.asked)


def changed(desk: Desk, ask: GuidedId) -> GuidedState:
    """The glasses are off, or on."""
    guide = desk.expect_guide()
    return _told(guide.changed(ask.id, desk.now()), guide.asked)


def abandon(desk: Desk, ask: GuidedId) -> words.Nothing:
    """Forget what was seen."""
    guide = desk.expect_guide()
    guide.find(ask.id, desk.now())
    desk.then.append(guide.drop)
    return words.Nothing()


def finish(desk: Desk, ask: GuidedEnd) -> words.Enrolled:
    """Store what was seen. Refused for the face, it can be asked for anew, or abandoned."""
    guide = desk.expect_guide()
    sitting = guide.find(ask.id, desk.now())
    embedder = desk.loaded().models.embedder
    taken = _whole(sitting, guide).taken
    sitting.witness.expect_alive()
    portraits = [one.portrait for one in taken]
    gathered = gather(portraits, bars(embedder.spec).apart, desk.config.enrol.max_templates)
    if gathered.problem is not None:
        raise EnrolmentError(f"nobody was enrolled: {gathered.problem}")
    shots = [Shot(source=taken[place].source, portrait=portraits[place]) for place in gathered.kept]
    wish = replace(sitting.wish, allow_duplicate=ask.allow_duplicate)
    admitted = Registrar(desk.database, embedder, by=desk.by).admit(wish, shots, sitting.consent, desk.now())
    desk.renew_people()
    desk.then.append(guide.drop)
    return words.Enrolled(
        id=str(admitted.person_id),
        templates=admitted.templates,
        pictures_used=len(shots),
        refused=(),
        looks_like=admitted.alike,
    )


def _whole(sitting: Sitting, guide: Guide) -> Session:
    session = sitting.session
    if session is None or session.stage is not Stage.DONE:
        lacking = "everything" if session is None else ", ".join(missing(session, guide.asked)) or "the other glasses"
        raise EnrolmentError(f"nobody was enrolled: {lacking} still missing")
    return session


def _told(sitting: Sitting, asked: Guided) -> GuidedState:
    session = sitting.session
    if session is None:
        sides = tuple(Side(name=one.value, share=0.0) for one in asked.bins)
        hint = "waiting for the camera"
        return GuidedState(
            id=sitting.id, stage=WAITING, hint=hint, sides=sides, asked=None, progress=0.0, pictures=0,
            yaw_deg=None, pitch_deg=None,
        )  # fmt: skip
    session = sitting.witness.prompted(session)
    heading, next_one = session.heading, wanted(session, asked)
    return words_enrol.GuidedState(
        id=sitting.id,
        stage=session.stage.value,
        hint=session.hint,
        sides=tuple(Side(name=one.value, share=share) for one, share in filled(session, asked).items()),
        asked=None if next_one is None or session.stage in ENDED else next_one.value,
        progress=progress(session, asked),
        pictures=len(session.taken),
        yaw_deg=None if heading is None else round(float(heading.yaw_deg), 1),
        pitch_deg=None if heading is None else round(float(heading.pitch_deg), 1),
    )
