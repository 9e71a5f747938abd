"""What the reader's camera sees, for browsers that look: one link to the reader a browser, and the newest frame only.

    viewer.newest(cookie, open, than=7, wait_s=4.0)   -> Seen, or None if there is no newer one yet

A thread takes the frames as they come and keeps one. It ends when nobody has asked for a while: a tab that is closed or
hidden costs the reader nothing. No frame is kept longer than that, and none is written anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgeface.errors import EdgefaceError
from edgeface.wire import MessageError

LEFT_S = 3.0
"""Nobody looks any more after so long without a question. A choice: longer than a slow phone's pause between two."""

Open = Callable[[], Iterator[Mapping[str, Any]]]
"""Begins to watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest that is known."""

    number: int
    """Rises with each."""
    frame: Mapping[str, Any] | None
    """As the reader sent it; None: it does not answer."""
    says: str = ""
    """Why it does not."""


class Viewer:
    """Everybody who looks. Safe for threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._lock = now, threading.Lock()
        self._views: dict[str, _View] = {}

    def newest(self, who: str, open_link: Open, *, than: int, wait_s: float) -> Seen | None:
        """The newest frame, if it comes in time. `than`: the number of the last one that was shown."""
        with self._lock:
            for key in [key for key, view in self._views.items() if view.over()]:
                del self._views[key]
            view = self._views.setdefault(who, _View(self._now))
        return view.newest(open_link, than, wait_s)


class _View:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._news = now, threading.Condition()
        self._asked = now()
        self._runs = False
        self._seen = Seen(number=0, frame=None)

    def over(self) -> bool:
        return not self._runs and self._now() - self._asked > LEFT_S

    def newest(self, open_link: Open, than: int, wait_s: float) -> Seen | None:
        with self._news:
            self._asked = self._now()
            if than > self._seen.number:  # counted by a console that was started anew since
                than = 0
            if not self._runs:
                than = self._seen.number  # what a link that has ended showed last is old
                self._runs = True
                threading.Thread(target=self._run, args=(open_link,), name="viewer", daemon=True).start()
            self._news.wait_for(lambda: self._seen.number > than, wait_s)
            self._asked = self._now()
            return self._seen if self._seen.number > than else None

    def _run(self, open_link: Open) -> None:
        """Until nobody looks, or the reader is gone; whoever still looks begins anew."""
        says = ""
        try:
            frames = open_link()
            for frame in frames:
                self._show(frame, "")
                if self._now() - self._asked > LEFT_S:
                    break
        except (EdgefaceError, MessageError, ValueError) as error:
            says = str(error)
        finally:
            with self._news:
                self._runs = False
            self._show(None, says)

    def _show(self, frame: Mapping[str, Any] | None, says: str) -> None:
        with self._news:
            self._seen = Seen(number=self._seen.number + 1, frame=frame, says=says)
            self._news.notify_all()
