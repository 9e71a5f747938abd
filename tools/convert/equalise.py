"""Channels of one tensor share one int8 scale: those that stay small drown in its rounding, unless they are made alike.

Between two convolutions with ReLU, LeakyReLU or PReLU in between, a channel may be any number of times larger: the
convolution before grows it, the ones after shrink their weights for it, and in real numbers nothing changes
(cross-layer equalisation: Nagel et al., ICCV 2019). A channel's size is measured on pictures, not guessed from weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from tools.convert.editing import layer_of, source

HOMOGENEOUS = (nn.ReLU, nn.LeakyReLU, nn.PReLU)
"""f(k x) = k f(x) for k > 0."""
MOST = 100.0
"""Times that a channel may grow relative to the loudest: a channel that is all but dead is not worth exactness."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Joint:
    """Two convolutions, or more, that meet in one tensor."""

    inner: fx.Node
    """What the convolution before gives."""
    outer: fx.Node
    """The same after the activation."""
    former: nn.Conv2d
    after: tuple[nn.Conv2d, ...]


def equalise(module: fx.GraphModule, pictures: Sequence[Tensor]) -> None:
    """Make the channels between convolutions alike on `pictures`, each float32 (1, C, H, W) as the module takes it."""
    joints = list(_joints(module))
    sizes = _sizes(module, pictures, [node for joint in joints for node in (joint.inner, joint.outer)])
    for joint in joints:
        _scale(joint, torch.maximum(sizes[joint.inner], sizes[joint.outer]))


def _joints(module: fx.GraphModule) -> Iterator[_Joint]:
    for node in module.graph.nodes:
        if not isinstance(layer_of(module, node), HOMOGENEOUS):
            continue
        inner = source(node)
        former = layer_of(module, inner)
        after = tuple(layer_of(module, user) for user in node.users)
        convolutions = tuple(one for one in after if isinstance(one, nn.Conv2d))
        if isinstance(former, nn.Conv2d) and len(inner.users) == 1 and len(convolutions) == len(after) > 0:
            yield _Joint(inner=inner, outer=node, former=former, after=convolutions)


def _sizes(module: fx.GraphModule, pictures: Sequence[Tensor], nodes: list[fx.Node]) -> dict[fx.Node, Tensor]:
    """Each channel's largest absolute value at each node."""
    watch = _Watch(module, set(nodes))
    with torch.no_grad():
        for picture in pictures:
            watch.run(picture)
    return watch.largest


class _Watch(fx.Interpreter):
    def __init__(self, module: fx.GraphModule, nodes: set[fx.Node]) -> None:
        super().__init__(module)
        self.nodes = nodes
        self.largest: dict[fx.Node, Tensor] = {}

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        if n in self.nodes:
            found = value.abs().amax(dim=(0, 2, 3))
            self.largest[n] = torch.maximum(self.largest.get(n, found), found)
        return value


def _scale(joint: _Joint, sizes: Tensor) -> None:
    """Depthwise convolutions after take any factor, having a scale of their own for each channel; dense ones share."""
    room = (sizes.max() / sizes.clamp(min=1e-12)).clamp(max=MOST)
    factors = room
    dense = [one for one in joint.after if one.groups != one.in_channels]
    if dense:
        loudness = torch.stack([_by_input(one) for one in dense]).amax(dim=0)
        factors = (room * (loudness / loudness.max()).clamp(min=1e-6)).sqrt().clamp(1 / MOST, MOST)
    shape = (-1, 1, 1, 1)
    joint.former.weight.data = joint.former.weight * factors.reshape(shape)
    if joint.former.bias is not None:
        joint.former.bias.data = joint.former.bias * factors
    for one in joint.after:
        groups = (1 / factors).reshape(one.groups, -1).repeat_interleave(one.out_channels // one.groups, dim=0)
        one.weight.data = one.weight * groups[:, :, None, None]


def _by_input(layer: nn.Conv2d) -> Tensor:
    """Largest absolute weight that each input channel meets."""
    groups = layer.weight.reshape(layer.groups, -1, *layer.weight.shape[1:]).abs().amax(dim=(1, 3, 4))
    return groups.reshape(-1)
