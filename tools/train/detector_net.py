"""The face detector's network and its training loss.

Three grids of cells, 8, 16 and 32 pixels apart, each predict faces of a range of sizes. There is no feature pyramid:
each grid sees far enough by itself, and without resizing layers the whole net stays in XNNPACK's int8 delegate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tools.samples.find import BOX_ONLY, FACE, UNCLEAR
from tools.samples.rotation import elements
from tools.train.nets import Residual, convolution

STRIDES = (8, 16, 32)
UNIT_CELLS = 3
"""Offsets and sizes are in units of this many cells."""

_SIZES_IN_UNITS = ((0.0, 2.1), (0.5, 2.1), (0.7, 99.0))
"""Face sides each grid may be given, in its units; the ranges overlap, and the better prediction decides."""
_CANDIDATES = 9
_CENTRE = 0.35
"""A face is predicted by cells at most this far from its centre, in widths and heights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorShape:
    """Size of a detector. Input is RGB scaled to -1..1, NCHW, sides multiples of 32."""

    stem: tuple[int, int] = (16, 24)
    """Channels of the two stride-2 convolutions before the first grid."""
    widths: tuple[int, int, int] = (32, 64, 96)
    """Channels of the trunk at strides 8, 16, 32."""
    blocks: tuple[int, int, int] = (1, 2, 2)
    """Residual blocks at each of them."""
    heads: tuple[int, int, int] = (32, 64, 64)
    """Channels of each grid's 3x3 convolution before its outputs."""


class Detector(nn.Module):
    """Picture (N, 3, H, W) -> nine raw maps: for each stride score (1 channel, logit), shape (14) and pose (3).

    Shape: box centre, log size, five landmarks, all relative to the cell's centre and in units of three cells. Pose:
    yaw, pitch, roll in degrees / 90.
    """

    def __init__(self, shape: DetectorShape) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(3, shape.stem[0], stride=2), convolution(*shape.stem, stride=2))
        channels = shape.stem[1]
        self.stages, self.towers, self.outputs = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for width, blocks, head in zip(shape.widths, shape.blocks, shape.heads, strict=True):
            repeats = [Residual(width) for _ in range(blocks)]
            self.stages.append(nn.Sequential(convolution(channels, width, stride=2), *repeats))
            self.towers.append(convolution(width, head))
            self.outputs.append(nn.ModuleList([nn.Conv2d(head, maps, 1) for maps in (1, 14, 3)]))
            channels = width
        self._start_quiet()

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        features, maps = self.stem(pictures), []
        for stage, tower, outputs in zip(self.stages, self.towers, self.outputs, strict=True):
            features = stage(features)
            head = tower(features)
            maps += [output(head) for output in outputs.children()]
        return tuple(maps)

    def _start_quiet(self) -> None:
        """Scores start near 0.01 (Lin et al., ICCV 2017), boxes at a typical size, landmarks at a typical face."""
        typical = torch.tensor([0, 0, 0, 0.15, -0.2, -0.15, 0.2, -0.15, 0, 0.05, -0.17, 0.3, 0.17, 0.3])
        starts = {1: torch.tensor([-4.6]), 14: typical, 3: torch.zeros(3)}
        for layer in self.outputs.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.normal_(layer.weight, std=0.01)
                layer.bias.data.copy_(starts[layer.out_channels])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """All cells of all grids, flattened: N cells."""

    centres: Tensor
    """(N, 2), pixels."""
    units: Tensor
    """(N,), pixels: three times the stride."""
    low: Tensor
    """(N,), smallest face side the cell may be given, pixels."""
    high: Tensor
    """(N,), largest, pixels."""


def cells_of(maps: tuple[Tensor, ...]) -> Cells:
    """The cell centres, units and size ranges that belong to the net's maps."""
    centres, units, low, high = [], [], [], []
    for score, stride, (least, most) in zip(maps[::3], STRIDES, _SIZES_IN_UNITS, strict=True):
        rows, columns = score.shape[-2:]
        y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
        centres.append(torch.stack([x, y], -1).reshape(-1, 2) * stride)
        unit = torch.full((rows * columns,), float(UNIT_CELLS * stride))
        units.append(unit)
        low.append(unit * least)
        high.append(unit * most)
    return Cells(centres=torch.cat(centres), units=torch.cat(units), low=torch.cat(low), high=torch.cat(high))


def flatten(maps: tuple[Tensor, ...], kind: int) -> Tensor:
    """Kind 0 scores, 1 shapes, 2 poses of all grids: (batch, N, channels), float32."""
    return torch.cat([one.float().flatten(2).transpose(1, 2) for one in maps[kind::3]], 1)


