"""What a display at the door is to show, in its wire form. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from edgeface.frame import Instant
from edgeface.liveness import Prompt
from edgeface.liveness.challenge import Ask
from edgeface.message.moment import utc


@dataclass(frozen=True, slots=True, kw_only=True)
class WirePrompt:
    """What one visitor is asked to do."""

    track: int
    ask: Ask
    words: str
    turn: int
    """Which turn it belongs to, from 1."""
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMessage:
    """What a display at the door is to show, on `event`: sent when it changes, never kept. It opens nothing."""

    door: str
    asked_at: datetime
    """UTC, milliseconds."""
    prompts: tuple[WirePrompt, ...]
    """Empty: nothing any more."""


def prompt_message(prompts: Mapping[int, Prompt], door: str, now: Instant) -> PromptMessage:
    """The wire form of what visitors are asked to do, by track."""
    asked = [
        WirePrompt(track=track, ask=one.ask, words=one.words, turn=one.turn, turns=one.turns)
        for track, one in prompts.items()
    ]
    return PromptMessage(door=door, asked_at=utc(now), prompts=tuple(asked))
