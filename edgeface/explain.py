"""What happened to each face, gate by gate: the reader's own answers, kept instead of forgotten.

    diary = Diary(...)
    for frame in frames: diary.note(frame)
    diary.finish() -> an account of each visitor

`recognise` and `judge` run as they do at the door; nothing here judges. Memory grows by numbers with every frame, by
pictures only with every visitor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgeface import decide, image, liveness, quality
from edgeface.bar import Bar
from edgeface.calibration import in_words, log_likelihood_ratio
from edgeface.decide import Case, Decision
from edgeface.detect import Detection, PixelBox
from edgeface.frame import Frame, Instant, Pixels
from edgeface.liveness import Check, Fault, Liveness
from edgeface.match import Gallery, Match
from edgeface.pipeline import Models, Options, Passed, Scene, Sighting, cases, judge, recognise
from edgeface.pose import Pose
from edgeface.quality import Limit, Quality

PICTURE_PX = 224
"""Side of the pictures that are kept."""
ROOM = 1.7
"""Side of a picture over the longer side of the face's box."""
MOST_PICTURES = 5
"""Of one visitor."""
NEAREST = 3
"""People whose likeness is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How like somebody enrolled one shot is."""

    person_id: str
    cosine: float
    strength: float | None
    """What such a cosine of a single picture says: log10 likelihood ratio; None if that was never measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a visit stood after a frame."""

    shots: int
    """Good shots so far."""
    person_id: str | None
    """Whom it points to, and the next three; None without a good shot or without anybody enrolled."""
    score: float | None
    """Fused cosine."""
    newest_score: float | None
    margin: float | None
    needed: float
    """Score that this takes; infinity if nothing does."""
    strength: float | None
    """What the fused cosine says: log10 likelihood ratio; None if that was never measured."""
    checks: Mapping[Check, Fault | None]
    """What each liveness check has against the visitor, required or not; None if it is passed."""
    doubt: str | None
    """What stood against a grant, as a sentence; None if nothing did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One face in one frame."""

    frame: int
    """The camera's number of it."""
    second: float
    """Since the first frame."""
    detection: Detection
    pose: Pose | None = None
    """None, as what follows, if the face was followed, but not looked at: see `passed`."""
    quality: Quality | None = None
    limits: tuple[Limit, ...] = ()
    """Every measure of quality with its limit."""
    liveness: Liveness | None = None
    nearest: tuple[Likeness, ...] | None = None
    """Who is most like this shot alone, the nearest first; None if the gate refused it."""
    standing: Standing | None = None
    decision: Decision | None = None
    """What was decided upon this frame."""
    passed: Passed | None = None
    """Why it was not looked at; None if it was."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A face with its surroundings."""

    frame: int
    merit: float
    """Good shots above refused ones, and each by its quality."""
    pixels: Pixels
    """uint8 (PICTURE_PX, PICTURE_PX, 3)."""
    box: PixelBox
    """Within the picture."""
    landmarks: tuple[tuple[float, float], ...]
    """Five, within the picture."""


@dataclass(slots=True, kw_only=True)
class Account:
    """One visitor; grows while the film runs."""

    track: int
    steps: list[Step] = field(default_factory=list)
    pictures: dict[str, Picture] = field(default_factory=dict)
    """By what each shows: "first", "best", "worst", "decided", "last"."""
    late: list[Decision] = field(default_factory=list)
    """Decided when the visitor had left."""

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All of them, in order."""
        return (*(step.decision for step in self.steps if step.decision is not None), *self.late)

    @property
    def telling(self) -> Step:
        """The step that says most: the first decision's, else that of the best face, else the last."""
        looked = [step for step in self.steps if step.quality is not None] or self.steps
        return next((step for step in looked if step.decision is not None), max(looked, key=_merit))


