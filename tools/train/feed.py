"""Batches for a trainer, made ahead by other processes if asked for: a GPU learns faster than one core spoils faces.

Each batch is made from the seed and its number alone, so that neither the number of processes nor a resumed run changes
what is learnt.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from torch.utils.data import DataLoader, Dataset

Make = Callable[[int, np.random.Generator], Any]
"""The batch of a number, drawn with a generator of its own: tensors, or lists or tuples of them."""


def batches(make: Make, *, seed: int, first: int, workers: int) -> Iterator[Any]:
    """The batches `first`, `first + 1`, ... without end, in this order; `workers` processes make them ahead, none: the
    caller's own thread does when it asks. They see the memory that `make` refers to, and copy none of it."""
    numbers: Any = range(first, 2**62)
    how: dict[str, Any] = {"multiprocessing_context": "fork", "prefetch_factor": 4} if workers else {}
    return iter(DataLoader(_Made(make, seed), batch_size=None, sampler=numbers, num_workers=workers, **how))


def turn(number: int, batch: int, count: int, seed: int) -> np.ndarray:
    """Which of `count` samples come in the batch of this number: each once a round, but for those that fill no whole
    batch at its end, in another order every round."""
    rounds, place = divmod(number, max(1, count // batch))
    order = np.random.default_rng((seed, rounds)).permutation(count)
    return order[place * batch : (place + 1) * batch]


def cores_to_spare(device: str) -> int:
    """How many processes feed a network on this device by default: none beside a processor that learns itself."""
    return 0 if device == "cpu" else max(1, len(os.sched_getaffinity(0)) - 1)


class _Made(Dataset[Any]):
    def __init__(self, make: Make, seed: int) -> None:
        self._make, self._seed = make, seed

    def __getitem__(self, number: int) -> Any:
        random = np.random.default_rng((self._seed, number))
        cv2.setRNGSeed(int(random.integers(2**31)))  # OpenCV's noise has dice of its own, the same in every process
        return self._make(number, random)
