"""Is an int8 file fit to ship? What was lost on the way, output by output, and what fell out of XNNPACK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from torch import nn

from tools.quantize.files import File, Floats
from tools.quantize.ptq import run_torch

PARITY = 1e-3
"""Largest difference between PyTorch and the float file, relative to an output's largest value; 1e-5 was measured."""
SOUND = 0.9
"""Least cosine and agreement of an output. A choice: a file in one piece, all integers, that answered nonsense had a
cosine of 0.037; the lowest agreement in edgeface's own files is 0.975, of the detector on 34 calibration pictures."""
DOUBTFUL = 0.97
"""Below this an output ships with a warning. A choice, just under all of edgeface's own."""

ADVICE = {
    "PRELU": "rewrite it as ReLU and convolution (tools.convert), train with ReLU, or keep the file float",
    "HARD_SWISH": "train with ReLU6 in its place, or keep the file float",
    "LOGISTIC": "leave it out and apply it to the outputs",
    "RELU": "put it right behind a convolution or an addition, so that it is fused",
    "RESIZE_NEAREST_NEIGHBOR": "a whole factor is rewritten (tools.quantize.resize); make the factor whole",
    "RESIZE_BILINEAR": "upsample by a whole factor with mode nearest, or by a transposed convolution",
    "TRANSPOSE": "keep channels where a convolution leaves them; reorder outside of the network",
}
"""What to do about an operator that leaves XNNPACK."""
OTHERWISE = "rewrite it, or keep the file float"
REMEDY = (
    "calibrate with pictures as the reader sees them, make channels alike (tools.convert --pixels), tune with --aware, "
    "or keep the file float"
)
"""What to do about an output that int8 changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was checked on a finished file."""

    parity: list[float]
    """Per output: largest difference PyTorch to float file, relative to the output's largest absolute value."""
    cosine: list[float]
    """Per output: mean cosine of float to int8 over the test inputs, -1..1."""
    agreement: list[float]
    """Per output: as `cosine`, of what differs from input to input: an int8 output that never changes has 0."""
    noise_db: list[float]
    """Per output: signal to quantization noise, decibels."""
    worst_layers: dict[str, float]
    """The ten inner tensors with the least signal to noise, decibels."""
    float_tensors: int
    """Tensors left in floating point: 0 in an accepted file."""
    delegates: int
    """Pieces that XNNPACK runs: 1 in an accepted file."""
    size_bytes: int
    """Of the int8 file."""


class Unfit(ValueError):
    """The int8 file must not ship; the message says why, and what to do."""


def check(
    net: nn.Module,
    float_file: Path,
    int8_file: Path,
    noise: dict[str, float],
    tests: Sequence[Floats],
    *,
    allow_loss: bool = False,
) -> Report:
    """Compare the three forms of a network on `tests`. Raises Unfit if the int8 file is not fit to ship."""
    report = measure(net, float_file, int8_file, noise, tests)
    if problems := faults(report, File(int8_file).islands(), allow_loss=allow_loss):
        raise Unfit(f"the int8 file is not fit to ship: {'; '.join(problems)}")
    return report


def measure(
    net: nn.Module | None, float_file: Path, int8_file: Path, noise: dict[str, float], tests: Sequence[Floats]
) -> Report:
    """As `check`, without a verdict. Without a network there is no parity to report."""
    int8_net = File(int8_file)
    return Report(
        parity=_parity(net, float_file, tests) if net is not None else [],
        **losses(float_file, int8_file, tests),
        worst_layers=dict(sorted(noise.items(), key=lambda item: item[1])[:10]),
        float_tensors=int8_net.float_tensors(),
        delegates=int8_net.delegates(),
        size_bytes=int8_file.stat().st_size,
    )


class Losses(TypedDict):
    """What int8 cost, per output; see `Report`."""

    cosine: list[float]
    agreement: list[float]
    noise_db: list[float]


