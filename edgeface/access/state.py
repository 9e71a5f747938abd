"""What the doors remember between requests, and how it is stored: one row an entry, so that a decision writes little.

    encode(state) -> rows        decode(rows) -> state        changes(before, after, boot) -> rows to write, to delete

Moments are monotonic, so they end with the boot: `restore` counts what was running before as begun at the start, which
never shortens a pause. Rows that cannot be read make a state that is `lost`: then doors behave as in a lockdown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from edgeface.frame import Instant

MOST_ENTRIES = 100_000
"""Of one kind: more people than a gallery holds, and a bound against whoever would fill the disk."""
MOST_STRIKES = 1_000

VERSION = 1
_HEAD = "state"

ALL = "all"
"""The whole site, among the lockdowns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a person is, as far as an area knows."""

    inside: bool
    door: str
    """The door passed last."""
    at_ns: int
    """Monotonic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strikes:
    """Refusals in a row, and the pause that they led to."""

    count: int
    newest_ns: int
    """Monotonic."""
    pauses: int
    """How many pauses there were; each is twice as long as the one before."""
    until_ns: int
    """Monotonic end of the pause; 0 without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Somebody at a door who may pass as soon as something else happens."""

    person_id: str
    at_ns: int
    """Monotonic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A PIN or card that was right."""

    kind: str
    """pin or card."""
    at_ns: int
    """Monotonic."""
    duress: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A door was told to open."""

    at_ns: int
    """Monotonic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A lockdown."""

    at_ns: int
    """Monotonic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The wall clock against the monotonic one, once it was trusted."""

    wall_less_monotonic_ns: int
    newest_wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything remembered. Keys are names and ids joined with `/`."""

    lost: str | None = None
    """Why it cannot be known what the doors remembered; None if it can."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """area/person."""
    strikes: Mapping[str, Strikes] = field(default_factory=dict)
    """person/ID, track/N, door/NAME, pin/ID, factor/DOOR."""
    first: Mapping[str, Waiting] = field(default_factory=dict)
    """door: the first of two people."""
    awaited: Mapping[str, Waiting] = field(default_factory=dict)
    """door: whose PIN is waited for."""
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """door/person."""
    opened: Mapping[str, Opened] = field(default_factory=dict)
    """door."""
    lockdowns: Mapping[str, Locked] = field(default_factory=dict)
    """door, or "all"."""
    clock: Mapping[str, Anchor] = field(default_factory=dict)
    """The key is always "anchor"."""


_KINDS: Mapping[str, type] = {
    "places": Place,
    "strikes": Strikes,
    "first": Waiting,
    "awaited": Waiting,
    "proofs": Proof,
    "opened": Opened,
    "lockdowns": Locked,
    "clock": Anchor,
}

V = TypeVar("V")


def lock(state: State, door: str, now: Instant) -> State:
    """A lockdown of a door, or of "all". What was waiting there has waited in vain."""
    keep = {} if door == ALL else {name: waiting for name, waiting in state.first.items() if name != door}
    return replace(state, lockdowns={**state.lockdowns, door: Locked(at_ns=now.monotonic_ns)}, first=keep)


def unlock(state: State, door: str) -> State:
    """The end of that lockdown; others go on."""
    return replace(state, lockdowns=without(state.lockdowns, door))


def forget(state: State, person_id: str) -> State:
    """The state without a person: he is neither in nor out, and owes nothing."""

    def keep(entries: Mapping[str, V]) -> dict[str, V]:
        return {key: entry for key, entry in entries.items() if person_id not in key.split("/")}

    def others(entries: Mapping[str, Waiting]) -> dict[str, Waiting]:
        return {door: waiting for door, waiting in entries.items() if waiting.person_id != person_id}

    return replace(
        state,
        places=keep(state.places),
        strikes=keep(state.strikes),
        proofs=keep(state.proofs),
        first=others(state.first),
        awaited=others(state.awaited),
    )


def without(entries: Mapping[str, V], *keys: str) -> Mapping[str, V]:
    """The entries but for some; the same object if none of them is there."""
    return {key: entry for key, entry in entries.items() if key not in keys} if set(keys) & entries.keys() else entries


def encode(state: State, boot_id: str) -> dict[str, str]:
    """Rows of text by key. A lost state has none: it is never written over what it could not read."""
    if state.lost is not None:
        raise ValueError("a lost state is not stored")
    rows = {_HEAD: _head(boot_id)}
    for kind in _KINDS:
        rows |= {f"{kind}/{key}": _text(entry) for key, entry in getattr(state, kind).items()}
    return rows


def decode(rows: Mapping[str, str]) -> tuple[State, str]:
    """The state and the boot it belongs to; no rows are a first start. Raises ValueError that names the row."""
    if not rows:
        return State(), ""
    boot_id = _boot(rows.get(_HEAD))
    entries: dict[str, Any] = {kind: {} for kind in _KINDS}
    for row, text in rows.items():
        if row == _HEAD:
            continue
        kind, _, key = row.partition("/")
        if kind not in _KINDS or not key or len(key) > 200:
            raise ValueError(f"row {row[:80]!r} is none of ours")
        entries[kind][key] = _entry(_KINDS[kind], text, row)
        if len(entries[kind]) > (MOST_STRIKES if kind == "strikes" else MOST_ENTRIES):
            raise ValueError(f"more rows of {kind} than there can be")
    return State(**entries), boot_id


def changes(before: State, after: State, boot_id: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Rows to write and rows to delete so that the stored `before`, of the same boot, becomes `after`."""
    written: dict[str, str] = {}
    gone: list[str] = []
    for kind in _KINDS:
        old, new = getattr(before, kind), getattr(after, kind)
        if old is not new:
            written |= {f"{kind}/{key}": _text(entry) for key, entry in new.items() if old.get(key) is not entry}
            gone += [f"{kind}/{key}" for key in old if key not in new]
    if written:
        written[_HEAD] = _head(boot_id)
    return written, tuple(gone)