class Diary:
    """Watches as the reader does, and keeps what it thought."""

    def __init__(
        self,
        *,
        models: Models,
        gallery: Gallery,
        bar: Bar,
        live_floor: float | None,
        options: Options,
        identify: Callable[[], str],
    ) -> None:
        """Arguments as for `edgeface.pipeline.judge`."""
        self._models, self._gallery, self._bar = models, gallery, bar
        self._live_floor, self._options, self._identify = live_floor, options, identify
        self._scene = Scene()
        self._began: Instant | None = None
        self._accounts: dict[int, Account] = {}

    def note(self, frame: Frame) -> None:
        """One more frame. Its own time counts as now."""
        now = frame.captured_at
        self._began = self._began or now
        self._scene, sightings = recognise(frame, self._scene, self._models, self._gallery, self._options)
        stood = {case.track: case for case in self._cases()}
        decided = self._judge(now)
        for seen in sightings:
            account = self._accounts.setdefault(seen.track, Account(track=seen.track))
            step = self._step(frame, seen, stood.get(seen.track), decided.pop(seen.track, None))
            account.steps.append(step)
            _keep(account.pictures, step, frame.pixels)
        self._late(decided)

    def finish(self) -> tuple[Account, ...]:
        """The film is over, whoever is still there has left: every visitor, in the order of coming."""
        last = self._scene.newest_at
        if last is not None:
            self._scene = replace(self._scene, ended=(*self._scene.ended, *self._scene.beliefs))
            self._late(self._judge(last))
        return tuple(self._accounts[number] for number in sorted(self._accounts))

    def _cases(self) -> tuple[Case, ...]:
        return cases(self._scene, self._gallery, self._bar, self._live_floor, self._options)

    def _judge(self, now: Instant) -> dict[int, Decision]:
        self._scene, decisions = judge(
            self._scene, self._gallery, self._bar, self._live_floor, self._options, now, self._identify
        )
        return {decision.track: decision for decision in decisions}

    def _late(self, decided: Mapping[int, Decision]) -> None:
        for number, decision in decided.items():
            self._accounts[number].late.append(decision)

    def _step(self, frame: Frame, seen: Sighting, case: Case | None, decision: Decision | None) -> Step:
        plain = Step(
            frame=frame.sequence,
            second=frame.captured_at.seconds_since(self._began or frame.captured_at),
            detection=seen.detection,
            decision=decision,
            passed=seen.passed,
        )
        if seen.view is None:
            return plain
        return replace(
            plain,
            pose=seen.view.pose,
            quality=seen.view.quality,
            limits=quality.held(seen.view.quality, seen.view.pose, self._options.quality),
            liveness=seen.liveness,
            nearest=None if seen.match is None else self._nearest(seen.match),
            standing=None if case is None else _standing(case, self._options, self._live_floor, frame.captured_at),
        )

    def _nearest(self, found: Match) -> tuple[Likeness, ...]:
        line = self._models.embedder.spec.calibration
        order = np.argsort(-found.scores, kind="stable")[:NEAREST]
        nearest = [(self._gallery.people[index], float(found.scores[index])) for index in order]
        return tuple(
            Likeness(person_id=who, cosine=cosine, strength=log_likelihood_ratio(cosine, line) if line else None)
            for who, cosine in nearest
        )


def _standing(case: Case, options: Options, live_floor: float | None, now: Instant) -> Standing:
    verdict = case.verdict
    against = decide.doubt(case, options.decide, now)
    said = {check: liveness.missing(check, case.belief.liveness, options.liveness, live_floor) for check in Check}
    return Standing(
        shots=case.belief.shots,
        person_id=None if verdict is None else verdict.person_id,
        score=None if verdict is None else verdict.score,
        newest_score=None if verdict is None else verdict.newest_score,
        margin=None if verdict is None else verdict.margin,
        needed=decide.needed(case.floor, options.decide),
        strength=case.strength,
        checks=said,
        doubt=None if against is None else against.reason,
    )