def losses(float_file: Path, int8_file: Path, tests: Sequence[Floats]) -> Losses:
    """What lies between a float file of a network, whichever, and an int8 file of it."""
    first, second = File(float_file), File(int8_file)
    pairs = _by_output([first.run(one) for one in tests], [second.run(one) for one in tests])
    return Losses(
        cosine=[_cosine(*pair) for pair in pairs],
        agreement=[agreement(*pair) for pair in pairs],
        noise_db=[_decibels(*pair) for pair in pairs],
    )


def _parity(net: nn.Module, float_file: Path, tests: Sequence[Floats]) -> list[float]:
    file = File(float_file)
    pairs = _by_output([run_torch(net, one) for one in tests], [file.run(one) for one in tests])
    return [_furthest(*pair) for pair in pairs]


def faults(
    report: Report, islands: dict[str, int], *, allow_islands: bool = False, allow_loss: bool = False
) -> list[str]:
    """What forbids to ship, a sentence each; none if the file is fit."""
    found = []
    if report.parity and max(report.parity) > PARITY:
        found.append(f"the float file differs from the network by {max(report.parity):.2g} of its largest value")
    if report.float_tensors:
        found.append(f"{report.float_tensors} tensors are still floating point")
    if report.delegates != 1 and not allow_islands:
        found += island_lines(report, islands)
    if not allow_loss:
        found += loss_lines(report, SOUND)
    return found


def loss_lines(report: Report, least: float) -> list[str]:
    """Each output whose cosine or agreement is below `least`, a sentence each, and what to do."""
    worst = np.minimum(report.cosine, report.agreement)  # also nan
    lost = [f"output {place} has a cosine of {one:.3f} to float" for place, one in enumerate(worst) if not one >= least]
    return [f"{', '.join(lost)}, at least {least} is wanted: {REMEDY}"] if lost else []


def island_lines(report: Report, islands: dict[str, int]) -> list[str]:
    """Each kind of operator that XNNPACK does not run: its count, and what to do."""
    if not islands:
        return [] if report.delegates == 1 else ["XNNPACK runs none of it"]
    pieces = f"{report.delegates} pieces" if report.delegates else "cut off at an input or output"
    lines = [f"{name} x{count}: {ADVICE.get(name, OTHERWISE)}" for name, count in islands.items()]
    return [f"outside XNNPACK ({pieces}): {lines[0]}", *lines[1:]]


def _by_output(first: list[list[Floats]], second: list[list[Floats]]) -> list[tuple[Floats, Floats]]:
    """Per output, both sides' values over all tests: (tests, values)."""
    return list(zip(_stack(first), _stack(second), strict=True))


def _stack(tests: list[list[Floats]]) -> list[Floats]:
    return [np.stack([value.ravel() for value in values]) for values in zip(*tests, strict=True)]


def _furthest(true: Floats, other: Floats) -> float:
    """Largest difference, relative to the largest absolute value."""
    return float(np.abs(true - other).max() / max(np.abs(true).max(), 1e-12))


def _cosine(true: Floats, other: Floats) -> float:
    lengths = np.linalg.norm(true, axis=1) * np.linalg.norm(other, axis=1)
    return round(float(((true * other).sum(1) / np.maximum(lengths, 1e-9)).mean()), 5)


def agreement(true: Floats, other: Floats) -> float:
    """Cosine of two outputs (tests, values), end to end, after the first one's mean over the tests is taken off both.

    What is the same on every input tells nothing, and a single number has no direction. Values that no test changes are
    compared as they are.
    """
    mean = true.mean(0, dtype=np.float64)
    if np.abs(true - mean).max() <= 1e-6 * np.abs(true).max():
        mean = np.zeros_like(mean)
    one, two = (true - mean).ravel(), (other - mean).ravel()
    return round(float(one @ two / max(float(np.linalg.norm(one) * np.linalg.norm(two)), 1e-12)), 5)


def _decibels(true: Floats, other: Floats) -> float:
    """Signal to quantization noise."""
    return round(10 * float(np.log10(np.square(true).mean() / max(np.square(true - other).mean(), 1e-12))), 1)
