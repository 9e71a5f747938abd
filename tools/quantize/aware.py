"""Quantization-aware fine-tuning without labels: the network learns to say in int8 what it says in float.

Only inputs are needed. Weights and ranges move until the outputs of the rehearsing network match those that the float
network gave before (function matching: Beyer et al., CVPR 2022), then the file is written the usual way, with the
learned ranges in the place of measured ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, fx

from tools.quantize import files
from tools.quantize.fake import Activation
from tools.quantize.files import Floats
from tools.quantize.layers import MOVERS
from tools.quantize.rehearsal import Rehearsal

CLOSE = 1e-4
"""Two tensors are one if they differ by less than this part of their largest value; converters leave about 1e-6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How long and how boldly to tune."""

    images: int = 2400
    """Inputs to see in all; each passes forward twice and backward once."""
    batch: int = 16
    rate: float = 3e-4
    """First step of each weight, in parts of its tensor's root mean square; sinks to 0 along a half cosine. On the
    embedder 1e-3 first lost 5 dB that it had to win back, 3e-4 lost none."""
    range_rate: float = 3e-3
    """The same for the ends of ranges, in parts of the range."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tuned:
    """A network that was tuned."""

    net: fx.GraphModule
    """float32, NCHW; to be converted like any other."""
    ranges: dict[str, tuple[float, float]]
    """Learned, by the names of its graph's nodes."""
    curve: list[float]
    """Noise of the rehearsal during tuning, decibels of signal to noise over all outputs, a value a step."""
    rehearsal: Rehearsal


def tune(net: torch.nn.Module, inputs: Sequence[Floats], options: Options) -> Tuned:
    """Fine-tune `net` (NCHW, float32) for int8 on `inputs`, (1, H, W, C) each. `net` itself stays as it is."""
    random = np.random.default_rng(options.seed)
    rehearsal = Rehearsal(net, planes(inputs[0]))
    rehearsal.start(rehearsal.record(planes(one) for one in inputs))
    optimiser = torch.optim.Adam(_groups(rehearsal.int8_net, options), betas=(0.9, 0.99))
    steps = max(1, options.images // options.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    curve: list[float] = []
    with click.progressbar(range(steps), label="tuning") as bar:
        for _ in bar:
            chosen = random.integers(0, len(inputs), options.batch)
            batch = torch.cat([planes(inputs[int(index)]) for index in chosen])
            optimiser.zero_grad(set_to_none=True)
            curve.append(_learn(net, rehearsal, _mirrored(batch, random)))
            optimiser.step()
            schedule.step()
    return Tuned(net=rehearsal.float_net, ranges=rehearsal.ranges(), curve=curve, rehearsal=rehearsal)


def planes(one: Floats) -> Tensor:
    """(1, H, W, C) -> (1, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(one)).permute(0, 3, 1, 2)


def learned_ranges(tuned: Tuned, float_file: Path, inputs: Sequence[Floats]) -> dict[str, tuple[float, float]]:
    """The learned ranges by the names of the float file's tensors.

    A converter renames everything, so that tensors are recognised by their values on one of `inputs`.
    """
    (tensors,) = files.tensors_of(float_file, inputs[:1])
    found: dict[str, tuple[float, float]] = {}

    def note(name: str, value: Tensor) -> None:
        for tensor, other in tensors.items():
            if tensor not in found and name in tuned.ranges and _same(value, other):
                found[tensor] = tuned.ranges[name]

    tuned.rehearsal.watch(planes(inputs[0]), note)
    for layer in files.layers(float_file):
        # Others have one tensor to move, and say in a second how.
        moved = layer.inputs if layer.operator == "CONCATENATION" else layer.inputs[:1]
        ranges = {found.get(name) for name in moved}
        if layer.operator in MOVERS and layer.tensor not in found and len(ranges) == 1 and (one := ranges.pop()):
            found[layer.tensor] = one
    return found


def _learn(net: torch.nn.Module, rehearsal: Rehearsal, batch: Tensor) -> float:
    """One step's gradients; returns the mean signal to noise of the outputs, decibels."""
    parts = [batch] if rehearsal.takes_batches else [batch[index : index + 1] for index in range(len(batch))]
    total = 0.0
    for part in parts:
        with torch.no_grad():
            wanted = as_tuple(net(part))
        loss = noise_db(wanted, as_tuple(rehearsal.int8_net(part))) / len(parts)
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return -total


def noise_db(wanted: Sequence[Tensor], got: Sequence[Tensor]) -> Tensor:
    """Noise over signal in decibels, the mean of all outputs: a quiet output counts as much as a loud one."""
    ratios = [
        (true - other).square().mean() / true.square().mean().clamp(min=1e-12)
        for true, other in zip(wanted, got, strict=True)
    ]
    return 10 * torch.stack(ratios).clamp(min=1e-9).log10().mean()


def _groups(net: Any, options: Options) -> list[dict[str, Any]]:
    """Each tensor with a learning rate in parts of its own size; networks differ by powers of ten in both."""
    groups: list[dict[str, Any]] = []
    for module in net.modules():
        if isinstance(module, Activation) and module.low.requires_grad:
            span = float((module.high - module.low).detach())
            groups.append({"params": [module.low, module.high], "lr": options.range_rate * max(span, 1e-6)})
    ends = {id(end) for group in groups for end in group["params"]}
    for weight in net.parameters():
        if weight.requires_grad and id(weight) not in ends:
            size = float(weight.detach().square().mean().sqrt())
            groups.append({"params": [weight], "lr": options.rate * max(size, 1e-6)})
    return groups


def _mirrored(batch: Tensor, random: np.random.Generator) -> Tensor:
    """Half of the pictures left to right: twice as many inputs for nothing."""
    turned = torch.from_numpy(random.random(len(batch)) < 0.5)[:, None, None, None]
    return torch.where(turned, batch.flip(3), batch).contiguous(memory_format=torch.channels_last)


def _same(value: Tensor, other: Floats) -> bool:
    """Whether a tensor of the PyTorch network and one of the file hold the same, NCHW and NHWC aside."""
    if value.numel() != other.size:
        return False
    turned = value.permute(0, 2, 3, 1) if value.ndim == 4 else value
    limit = CLOSE * float(value.abs().max())
    return any(np.abs(one.numpy().ravel() - other.ravel()).max() <= limit for one in (turned, value))


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    """What a network gives, one output or several."""
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)
