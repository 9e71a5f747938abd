"""Who is in which area, and which door was told to open."""

from __future__ import annotations

from dataclasses import replace

from edgeface.access.parts import Direction, Passback
from edgeface.access.rules import Rules
from edgeface.access.state import MOST_ENTRIES, Opened, Place, State, without
from edgeface.frame import Instant

SETTLE_S = 5.0
"""So long after a door was told to open, its contact may not have opened yet: an unlock lives 3 s, and a hand takes
time. A choice."""


def problem(state: State, rules: Rules, name: str, person_id: str, now: Instant) -> str | None:
    """Why this person cannot be where he would have to be to go this way; None if he can, or nobody knows."""
    door = rules.doors[name]
    area = rules.areas.get(door.area)
    if area is None or area.passback is Passback.OFF:
        return None
    place = state.places.get(f"{door.area}/{person_id}")
    if place is None:
        full = len(state.places) >= MOST_ENTRIES
        return "nobody else can be remembered in this area" if full else None
    since_s = (now.monotonic_ns - place.at_ns) / 1e9
    if place.inside is not (door.direction is Direction.IN):
        return None
    if place.door == name and 0 <= since_s < area.grace_s:
        return None
    if door.direction is Direction.OUT:
        return "this person has left already"
    if area.passback is Passback.TIMED and since_s > area.passback_s:
        return None
    return "this person is inside already"


def passed(state: State, rules: Rules, person_id: str, name: str, now: Instant) -> State:
    """Somebody passes a door, here or at another reader of the same site."""
    door, at_ns = rules.doors[name], now.monotonic_ns
    state = replace(
        state,
        first=without(state.first, name),
        awaited=without(state.awaited, name),
        proofs=without(state.proofs, f"{name}/{person_id}"),
    )
    if door.interlock:
        state = replace(state, opened={**state.opened, name: Opened(at_ns=at_ns)})
    if door.area and rules.areas[door.area].passback is not Passback.OFF:
        place = Place(inside=door.direction is Direction.IN, door=name, at_ns=at_ns)
        places = {**state.places, f"{door.area}/{person_id}": place}
        state = replace(state, places=places) if len(places) <= MOST_ENTRIES else state
    return state


def just_opened(state: State, name: str, now: Instant) -> bool:
    """Whether a door was told to open so recently that its contact need not show it yet."""
    opened = state.opened.get(name)
    return opened is not None and (now.monotonic_ns - opened.at_ns) / 1e9 <= SETTLE_S
