"""What a converted model is worth, in the reader itself: parity with the original, accuracy before and after, time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edgeface.adapters import tflite
from edgeface.detect import Detection, Detector
from edgeface.embed import Embedder
from edgeface.frame import Pixels
from edgeface.model import Infer, ModelSpec, Task, Tensor
from edgeface.service.bootstrap import Loaded, load_models
from tools.evaluate.acquire import Bench, Value
from tools.evaluate.poses import pose_dev
from tools.evaluate.verification import lfw
from tools.metrics import Figure

PARITY = 1e-3
"""Largest difference between the original and a float file, relative to an output's largest value; 1e-5 was seen."""
QUIET = 0.1
"""An output that stays below this, such as a probability without a face, is compared as if it reached it."""
PICTURES = 8
Faces = dict[tuple[Path, str], Detection | None]
"""Of each archive's pictures, the one that counts."""
ROUNDS = 60
LFW_ARCHIVE, POSE_ARCHIVE = "lfw-dev.tar", "pose-dev.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the card says."""

    parity: float
    """Largest difference to the original over all outputs, relative to an output's largest absolute value."""
    to_original: Figure
    """Time of the original in its own runtime over that of the converted file; above 1 the converted one is faster."""
    to_ours: Figure
    """Time of the converted file over that of edgeface's own model of the task, each at its own input size."""
    before: dict[str, Value]
    """LFW-dev with the original; empty without data, like the next two."""
    after: dict[str, Value]
    """The same with the converted file."""
    score: tuple[str, float] | None
    """The threshold that the data give: its name in the manifest, and its value."""

    @property
    def lost(self) -> float:
        """LFW-dev accuracy, 0..1, that conversion cost; 0 where it was not measured."""
        before, after = (found.get("accuracy") for found in (self.before, self.after))
        return before.value - after.value if isinstance(before, Figure) and isinstance(after, Figure) else 0.0


def parity(spec: ModelSpec, converted: Infer, original: Infer) -> float:
    """Largest relative difference over made-up pictures, from pixels to outputs: colours and scaling are part of it."""
    worst = 0.0
    for pixels in pictures(spec.width_px, spec.height_px):
        ours, theirs = (sorted(infer(pixels), key=_order) for infer in (converted, original))
        worst = max(worst, *(_difference(one, other) for one, other in _matched(ours, theirs)))
    return worst


