"""What the camera sees, for somebody who sets the reader up: the newest frame and what became of each face in it.

The reader's thread leaves the newest frame here and goes on. Whoever watches takes it from another thread, pictures are
made there too, and once for all who watch. Nothing is stored, and while nobody watches nothing is kept.
"""

from __future__ import annotations

import base64
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from edgeface import image
from edgeface.commands.words import Watch
from edgeface.decide import Decision, Outcome
from edgeface.detect import Detection
from edgeface.frame import Instant, Pixels
from edgeface.quality import Refused
from edgeface.scene import Sighting
from edgeface.service.loop import Recorded, Step
from edgeface.wire import plain

MOST_WATCHERS = 4
"""A choice: each costs a picture's way through a socket, not a picture."""

LONGEST_SIDE_PX = 1280
"""Larger pictures are made smaller before they are sent."""

JPEG_QUALITY = 80

_LOOK_S = 0.5
"""So often it is looked whether a watcher is still there while no frame comes."""

BLIND_AFTER_S = 1.5
"""A watcher is told that the camera gives no picture after so long. A choice: longer than the slowest pace."""

_BLIND: dict[str, Any] = {"kind": "frame", "at": None, "size": None, "faces": [], "jpeg": None, "decision": None}
"""The camera gives no picture."""

