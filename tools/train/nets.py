"""The networks that `models/` holds, as PyTorch modules.

Only layers that stay inside XNNPACK's int8 delegate once converted: dense and depthwise convolutions with fused ReLU,
residual ADD, padding. No PReLU, hard-swish, resize or squeeze-and-excite.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderShape:
    """Size of an embedder. Input is square RGB, scaled to -1..1, NCHW."""

    side_px: int = 80
    """Input side; the trunk divides it by 16, so a multiple of 16."""
    widths: tuple[int, ...] = (24, 48, 112, 144)
    """Channels after each of the four stride-2 convolutions."""
    blocks: tuple[int, ...] = (0, 2, 3, 1)
    """Residual blocks after each of them."""
    neck: int = 384
    """Channels of the 1x1 convolution before global pooling."""
    dimensions: int = 128
    """Length of the embedding."""


def convolution(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU: one int8 operator after conversion."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al., CVPR 2016); dense, as depthwise trains slowly on a CPU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.second[1].weight)

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.second(self.first(features)))


def stages(widths: tuple[int, ...], blocks: tuple[int, ...]) -> list[nn.Module]:
    """From RGB on: a stride-2 convolution to each width, with so many residual blocks after it."""
    layers: list[nn.Module] = []
    for inputs, width, count in zip((3, *widths[:-1]), widths, blocks, strict=True):
        layers += [convolution(inputs, width, stride=2), *(Residual(width) for _ in range(count))]
    return layers


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseShape:
    """Size of a head pose network. Input is square RGB, scaled to -1..1, NCHW."""

    side_px: int = 64
    """Input side; the trunk divides it by 16, so a multiple of 16."""
    widths: tuple[int, ...] = (16, 32, 64, 96)
    """Channels after each of the four stride-2 convolutions."""
    blocks: tuple[int, ...] = (0, 1, 2, 0)
    """Residual blocks after each of them."""


class PoseNet(nn.Module):
    """Upright face (N, 3, side, side) in -1..1 -> the first two rows of the head's rotation (N, 6).

    Six numbers instead of three angles: Zhou et al., CVPR 2019.
    """

    def __init__(self, shape: PoseShape) -> None:
        super().__init__()
        channels = shape.widths[-1]
        self.trunk = nn.Sequential(*stages(shape.widths, shape.blocks))
        self.pool = nn.Sequential(
            nn.Conv2d(channels, channels, shape.side_px // 16, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.rows = nn.Conv2d(channels, 6, 1)

    def forward(self, chips: Tensor) -> Tensor:
        return self.rows(self.pool(self.trunk(chips))).flatten(1)


class Embedder(nn.Module):
    """Aligned face (N, 3, side, side) in -1..1 -> embedding (N, dimensions), not normalised.

    Global depthwise convolution instead of average pooling: MobileFaceNets, Chen et al., 2018.
    """

    def __init__(self, shape: EmbedderShape) -> None:
        super().__init__()
        channels = shape.widths[-1]
        grid = shape.side_px // 16
        self.trunk = nn.Sequential(*stages(shape.widths, shape.blocks), convolution(channels, shape.neck, kernel=1))
        self.pool = nn.Sequential(
            nn.Conv2d(shape.neck, shape.neck, grid, groups=shape.neck, bias=False), nn.BatchNorm2d(shape.neck)
        )
        self.project = nn.Conv2d(shape.neck, shape.dimensions, 1)

    def forward(self, chips: Tensor) -> Tensor:
        return self.project(self.pool(self.trunk(chips))).flatten(1)
