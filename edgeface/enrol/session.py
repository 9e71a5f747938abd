"""A guided enrolment: a person is asked to look ahead, to either side, up and down, until each has been seen.

    begin(asked, now) -> Session
    advance(session, found, now, apart, asked) -> Session       one more picture, judged; or None: only time has passed
    confirm(session, now) -> Session                            "my glasses are off" (or on)

A state machine that knows neither camera nor screen: whoever shows it reads `stage`, `hint`, `filled` and `heading`. It
takes nothing while two faces are in view, and ends when somebody else steps in or when time runs out; what was taken
then enrols nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from edgeface.embed import Embedding
from edgeface.enrol.shot import NO_FACE, SEVERAL_FACES, Portrait, Unfit
from edgeface.evidence import SAME
from edgeface.frame import Instant
from edgeface.pose import TURNED_DEG, Bin, Pose, bin_of
from edgeface.quality import Refusal

AGAIN = (Bin.FRONTAL, Bin.LEFT, Bin.RIGHT)
"""What is asked for once more with the glasses changed: they change the face from the front and from the sides most."""
FIRST_TOLD = (Refusal.TOO_DARK, Refusal.OVER_EXPOSED, Refusal.TOO_SMALL)
"""Told before anything else: what they spoil is refused for other reasons as well."""


class Stage(StrEnum):
    """How far it has come."""

    LOOKING = "looking"
    CROWDED = "crowded"
    """A second face is in view: nothing is taken."""
    GLASSES = "glasses"
    """Waits until `confirm` says that the glasses are changed."""
    DONE = "done"
    TIMED_OUT = "timed_out"
    OTHER_PERSON = "other_person"
    """Somebody else has stepped in."""


ENDED = frozenset({Stage.DONE, Stage.TIMED_OUT, Stage.OTHER_PERSON})


@dataclass(frozen=True, slots=True, kw_only=True)
class Guided:
    """What a guided enrolment asks for."""

    bins: tuple[Bin, ...] = tuple(Bin)
    """Where the head is to point, of frontal, left, right, up, down; frontal is always among them. Fewer for people who
    cannot turn their head so far."""
    per_bin: int = 2
    """Pictures of each. A choice: one may be a bad one, and `max_templates` keeps the best."""
    interval_s: float = 0.3
    """Between two pictures of one bin at least, so that they differ. A choice."""
    step_s: float = 20.0
    """It ends after so long without a new picture. A choice."""
    total_s: float = 180.0
    """It ends after so long in any case. A choice."""
    strangers: int = 3
    """Good pictures in a row that show somebody else than the first ones end it. A choice: one may be an accident."""

    def __post_init__(self) -> None:
        if Bin.FRONTAL not in self.bins or len(set(self.bins)) < len(self.bins):
            raise ValueError("bins must name frontal, and none twice")
        if not 1 <= self.per_bin <= 8:
            raise ValueError("per_bin must be 1 to 8")
        if not 0 <= self.interval_s <= 5:
            raise ValueError("interval_s must be 0 to 5")
        if not 1 <= self.step_s <= self.total_s <= 3600:
            raise ValueError("step_s must be 1 or more and at most total_s, and total_s at most 3600")
        if not 1 <= self.strangers <= 20:
            raise ValueError("strangers must be 1 to 20")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """One picture that counts."""

    bin: Bin
    again: bool
    """Taken after the glasses were changed."""
    portrait: Portrait
    at: Instant

    @property
    def source(self) -> str:
        """What the gallery remembers of where it came from."""
        return f"guided: {self.bin.value}" + (", glasses changed" if self.again else "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Session:
    """One guided enrolment as it stands."""

    stage: Stage
    glasses: bool
    """The person wears glasses, and is to be seen with and without them."""
    again: bool
    """The glasses have been changed."""
    hint: str
    """What the person is to do now: words without a full stop."""
    begun_at: Instant
    progress_at: Instant
    """When the newest picture was taken, or the newest stage began."""
    newest_at: Instant
    """Of all pictures, taken or not."""
    taken: tuple[Taken, ...] = ()
    strangers: int = 0
    """Good pictures in a row that show somebody else."""
    heading: Pose | None = None
    """How the head is turned now, up and down as from where it looked ahead; None if no single face is seen."""


def begin(now: Instant, *, glasses: bool = False) -> Session:
    """Nothing seen yet. `glasses`: the person wears some, and is to be seen with and without them."""
    return Session(
        stage=Stage.LOOKING,
        glasses=glasses,
        again=False,
        hint=_ASK[Bin.FRONTAL],
        begun_at=now,
        progress_at=now,
        newest_at=now,
    )


def filled(session: Session, asked: Guided) -> Mapping[Bin, float]:
    """How much of each bin that is asked for now has been seen, 0..1."""
    return {one: min(1.0, _count(session, one) / asked.per_bin) for one in _bins(session, asked)}


def progress(session: Session, asked: Guided) -> float:
    """How much of the whole has been seen, 0..1."""
    rounds = [asked.bins, [one for one in AGAIN if one in asked.bins] if session.glasses else []]
    whole = asked.per_bin * sum(map(len, rounds))
    return min(1.0, len(session.taken) / whole)


def wanted(session: Session, asked: Guided) -> Bin | None:
    """What the person is asked for next; None if nothing is missing."""
    return next((one for one, share in filled(session, asked).items() if share < 1), None)


def missing(session: Session, asked: Guided) -> tuple[Bin, ...]:
    """What has not been seen yet."""
    return tuple(one for one, share in filled(session, asked).items() if share < 1)


def confirm(session: Session, now: Instant) -> Session:
    """The person has changed the glasses. Says nothing in any other stage."""
    if session.stage is not Stage.GLASSES:
        return session
    return replace(session, stage=Stage.LOOKING, again=True, progress_at=now, hint=_ASK[Bin.FRONTAL])


def advance(session: Session, found: Portrait | Unfit | None, now: Instant, apart: float, asked: Guided) -> Session:
    """The session after one more picture, taken at `now`. One that is not newer than the last changes nothing.

    `apart`: the cosine below which two pictures show two people (`enrol.bars`).
    """
    if session.stage in ENDED or not now.seconds_since(session.newest_at) > 0:
        return session
    session = replace(session, newest_at=now)
    if _late(session, now, asked):
        lacking = ", ".join(missing(session, asked)) or "the glasses were not changed"
        return replace(session, stage=Stage.TIMED_OUT, hint=f"out of time; still missing: {lacking}")
    if found is None or session.stage is Stage.GLASSES:
        return session
    if isinstance(found, Unfit):
        return _refuse(session, found, asked)
    session = replace(session, stage=Stage.LOOKING, heading=_from_front(session, found.pose, asked))
    if not _same_person(session, found.embedding, apart):
        return _doubt(session, asked)
    return _take(replace(session, strangers=0), found, now, asked)


def _late(session: Session, now: Instant, asked: Guided) -> bool:
    return now.seconds_since(session.progress_at) > asked.step_s or now.seconds_since(session.begun_at) > asked.total_s


def _refuse(session: Session, found: Unfit, asked: Guided) -> Session:
    if found.kind == SEVERAL_FACES:
        hint = "one person at a time: please step out of the picture, everybody else"
        return replace(session, stage=Stage.CROWDED, heading=None, hint=hint)
    if found.kind == NO_FACE:
        return replace(session, stage=Stage.LOOKING, heading=None, hint="come before the camera")
    told = next(
        (one for one in found.refused if one.refusal in FIRST_TOLD), found.refused[0] if found.refused else None
    )
    heading = None if found.pose is None else _from_front(session, found.pose, asked)
    return replace(session, stage=Stage.LOOKING, heading=heading, hint=found.advice if told is None else told.advice)


def _same_person(session: Session, probe: Embedding, apart: float) -> bool:
    """Alike to what was taken from the front, or to any one picture: a head turned far is less like itself."""
    if not session.taken:
        return True
    vectors = np.stack([one.portrait.embedding.vector for one in session.taken])
    front = vectors[[one.bin is Bin.FRONTAL for one in session.taken]].sum(axis=0)
    likeness = float(probe.vector @ front) / max(float(np.linalg.norm(front)), 1e-9)
    return max(likeness, float((vectors @ probe.vector).max())) >= apart


def _doubt(session: Session, asked: Guided) -> Session:
    strangers = session.strangers + 1
    if strangers >= asked.strangers:
        hint = "this is another person than at the beginning: begin again, one person alone"
        return replace(session, stage=Stage.OTHER_PERSON, strangers=strangers, hint=hint)
    return replace(session, strangers=strangers, hint="this does not look like the same person: look at the camera")


def _take(session: Session, found: Portrait, now: Instant, asked: Guided) -> Session:
    """One more picture, if it shows what is missing."""
    heading = _from_front(session, found.pose, asked)
    shown, next_one = bin_of(heading), wanted(session, asked)
    if next_one is None or not _is_missing(session, shown, asked):
        return replace(session, hint=_towards(next_one, heading))
    if not _is_news(session, found, shown, now, asked):
        return replace(session, hint="good, hold it")
    taken = (*session.taken, Taken(bin=shown, again=session.again, portrait=found, at=now))
    session = replace(session, taken=taken, progress_at=now)
    next_one = wanted(session, asked)
    if next_one is not None:
        return replace(session, hint="good, hold it" if next_one is shown else _towards(next_one, heading))
    if session.glasses and not session.again:
        return replace(session, stage=Stage.GLASSES, hint="now take your glasses off, or put them on")
    return replace(session, stage=Stage.DONE, hint="thank you, that is all")


def _from_front(session: Session, pose: Pose, asked: Guided) -> Pose:
    """How far a head is turned from where it looked ahead, once that was seen often enough: up and down are the
    person's own, as people who look straight ahead differ by more than a shot does (models/enrolment.md)."""
    front = [one.portrait.pose.pitch_deg for one in session.taken if one.bin is Bin.FRONTAL and not one.again]
    if len(front) < asked.per_bin:
        return pose
    return replace(pose, pitch_deg=pose.pitch_deg - float(np.mean(front)))


