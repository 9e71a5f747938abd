"""A command's way from its bytes to its answer: authentic, new, allowed, understood, carried out once, and stored.

    clerk.answer(payload, verb of the topic, retained) -> signed Answer, as JSON

What refuses comes first and costs nothing; nothing of a command is stored before it is known to come from a key that
may say it. A verb that lives in the store shares its transaction with the key's sequence number, the audit row and the
answer. Of others the number and the audit row come first: after a power cut such a command is known as begun.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from edgeface.canonical import canonical
from edgeface.commands import VERBS, Answer, Code, Command, Key, Refused, Status, Verb, authentic, check, read, signed
from edgeface.commands.envelope import readable
from edgeface.commands.verbs import PAIR
from edgeface.errors import EdgefaceError, GalleryError, UnknownPerson
from edgeface.service.desk import ACTS, Desk
from edgeface.signature import key_id, parse_public, public_of
from edgeface.store import audit, commands
from edgeface.store.audit import Facts, Kind
from edgeface.wire import MessageError, plain, record

log = logging.getLogger(__name__)

_INTERRUPTED = Refused(
    code=Code.INTERRUPTED, reason="it was begun, and its end is not known or kept no longer: look, then ask anew"
)


class Clerk:
    """Answers the commands that come to one desk, one at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._seed = desk.database.keyring.signing_seed
        self.device = key_id(public_of(self._seed))
        """Whom commands must be for: the id of the key with which this device signs."""

    def answer(self, payload: bytes, topic_verb: str, *, retained: bool = False) -> str:
        """The answer to whatever came, signed by this device. Never raises for what came; acts at most once."""
        found = read(payload)
        if isinstance(found, Refused):
            log.info("command refused: %s, %d bytes", found.code.value, len(payload))
            return self._sign(topic_verb, None, found)
        try:
            return self._answered(found, topic_verb, retained)
        except GalleryError as error:
            log.error("command %s was not stored: %s", found.cmd_id, error)
            refused = Refused(code=Code.NOT_STORED, reason="the store failed: nothing was done")
            return self._sign(topic_verb, found.cmd_id, refused)

    def busy(self, payload: bytes, topic_verb: str) -> str:
        """The answer while too many wait. The command is not looked at further."""
        found = read(payload)
        cmd_id = None if isinstance(found, Refused) else found.cmd_id
        return self._sign(topic_verb, cmd_id, Refused(code=Code.BUSY, reason="too many commands wait: try again"))

    def _answered(self, command: Command, topic_verb: str, retained: bool) -> str:
        key = commands.find(self._desk.database, command.key_id) or _own_key(command)
        refused = authentic(command, key, to=self.device, retained=retained, topic_verb=topic_verb)
        if refused is None and key is not None:
            verb = VERBS.get(command.verb)
            if verb is None:
                refused = Refused(code=Code.UNKNOWN_VERB, reason="this reader knows no such verb")
            else:
                return self._authentic(command, key, verb)
        assert refused is not None
        log.info("command refused: %s", refused.code.value)
        return self._sign(topic_verb, command.cmd_id, refused)

    def _authentic(self, command: Command, key: Key, verb: Verb) -> str:
        digest = _digest(command)
        with self._desk.database.transaction() as tables:
            stored = commands.recall(tables, command)
        if stored is not None:
            return self._again(command, digest, stored)
        refused = check(command, key, verb.role, self._desk.now())
        if refused is None:
            try:
                ask: Any = record(verb.words, dict(command.body), "body")
            except MessageError as error:
                refused = Refused(code=Code.BAD_BODY, reason=readable(str(error)))
        if refused is not None:
            log.info("command refused: %s", refused.code.value)
            return self._sign(command.verb, command.cmd_id, refused)
        desk = replace(self._desk, by=f"key {key.key_id}", then=[])
        live = desk.live
        with live.turn() if live is not None and verb.changes else nullcontext():
            text = self._carried_out(desk, command, verb, ask, digest)
            while desk.then:
                desk.then.pop(0)()
        return text

    def _carried_out(self, desk: Desk, command: Command, verb: Verb, ask: Any, digest: str) -> str:
        if not verb.changes:
            with desk.database.transaction() as tables:
                commands.advance(tables, command.key_id, command.seq)
            return self._run(desk, command, verb, ask)
        if ACTS[verb.name].together:
            with desk.database.transaction() as tables:
                text = self._run(desk, command, verb, ask)
                if commands.find(desk.database, command.key_id) is not None:  # or it was refused pairing
                    self._note(desk, command)
                    commands.remember(tables, command, digest, text)
            return text
        with desk.database.transaction() as tables:
            self._note(desk, command)
            commands.remember(tables, command, digest, None)
        try:
            text = self._run(desk, command, verb, ask)
            with desk.database.transaction() as tables:
                commands.remember(tables, command, digest, text)
        except GalleryError as error:
            log.error("command %s did not end: %s", command.cmd_id, error)
            return self._sign(command.verb, command.cmd_id, _INTERRUPTED)
        return text

    def _run(self, desk: Desk, command: Command, verb: Verb, ask: Any) -> str:
        """Do it. A "no" undoes what was begun; a store that fails undoes all and is told by who calls."""
        try:
            with desk.database.transaction() if ACTS[verb.name].together else nullcontext():
                answer = ACTS[verb.name].run(desk, ask)
        except EdgefaceError as error:
            desk.then.clear()
            if isinstance(error, GalleryError) and not isinstance(error, UnknownPerson):
                raise
            code = Code.CLOSED if verb.name == PAIR else Code.REFUSED
            return self._sign(command.verb, command.cmd_id, Refused(code=code, reason=str(error)))
        return self._sign(command.verb, command.cmd_id, plain(answer))

    def _note(self, desk: Desk, command: Command) -> None:
        with desk.database.transaction() as tables:
            commands.advance(tables, command.key_id, command.seq)
            facts: Facts = {"by": desk.by, "what": command.verb, "cmd_id": command.cmd_id, "seq": command.seq}
            audit.note(tables, Kind.COMMAND, desk.now(), facts)

    def _again(self, command: Command, digest: str, stored: commands.Stored) -> str:
        if stored.digest != digest:
            refused = Refused(code=Code.REUSED_ID, reason="another command of this key had this cmd_id")
        elif stored.answer is not None:
            return stored.answer
        else:
            refused = _INTERRUPTED
        return self._sign(command.verb, command.cmd_id, refused)

    def _sign(self, verb: str, cmd_id: str | None, outcome: Refused | Mapping[str, Any]) -> str:
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


def _own_key(command: Command) -> Key | None:
    """The key that a command brings along: only to pair it, and only if it signed the command itself. It is nobody's
    yet: the role lets it say this one thing."""
    if command.verb != PAIR:
        return None
    try:
        public = parse_public(str(command.body.get("public_key", "")))
    except ValueError:
        return None
    if key_id(public) != command.key_id:
        return None
    return Key(key_id=command.key_id, public=public, role=VERBS[PAIR].role, revoked=False, newest_seq=0)


def _digest(command: Command) -> str:
    return hashlib.sha256(canonical(plain(command))).hexdigest()

