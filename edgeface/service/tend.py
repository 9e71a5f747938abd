"""A camera that is looked after: opened again when it is lost, and not believed while it does not see.

A camera is opened in a thread of its own, since a driver may take seconds over it: meanwhile the reader goes on, says
what is wrong and keeps everybody out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from edgeface import footage
from edgeface.errors import CameraError
from edgeface.footage import BLINDING, Fault, Footage, Options
from edgeface.frame import Frame, Instant, Pixels, shifted
from edgeface.service.loop import MAX_FRAME_AGE_S
from edgeface.service.ports import LiveCamera

TICK_S = 0.1
"""The longest that `frames` is silent. With the time between two looks of `edgeface.service.vitals`, and the time it
takes to be sure of a fault, a second at the most."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 4.0
"""Between two tries to open a camera; each pause is twice the last. Plugged in again, it films within seconds."""

ANEW = {Fault.FROZEN: "repeats one picture", Fault.LATE: "sends pictures of the past"}
"""What a driver gets over when its camera is closed and opened again."""

FROZEN_S = 5.0
"""A driver that does so for so long is closed and opened again."""

STUCK_S = 60.0
"""An open call that takes longer will never end: the whole reader has to be started anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a camera is."""

    faults: tuple[Fault, ...] = ()
    """The worst first; empty if it is well."""
    detail: str = ""
    """What its driver said when it was lost, and what to do; empty if it was not."""
    fps: float | None = None
    """Pictures a second that arrive; None before the second one."""


class TendedCamera:
    """Frames of a live camera for as long as the reader runs. Used by one thread, but for `close`."""

    def __init__(
        self,
        reopen: Callable[[], LiveCamera],
        options: Options,
        now: Callable[[], Instant],
        pause: Callable[[float], object],
        *,
        first: LiveCamera | None = None,
    ) -> None:
        """`reopen` opens the camera, in another thread; it raises CameraError. `pause` waits so many seconds.
        `first`: the camera, if it is open already."""
        self._reopen, self._options, self._now, self._pause = reopen, options, now, pause
        self._camera = first
        self._opener = ThreadPoolExecutor(1, thread_name_prefix="open camera")
        self._opening: Future[LiveCamera] | None = None
        self._asked_at: Instant | None = None
        self._next_try: Instant | None = None
        self._pause_s = FIRST_PAUSE_S
        self._footage, self._detail, self._closed = Footage(), "", False
        self._base, self._counted = 0, 0

    def frames(self) -> Iterator[Frame | None]:
        """The newest frame each time one is asked for; None, within `TICK_S`, while there is none to judge by."""
        while not self._closed:
            if self._camera is None:
                self._try()
                if self._camera is None:
                    self._pause(TICK_S)
                yield None
                continue
            try:
                yield self._next(self._camera)
            except CameraError as error:
                self._lose(str(error))
                yield None

    def meet(self, face: Pixels) -> None:
        """A face that was seen, aligned: tells whether red and blue have changed places."""
        self._footage = footage.meet(self._footage, face, self._options)

    def condition(self) -> Condition:
        """How the camera is now."""
        pace_s = self._footage.pace_s
        return Condition(
            faults=footage.faults(self._footage, self._now(), self._options),
            detail=self._detail,
            fps=1 / pace_s if pace_s else None,
        )

    def ticks(self) -> bool:
        """False once the driver hangs in opening the camera: then only a new process helps."""
        return self._asked_at is None or self._now().seconds_since(self._asked_at) < STUCK_S

    def close(self) -> None:
        """End `frames` and give the camera back."""
        self._closed = True
        self._opener.shutdown(wait=False, cancel_futures=True)
        if self._opening is not None:
            self._opening.add_done_callback(_close_late)
        if self._camera is not None:
            self._camera.close()

    def _next(self, camera: LiveCamera) -> Frame | None:
        frame = camera.newest(TICK_S)
        if frame is None:
            return None
        now, seen = self._now(), footage.look(frame.pixels)
        late = now.seconds_since(frame.captured_at) > MAX_FRAME_AGE_S
        self._footage = footage.observe(self._footage, frame, seen, self._options, came=now, late=late)
        self._detail, self._pause_s = "", FIRST_PAUSE_S
        for fault, says in ANEW.items():
            since = self._footage.since.get(fault)
            if since is not None and now.seconds_since(since) > FROZEN_S:
                self._lose(f"{frame.camera} {says}; it is opened anew")
                return None
        if BLINDING.intersection(footage.faults(self._footage, now, self._options)):
            return None
        self._counted = self._base + frame.sequence
        return replace(frame, sequence=self._counted)

    def _lose(self, detail: str) -> None:
        now = self._now()
        self._footage, self._detail = footage.lose(self._footage, now), detail
        if self._camera is not None:
            self._opener.submit(_close, self._camera)  # before the next try, and not by the reader: a driver may hang
        self._camera, self._next_try = None, now

    def _try(self) -> None:
        """Ask for the camera, or take it if it has come."""
        now = self._now()
        self._footage = footage.lose(self._footage, now)
        if self._opening is None:
            if self._next_try is None or now.seconds_since(self._next_try) >= 0:
                self._opening, self._asked_at = self._opener.submit(self._reopen), now
            return
        if not self._opening.done():
            return
        opened, self._opening, self._asked_at = self._opening, None, None
        try:
            self._camera = opened.result()
            self._footage, self._base = Footage(), self._counted + 1 if self._counted else 0
        except CameraError as error:
            self._detail = str(error)
            self._next_try = shifted(now, round(1e9 * self._pause_s))
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def _close(camera: LiveCamera) -> None:
    with suppress(CameraError):
        camera.close()


def _close_late(opened: Future[LiveCamera]) -> None:
    """A camera that came when nobody wanted it any more."""
    with suppress(CameraError):
        if not opened.cancelled():
            opened.result().close()
