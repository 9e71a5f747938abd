"""For those who write what moves the lock: may this message open the door?

    keeper = Doorkeeper(door="main", public_key="ed25519:...")
    keeper.nonce() -> text to publish on door/main/nonce, every second
    keeper.judge(payload, retained=...) -> Opening | Refusal

Nothing opens that is not signed by this reader, for this door, now. "Now" is proved by the nonce: a decision that
carries the controller's own word, given at most three seconds ago and used once, is no recording and has not been on
its way for longer, whatever the clocks say. `Ledger` is for those who keep records: each decision once, and what is
missing.

Neither needs models, a camera or a gallery; both are for one thread, but `nonce` may be called from another.
"""

from __future__ import annotations

import secrets
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edgeface.signature import Purpose, key_id, parse_public, verify
from edgeface.wire import MessageError, loads, moment

LIVE_FOR_S = 3.0
"""From the decision to the opening, at the most: that of `edgeface.message`, which a controller need not import."""

SKEW_S = 1.0
"""How far the reader's wall clock may be ahead of the controller's, where there is no nonce. A choice: two clocks set
over one network lie milliseconds apart."""

_MOST_NONCES = 64
_MOST_IDS = 10_000
_VERSION = 1


class Refusal(StrEnum):
    """Why a message opens nothing."""

    RETAINED = "retained"
    """The broker kept it from before: no decision of ours is ever retained."""
    NO_DECISION = "no_decision"
    """It cannot be read as a decision of this version."""
    UNSIGNED = "unsigned"
    WRONG_KEY = "wrong_key"
    """Signed by another device: two readers of one name, or a reader with a new gallery."""
    FORKED = "forked"
    """Two decisions of one number: two readers share one gallery, or it was restored from a backup."""
    BAD_SIGNATURE = "bad_signature"
    """Altered, or signed by somebody who does not have the key."""
    HISTORY = "history"
    """A record of what was."""
    OTHER_DOOR = "other_door"
    NO_GRANT = "no_grant"
    """Denied, unknown, spoof, or not well seen: the door stays shut."""
    SEEN_BEFORE = "seen_before"
    """This very decision came before, or a later one did."""
    NO_NONCE = "no_nonce"
    """The reader did not have a word of this controller: nothing proves when this was sent."""
    WRONG_NONCE = "wrong_nonce"
    """Not a word of this controller, or one that is used up or too old: a recording."""
    TOO_LATE = "too_late"
    CLOCK = "clock"
    """Without a nonce only the clocks can tell; the reader's is not set, or tells a time still to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Open the door, now."""

    id: str
    """Of the decision."""
    seq: int
    person_id: str | None
    label: str | None
    """The person's name, if it was sent."""
    duress: bool
    """The person is made to open: open, show nothing, and call for help."""


