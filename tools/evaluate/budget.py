"""How well is a face recognised within a time limit? Whole chains, timed in one race, in the manner of FRUITS.

WebFace260M's protocol (Zhu et al., CVPR 2021) asks for the accuracy of whole systems, detector included, that stay
within a time for each recognition. Here the limit is a multiple of our own chain's time, because milliseconds of one
machine say nothing about another; a reference workload, a fixed matrix product, runs in the same race so that runs can
be compared with each other, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from edgeface.detect import Detection
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.model import Tensor
from tools import metrics
from tools.datasets import Archive
from tools.evaluate import plots
from tools.evaluate.acquire import Bench, Plot, Report, Value, central, progress, stored
from tools.evaluate.verification import lfw_pairs
from tools.metrics import Figure, Pairs
from tools.peers import ALL_CHAINS, Chain, PeerMissing, Sources, build

T = TypeVar("T")
OURS = "edgeface"
TIMED = 60
"""Pictures of the race: the interval of a median ratio is then a few percent wide."""
WARM_UP = 3
BUDGETS = (1, 2, 4, 8)
"""Multiples of our own chain's time."""
REFERENCE_SIDE = 512
"""Of the two square float32 matrices whose product is the reference workload: 268 million multiply-adds."""


def budget(bench: Bench) -> Report:
    """Time of each chain as a multiple of ours, its accuracy on LFW-dev, and the best within each budget."""
    archive = Archive(bench.data / "lfw-dev.tar")
    rows = bench.sample(archive.rows("pairs.csv"))
    names = sorted({row[side] for row in rows for side in ("file_a", "file_b")})
    chains, remarks = _chains(bench)
    timed = spread(names)
    runners: dict[str, Callable[[Pixels], object]] = {chain.key: partial(recognise, chain) for chain in chains}
    times = race(runners | {"reference": reference()}, [archive.picture(f"images/{name}") for name in timed])
    vectors: dict[str, dict[str, Tensor | None]] = {chain.key: {} for chain in chains}
    for name in progress(names, "LFW-dev, whole chains"):
        _embed_all(chains, archive.picture(f"images/{name}"), name, vectors)
    pairs = {key: lfw_pairs(rows, found) for key, found in vectors.items()}
    return _report(chains, times, pairs, vectors, remarks)


def spread(names: Sequence[str]) -> list[str]:
    """As many of the names as are timed, at even distances."""
    return [names[int(place)] for place in np.linspace(0, len(names) - 1, min(TIMED, len(names)))]


def _chains(bench: Bench) -> tuple[list[Chain], tuple[str, ...]]:
    """Every chain that can run, ours first, and why the others cannot."""
    assert bench.peers is not None
    sources = Sources(home=bench.home, weights=bench.peers)
    chains, remarks = [], []
    for key in ALL_CHAINS:
        try:
            chains.append(build(key, sources, 1))
        except (PeerMissing, ModelError) as reason:
            remarks.append(f"Chain {key}: {reason}")
    return chains, tuple(remarks)


def race(
    runners: Mapping[str, Callable[[T], object]], items: Sequence[T], label: str = "race"
) -> dict[str, list[float]]:
    """Processor seconds of every runner on every item; NaN where it gave None, which is a face not found.

    Processor time, all threads together: what other programs take of a shared machine does not count. They take turns,
    and who goes first changes from item to item, so that a cold cache hits all alike.
    """
    times: dict[str, list[float]] = {key: [] for key in runners}
    for index, item in enumerate([*[items[0]] * WARM_UP, *progress(items, label)]):
        first = index % len(runners)
        for key in [*list(runners)[first:], *list(runners)[:first]]:
            begun = time.process_time()
            found = runners[key](item)
            if index >= WARM_UP:
                times[key].append(float("nan") if found is None else time.process_time() - begun)
    return times


def reference() -> Callable[[object], object]:
    """A fixed piece of work, by which runs on different days and machines can be compared."""
    matrix = np.random.default_rng(0).normal(0, 1, (REFERENCE_SIDE, REFERENCE_SIDE)).astype(np.float32)
    return lambda _: matrix @ matrix


def recognise(chain: Chain, pixels: Pixels) -> Tensor | None:
    """A chain on the central face; None if it found none."""
    face = central(chain.find(pixels), pixels)
    return None if face is None else chain.embed(chain.cut(pixels, face.landmarks))


def _embed_all(
    chains: Sequence[Chain], pixels: Pixels, name: str, vectors: dict[str, dict[str, Tensor | None]]
) -> None:
    """Templates of one picture by every chain; a detector that several chains share runs once."""
    faces: dict[str, Detection | None] = {}
    for chain in chains:
        if chain.finder not in faces:
            faces[chain.finder] = central(chain.find(pixels), pixels)
        face = faces[chain.finder]
        vectors[chain.key][name] = None if face is None else stored(chain.embed(chain.cut(pixels, face.landmarks)))


def _report(
    chains: Sequence[Chain],
    times: Mapping[str, Sequence[float]],
    pairs: Mapping[str, Pairs],
    vectors: Mapping[str, Mapping[str, Tensor | None]],
    remarks: tuple[str, ...],
) -> Report:
    figures: dict[str, dict[str, Value]] = {}
    for chain in chains:
        lost = sum(vector is None for vector in vectors[chain.key].values())
        figures[chain.key] = {
            "chain": chain.title,
            "time_in_ours": ratio(times[chain.key], times[OURS]),
            "time_in_reference": ratio(times[chain.key], times["reference"]),
            "processor_ms_here": 1000 * float(np.nanmedian(times[chain.key])),
            **metrics.verification(pairs[chain.key]),
            "failure_to_acquire": metrics.wilson(lost, len(vectors[chain.key])),
        }
    best = {f"best_within_{limit}x": _best(figures, limit) for limit in BUDGETS}
    ahead = {key: metrics.verification_ahead(pairs[OURS], one) for key, one in pairs.items() if key != OURS}
    says = "Accuracy on LFW-dev over the time of a recognition, as a multiple of ours."
    plot = Plot(says=says, draw=partial(plots.budget, {key: dict(values) for key, values in figures.items()}))
    return Report(
        figures=figures.pop(OURS) | best, peers=figures, ahead=ahead, plots={"accuracy": plot}, remarks=remarks
    )


def ratio(seconds: Sequence[float], ours: Sequence[float], *, rounds: int = 500) -> Figure:
    """Median of the ratios on the same picture, and its interval by drawing pictures."""
    ratios = np.array(seconds) / np.array(ours)
    known = ratios[~np.isnan(ratios)]
    drawn = np.random.default_rng(0).choice(known, (rounds, len(known)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return Figure(value=float(np.median(known)), low=float(low), high=float(high), n=len(known))


def _best(figures: Mapping[str, Mapping[str, Value]], limit: float) -> str:
    """The most accurate chain that takes no more than `limit` times ours; its interval must not reach beyond."""
    within = {key: one for key, one in figures.items() if _figure(one, "time_in_ours").high <= limit}
    values = max(within.values(), key=lambda one: _figure(one, "accuracy").value)
    return f"{values['chain']}: {_figure(values, 'accuracy')}"


def _figure(values: Mapping[str, Value], name: str) -> Figure:
    found = values[name]
    assert isinstance(found, Figure)
    return found
