"""Frame after frame: recognise, judge, rule, journal, announce.

The journal comes first: what could not be stored is not announced, so that no door opens on a decision without a
record.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from edgeface import pace
from edgeface.access import Answer, Factor, Reply
from edgeface.bar import Bar
from edgeface.decide import Decision, Outcome
from edgeface.frame import Frame, Instant
from edgeface.match import Gallery
from edgeface.pace import EVERY_FRAME, Pace
from edgeface.pipeline import Models, Options, Prompted, Scene, Sighting, judge, prompts, recognise
from edgeface.service.guard import Guard
from edgeface.store.journal import Journal

MAX_FRAME_AGE_S = 0.5
"""Older frames never decide: the visitor may be gone, and somebody else at the door."""

BLIND_S = 1.0
"""After so long without a picture to judge by, every visit is over: who comes next may be somebody else."""


SET_BY_S = 2.0
"""A wall clock that moves so much against the monotonic one was set. A choice: a leap second and slewing stay below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A decision that is on the disk."""

    seq: int
    """Its row in the audit log."""
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """What one frame led to."""

    frame: Frame | None
    """None if the camera has none to judge by now."""
    sightings: tuple[Sighting, ...]
    """Faces in the frame; empty if it was too old to look at."""
    decisions: tuple[Recorded, ...]
    stale: bool
    """Whether the frame was dropped for its age."""
    rested: bool = False
    """Whether the frame was passed over because nothing called for a look at it (`edgeface.pace`)."""
    took_ms: float
    """Time from having the frame to having its decisions on the disk."""
    prompts: tuple[Prompted, ...] = ()
    """What a display is to ask visitors for now."""
    prompts_changed: bool = False
    """Whether that is something else than after the step before."""


def was_set(before: Instant, now: Instant) -> bool:
    """Whether the wall clock was set between two moments, or is trusted since."""
    moved_ns = (now.wall_ns - before.wall_ns) - (now.monotonic_ns - before.monotonic_ns)
    return abs(moved_ns) > SET_BY_S * 1e9 or now.wall_trusted != before.wall_trusted


class Reader:
    """One camera's loop. Owns the scene; runs in the thread that calls it."""

    def __init__(
        self,
        *,
        models: Models,
        gallery: Gallery,
        bar: Bar,
        live_floor: float | None,
        options: Options,
        guard: Guard,
        journal: Journal,
        announce: Callable[[Recorded], None],
        now: Callable[[], Instant],
        pacing: pace.Options = EVERY_FRAME,
        film_time: bool = False,
        chance: tuple[int, ...] = (),
        ask: Callable[[tuple[Prompted, ...], Instant], None] = lambda prompts, now: None,
    ) -> None:
        """`announce` is called with each decision once it is stored; `bar` and `live_floor` are those of
        `edgeface.pipeline.judge`; `chance` are secret whole numbers that challenges are drawn from, and `ask` is called
        whenever what visitors are asked to do has changed. With `film_time` the frames' own times count as now, for
        films that are played faster or slower than life."""
        self._models, self._gallery, self._options = models, gallery, options
        self._bar, self._live_floor = bar, live_floor
        self._guard, self._journal, self._announce = guard, journal, announce
        self._now, self._film_time = now, film_time
        self._after: tuple[Callable[[Step], None], ...] = ()
        self._newer = gallery, bar
        self._pacing, self._pace = pacing, Pace()
        self._scene, self._ask = Scene(chance=chance), ask
        self._prompts: tuple[Prompted, ...] = ()
        self.turn = threading.RLock()
        """Held while a frame is looked at; whoever else holds it comes between two frames."""
        self._newest: Instant | None = None
        self._seen: Instant | None = None

    def watch(self, frames: Iterable[Frame | None]) -> Iterator[Step]:
        """Each frame's outcome as it comes; when the source ends, the visits still open are judged.

        None stands for no picture: a camera that is lost, or does not see.
        """
        for frame in frames:
            with self.turn:
                step = self._told(self._lapse() if frame is None else self.step(frame))
            yield step
        if self._newest is not None:
            with self.turn:
                step = self._told(self._finish(self._newest if self._film_time else self._now()))
            yield step

    def adopt(self, gallery: Gallery, bar: Bar) -> bool:
        """Compare with another gallery from the next moment on in which no visit is open. From any thread.

        False, and nothing is done, if what is in force is newer: somebody was forgotten, or the dial set, meanwhile.
        """
        with self.turn:
            newest, by = self._newer
            if gallery.revision < newest.revision or bar.dial != by.dial:
                return False
            self._newer = gallery, bar
        return True

    def tell(self, after: Callable[[Step], None]) -> None:
        """Have `after` called too with each step once its decisions are stored and announced."""
        self._after = (*self._after, after)

    @property
    def dial(self) -> str | None:
        """The false accepts that are in force."""
        return self._newer[1].dial

    @property
    def gallery(self) -> Gallery:
        """What visitors are compared with now."""
        return self._gallery

    def step(self, frame: Frame) -> Step:
        """Look at one frame and act on what it shows."""
        started = self._now()
        self._watch_clock(started)
        now = frame.captured_at if self._film_time else started
        if now.seconds_since(frame.captured_at) > MAX_FRAME_AGE_S:
            return Step(frame=frame, sightings=(), decisions=(), stale=True, took_ms=0.0, prompts=self._prompts)
        self._newest = frame.captured_at
        if not self._scene.beliefs:
            self._gallery, self._bar = self._newer
        what = pace.busy(self._scene, now, self._options.decide)
        self._pace, wanted = pace.stir(self._pace, frame, what, self._pacing)
        if not wanted:
            took_ms = 1000 * self._now().seconds_since(started)
            seen = Step(frame=frame, sightings=(), decisions=(), stale=False, rested=True, took_ms=took_ms)
            return replace(seen, prompts=self._prompts)
        self._scene, sightings = recognise(frame, self._scene, self._models, self._gallery, self._options)
        decisions = self._judge(frame.captured_at if self._film_time else self._now())
        took_ms = 1000 * self._now().seconds_since(started)
        return self._asking(Step(frame=frame, sightings=sightings, decisions=decisions, stale=False, took_ms=took_ms))

    def present(self, factor: Factor) -> Answer:
        """A PIN or card, between two frames. The right one lets whoever lacked it be judged afresh at once.

        Raises GalleryError if it could not be stored: then it does not count.
        """
        with self.turn:
            answer, memory = self._guard.present(factor, self._now())
            if memory.change is not None:
                self._journal.remember(memory.change)
            self._guard.keep(memory)
            if answer.reply is Reply.ACCEPTED:
                decided = {number: past for number, past in self._scene.decided.items() if past[0] is not Outcome.DENY}
                self._scene = replace(self._scene, decided=decided)
        return answer

    def renew(self, gallery: Gallery, bar: Bar) -> None:
        """Other people from the next frame on, in the middle of a visit too."""
        with self.turn:
            self._newer = self._gallery, self._bar = gallery, bar
            self.reconsider()

    def reconsider(self) -> None:
        """Judge whoever was refused afresh: somebody has changed what he was refused for."""
        with self.turn:
            decided = {number: past for number, past in self._scene.decided.items() if past[0] is Outcome.GRANT}
            self._scene = replace(self._scene, decided=decided)

    def _watch_clock(self, now: Instant) -> None:
        """Note that the wall clock was set: what the rows before and after say of the time does not compare."""
        before, self._seen = self._seen, now
        if before is not None and was_set(before, now):
            self._journal.clock(before, now)

    def _lapse(self) -> Step:
        now = self._now()
        if self._newest is not None and now.seconds_since(self._newest) > BLIND_S:
            return self._finish(now)
        return Step(frame=None, sightings=(), decisions=(), stale=False, took_ms=0.0, prompts=self._prompts)

    def _told(self, step: Step) -> Step:
        for after in self._after:
            after(step)
        return step

    def _finish(self, now: Instant) -> Step:
        """All visits are over."""
        ended = (*self._scene.ended, *self._scene.beliefs)
        self._scene = replace(self._scene, tracks=(), ended=tuple(dict.fromkeys(ended)))
        return self._asking(Step(frame=None, sightings=(), decisions=self._judge(now), stale=False, took_ms=0.0))

    def _asking(self, step: Step) -> Step:
        """The step with what visitors are asked for after it; whoever shows it hears of each change once."""
        now_asked = prompts(self._scene)
        changed = now_asked != self._prompts
        if changed:
            self._prompts = now_asked
            self._ask(now_asked, self._now())
        return replace(step, prompts=now_asked, prompts_changed=changed)

    def _judge(self, now: Instant) -> tuple[Recorded, ...]:
        self._scene, decisions = judge(
            self._scene,
            self._gallery,
            self._bar,
            self._live_floor,
            self._options,
            now,
            lambda: secrets.token_hex(16),
        )
        recorded = tuple(self._record(decision, now) for decision in decisions)
        for entry in recorded:
            self._announce(entry)
        return recorded

    def _record(self, decision: Decision, now: Instant) -> Recorded:
        """Let the rules have their say and store what they leave. Whom they deny is judged afresh later."""
        ruled = self._guard.rule(decision)
        if ruled.decision.outcome is not decision.outcome:
            decided = {**self._scene.decided, decision.track: (ruled.decision.outcome, now)}
            self._scene = replace(self._scene, decided=decided)
        seq = self._journal.record(ruled.decision, ruled.memory.change)
        self._guard.keep(ruled.memory)
        return Recorded(seq=seq, decision=ruled.decision)