def _is_missing(session: Session, shown: Bin, asked: Guided) -> bool:
    """The face from the front comes first: all others are held against it."""
    if shown is not Bin.FRONTAL and _count(session, Bin.FRONTAL) < asked.per_bin:
        return False
    return filled(session, asked).get(shown, 1.0) < 1


def _is_news(session: Session, found: Portrait, shown: Bin, now: Instant, asked: Guided) -> bool:
    """Not the same picture once more, and not too soon after another of its bin."""
    for one in session.taken:
        if float(one.portrait.embedding.vector @ found.embedding.vector) >= SAME:
            return False
        if one.bin is shown and now.seconds_since(one.at) < asked.interval_s:
            return False
    return True


def _bins(session: Session, asked: Guided) -> tuple[Bin, ...]:
    ordered = tuple(one for one in Bin if one in asked.bins)
    return tuple(one for one in ordered if one in AGAIN) if session.again else ordered


def _count(session: Session, which: Bin) -> int:
    return sum(one.bin is which and one.again is session.again for one in session.taken)


_ASK = {
    Bin.FRONTAL: "look straight at the camera",
    Bin.LEFT: "turn your head a little to your left",
    Bin.RIGHT: "turn your head a little to your right",
    Bin.UP: "lift your chin a little",
    Bin.DOWN: "lower your chin a little",
}
_MORE = {
    Bin.FRONTAL: "look straight at the camera",
    Bin.LEFT: "a little more to your left",
    Bin.RIGHT: "a little more to your right",
    Bin.UP: "lift your chin a little more",
    Bin.DOWN: "lower your chin a little more",
}
BEGUN_DEG = TURNED_DEG / 2
"""A head turned so far has begun to turn."""


def _towards(aim: Bin | None, pose: Pose) -> str:
    """What to say to a head that points there, so that it points at the aim."""
    if aim is None:
        return "good, hold it"
    turned = {Bin.LEFT: -pose.yaw_deg, Bin.RIGHT: pose.yaw_deg, Bin.UP: pose.pitch_deg, Bin.DOWN: -pose.pitch_deg}
    return (_MORE if turned.get(aim, 0.0) >= BEGUN_DEG else _ASK)[aim]