def pictures(width_px: int, height_px: int, count: int = PICTURES) -> list[Pixels]:
    """Colourful blobs with noise, uint8 (1, height, width, 3): every channel and every border is busy."""
    random = np.random.default_rng(0)
    made = []
    for _ in range(count):
        coarse = random.integers(0, 256, (-(-height_px // 16), -(-width_px // 16), 3))
        smooth = np.kron(coarse, np.ones((16, 16, 1)))[:height_px, :width_px]
        made.append(np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)[None])
    return made


def _order(output: Tensor) -> tuple[int, ...]:
    return (output.size, *output.shape)


def _matched(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Outputs of one size in the pairing that differs least: a file lists its outputs in any order."""
    rest, pairs = list(theirs), []
    for one in ours:
        fitting = [index for index, other in enumerate(rest) if other.size == one.size]
        if not fitting:
            raise ValueError("the converted file has other outputs than the original")
        best = min(fitting, key=lambda index: _difference(one, rest[index]))
        pairs.append((one, rest.pop(best)))
    return pairs


def _difference(one: Tensor, other: Tensor) -> float:
    return float(np.abs(one.ravel() - other.ravel()).max() / max(float(np.abs(other).max()), QUIET))


def race(first: Infer, second: Infer, firsts: Sequence[Pixels], seconds: Sequence[Pixels]) -> Figure:
    """Median processor time of `first` over that of `second`, taking turns, with a bootstrap interval over the rounds.

    Processor time, because other programs on a workstation would otherwise decide; both run on one thread.
    """
    ratios = []
    for round_ in range(ROUNDS + 5):
        one = _seconds(first, firsts[round_ % len(firsts)])
        ratios.append(one / _seconds(second, seconds[round_ % len(seconds)]))
    return bootstrap_median(ratios[5:])


def bootstrap_median(values: Sequence[float]) -> Figure:
    """A median of rounds with its bootstrap 95 % interval."""
    data, random = np.array(values), np.random.default_rng(0)
    drawn = np.median(data[random.integers(0, len(data), (500, len(data)))], axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Figure(value=float(np.median(data)), low=float(low), high=float(high), n=len(data))


def _seconds(infer: Infer, pixels: Pixels) -> float:
    begun = time.process_time()
    infer(pixels)
    return time.process_time() - begun


def measure(
    spec: ModelSpec, folder: Path, original: Infer, data: Path | None, loaded: Loaded, *, exact: bool
) -> Measured:
    """Everything about a converted file, beside edgeface's own models, `loaded`.

    Raises ValueError if it is not what the original was: to rounding if `exact`, which int8 cannot be.
    """
    converted = tflite.load(spec, folder)
    difference = parity(spec, converted, original)
    if exact and difference > PARITY:
        raise ValueError(f"the converted file differs from the original by {difference:.2g} of an output's range")
    own = loaded.choice.detector.spec if spec.task is Task.DETECTOR else loaded.choice.embedder.spec
    ours: Infer = loaded.detector if spec.task is Task.DETECTOR else loaded.embedder
    inputs, own_inputs = pictures(spec.width_px, spec.height_px), pictures(own.width_px, own.height_px)
    faces: Faces = {}
    before, after = (_on_lfw(spec, infer, loaded, data, faces) for infer in (original, converted))
    return Measured(
        parity=difference,
        to_original=race(original, converted, inputs, inputs),
        to_ours=race(converted, ours, inputs, own_inputs),
        before=before,
        after=after,
        score=_threshold(spec, converted, loaded, data, after),
    )


def shipped() -> Loaded:
    """edgeface's own models."""
    with TemporaryDirectory() as empty:
        return load_models(Path(empty))


def with_model(spec: ModelSpec, infer: Infer, loaded: Loaded) -> Loaded:
    """edgeface's own models, but one."""
    if spec.task is Task.DETECTOR:
        return replace(loaded, models=replace(loaded.models, detector=Detector(spec=spec, infer=infer)))
    embedder = Embedder(spec=spec, infer=infer, identity=spec.sha256)
    return replace(loaded, models=replace(loaded.models, embedder=embedder))


def _on_lfw(spec: ModelSpec, infer: Infer, loaded: Loaded, data: Path | None, faces: Faces) -> dict[str, Value]:
    """LFW-dev's figures; `faces` keeps what the detector found from one embedder to the next."""
    if data is None or not (data / LFW_ARCHIVE).is_file():
        return {}
    found = {} if spec.task is Task.DETECTOR else faces
    return dict(lfw(Bench(data=data, loaded=with_model(spec, infer, loaded), faces=found)).figures)


def _threshold(
    spec: ModelSpec, infer: Infer, loaded: Loaded, data: Path | None, after: dict[str, Value]
) -> tuple[str, float] | None:
    """Embedders: at a false match rate of 1 in 10,000. Detectors: at one false alarm in ten pictures, but not below the
    catalogue's, which is the maker's own working point."""
    if spec.task is Task.EMBEDDER:
        found = after.get("threshold_at_fmr_1e-4")
        return None if found is None else ("grant", float(str(found)))
    if data is None or not (data / POSE_ARCHIVE).is_file():
        return None
    found = pose_dev(Bench(data=data, loaded=with_model(spec, infer, loaded))).figures["min_score_at_0.1_false_alarms"]
    return "min_score", max(spec.thresholds["min_score"], float(str(found)))