_MOST_NAMED = 64
"""Visits whose decision is remembered, to be shown beside the face: the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDecision:
    """A decision, as it is shown. That a duress PIN was used is not: whoever stands at the door may see the screen."""

    id: str
    seq: int
    at: datetime
    outcome: Outcome
    door: str
    reason: str
    rule: str
    person_id: str | None
    name: str | None
    score: float | None
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRefusal:
    """Why a face does not count, and by how much."""

    why: str
    measure: str
    value: float | None
    limit: float | None
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFace:
    """One face of a frame."""

    box: tuple[float, ...]
    """Left, top, width, height, in pixels of the frame."""
    landmarks: tuple[tuple[float, ...], ...]
    """Five points: eyes, nose, corners of the mouth."""
    quality: float | None
    """0..100; null if it was not looked at closely."""
    stage: str
    """How far it came: "followed" (not looked at, `passed` says why), "refused" (at the gate), "compared"."""
    passed: str | None
    refusal: SeenRefusal | None
    """The worst of what the gate found."""
    liveness: float | None
    track: int
    outcome: Outcome | None
    """Of the visit's latest decision; null before one. `person_id`, `name` and `score` are the decision's too."""
    person_id: str | None
    name: str | None
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    step: Step
    number: int
    decided: dict[int, Recorded]
    latest: Recorded | None


class Lookout:
    """Where the newest frame lies while somebody watches."""

    def __init__(self, name_of: Callable[[str], str | None]) -> None:
        self._name_of = name_of
        self._news = threading.Condition()
        self._watchers = self._number = 0
        self._seen: _Seen | None = None
        self._decided: dict[int, Recorded] = {}
        self._latest: Recorded | None = None
        self._picture: tuple[int, str] = 0, ""
        self._painting = threading.Lock()

    def take(self, step: Step) -> None:
        """What a frame led to; called in the reader's thread, and done at once."""
        for recorded in step.decisions:
            self._decided = {**self._decided, recorded.decision.track: recorded}
            self._latest = recorded
        if len(self._decided) > _MOST_NAMED:
            self._decided = dict(list(self._decided.items())[-_MOST_NAMED:])
        if not self._watchers or step.frame is None or step.stale:
            return
        with self._news:
            self._number += 1
            self._seen = _Seen(step=step, number=self._number, decided=self._decided, latest=self._latest)
            self._news.notify_all()

    @property
    def full(self) -> bool:
        """Whether as many watch as may."""
        return self._watchers >= MOST_WATCHERS

    def watch(self, ask: Watch, send: Callable[[dict[str, Any]], None], gone: Callable[[], bool]) -> None:
        """Send the newest frame, again and again, until `gone`; `send` raises if nobody takes it."""
        with self._news:
            self._watchers += 1
        try:
            shown, newest = 0, time.monotonic()
            while not gone():
                began = time.monotonic()
                if (seen := self._newer(shown)) is None:
                    if began - newest > BLIND_AFTER_S:
                        send(_BLIND)
                    continue
                shown, newest = seen.number, began
                send(self._frame(seen, ask))
                time.sleep(max(0.0, began + 1 / ask.most_fps - time.monotonic()))
        finally:
            with self._news:
                self._watchers -= 1
                if not self._watchers:
                    self._seen, self._picture = None, (0, "")

    def _newer(self, than: int) -> _Seen | None:
        with self._news:
            self._news.wait_for(lambda: self._seen is not None and self._seen.number > than, _LOOK_S)
            seen = self._seen
        return seen if seen is not None and seen.number > than else None

    def _frame(self, seen: _Seen, ask: Watch) -> dict[str, Any]:
        frame = seen.step.frame
        assert frame is not None
        faces = [self._face(one, seen) for one in seen.step.sightings if _placed(one.detection)]
        return {
            "kind": "frame",
            "at": plain(_utc(frame.captured_at)),
            "size": [frame.width_px, frame.height_px],
            "faces": [plain(one) for one in faces],
            "jpeg": self._jpeg(seen.number, frame.pixels) if ask.images else None,
            "decision": None if seen.latest is None else plain(self._told(seen.latest)),
        }

    def _face(self, one: Sighting, seen: _Seen) -> SeenFace:
        quality = None if one.view is None else one.view.quality
        refused = quality.refusals[0] if quality is not None and quality.refusals else None
        recorded = seen.decided.get(one.track)
        decision = None if recorded is None else recorded.decision
        box = one.detection.box
        return SeenFace(
            box=tuple(round(side, 1) for side in (box.x, box.y, box.w, box.h)),
            landmarks=tuple(tuple(round(float(part), 1) for part in point) for point in one.detection.landmarks),
            quality=None if quality is None else _number(quality.score),
            stage="followed" if quality is None else "compared" if refused is None else "refused",
            passed=None if one.passed is None else one.passed.why,
            refusal=None if refused is None else _refusal(refused),
            liveness=None if one.liveness is None else _number(one.liveness.score),
            track=one.track,
            outcome=None if decision is None else decision.outcome,
            person_id=None if decision is None else decision.person_id,
            name=self._name(decision),
            score=None if decision is None or decision.score is None else round(decision.score, 4),
        )

    def _told(self, recorded: Recorded) -> SeenDecision:
        decision = recorded.decision
        return SeenDecision(
            id=decision.id,
            seq=recorded.seq,
            at=_utc(decision.decided_at),
            outcome=decision.outcome,
            door=decision.door,
            reason=decision.reason,
            rule=decision.rule,
            person_id=decision.person_id,
            name=self._name(decision),
            score=None if decision.score is None else round(decision.score, 4),
            threshold=round(decision.threshold, 4),
        )

    def _name(self, decision: Decision | None) -> str | None:
        return None if decision is None or decision.person_id is None else self._name_of(decision.person_id)

    def _jpeg(self, number: int, pixels: Pixels) -> str:
        """The frame as a picture, in base64; made once for all who watch."""
        with self._painting:
            if self._picture[0] != number:
                self._picture = number, _painted(pixels)
            return self._picture[1]


def _painted(pixels: Pixels) -> str:
    height, width = pixels.shape[:2]
    scale = LONGEST_SIDE_PX / max(width, height)
    if scale < 1:
        pixels = image.resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
    return base64.b64encode(image.encode_jpeg(pixels, quality=JPEG_QUALITY)).decode()


def _placed(detection: Detection) -> bool:
    box = detection.box
    numbers = (box.x, box.y, box.w, box.h, *detection.landmarks.ravel().tolist())
    return all(map(math.isfinite, numbers))


def _refusal(refused: Refused) -> SeenRefusal:
    return SeenRefusal(
        why=refused.refusal.value,
        measure=refused.measure,
        value=_number(refused.value),
        limit=_number(refused.limit),
        advice=refused.advice,
    )


def _number(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


def _utc(at: Instant) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at.wall_ns // 1000)