def _since_boot_s() -> float:
    """Sleep included, where the system counts it: else a grant that slept with this machine would look fresh."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Doorkeeper:
    """Judges the messages of one reader's `decision` topic for one door."""

    def __init__(
        self,
        *,
        door: str,
        public_key: str,
        use_nonces: bool = True,
        newest_seq: int = 0,
        monotonic_s: Callable[[], float] = _since_boot_s,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """`public_key`: as `edgeface door key` tells it. `newest_seq`: the highest seq that this controller acted on,
        if it remembers it over a restart. Without `use_nonces` both clocks must be set, or nothing opens. Raises
        ValueError for what is no key."""
        self._door, self._public, self._use_nonces = door, parse_public(public_key), use_nonces
        self._monotonic_s, self._wall_s = monotonic_s, wall_s
        self._issued: dict[str, float] = {}
        self.newest_seq = newest_seq
        """Of the newest decision that opened. A gallery restored from a backup counts anew: then start at 0 again."""

    def nonce(self) -> str:
        """A fresh word for the reader: publish it, not retained, every second and after each decision."""
        word = secrets.token_urlsafe(12)
        self._issued[word] = now_s = self._monotonic_s()
        for former, given_s in list(self._issued.items()):
            if now_s - given_s > LIVE_FOR_S or len(self._issued) > _MOST_NONCES:
                self._issued.pop(former, None)
        return word

    def judge(self, payload: bytes | str, *, retained: bool) -> Opening | Refusal:
        """What a message on the reader's `decision` topic is worth. An `Opening` is given once."""
        if retained:
            return Refusal.RETAINED
        fields = _signed(payload, self._public)
        if isinstance(fields, Refusal):
            return fields
        try:
            refusal = self._asks(fields) or self._stale(fields)
            if refusal is not None:
                return refusal
            person = fields["person"] or {}
            opening = Opening(
                id=fields["id"],
                seq=fields["seq"],
                person_id=person.get("id"),
                label=person.get("label"),
                duress=fields["duress"] is True,
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return Refusal.NO_DECISION
        self.newest_seq = opening.seq
        return opening

    def _asks(self, fields: dict[str, Any]) -> Refusal | None:
        """Whether it asks for this door to be opened, for the first time."""
        if fields["replayed"] is not False:
            return Refusal.HISTORY
        if fields["door"] != self._door:
            return Refusal.OTHER_DOOR
        if fields["outcome"] != "grant":
            return Refusal.NO_GRANT
        return None if fields["seq"] > self.newest_seq else Refusal.SEEN_BEFORE

    def _stale(self, fields: dict[str, Any]) -> Refusal | None:
        """Whether it is too old, or cannot be shown not to be."""
        if not self._use_nonces:
            return self._late_by_clocks(fields)
        if fields["nonce"] is None:
            return Refusal.NO_NONCE
        given_s = self._issued.pop(fields["nonce"], None)
        if given_s is None:
            return Refusal.WRONG_NONCE
        # Sent after the word was given, and decided `age_ms` before it was sent: no clock but one's own is believed.
        on_its_way_s = self._monotonic_s() - given_s
        return None if 0 <= on_its_way_s + fields["age_ms"] / 1000 < LIVE_FOR_S else Refusal.TOO_LATE

    def _late_by_clocks(self, fields: dict[str, Any]) -> Refusal | None:
        decided_s, expires_s = (moment(fields[key]).timestamp() for key in ("decided_at", "expires_at"))
        now_s = self._wall_s()
        if fields["clock_trusted"] is not True or decided_s > now_s + SKEW_S:
            return Refusal.CLOCK
        return None if now_s < min(expires_s, decided_s + LIVE_FOR_S) else Refusal.TOO_LATE


class Ledger:
    """Takes the messages of `decision` and `history`, in any order and as often as they come; keeps each once."""

    def __init__(self, public_key: str) -> None:
        """Raises ValueError for what is no key."""
        self._public = parse_public(public_key)
        self._ids: dict[int, str] = {}
        """seq -> id of the newest decisions."""
        self._starts: list[int] = []
        self._stops: list[int] = []
        """What came, as ranges in order that do not touch."""
        self.duplicates = 0
        """How many came that were known."""

    def take(self, payload: bytes | str) -> dict[str, Any] | Refusal:
        """The decision's fields the first time it comes, whether live or as history."""
        fields = _signed(payload, self._public)
        if isinstance(fields, Refusal):
            return fields
        seq, identity = fields.get("seq"), fields.get("id")
        if type(seq) is not int or type(identity) is not str:
            return Refusal.NO_DECISION
        if self._has(seq):
            if self._ids.get(seq, identity) != identity:
                return Refusal.FORKED
            self.duplicates += 1
            return Refusal.SEEN_BEFORE
        self._add(seq)
        self._ids[seq] = identity
        if len(self._ids) > _MOST_IDS:
            del self._ids[next(iter(self._ids))]
        return fields

    @property
    def newest(self) -> int:
        """The highest number that came; 0 if none did."""
        return self._stops[-1] - 1 if self._stops else 0

    def missing(self) -> tuple[range, ...]:
        """Numbers between those that came. Rows that are no decisions have one too: ask the reader."""
        return tuple(range(stop, start) for stop, start in zip(self._stops, self._starts[1:], strict=False))

    def _has(self, seq: int) -> bool:
        place = bisect_right(self._starts, seq) - 1
        return place >= 0 and seq < self._stops[place]

    def _add(self, seq: int) -> None:
        place = bisect_right(self._starts, seq)
        self._starts.insert(place, seq)
        self._stops.insert(place, seq + 1)
        for left in (place, place - 1):
            if 0 <= left < len(self._starts) - 1 and self._stops[left] == self._starts[left + 1]:
                del self._stops[left], self._starts[left + 1]


def _signed(payload: bytes | str, public: bytes) -> dict[str, Any] | Refusal:
    """The fields of a message that this key signed."""
    try:
        fields = loads(payload)
    except MessageError:
        return Refusal.NO_DECISION
    if fields.get("v") != _VERSION:
        return Refusal.NO_DECISION
    signature = fields.pop("sig", None)
    if not isinstance(signature, str):
        return Refusal.UNSIGNED
    if fields.get("key") != key_id(public):
        return Refusal.WRONG_KEY
    return fields if verify(public, Purpose.DECISION, fields, signature) else Refusal.BAD_SIGNATURE
