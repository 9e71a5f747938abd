"""What one machine computed, beside another: how many arrays are the same to the last bit, and how far others are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

Arrays = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Arrays of one kind on two machines."""

    what: str
    n: int
    same: int
    """To the last bit."""
    furthest: float
    """Largest distance of two numbers, in the numbers' own unit: steps where they are int8."""
    cosine: float | None
    """Smallest cosine, of vectors; None for what is none."""

    @property
    def plain(self) -> dict[str, Any]:
        return {"what": self.what, "n": self.n, "same": self.same, "furthest": self.furthest, "cosine": self.cosine}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What one machine came to."""

    name: str
    arrays: Arrays
    said: dict[str, Any]
    """Golden probes, kernels and decisions."""

    def digest(self, kind: str) -> str:
        """sha256 over all arrays of a kind, in order."""
        return sha256(b"".join(self.arrays[key].tobytes() for key in keys(self.arrays, kind))).hexdigest()


def read(path: Path) -> Machine:
    """A file of `inside.py`."""
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files if key != "said"}
        return Machine(name=path.stem, arrays=arrays, said=json.loads(str(file["said"])))


def kinds(arrays: Arrays, under: str) -> list[str]:
    """Kinds of arrays below "model" or "stage", as they were met."""
    return list(dict.fromkeys(key.rpartition("/")[0] for key in arrays if key.startswith(f"{under}/")))


def keys(arrays: Arrays, kind: str) -> list[str]:
    """All arrays of a kind."""
    return sorted(key for key in arrays if key.rpartition("/")[0] == kind)


def compare(there: Machine, here: Machine, kind: str) -> Likeness:
    """One kind of arrays on both; they are as many and as long."""
    names = keys(here.arrays, kind)
    pairs = [(there.arrays[name], here.arrays[name]) for name in names]
    far = [float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) for a, b in pairs]
    vectors = kind.rpartition("/")[2] in ("embedding", "template")
    return Likeness(
        what=kind.partition("/")[2],
        n=len(pairs),
        same=sum(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs),
        furthest=max(far),
        cosine=min(_cosine(a, b) for a, b in pairs) if vectors else None,
    )


def _cosine(a: Any, b: Any) -> float:
    first, second = a.astype(np.float64), b.astype(np.float64)
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
