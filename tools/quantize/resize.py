"""Enlarging by a whole factor, nearest neighbour, in operators that stay inside XNNPACK's int8 delegate.

RESIZE_NEAREST_NEIGHBOR leaves it, and cuts a network into pieces. In memory a picture NHWC is row after row, each pixel
its channels: a picture glued to itself along the channels, read as one of twice the width, has each pixel twice. The
same on rows. CONCATENATION and RESHAPE stay inside, move bytes only, and so are exact.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn

_ENLARGING = "aten.upsample_nearest2d"


def inside(net: nn.Module, sample: Tensor) -> nn.Module:
    """The same network with every whole-factor nearest enlargement rewritten; itself if it has none.

    `sample`: an input (1, C, H, W), float32; the result takes inputs of this very shape.
    """
    module = exported(net, sample)
    found = [node for node in module.graph.nodes if str(node.target).startswith(_ENLARGING)]
    factors = {node: _factors(node) for node in found}
    whole = {node: factor for node, factor in factors.items() if factor}
    for node, (down, right) in whole.items():
        _rewrite(module.graph, node, down, right)
    if not whole:
        return net
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def exported(net: nn.Module, sample: Tensor) -> fx.GraphModule:
    """A network as one flat graph of ATen operators that can be changed; `sample`: an input (1, C, H, W), float32."""
    return plain(torch.export.export(net.eval(), (sample,)).module(check_guards=False))


def plain(module: Any) -> fx.GraphModule:
    """What torch.export gives as an ordinary module: its own refuses eval() and checks shapes."""
    return fx.GraphModule(module, module.graph)


def enlarge(picture: Tensor, down: int, right: int) -> Tensor:
    """(N, C, H, W) -> (N, C, H * down, W * right), each pixel repeated."""
    count, channels, height, width = picture.shape
    rows = picture.permute(0, 2, 3, 1)
    wide = torch.cat([rows] * right, 3).reshape(count, height, 1, width * right * channels)
    tall = torch.cat([wide] * down, 2).reshape(count, height * down, width * right, channels)
    return tall.permute(0, 3, 1, 2)


def _factors(node: fx.Node) -> tuple[int, int] | None:
    source, made = (one.meta["val"].shape for one in (node.args[0], node))  # type: ignore[union-attr]
    (down, rest), (right, more) = (divmod(int(made[axis]), int(source[axis])) for axis in (2, 3))
    return None if rest or more else (down, right)


def _rewrite(graph: fx.Graph, node: fx.Node, down: int, right: int) -> None:
    with graph.inserting_before(node):
        made = graph.call_function(enlarge, (node.args[0], down, right))
    node.replace_all_uses_with(made)
    graph.erase_node(node)
