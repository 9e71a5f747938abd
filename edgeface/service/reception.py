"""Who comes to the reader's own socket: signed commands as over MQTT, wishes of this machine's users, and watchers.

    {"kind": "command", "envelope": signed command, "verb": ...}        -> {"kind": "answer", "envelope": signed answer}
    {"kind": "local", "verb": ..., "words": {...}, "cmd_id": ...}       -> {"kind": "done", "answer": {...}}
    {"kind": "watch", "envelope": signed command of live/watch}         -> {"kind": "frame", ...} until it is closed
                                                                        or {"kind": "refused", "reason": ..., "text"}

One thread a caller, so many callers and no more, and an end to each wait: a caller that hangs costs its own thread.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

from edgeface.adapters.frames import MOST_BYTES, BadFrame, Link
from edgeface.adapters.listener import Caller, Listener
from edgeface.commands import Code
from edgeface.commands.words import Watch
from edgeface.errors import ReaderError
from edgeface.service.clerk import Clerk, User
from edgeface.service.lookout import Lookout
from edgeface.service.pulse import Pulse
from edgeface.wire import MessageError, loads

log = logging.getLogger(__name__)

MOST_CALLERS = 16
"""At once; a choice: a console, a few people at a prompt, watchers."""

KEPT_FREE = 4
"""Of them only for root and the reader's own user: nobody of the group can shut the door on them."""

IDLE_S = 60.0
"""A caller who asks nothing for so long is let go."""

STUCK_S = 30.0
"""A turn that takes longer never ends: half a second is waited for a caller, and none is waited for long."""

_LOOK_S = 0.5
_WATCH = "live/watch"


class Reception:
    """Answers at one place until it is stopped."""

    def __init__(
        self, listener: Listener, clerk: Clerk, lookout: Lookout, *, idle_s: float = IDLE_S, stuck_s: float = STUCK_S
    ) -> None:
        self._listener, self._clerk, self._lookout, self._idle_s = listener, clerk, lookout, idle_s
        self._pulse = Pulse(stuck_s)
        self._callers: dict[threading.Thread, Link] = {}
        self._door = threading.Lock()
        self._ends = False
        self._thread = threading.Thread(target=self._run, name="reception")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def ticks(self) -> bool:
        """Whether callers are still let in, and what they ask for is done in the end."""
        return self._thread.is_alive() and self._pulse.ticks() and self._clerk.ticks()

    def stop(self) -> None:
        """Answer what is being answered, and no more."""
        self._ends = True
        self._listener.close()
        self._thread.join()
        with self._door:
            waiting = dict(self._callers)
        for link in waiting.values():
            link.close()
        for thread in waiting:
            thread.join()

    def _run(self) -> None:
        while not self._ends:
            with self._pulse.work():
                caller = self._listener.accept(_LOOK_S)
                if caller is not None:
                    self._let_in(caller)

    def _let_in(self, caller: Caller) -> None:
        most = MOST_CALLERS if _at_home(caller) else MOST_CALLERS - KEPT_FREE
        with self._door:
            room = len(self._callers) < most
            if room:
                thread = threading.Thread(target=self._serve, args=(caller,), name="caller")
                self._callers[thread] = caller.link
                thread.start()
        if not room:
            try:
                caller.link.send(_refused(Code.BUSY, "too many callers at once: try again"))
            except ReaderError as error:
                log.info("a caller was not let in: %s", error)
            caller.link.close()

    def _serve(self, caller: Caller) -> None:
        try:
            while not self._ends and (request := caller.link.receive(self._idle_s)) is not None:
                if not self._answered(caller, request):
                    break
        except BadFrame as error:
            self._complain(caller, error)
        except ReaderError as error:
            log.info("a caller is gone: %s", error)
        finally:
            caller.link.close()
            with self._door:
                del self._callers[threading.current_thread()]

    def _complain(self, caller: Caller, error: BadFrame) -> None:
        """What is no message ends the link: where the next one begins cannot be known."""
        try:
            caller.link.send(_refused(Code.MALFORMED, str(error)))
        except ReaderError:
            log.info("a caller sent what is no message: %s", error)

    def _answered(self, caller: Caller, request: dict[str, Any]) -> bool:
        """Answer one request; whether another may follow."""
        kind, envelope, verb = request.get("kind"), request.get("envelope"), request.get("verb")
        if kind == "command" and isinstance(envelope, str) and isinstance(verb, str):
            said = self._clerk.answer(envelope.encode(), verb, near=True, most_bytes=MOST_BYTES)
            caller.link.send({"kind": "answer", "envelope": said})
        elif kind == "local" and isinstance(verb, str):
            caller.link.send(self._local(caller, verb, request.get("words"), request.get("cmd_id")))
        elif kind == "watch" and isinstance(envelope, str):
            return self._watched(caller.link, envelope)
        else:
            caller.link.send(_refused(Code.MALFORMED, "kind must be command, local or watch, with what belongs to it"))
        return True

    def _local(self, caller: Caller, verb: str, words: Any, cmd_id: Any) -> dict[str, Any]:
        if not _at_home(caller):
            return _refused(Code.WRONG_ROLE, "only root and the reader's own user may ask so: sign a command instead")
        if not isinstance(words, dict) or not isinstance(cmd_id, str):
            return _refused(Code.MALFORMED, "words must be an object, and cmd_id a text")
        said = self._clerk.local(verb, words, cmd_id, User(uid=caller.uid, name=caller.name))
        try:
            return loads(said, most_bytes=MOST_BYTES)
        except MessageError:
            return _refused(Code.REFUSED, f"the answer is longer than {MOST_BYTES // 2**20} MiB: ask for less at once")

    def _watched(self, link: Link, envelope: str) -> bool:
        """Show what the camera sees until the watcher has enough, or say why not."""
        if self._lookout.full:
            link.send(_refused(Code.BUSY, "as many watch as may: try again"))
            return True
        wanted: list[Watch] = []
        said = self._clerk.answer(envelope.encode(), _WATCH, near=True, show=wanted.append)
        if not wanted:
            link.send({"kind": "answer", "envelope": said})
            return True
        self._lookout.watch(wanted[0], link.send, lambda: self._ends or link.gone())
        return False


def _at_home(caller: Caller) -> bool:
    """Whether the kernel says that it is root, or the reader's own user."""
    return caller.uid in (0, os.getuid())


def _refused(code: Code, text: str) -> dict[str, Any]:
    return {"kind": "refused", "reason": code.value, "text": text, "error": None}
