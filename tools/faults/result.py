"""How often something went wrong, and how often it might at most."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one fault, tried many times."""

    fault: str
    n: int
    failures: list[str]
    """What went wrong, as sentences."""
    seed: int
    acknowledged: int
    """How many things had been said to be done, in all tries together."""
    note: str = ""

    @property
    def failed(self) -> int:
        return min(len(self.failures), self.n)

    def as_json(self) -> str:
        """One line."""
        told = {"fault": self.fault, "n": self.n, "failures": self.failed, "bound_95": round(self.bound, 6)}
        return json.dumps(told | {"acknowledged": self.acknowledged, "note": self.note, "seed": self.seed})

    @property
    def bound(self) -> float:
        """The failure rate stays below this, with 95 % confidence (one-sided, Clopper and Pearson 1934)."""
        low, high = self.failed / self.n, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _at_most(self.failed, self.n, middle) > 0.05 else (low, middle)
        return high


def _at_most(k: int, n: int, rate: float) -> float:
    """The chance of k failures or fewer in n tries."""
    if rate >= 1:
        return float(k >= n)
    term, total = (1 - rate) ** n, 0.0
    for i in range(k + 1):
        total += term
        term *= (n - i) / (i + 1) * rate / (1 - rate)
    return total
