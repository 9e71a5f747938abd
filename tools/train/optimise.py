"""Muon for the convolutions, AdamW for the rest, and a running mean of the weights.

Muon orthogonalises each update by a Newton-Schulz iteration (Jordan et al., 2024). With it a first run of the embedder
reached a validation cosine of 0.57 after 60,000 images.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised. For weights of two or more dimensions, read as (outputs, everything else)."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, {"lr": 0.0, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                momentum.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(momentum, group["momentum"])
                update = orthogonal(ahead.flatten(1)).reshape(weight.shape)
                weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Nearest (semi-)orthogonal matrix, roughly, scaled so that an update's size does not depend on its shape."""
    rows, columns = matrix.shape
    wide = matrix.T if rows > columns else matrix
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = 3.4445 * wide + (-4.7750 * gram + 2.0315 * gram @ gram) @ wide
    result = wide.T if rows > columns else wide
    return result * max(1.0, rows / columns) ** 0.5


def split_parameters(net: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """(dense convolutions, which Muon takes; everything else: depthwise kernels, biases, batch norm)."""
    dense = {
        id(module.weight)
        for module in net.modules()
        if isinstance(module, nn.Conv2d) and module.groups == 1 and module.in_channels > 3
    }
    matrices = [parameter for parameter in net.parameters() if id(parameter) in dense]
    rest = [parameter for parameter in net.parameters() if id(parameter) not in dense]
    return matrices, rest


class Average:
    """Exponential running mean of weights and batch-norm statistics."""

    def __init__(self, net: nn.Module, *, decay: float) -> None:
        self.module = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, net: nn.Module, step: float) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for mean, value in zip(self.module.state_dict().values(), net.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)
