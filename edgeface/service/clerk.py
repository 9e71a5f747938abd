"""A command's way from its bytes to its answer: authentic, new, allowed, understood, carried out once, and stored.

    clerk.answer(payload, verb of the topic, retained) -> signed Answer, as JSON
    clerk.local(verb, words, cmd_id, user)             -> done or refused, as JSON, for a user of this machine

What refuses comes first and costs nothing; nothing of a command is stored before it is known to come from a key that
may say it, or from a user to whom all of it is open anyhow. A verb that lives in the store shares its transaction with
the key's sequence number, the audit row and the answer. Of others the number and the audit row come first: after a
power cut such a command is known as begun.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from edgeface.canonical import canonical
from edgeface.commands import VERBS, Answer, Code, Command, Key, Refused, Status, Verb, authentic, check, read, signed
from edgeface.commands.envelope import MOST_TTL_S, brief, named, readable
from edgeface.commands.verbs import PAIR, Reach
from edgeface.commands.words import Watch
from edgeface.errors import EdgefaceError, EnrolmentError, GalleryError, UpdateRefused
from edgeface.frame import Instant
from edgeface.service.desk import ACTS, Desk
from edgeface.service.pairing import own_key
from edgeface.service.pulse import Pulse
from edgeface.signature import key_id, public_of
from edgeface.store import audit, commands
from edgeface.store.audit import Facts, Kind
from edgeface.store.commands import Mark
from edgeface.store.tables import Tables
from edgeface.wire import MOST_BYTES, MessageError, dumps, plain, record

log = logging.getLogger(__name__)

_INTERRUPTED = Refused(
    code=Code.INTERRUPTED, reason="it was begun, and its end is not known or kept no longer: look, then ask anew"
)
_NOT_STORED = Refused(code=Code.NOT_STORED, reason="the store failed: nothing was done")

_TOO_LONG = Refused(code=Code.REFUSED, reason="the answer is longer than a message may be: ask for a part of it")

ROOM = 1024
"""Bytes of a message that are not the answer's: topic, correlation data and what frames them."""

NO = 65
"""Exit code of errors that say no to what was asked; a GalleryError with another is a store that failed."""

STUCK_S = 600.0
"""A command that takes longer never ends. A choice: on a slow card the longest, a copy or a check of all that there is,
take minutes. One that keeps the reader from looking at frames is noticed by that, in seconds."""

