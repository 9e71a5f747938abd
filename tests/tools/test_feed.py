"""Batches made ahead by other processes: the same, in the same order, as one process makes."""

from __future__ import annotations

import os
from itertools import islice

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training tools are installed with pip install -e '.[tools]'")

from tools.train.feed import batches, cores_to_spare, turn  # noqa: E402

CORES = len(os.sched_getaffinity(0))
"""More processes than that PyTorch warns of."""


def noisy(number: int, random: np.random.Generator) -> tuple[torch.Tensor, int]:
    grey, noise = np.full((8, 8), random.integers(60, 200), np.int16), np.empty((8, 8), np.int16)
    cv2.randn(noise, np.zeros(1), np.full(1, 20.0))  # OpenCV's dice, which no generator of numpy's turns
    return torch.from_numpy(grey + noise), number


def first(count: int, workers: int, begin: int = 0, seed: int = 1) -> list[tuple[bytes, int]]:
    fed = batches(noisy, seed=seed, first=begin, workers=workers)
    return [(bytes(pixels.numpy()), number) for pixels, number in islice(fed, count)]


def test_workers_change_nothing_and_keep_the_order() -> None:
    alone = first(7, workers=0)
    assert [number for _, number in alone] == list(range(7))
    assert len({pixels for pixels, _ in alone}) == 7
    assert first(7, workers=CORES) == alone


def test_a_run_that_goes_on_gets_what_it_would_have_got() -> None:
    assert first(3, workers=0, begin=4) == first(7, workers=0)[4:]
    assert first(3, workers=CORES, begin=4) == first(7, workers=0)[4:]


def test_another_seed_is_another_run() -> None:
    assert first(1, workers=0, seed=2) != first(1, workers=0)


def test_what_fails_in_a_worker_is_told() -> None:
    def broken(number: int, random: np.random.Generator) -> int:
        raise ValueError(f"no picture {number}")

    with pytest.raises(ValueError, match="no picture 0"):
        next(batches(broken, seed=1, first=0, workers=1))


def test_every_sample_comes_once_a_round_in_another_order_each() -> None:
    rounds = [np.concatenate([turn(number, 3, 12, seed=5) for number in range(4 * k, 4 * k + 4)]) for k in range(2)]
    assert [sorted(one.tolist()) for one in rounds] == [list(range(12))] * 2
    assert rounds[0].tolist() != rounds[1].tolist()


def test_fewer_samples_than_a_batch_are_a_batch_of_their_own() -> None:
    assert sorted(turn(5, 64, 10, seed=1).tolist()) == list(range(10))


def test_a_processor_that_learns_itself_gets_no_company() -> None:
    assert cores_to_spare("cpu") == 0
    assert cores_to_spare("cuda") >= 1
