"""Integers pretended in floating point: what a number becomes on its way through int8, with a gradient.

Rounding has no gradient; the straight-through estimator (Bengio et al., 2013) passes it on as if nothing were rounded.
Ranges are learned with the weights (Esser et al., ICLR 2020; both ends, as in Bhalgat et al., CVPRW 2020). Scales and
zero points are computed exactly as the quantizer does that writes the file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tools.quantize.files import TIE

LOWEST, HIGHEST = -128, 127
LEAST_SPAN = 1e-9
"""Narrower ranges would divide by zero; the quantizer's own bound."""


def round_through(values: Tensor) -> Tensor:
    """Rounded, half to even; the gradient of the identity."""
    return values + (values.round() - values).detach()


def grid(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """(scale, zero point) of an asymmetric int8 range, which always holds 0. Any shape, float32."""
    bottom, top = low.clamp(max=0), high.clamp(min=0)
    scale = (top - bottom).clamp(min=LEAST_SPAN) / (HIGHEST - LOWEST)
    return scale, round_through(LOWEST - bottom / scale)


def on_grid(values: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
    """Each value as the int8 number next to it stands for."""
    return ((round_through(values / scale) + zero_point).clamp(LOWEST, HIGHEST) - zero_point) * scale


class Activation(nn.Module):
    """A tensor between two operators: one asymmetric range for all of it, learned."""

    def __init__(self, low: float, high: float, *, learned: bool = True) -> None:
        super().__init__()
        self.low = nn.Parameter(torch.tensor(low), requires_grad=learned)
        self.high = nn.Parameter(torch.tensor(high), requires_grad=learned)

    def forward(self, values: Tensor) -> Tensor:
        return on_grid(values, *grid(self.low, self.high))

    def range(self) -> tuple[float, float]:
        """Both ends, 0 among them."""
        return min(float(self.low.detach()), 0.0), max(float(self.high.detach()), 0.0)


class Input(nn.Module):
    """The network's input: its range is the camera's, 256 levels, and is not learned."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.scale, self.zero_point = grid(torch.tensor(low), torch.tensor(high))

    def forward(self, values: Tensor) -> Tensor:
        steps = (values / self.scale * TIE).round() + self.zero_point
        return (steps.clamp(LOWEST, HIGHEST) - self.zero_point) * self.scale


class Weight(nn.Module):
    """A weight tensor: symmetric, -127..127, one scale for each of the output channels along `axis`."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, weight: Tensor) -> Tensor:
        others = [axis for axis in range(weight.ndim) if axis != self.axis % weight.ndim]
        scale = (weight.detach().abs().amax(others, keepdim=True) / HIGHEST).clamp(min=LEAST_SPAN)
        return round_through(weight / scale).clamp(-HIGHEST, HIGHEST) * scale
