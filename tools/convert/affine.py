"""Scaling and shifting by channel disappears into convolutions: batch norms, biases, a picture's normalisation.

gather -> merge -> into the convolution before, or into the one after
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from tools.convert.editing import add_layer, constant_of, layer_of, layers, replace, shape_of, source, tidy


class Affine(nn.Module):
    """x * scale + shift, by channel."""

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Tensor, shift: Tensor, axes: int) -> None:
        """`scale` and `shift`: one value or one a channel; `axes`: how many follow the channel axis."""
        super().__init__()
        channels = max(scale.numel(), shift.numel())
        self.register_buffer("scale", scale.float().reshape(-1).expand(channels).reshape(-1, *[1] * axes).clone())
        self.register_buffer("shift", shift.float().reshape(-1).expand(channels).reshape(-1, *[1] * axes).clone())
        self.scales = bool((self.scale != 1).any())
        self.shifts = bool((self.shift != 0).any())

    def forward(self, values: Tensor) -> Tensor:
        scaled = values * self.scale if self.scales else values
        return scaled + self.shift if self.shifts else scaled


class Border(nn.Module):
    """A frame of one colour around a picture, each channel with its own value."""

    frame: Tensor

    def __init__(self, values: Tensor, padding: tuple[int, int], size: tuple[int, int]) -> None:
        """`values` (channels,); `padding` in rows and columns on each side; `size` of the picture, height and width."""
        super().__init__()
        self.zeros = nn.ZeroPad2d((padding[1], padding[1], padding[0], padding[0]))
        outside = 1 - self.zeros(torch.ones(1, 1, *size))
        self.register_buffer("frame", outside * values.reshape(1, -1, 1, 1))

    def forward(self, picture: Tensor) -> Tensor:
        framed: Tensor = self.zeros(picture) + self.frame
        return framed


def fold(module: fx.GraphModule) -> None:
    """All of it. Wants shapes (`editing.find_shapes`)."""
    for step in (_gather, _merge, _into_former, _merge, _into_next, _drop_idle):
        step(module)
        tidy(module)


def _gather(module: fx.GraphModule) -> None:
    """Arithmetic with constants by channel, as Affine layers."""
    for node in list(module.graph.nodes):
        if node.op != "call_function" or node.target not in _READINGS or len(node.args) != 2:
            continue
        found = _reading(module, node)
        if found is not None:
            value, affine = found
            replace(module, node, add_layer(module, affine, value, after=node))


_READINGS: dict[Any, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    operator.add: lambda c: (torch.ones_like(c), c),
    operator.sub: lambda c: (torch.ones_like(c), -c),
    operator.mul: lambda c: (c, torch.zeros_like(c)),
    operator.truediv: lambda c: (1 / c, torch.zeros_like(c)),
}
"""What `value OP constant` does: (scale, shift)."""


def _reading(module: fx.GraphModule, node: fx.Node) -> tuple[fx.Node, Affine] | None:
    first, second = node.args
    constant, turned = constant_of(module, second), False
    if constant is None:
        constant, first, turned = constant_of(module, first), second, True
    if constant is None or not isinstance(first, fx.Node) or (turned and node.target is operator.truediv):
        return None
    rank = len(shape_of(first))
    if rank not in (2, 4) or not _by_channel(constant, shape_of(first)) or shape_of(node) != shape_of(first):
        return None
    scale, shift = _READINGS[node.target](constant)
    if turned and node.target is operator.sub:
        scale, shift = -scale, -shift
    return first, Affine(scale, shift, axes=rank - 2)


def _by_channel(constant: Tensor, shape: tuple[int, ...]) -> bool:
    wide = (1,) * (len(shape) - constant.ndim) + tuple(constant.shape)
    return constant.numel() == 1 or (wide[1] == shape[1] == constant.numel())


def _merge(module: fx.GraphModule) -> None:
    """Two in a row are one."""
    for node, later in layers(module, Affine):
        former = layer_of(module, source(node))
        if isinstance(former, Affine) and len(source(node).users) == 1:
            axes = later.scale.ndim - 1
            joined = Affine(former.scale * later.scale, former.shift * later.scale + later.shift, axes)
            replace(module, node, add_layer(module, joined, source(source(node)), after=node))


def _into_former(module: fx.GraphModule) -> None:
    """Into the convolution or matrix before."""
    for node, affine in layers(module, Affine):
        former = layer_of(module, source(node))
        if not isinstance(former, (nn.Conv2d, nn.Linear)) or len(source(node).users) > 1:
            continue
        scale, shift = affine.scale.flatten(), affine.shift.flatten()
        former.weight.data = former.weight * scale.reshape(-1, *[1] * (former.weight.ndim - 1))
        bias = torch.zeros(len(former.weight)) if former.bias is None else former.bias
        former.bias = nn.Parameter(bias * scale + shift, requires_grad=False)
        replace(module, node, source(node))


def _into_next(module: fx.GraphModule) -> None:
    """Into the convolution after. Its zero padding lay outside of the shift: if need be, the input gets a border that
    the folded weights read as zero. That is worth it for the picture; deep inside the shift stays as it is.
    """
    for node, affine in layers(module, Affine):
        (user, *others) = node.users
        layer = layer_of(module, user)
        if others or not isinstance(layer, nn.Conv2d) or isinstance(layer.padding, str):
            continue
        inputs = layer.in_channels
        scale, shift = affine.scale.flatten().expand(inputs), affine.shift.flatten().expand(inputs)
        if affine.shifts and any(layer.padding):
            if source(node).op != "placeholder":
                continue
            height, width = shape_of(node)[2:]
            border = Border(-shift / scale, (layer.padding[0], layer.padding[1]), (height, width))
            user.replace_input_with(node, add_layer(module, border, source(node), after=node))
            layer.padding = (0, 0)
        else:
            user.replace_input_with(node, source(node))
        _absorb(layer, scale, shift)


def _absorb(layer: nn.Conv2d, scale: Tensor, shift: Tensor) -> None:
    by_output = _by_output(layer, shift)
    constant = (layer.weight * by_output).sum(dim=(1, 2, 3))
    layer.bias = nn.Parameter(constant + (0 if layer.bias is None else layer.bias), requires_grad=False)
    layer.weight.data = layer.weight * _by_output(layer, scale)


def _by_output(layer: nn.Conv2d, values: Tensor) -> Tensor:
    """Values by input channel (C,) -> shaped like the weights: (outputs, inputs a group, 1, 1)."""
    groups = values.reshape(layer.groups, -1)
    return groups.repeat_interleave(layer.out_channels // layer.groups, dim=0)[:, :, None, None]


def _drop_idle(module: fx.GraphModule) -> None:
    """What neither scales nor shifts."""
    for node, affine in layers(module, Affine):
        if not affine.scales and not affine.shifts:
            replace(module, node, source(node))


def normalise(module: fx.GraphModule, scale: Sequence[float], shift: Sequence[float]) -> None:
    """Scale and shift the picture by channel before anything else, still as a step of its own."""
    (picture,) = [node for node in module.graph.nodes if node.op == "placeholder"]
    affine = add_layer(module, Affine(torch.tensor(scale), torch.tensor(shift), axes=2), picture, after=picture)
    picture.replace_all_uses_with(affine, delete_user_cb=lambda user: user is not affine)
    tidy(module)
