"""The liveness network: one dense trunk for both looks, which lie side by side, and a comparison of what each gave.

Only layers that stay inside XNNPACK's int8 delegate; see `tools.train.nets`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tools.train.nets import stages


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessShape:
    """Size of the network. Input is two squares side by side, RGB, scaled to -1..1, NCHW."""

    side_px: int = 80
    """Side of a square; the trunk divides it by 16."""
    widths: tuple[int, ...] = (16, 32, 64, 96)
    """Channels after each of the four stride-2 convolutions."""
    blocks: tuple[int, ...] = (0, 1, 1, 1)
    """Residual blocks after each of them."""
    joint: int = 48
    """Channels where the two looks meet."""


class LivenessNet(nn.Module):
    """Two looks (N, 3, side, 2 side) in -1..1 -> logit (N, 1): above 0 rather a bona fide presentation."""

    mean: Tensor

    def __init__(self, shape: LivenessShape) -> None:
        super().__init__()
        channels = shape.widths[-1]
        self.trunk = nn.Sequential(*stages(shape.widths, shape.blocks))
        grid = shape.side_px // 16
        self.register_buffer("mean", torch.full((channels, 1, grid, grid), grid**-2.0), persistent=False)
        self.join = nn.Sequential(nn.Conv2d(channels, shape.joint, (1, 2), bias=False), nn.BatchNorm2d(shape.joint))
        self.judge = nn.Conv2d(shape.joint, 1, 1)

    def forward(self, looks: Tensor) -> Tensor:
        # As a depthwise convolution: XNNPACK runs no int8 average pooling.
        means = nn.functional.conv2d(self.trunk(looks), self.mean, stride=self.mean.shape[2:], groups=len(self.mean))
        features = self.join(means).relu()
        logit: Tensor = self.judge(features)
        return logit.flatten(1)