def _keep(album: dict[str, Picture], step: Step, pixels: Pixels) -> None:
    """The pictures that tell the visit, few however long it is."""
    if not quality.placed(step.detection):
        return
    wanted, merit = ["last"] if album else ["first", "last"], _merit(step)
    if step.quality is not None:
        wanted += [name for name, sign in (("best", 1), ("worst", -1)) if _beats(merit, album.get(name), sign)]
    if step.decision is not None and "decided" not in album:
        wanted.append("decided")
    album.update(dict.fromkeys(wanted, _picture(step, merit, pixels)))


def _beats(merit: float, former: Picture | None, sign: int) -> bool:
    return former is None or sign * merit > sign * former.merit


def _merit(step: Step) -> float:
    """Good shots above refused ones, and each by its score."""
    if step.quality is None:
        return -1.0
    return step.quality.score + (1000.0 if step.quality.accepted else 0.0)


def _picture(step: Step, merit: float, pixels: Pixels) -> Picture:
    """The face in the middle of a square; grey where the frame ends."""
    box = step.detection.box
    side = max(8, round(ROOM * max(box.w, box.h)))
    left, top = round(box.x + box.w / 2 - side / 2), round(box.y + box.h / 2 - side / 2)
    height, width = pixels.shape[:2]
    across = slice(min(max(left, 0), width), min(max(left + side, 0), width))
    down = slice(min(max(top, 0), height), min(max(top + side, 0), height))
    square = np.full((side, side, 3), 127, np.uint8)
    square[down.start - top : down.stop - top, across.start - left : across.stop - left] = pixels[down, across]
    scale = PICTURE_PX / side
    return Picture(
        frame=step.frame,
        merit=merit,
        pixels=image.resize(square, PICTURE_PX, PICTURE_PX),
        box=PixelBox(x=scale * (box.x - left), y=scale * (box.y - top), w=scale * box.w, h=scale * box.h),
        landmarks=tuple(
            (float(scale * (x - left)), float(scale * (y - top))) for x, y in step.detection.landmarks.tolist()
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate on the way to the door, and what it said."""

    name: str
    passed: bool | None
    """None: not reached, or told and not asked for."""
    said: str
    """A sentence without names."""


def gates(step: Step, required: tuple[Check, ...]) -> tuple[Gate, ...]:
    """Every gate in the order of the flow, as it stood after one step."""
    found = Gate(name="detected", passed=True, said=f"score {step.detection.score:.2f}")
    usable, stood = step.quality, step.standing
    if usable is None:
        why = "" if step.passed is None else f"{step.passed.why}: "
        return found, Gate(name="quality", passed=None, said=f"{why}followed, not looked at")
    said = f"score {usable.score:.0f}" if usable.accepted else "; ".join(one.advice for one in usable.refusals)
    return (
        found,
        Gate(name="quality", passed=usable.accepted, said=said),
        *(_check_gate(check, check in required, stood) for check in Check),
        _alike_gate(stood),
        _shots_gate(stood),
    )


def _check_gate(check: Check, required: bool, stood: Standing | None) -> Gate:
    fault = None if stood is None else stood.checks[check]
    passed = stood is not None and fault is None
    said = "passed" if passed else "not judged" if fault is None else fault.reason.rstrip(",")
    asked = "" if required else " (not asked for)"
    return Gate(name=f"alive: {check.value}", passed=passed if required or passed else None, said=said + asked)


def _alike_gate(stood: Standing | None) -> Gate:
    if stood is None or stood.score is None:
        return Gate(name="alike", passed=None, said="nobody to compare with, or no good shot yet")
    lead = "" if stood.margin is None else f", {stood.margin:.2f} ahead of the next"
    strength = "" if stood.strength is None else f"; {in_words(stood.strength)}"
    said = f"{stood.score:.2f}, {stood.needed:.2f} needed{lead}{strength}"
    return Gate(name="alike", passed=stood.score >= stood.needed, said=said)


def _shots_gate(stood: Standing | None) -> Gate:
    if stood is None:
        return Gate(name="evidence", passed=None, said="no visit yet")
    many = f"{stood.shots} good shot{'' if stood.shots == 1 else 's'}"
    return Gate(name="evidence", passed=stood.doubt is None, said=f"{many}: {stood.doubt or 'they agree'}")