def decode(shapes: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
    """Raw shapes -> corners (batch, N, 4) and landmarks (batch, N, 5, 2), pixels."""
    units = cells.units[:, None]
    centres = cells.centres + shapes[..., :2] * units
    halves = shapes[..., 2:4].clamp(-4, 4).exp() * units / 2
    landmarks = cells.centres[:, None] + shapes[..., 4:].reshape(*shapes.shape[:-1], 5, 2) * units[..., None]
    return torch.cat([centres - halves, centres + halves], -1), landmarks


def overlap(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and its generalised form (Rezatofighi et al., CVPR 2019), of corner boxes, broadcast."""
    inner = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2])
    outer = torch.maximum(boxes[..., 2:], others[..., 2:]) - torch.minimum(boxes[..., :2], others[..., :2])
    shared, hull = inner.clamp(min=0).prod(-1), outer.prod(-1) + 1e-6
    union = _area(boxes) + _area(others) - shared
    ratio = shared / (union + 1e-6)
    return ratio, ratio - (hull - union) / hull


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assignment:
    """Which cell answers for which face."""

    face: Tensor
    """(batch, N) int64: index of the face."""
    quality: Tensor
    """(batch, N): the score to aim at; 0 where the cell answers for none."""
    counted: Tensor
    """(batch, N) bool: False where the picture is unclear and a high score would be neither right nor wrong."""


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, labels: Tensor, cells: Cells) -> Assignment:
    """Task-aligned assignment (Feng et al., ICCV 2021): a face goes to the cells that already predict it best."""
    corners = torch.cat([labels[..., 1:3], labels[..., 1:3] + labels[..., 3:5]], -1)
    middle, size = (corners[..., :2] + corners[..., 2:]) / 2, labels[..., 3:5]
    away = (cells.centres - middle[:, :, None]).abs()
    near = (away < torch.maximum(_CENTRE * size[:, :, None], cells.units[:, None] / UNIT_CELLS / 2)).all(-1)
    side = size.prod(-1).clamp(min=1e-6).sqrt()[..., None]
    wanted = (labels[..., :1] <= BOX_ONLY) & (side > 1) & (side >= cells.low) & (side < cells.high) & near
    ratio = overlap(boxes[:, None], corners[:, :, None])[0].clamp(min=0.01) * wanted
    merit = ratio**3 * scores.sigmoid().squeeze(-1)[:, None].sqrt()
    best = merit.topk(min(_CANDIDATES, merit.shape[-1]), -1)
    chosen = torch.zeros_like(merit).scatter_(-1, best.indices, 1.0) * (merit > 0)
    merit, ratio = merit * chosen, ratio * chosen
    peak = ratio.amax(-1, keepdim=True).clamp(min=0.3)
    quality = merit / merit.amax(-1, keepdim=True).clamp(min=1e-12) * peak
    face = (ratio + chosen).argmax(1)
    unclear = ((labels[..., :1] == UNCLEAR) & (away < 0.6 * size[:, :, None]).all(-1)).any(1)
    return Assignment(face=face, quality=quality.gather(1, face[:, None]).squeeze(1), counted=~unclear)


def losses(maps: tuple[Tensor, ...], labels: Tensor) -> dict[str, Tensor]:
    """Score, box, landmark and pose loss. Labels: (batch, faces, 18), padded with size-0 boxes.

    A label is kind, x, y, w, h, five landmarks, yaw, pitch, roll (pixels and degrees).
    """
    cells = cells_of(maps)
    scores, shapes, poses = (flatten(maps, kind) for kind in range(3))
    boxes, landmarks = decode(shapes, cells)
    found = assign(scores.detach(), boxes.detach(), labels, cells)
    total = found.quality.sum().clamp(min=1)
    batch, cell = found.quality.nonzero(as_tuple=True)
    truth, weight = labels[batch, found.face[batch, cell]], found.quality[batch, cell] / total
    corners = torch.cat([truth[:, 1:3], truth[:, 1:3] + truth[:, 3:5]], -1)
    full = (truth[:, 0] == FACE) * weight
    side = truth[:, 3:5].prod(-1).sqrt()
    distance = (landmarks[batch, cell].flatten(1) - truth[:, 5:15]).abs() / side[:, None]
    turn = turned_apart(poses[batch, cell] * 90, truth[:, 15:18])
    return {
        "score": varifocal(scores.squeeze(-1), found) / total,
        "box": ((1 - overlap(boxes[batch, cell], corners)[1]) * weight).sum(),
        "landmark": (wing(distance).mean(-1) * full).sum(),
        "pose": (turn * full).sum(),
        # Cells without a face would otherwise drift and cost the others int8 resolution.
        "range": torch.relu(shapes.abs() - 2).mean() + torch.relu(poses.abs() - 1.2).mean(),
    }


def turned_apart(angles_deg: Tensor, others_deg: Tensor) -> Tensor:
    """How far apart two head rotations are (n, 3): the sine of half the angle between them, doubled; about radians.

    Differences of yaw, pitch and roll would punish answers that mean the same rotation: in profile, pitch and roll
    turn the head about one and the same axis.
    """
    first, second = (
        torch.stack(elements(turns.sin().unbind(-1), turns.cos().unbind(-1)), -1)
        for turns in (torch.deg2rad(angles_deg), torch.deg2rad(others_deg))
    )
    return ((first - second).square().sum(-1) / 2 + 1e-8).sqrt()


def varifocal(scores: Tensor, found: Assignment) -> Tensor:
    """Binary cross-entropy to the quality, easy background weighted down (Zhang et al., CVPR 2021)."""
    background = 0.75 * scores.sigmoid().detach().square() * found.counted
    weight = torch.where(found.quality > 0, found.quality, background)
    return (nn.functional.binary_cross_entropy_with_logits(scores, found.quality, reduction="none") * weight).sum()


def wing(distance: Tensor, reach: float = 0.1, bend: float = 0.02) -> Tensor:
    """Logarithmic near zero, where precision is won; linear beyond `reach` (Feng et al., CVPR 2018)."""
    edge = reach * float(torch.log1p(torch.tensor(reach / bend)))
    return torch.where(distance < reach, reach * torch.log1p(distance / bend), distance + edge - reach)
