"""Does the visitor do what is asked, when it is asked? Turns of the head to either side, in an order drawn by chance.

    begin(chance, now, options) -> Challenge
    step(challenge, glimpse, options) -> Challenge      one more frame
    prompt(challenge) -> Prompt | None                  what a display is to show now

From the middle the head is asked to one side, then back to the middle, `turns` times. A turn to the other side, before
it could have been asked, or by a face that jumps, fails at once; so does what takes too long. Of films of somebody who
turns the head one in 2 to the power of `turns` has the right order (ISO/IEC 30107-3 calls the way challenge-response).
Who can make a picture turn on demand, a mask or a puppet of a face, passes: this check is one of several. Measured in
models/challenge.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from edgeface.frame import Instant

SLIP = 0.25
"""A face whose parallax (`liveness.motion`) changes by so much between glimpses is another one. A choice: heads that
turn at 160 degrees a second, seen ten times in one, change it by up to 0.16."""


class Ask(StrEnum):
    """What a visitor is asked for, as the visitor says left and right."""

    MIDDLE = "look_straight"
    LEFT = "turn_left"
    RIGHT = "turn_right"


class Stand(StrEnum):
    """How a challenge stands."""

    OPEN = "open"
    PASSED = "passed"
    WRONG = "wrong"
    """Turned to the other side than was asked."""
    TOO_EARLY = "too_early"
    """Turned before anybody could have seen the prompt: a film that takes its course."""
    JUMPED = "jumped"
    """The face jumped, or was away: another one may have taken its place."""
    TOO_LATE = "too_late"


WORDS = {
    Ask.MIDDLE: "look straight at the camera",
    Ask.LEFT: "turn your head to your left",
    Ask.RIGHT: "turn your head to your right",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked, and how fast."""

    turns: int = 3
    """How many turns are asked for, 1..8: of films that show turns one in 2 to this power has the order. A choice:
    each takes a visitor a second and a half."""
    turn_deg: float = 15.0
    """A head that has left the middle by so much, in yaw, has turned."""
    middle_deg: float = 20.0
    """Beyond this yaw no head is in the middle, wherever it began. A choice: cameras hang aside."""
    hold: int = 2
    """Frames in a row that must show it: a single slip of the pose says nothing."""
    reaction_s: float = 0.25
    """Nobody answers a prompt faster. A choice: people take 0.25 s to react to what they see, and then move."""
    step_s: float = 4.0
    """For one turn, and for each return. A choice."""
    within_s: float = 15.0
    """For everything, from the first prompt on. A choice."""
    gap_s: float = 0.7
    """A face that was away for so long may be another one: as long as a track lives without being seen."""

    def __post_init__(self) -> None:
        if not 1 <= self.turns <= 8:
            raise ValueError("turns must be 1 to 8")
        if not 5 <= self.turn_deg <= 45:
            raise ValueError("turn_deg must be 5 to 45")
        if not 5 <= self.middle_deg <= 45:
            raise ValueError("middle_deg must be 5 to 45")
        if not 1 <= self.hold <= 10:
            raise ValueError("hold must be 1 to 10")
        if not 0 <= self.reaction_s < self.step_s <= self.within_s <= 60:
            raise ValueError("reaction_s must be below step_s, step_s at most within_s, and within_s at most 60")
        if not 0 < self.gap_s <= 5:
            raise ValueError("gap_s must be above 0 and at most 5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What one frame says of how the head is turned."""

    at: Instant
    yaw_deg: float
    """Of `edgeface.pose`: positive to the person's right."""
    jumped: bool
    """Whether the face can hardly be the one of the frame before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One challenge as it stands."""

    asks: tuple[Ask, ...]
    """The turns that were drawn, without the middles between them."""
    waits_s: tuple[float, ...]
    """How long the head stays in the middle before each: drawn too, so that no film keeps step."""
    begun_at: Instant
    """When the visitor was first seen."""
    stand: Stand = Stand.OPEN
    done: int = 0
    """Turns that were made."""
    turning: bool = False
    """A turn is asked for; else the middle."""
    asked_at: Instant | None = None
    """When the newest prompt was given; None before the head was first in the middle."""
    started_at: Instant | None = None
    """When the first turn was asked for."""
    middle_deg: float = 0.0
    """Yaw of the head in the middle, before the newest turn."""
    yaws_deg: tuple[float, ...] = ()
    """Of the newest frames, as many as must agree."""
    seen_at: Instant | None = None
    """The newest frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a display is to show now."""

    ask: Ask
    words: str
    turn: int
    """Which turn this is or belongs to, from 1."""
    turns: int


def begin(chance: Sequence[int], now: Instant, options: Options) -> Challenge:
    """A challenge drawn from whole numbers >= 0 that nobody else can know."""
    draw = np.random.default_rng(list(chance))
    sides = draw.integers(0, 2, options.turns)
    asks = tuple(Ask.LEFT if side else Ask.RIGHT for side in sides)
    waits_s = tuple(float(wait) for wait in draw.uniform(0.1, 0.8, options.turns))
    return Challenge(asks=asks, waits_s=waits_s, begun_at=now)


def prompt(challenge: Challenge) -> Prompt | None:
    """None once it is over."""
    if challenge.stand is not Stand.OPEN:
        return None
    ask = challenge.asks[challenge.done] if challenge.turning else Ask.MIDDLE
    turn = min(challenge.done + 1, len(challenge.asks))
    return Prompt(ask=ask, words=WORDS[ask], turn=turn, turns=len(challenge.asks))


def step(challenge: Challenge, glimpse: Glimpse, options: Options) -> Challenge:
    """The challenge after one more frame; one that is not newer than the last changes nothing.

    Once it is passed, a face that jumps or was away undoes it.
    """
    before, now = challenge.seen_at, glimpse.at
    if challenge.stand not in (Stand.OPEN, Stand.PASSED) or (before and not now.seconds_since(before) > 0):
        return challenge
    started = challenge.started_at is not None
    if started and (glimpse.jumped or (before and now.seconds_since(before) > options.gap_s)):
        return replace(challenge, stand=Stand.JUMPED)
    if challenge.stand is Stand.PASSED:
        return replace(challenge, seen_at=now)
    if started and _late(challenge, now, options):
        return replace(challenge, stand=Stand.TOO_LATE)
    if not np.isfinite(glimpse.yaw_deg):
        return challenge
    yaws = (*challenge.yaws_deg, glimpse.yaw_deg)[-options.hold :]
    challenge = replace(challenge, yaws_deg=yaws, seen_at=now)
    return _turn(challenge, now, options) if challenge.turning else _middle(challenge, now, options)


def patience_s(challenge: Challenge, options: Options) -> float:
    """How long after the visitor was first seen an answer may still come, seconds."""
    waited_s = 0.0 if challenge.started_at is None else challenge.started_at.seconds_since(challenge.begun_at)
    return waited_s + options.within_s


def _late(challenge: Challenge, now: Instant, options: Options) -> bool:
    asked, started = challenge.asked_at, challenge.started_at
    if asked is None or started is None:
        return False
    wait_s = 0.0 if challenge.turning or challenge.done >= len(challenge.asks) else challenge.waits_s[challenge.done]
    step_s = options.step_s + wait_s
    return now.seconds_since(asked) > step_s or now.seconds_since(started) > options.within_s


def _middle(challenge: Challenge, now: Instant, options: Options) -> Challenge:
    """The head is to be in the middle: where it was before, or at first anywhere near it."""
    asked_at = challenge.asked_at or now
    challenge = replace(challenge, asked_at=asked_at)
    if len(challenge.yaws_deg) < options.hold or not all(
        _is_middle(challenge, yaw, options) for yaw in challenge.yaws_deg
    ):
        return challenge
    if challenge.done == len(challenge.asks):
        return replace(challenge, stand=Stand.PASSED)
    if now.seconds_since(asked_at) < challenge.waits_s[challenge.done]:
        return challenge
    centre = float(np.mean(challenge.yaws_deg))
    return replace(
        challenge,
        turning=True,
        asked_at=now,
        started_at=challenge.started_at or now,
        middle_deg=centre,
        yaws_deg=(),
    )


def _is_middle(challenge: Challenge, yaw_deg: float, options: Options) -> bool:
    if challenge.started_at is None:
        return abs(yaw_deg) <= options.middle_deg
    return abs(yaw_deg - challenge.middle_deg) <= options.turn_deg / 2


def _turn(challenge: Challenge, now: Instant, options: Options) -> Challenge:
    """The head is to turn to the side that was asked for."""
    asked_at = challenge.asked_at
    sign = 1.0 if challenge.asks[challenge.done] is Ask.RIGHT else -1.0
    turned = [sign * (yaw - challenge.middle_deg) for yaw in challenge.yaws_deg]
    if len(turned) < options.hold or asked_at is None:
        return challenge
    if max(turned) <= -options.turn_deg:
        return replace(challenge, stand=Stand.WRONG)
    if min(turned) < options.turn_deg:
        return challenge
    if now.seconds_since(asked_at) < options.reaction_s:
        return replace(challenge, stand=Stand.TOO_EARLY)
    return replace(challenge, turning=False, done=challenge.done + 1, asked_at=now, yaws_deg=())
