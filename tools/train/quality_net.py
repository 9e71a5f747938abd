"""The network behind the unified quality score, as a PyTorch module.

Only layers that stay inside XNNPACK's int8 delegate: dense and depthwise convolutions with fused ReLU, ADD, LOGISTIC.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tools.train.nets import stages


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityShape:
    """Size of the network. Input is the embedder's own chip, square RGB, scaled to -1..1, NCHW."""

    side_px: int = 80
    """Input side; the trunk divides it by 16, so a multiple of 16. Not less than the embedder's: noise and the marks of
    compression are gone from a smaller picture."""
    widths: tuple[int, ...] = (16, 32, 48, 56)
    """Channels after each of the four stride-2 convolutions."""
    blocks: tuple[int, ...] = (0, 0, 1, 1)
    """Residual blocks after each of them."""


class QualityNet(nn.Module):
    """Aligned face (N, 3, side, side) in -1..1 -> how much of the person is left in it (N, 1), 0..1.

    A depthwise convolution over the last map instead of a mean: an eye that is not where it belongs tells of a bad
    alignment, and a mean would forget where it was.
    """

    def __init__(self, shape: QualityShape) -> None:
        super().__init__()
        channels = shape.widths[-1]
        self.trunk = nn.Sequential(*stages(shape.widths, shape.blocks))
        grid = shape.side_px // 16
        self.pool = nn.Sequential(
            nn.Conv2d(channels, channels, grid, groups=channels, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.head = nn.Conv2d(channels, 1, 1)

    def forward(self, chips: Tensor) -> Tensor:
        return torch.sigmoid(self.logit(chips))

    def logit(self, chips: Tensor) -> Tensor:
        """Before the logistic function, (N, 1): what a loss should be taken of."""
        scores: Tensor = self.head(self.pool(self.trunk(chips)))
        return scores.flatten(1)
