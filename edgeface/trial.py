"""Have other models proved themselves at this door? Long enough without a fault, and people are recognised as before.

    judge(evidence, options) -> Verdict

Whether fewer visits than before end with somebody known is a question of chance: Fisher's exact test, one-sided, so
that three strangers in a row do not throw out good models and a reader that knows nobody any more is noticed within a
dozen visits. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import comb


class Verdict(StrEnum):
    """What is to become of the models on trial."""

    WAIT = "wait"
    CONFIRM = "confirm"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What models that came in a bundle have to prove, before the former ones are given up."""

    most_starts: int = 3
    """Starts without an orderly end, 1..20, after which the former models are in use again."""
    health_min: float = 30.0
    """Minutes, 0..10000, that readers must have run with them. A choice."""
    frames: int = 1000
    """Frames, 0..10000000, that must have been looked at. A choice: a minute or two of film."""
    visits: int = 10
    """Visits, 0..10000, that must have come. At the chance below six tell a reader that knows nobody from one that knew
    70 % of its visitors, eleven from one that knew half."""
    longest_h: float = 72.0
    """Hours of running, 1..1000, after which too few visits are no reason to wait any more. A choice: a weekend."""
    chance: float = 0.001
    """Chance, above 0 and below 0.1, at which so few recognised visits count as no accident. Looked at after each of
    100 visits, up to 1 % of simulated doors (4 of 400) throw out good models for nothing."""

    def __post_init__(self) -> None:
        limits = (
            ("most_starts", 1, 20), ("health_min", 0, 10_000), ("frames", 0, 10_000_000), ("visits", 0, 10_000),
            ("longest_h", 1, 1000), ("chance", 1e-9, 0.1),
        )  # fmt: skip
        for name, low, high in limits:
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be {low:g} to {high:g}, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a trial so far."""

    ran_s: float
    frames: int
    before: tuple[int, int]
    """Visits with the former models: (recognised, in all)."""
    since: tuple[int, int]
    """Visits of the trial, likewise."""


def judge(evidence: Evidence, options: Options) -> tuple[Verdict, str]:
    """What is to become of them, and why, as a sentence."""
    known, seen = evidence.since
    told = f"{known} of {seen} visits recognised, before {evidence.before[0]} of {evidence.before[1]}"
    if accident(evidence.before, evidence.since) < options.chance:
        return Verdict.RETURN, f"too few visits end with somebody known: {told}"
    if evidence.ran_s < 60 * options.health_min or evidence.frames < options.frames:
        return Verdict.WAIT, f"{evidence.ran_s / 60:.0f} of {options.health_min:.0f} minutes, {evidence.frames} frames"
    if seen < options.visits and evidence.ran_s < 3600 * options.longest_h:
        return Verdict.WAIT, f"{seen} of {options.visits} visits came"
    return Verdict.CONFIRM, f"{evidence.ran_s / 3600:.1f} hours, {evidence.frames} frames, {told}"


def accident(before: tuple[int, int], since: tuple[int, int]) -> float:
    """How likely it is that of `since` so few or fewer would be recognised if nothing had changed, 0..1."""
    (known_before, seen_before), (known, seen) = before, since
    knowns, all_of_them = known_before + known, seen_before + seen
    ways = comb(all_of_them, seen)
    least = max(0, seen - (all_of_them - knowns))
    as_bad = sum(comb(knowns, k) * comb(all_of_them - knowns, seen - k) for k in range(least, known + 1))
    return as_bad / ways