Outcome = Refused | Mapping[str, Any]
Show = Callable[[Watch], None]
"""Begins to show what the camera sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """Who asks for what, and how it is answered."""

    verb: Verb
    mark: Mark
    seq: int | None
    """None for a user of this machine, who counts nothing."""
    digest: str
    by: str
    """Whom the audit names."""
    say: Callable[[Outcome], str]
    """The answer as it is stored and sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of this machine who may do everything: root, or the one as whom the reader runs."""

    uid: int
    name: str


class Clerk:
    """Answers the commands that come to one desk, one at a time, from any thread."""

    def __init__(self, desk: Desk, *, stuck_s: float = STUCK_S) -> None:
        self._desk, self._pulse = desk, Pulse(stuck_s)
        self._seed = desk.database.keyring.signing_seed
        self._turn = threading.Lock()
        self.device = key_id(public_of(self._seed))
        """Whom commands must be for: the id of the key with which this device signs."""

    def answer(
        self,
        payload: bytes,
        topic_verb: str,
        *,
        retained: bool = False,
        near: bool = False,
        most_bytes: int = MOST_BYTES,
        show: Show | None = None,
    ) -> str:
        """The answer to whatever came, signed by this device. Never raises for what came; acts at most once.

        `near`: it came over the reader's own socket; `show` is then called if the sender may watch.
        """
        found = read(payload, most_bytes=most_bytes)
        if isinstance(found, Refused):
            log.info("command refused: %s, %d bytes", found.code.value, len(payload))
            return self._sign(topic_verb, None, found)
        with self._turn, self._pulse.work():
            try:
                text = self._answered(found, topic_verb, replace(self._desk, near=near, show=show), retained)
            except GalleryError as error:
                log.error("command %s was not stored: %s", found.cmd_id, error)
                return self._sign(topic_verb, found.cmd_id, _NOT_STORED)
        fits = len(text.encode()) <= most_bytes - ROOM
        return text if fits else self._sign(topic_verb, found.cmd_id, _TOO_LONG)

    def local(self, verb_name: str, words: Mapping[str, Any], cmd_id: str, user: User) -> str:
        """What became of the wish of a user of this machine, as JSON: done with the verb's answer, or refused."""
        verb = VERBS.get(verb_name)
        if verb is None or verb.name == PAIR:
            return _said(Refused(code=Code.UNKNOWN_VERB, reason="this reader knows no such verb"))
        if not named(cmd_id):
            return _said(Refused(code=Code.MALFORMED, reason="cmd_id must be 8 to 64 letters, digits, - and _"))
        order = _Order(
            verb=verb,
            mark=Mark(asker=f"local:{user.uid}", cmd_id=cmd_id),
            seq=None,
            digest=hashlib.sha256(canonical({"verb": verb.name, "words": words})).hexdigest(),
            by=f"local:{user.name}",
            say=_said,
        )
        with self._turn, self._pulse.work():
            try:
                return self._before(order) or self._understood(order, words, "words", replace(self._desk, near=True))
            except GalleryError as error:
                log.error("command %s was not stored: %s", cmd_id, error)
                reason = f"nothing was done: {error}"
                return _said(Refused(code=Code.NOT_STORED, reason=reason, error=type(error).__name__))

    def ticks(self) -> bool:
        """False once a command takes forever: no other gets its turn any more."""
        return self._pulse.ticks()

    def busy(self, payload: bytes, topic_verb: str) -> str:
        """The answer while too many wait. The command is not looked at further."""
        found = read(payload)
        cmd_id = None if isinstance(found, Refused) else found.cmd_id
        return self._sign(topic_verb, cmd_id, Refused(code=Code.BUSY, reason="too many commands wait: try again"))

    def _answered(self, command: Command, topic_verb: str, desk: Desk, retained: bool) -> str:
        key = commands.find(desk.database, command.key_id) or own_key(command)
        refused = authentic(command, key, to=self.device, retained=retained, topic_verb=topic_verb)
        if refused is None and key is not None:
            verb = VERBS.get(command.verb)
            if verb is None:
                refused = Refused(code=Code.UNKNOWN_VERB, reason="this reader knows no such verb")
            elif verb.reach is Reach.MACHINE or (verb.reach is Reach.SOCKET and not desk.near):
                reason = "that is asked over the reader's own socket only"
                refused = Refused(code=Code.UNKNOWN_VERB, reason=reason)
            else:
                return self._authentic(command, key, verb, desk)
        assert refused is not None
        log.info("command refused: %s", refused.code.value)
        return self._sign(topic_verb, command.cmd_id, refused)

    def _authentic(self, command: Command, key: Key, verb: Verb, desk: Desk) -> str:
        order = _Order(
            verb=verb,
            mark=Mark(asker=command.key_id, cmd_id=command.cmd_id),
            seq=command.seq,
            digest=hashlib.sha256(canonical(plain(command))).hexdigest(),
            by=f"key {key.key_id}",
            say=lambda outcome: self._sign(command.verb, command.cmd_id, outcome),
        )
        if (before := self._before(order)) is not None:
            return before
        refused = check(command, key, verb.role, desk.now()) or _sluggish(command, verb, desk.now())
        if refused is None:
            return self._understood(order, command.body, "body", desk)
        log.info("command refused: %s", refused.code.value)
        return order.say(refused)

    def _understood(self, order: _Order, words: Mapping[str, Any], where: str, desk: Desk) -> str:
        """Carry it out if the verb takes such words, and put it in force."""
        try:
            ask: Any = record(order.verb.words, dict(words), where)
        except MessageError as error:
            log.info("command refused: %s", Code.BAD_BODY.value)
            return order.say(Refused(code=Code.BAD_BODY, reason=readable(str(error))))
        desk = replace(desk, by=order.by, then=[])
        still = desk.live is not None and order.verb.changes and not ACTS[order.verb.name].aside
        with desk.live.turn() if desk.live is not None and still else nullcontext():
            text = self._carried_out(desk, order, ask)
            while desk.then:
                desk.then.pop(0)()
        return text

    def _carried_out(self, desk: Desk, order: _Order, ask: Any) -> str:
        if not order.verb.changes:
            with desk.database.transaction() as tables:
                _advance(tables, order)
            return self._run(desk, order, ask)
        if ACTS[order.verb.name].together:
            with desk.database.transaction() as tables:
                text = self._run(desk, order, ask)
                if order.seq is None or commands.find(desk.database, order.mark.asker) is not None:
                    self._note(desk, order)  # else it was refused pairing
                    commands.remember(tables, order.mark, order.digest, text)
            return text
        with desk.database.transaction() as tables:
            self._note(desk, order)
            commands.remember(tables, order.mark, order.digest, None)
        try:
            text = self._run(desk, order, ask)
            with desk.database.transaction() as tables:
                commands.remember(tables, order.mark, order.digest, text)
        except GalleryError as error:
            log.error("command %s did not end: %s", order.mark.cmd_id, error)
            return order.say(_INTERRUPTED)
        return text

    def _run(self, desk: Desk, order: _Order, ask: Any) -> str:
        """Do it. A "no" undoes what was begun; a store that fails undoes all and is told by who calls."""
        act = ACTS[order.verb.name]
        try:
            with desk.database.transaction() if act.together else nullcontext():
                answer = act.run(desk, ask)
        except EdgefaceError as error:
            desk.then.clear()
            if isinstance(error, GalleryError) and error.exit_code != NO:
                raise
            code = Code.CLOSED if order.verb.name == PAIR else Code.REFUSED
            problem = error.problem if isinstance(error, EnrolmentError | UpdateRefused) else None
            return order.say(Refused(code=code, reason=brief(str(error)), error=type(error).__name__, problem=problem))
        return order.say(plain(answer))

    def _note(self, desk: Desk, order: _Order) -> None:
        with desk.database.transaction() as tables:
            _advance(tables, order)
            facts: Facts = {"by": desk.by, "what": order.verb.name, "cmd_id": order.mark.cmd_id}
            facts = facts if order.seq is None else {**facts, "seq": order.seq}
            audit.note(tables, Kind.COMMAND, desk.now(), facts)

    def _before(self, order: _Order) -> str | None:
        """The answer to a command that was heard before; None if it is new."""
        with self._desk.database.transaction() as tables:
            stored = commands.recall(tables, order.mark)
        if stored is None:
            return None
        if stored.digest != order.digest:
            reason = "another command of this sender had this cmd_id"
            return order.say(Refused(code=Code.REUSED_ID, reason=reason))
        return stored.answer if stored.answer is not None else order.say(_INTERRUPTED)

    def _sign(self, verb: str, cmd_id: str | None, outcome: Outcome) -> str:
        done = not isinstance(outcome, Refused)
        answer = Answer(
            verb=verb if verb in VERBS else "unknown",
            cmd_id=cmd_id,
            status=Status.OK if done else Status.ERROR,
            code=Code.DONE if isinstance(outcome, Mapping) else outcome.code,
            error=None if isinstance(outcome, Mapping) else outcome.reason,
            data=outcome if isinstance(outcome, Mapping) else {},
            key=self.device,
        )
        return signed(self._seed, answer)


def _sluggish(command: Command, verb: Verb, now: Instant) -> Refused | None:
    """Why a verb that must be of now may be older than it says."""
    if verb.most_ttl_s == MOST_TTL_S:
        return None
    if command.ttl_s > verb.most_ttl_s:
        return Refused(code=Code.LATE, reason=f"this takes a ttl_s of {verb.most_ttl_s} at the most")
    if not now.wall_trusted:
        return Refused(code=Code.LATE, reason="the reader's clock is not set: it cannot know that this is of now")
    return None


def _advance(tables: Tables, order: _Order) -> None:
    if order.seq is not None:
        commands.advance(tables, order.mark.asker, order.seq)


def _said(outcome: Outcome) -> str:
    """An answer to a user of this machine, whose kernel vouches for it."""
    if isinstance(outcome, Refused):
        told = {"reason": outcome.code.value, "text": outcome.reason, "error": outcome.error}
        if outcome.problem is not None:
            told["problem"] = outcome.problem
        return dumps({"kind": "refused", **told})
    return dumps({"kind": "done", "answer": outcome})
