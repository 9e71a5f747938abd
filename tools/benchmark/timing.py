"""How long each chain takes, stage by stage, taking turns on every picture so that other work hits all alike."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edgeface import image
from edgeface.frame import Pixels
from edgeface.model import Tensor
from tools import metrics
from tools.evaluate import central
from tools.metrics import Figure
from tools.peers import Chain

STAGES = ("detect", "align", "embed", "all")
WARM_UP_LAPS = 3
FRAME_WIDTH_PX, FRAME_HEIGHT_PX = 1280, 720
VISITOR_SIDE_PX = 400
"""Side of an LFW picture within a frame: its face is then 150 px wide, a visitor 1 m before a lens of 66 degrees."""
RESAMPLINGS = 500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lap:
    """One chain on one picture."""

    detect_ms: float
    align_ms: float
    """0 where no face was found, like the next."""
    embed_ms: float
    cpu_ms: float
    """Processor time of all threads together: waiting for other programs does not count."""
    vector: Tensor | None
    """The embedding, float32 (dimensions,), length 1; None where no face was found."""

    @property
    def all_ms(self) -> float:
        """From decoded pixels to embedding."""
        return self.detect_ms + self.align_ms + self.embed_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One chain on many pictures, over those in which it found a face."""

    p50_ms: dict[str, float]
    """Median by stage."""
    p95_ms: dict[str, float]
    """95th percentile by stage."""
    cpu_ms: float
    """Median of `Lap.cpu_ms`."""
    to_us: Figure
    """Median of its time over ours on the same picture, where both found a face; above 1 is slower than edgeface."""
    found: Figure
    """Share of the pictures in which it found a face."""


def lap(chain: Chain, pixels: Pixels) -> Lap:
    """Runs a chain on the face nearest to the centre."""
    cpu_before, begun = time.process_time(), time.perf_counter()
    face = central(chain.find(pixels), pixels)
    found = time.perf_counter()
    if face is None:
        return Lap(
            detect_ms=1000 * (found - begun),
            align_ms=0.0,
            embed_ms=0.0,
            cpu_ms=1000 * (time.process_time() - cpu_before),
            vector=None,
        )
    chip = chain.cut(pixels, face.landmarks)
    cut = time.perf_counter()
    vector = chain.embed(chip)
    done = time.perf_counter()
    return Lap(
        detect_ms=1000 * (found - begun),
        align_ms=1000 * (cut - found),
        embed_ms=1000 * (done - cut),
        cpu_ms=1000 * (time.process_time() - cpu_before),
        vector=vector,
    )


def race(chains: Sequence[Chain], pictures: Iterable[Pixels]) -> dict[str, list[Lap]]:
    """Every chain on every picture. Who goes first changes from picture to picture: he finds it cold in the cache."""
    laps: dict[str, list[Lap]] = {chain.key: [] for chain in chains}
    for index, pixels in enumerate(pictures):
        if index == 0:
            _warm_up(chains, pixels)
        first = index % len(chains)
        for chain in (*chains[first:], *chains[:first]):
            laps[chain.key].append(lap(chain, pixels))
    return laps


def _warm_up(chains: Sequence[Chain], pixels: Pixels) -> None:
    for chain in chains:
        for _ in range(WARM_UP_LAPS):
            lap(chain, pixels)


def speed(laps: Sequence[Lap], ours: Sequence[Lap]) -> Speed:
    """Sums a race up for one chain; both lists are in the order of the pictures."""
    seen = [one for one in laps if one.vector is not None]
    times = {stage: [float(getattr(one, f"{stage}_ms")) for one in seen] or [float("nan")] for stage in STAGES}
    ratios = [
        theirs.all_ms / mine.all_ms
        for theirs, mine in zip(laps, ours, strict=True)
        if theirs.vector is not None and mine.vector is not None
    ]
    return Speed(
        p50_ms={stage: float(np.percentile(values, 50)) for stage, values in times.items()},
        p95_ms={stage: float(np.percentile(values, 95)) for stage, values in times.items()},
        cpu_ms=float(np.median([one.cpu_ms for one in seen] or [float("nan")])),
        to_us=_median(ratios),
        found=metrics.wilson(len(seen), len(laps)),
    )


def _median(values: Sequence[float]) -> Figure:
    """A median with its bootstrap 95 % interval."""
    data = np.array(values or [np.nan])
    random = np.random.default_rng(0)
    drawn = np.median(data[random.integers(0, len(data), (RESAMPLINGS, len(data)))], axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Figure(value=float(np.median(data)), low=float(low), high=float(high), n=len(values))


def framed(pixels: Pixels) -> Pixels:
    """An LFW picture as a door camera would deliver it: (720, 1280, 3), visitor in the middle, borders drawn out."""
    visitor = image.resize(pixels, VISITOR_SIDE_PX, VISITOR_SIDE_PX)
    above, left = (FRAME_HEIGHT_PX - VISITOR_SIDE_PX) // 2, (FRAME_WIDTH_PX - VISITOR_SIDE_PX) // 2
    return np.pad(visitor, ((above, above), (left, left), (0, 0)), mode="edge")
