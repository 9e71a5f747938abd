"""Backing off after refusals."""

from __future__ import annotations

from dataclasses import replace

from edgeface.access.parts import RateLimit
from edgeface.access.state import MOST_STRIKES, State, Strikes, without
from edgeface.frame import Instant


def paused_s(state: State, key: str, now: Instant) -> float:
    """Seconds that a pause still lasts; 0 without one. A clock that ran backwards leaves the pause as it is."""
    strikes = state.strikes.get(key)
    return max(0.0, (strikes.until_ns - now.monotonic_ns) / 1e9) if strikes else 0.0


def strike(state: State, key: str, most: int, limit: RateLimit, now: Instant) -> State:
    """One more refusal under this key; at `most` of them a pause begins. `most` 0: not counted."""
    if most <= 0:
        return state
    at_ns, former = now.monotonic_ns, state.strikes.get(key)
    if former is None or _settled(former, limit, at_ns):
        former = Strikes(count=0, newest_ns=at_ns, pauses=0, until_ns=0)
    grown = replace(former, count=former.count + 1, newest_ns=at_ns)
    if grown.count >= most:
        pause_s = min(limit.longest_pause_s, limit.pause_s * 2.0 ** min(grown.pauses, 20))
        grown = replace(grown, count=0, pauses=grown.pauses + 1, until_ns=at_ns + round(pause_s * 1e9))
    return replace(state, strikes=_room({**state.strikes, key: grown}, limit, at_ns))


def pardon(state: State, *keys: str) -> State:
    """Nothing held against these any more."""
    return replace(state, strikes=without(state.strikes, *keys))


def _settled(strikes: Strikes, limit: RateLimit, at_ns: int) -> bool:
    """Whether the last refusal, and the pause it led to, are long enough ago to count no more."""
    return at_ns - max(strikes.newest_ns, strikes.until_ns) > limit.within_s * 1e9


def _room(strikes: dict[str, Strikes], limit: RateLimit, at_ns: int) -> dict[str, Strikes]:
    """At most MOST_STRIKES: first those go that count no more, then visitors in the picture, then the oldest."""
    if len(strikes) <= MOST_STRIKES:
        return strikes
    kept = {key: entry for key, entry in strikes.items() if not _settled(entry, limit, at_ns)}
    order = sorted(kept, key=lambda key: (key.startswith("track/"), -max(kept[key].until_ns, kept[key].newest_ns)))
    return {key: kept[key] for key in order[:MOST_STRIKES]}
