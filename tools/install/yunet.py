"""YuNet as maps: the reader wants rows and columns where the maker's file flattens them."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from tools.convert import Network

FLATTENING = (torch.permute, torch.reshape)


def as_maps(network: Network) -> fx.GraphModule:
    """The network with outputs (1, channels, rows, columns): what only reorders them is taken off, sigmoids stay.

    Raises ValueError if an output is not a map that was flattened.
    """
    module = network.module
    (end,) = [node for node in module.graph.nodes if node.op == "output"]
    with module.graph.inserting_before(end):
        maps = tuple(_unflattened(module, node) for node in end.args[0])
    end.args = (maps,)
    module.graph.eliminate_dead_code()
    module.recompile()
    _check(module, network)
    return module


def _unflattened(module: fx.GraphModule, node: fx.Node) -> fx.Node:
    layer = module.get_submodule(str(node.target)) if node.op == "call_module" else None
    inner = node.args[0] if isinstance(layer, torch.nn.Sigmoid) else node
    while isinstance(inner, fx.Node) and inner.target in FLATTENING:
        inner = inner.args[0]
    assert isinstance(inner, fx.Node)
    return inner if layer is None else module.graph.call_module(str(node.target), (inner,))


def _check(module: fx.GraphModule, network: Network) -> None:
    with torch.no_grad():
        outputs: tuple[Tensor, ...] = module(torch.zeros(network.input_shape))
    for name, output in zip(network.output_names, outputs, strict=True):
        if output.ndim != 4:
            raise ValueError(f"{name} is no map: {tuple(output.shape)}")