def restore(rows: Mapping[str, str], boot_id: str, now: Instant) -> State:
    """The state as it was stored, ready for this boot; lost, with the reason, if it cannot be read."""
    try:
        state, stored_boot = decode(rows)
    except ValueError as error:
        return State(lost=str(error))
    return state if stored_boot in ("", boot_id) else _rebooted(state, now)


def _rebooted(state: State, now: Instant) -> State:
    """Pauses and times since entering begin anew; who was waiting is no longer there."""
    at_ns = now.monotonic_ns
    return replace(
        state,
        places={key: replace(place, at_ns=at_ns) for key, place in state.places.items()},
        strikes={
            key: replace(strike, newest_ns=at_ns, until_ns=at_ns + max(0, strike.until_ns - strike.newest_ns))
            for key, strike in state.strikes.items()
        },
        first={},
        awaited={},
        proofs={},
        opened={door: Opened(at_ns=at_ns) for door in state.opened},
        clock={key: replace(anchor, wall_less_monotonic_ns=0) for key, anchor in state.clock.items()},
    )


def _head(boot_id: str) -> str:
    return json.dumps({"v": VERSION, "boot": boot_id})


def _text(entry: Any) -> str:
    return json.dumps({item.name: getattr(entry, item.name) for item in fields(entry)}, separators=(",", ":"))


def _boot(text: str | None) -> str:
    head = _object(text or "", _HEAD)
    boot = head.get("boot")
    if head.keys() != {"v", "boot"} or type(head["v"]) is not int or head["v"] != VERSION or not isinstance(boot, str):
        raise ValueError("the first row is not of this version")
    return boot


def _entry(kind: type, text: str, row: str) -> Any:
    plain = _object(text, row)
    wanted = {item.name: {"int": int, "bool": bool, "str": str}[str(item.type)] for item in fields(kind)}
    if plain.keys() != wanted.keys() or any(type(plain[name]) is not kind_ for name, kind_ in wanted.items()):
        raise ValueError(f"row {row[:80]!r} holds something else")
    if any(type(value) is int and not abs(value) < 2**63 for value in plain.values()):
        raise ValueError(f"row {row[:80]!r} holds a number out of range")
    return kind(**plain)


def _object(text: str, row: str) -> dict[str, Any]:
    try:
        plain = json.loads(text, parse_constant=lambda _: math.nan)
    except (ValueError, RecursionError):
        raise ValueError(f"row {row[:80]!r} is no JSON") from None
    if not isinstance(plain, dict):
        raise ValueError(f"row {row[:80]!r} holds no record")
    return plain
