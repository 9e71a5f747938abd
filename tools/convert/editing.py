"""Small questions and changes that every rewrite needs on a graph of PyTorch calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

Kind = TypeVar("Kind", bound=nn.Module)


def layers(module: fx.GraphModule, kind: type[Kind]) -> Iterator[tuple[fx.Node, Kind]]:
    """The calls of layers of a kind, in order of running; those made meanwhile are left out."""
    for node in list(module.graph.nodes):
        layer = layer_of(module, node)
        if isinstance(layer, kind) and not node._erased:
            yield node, layer


def layer_of(module: fx.GraphModule, node: Any) -> nn.Module | None:
    """The layer that a node calls, or None if it is no layer's call."""
    if not isinstance(node, fx.Node) or node.op != "call_module":
        return None
    return module.get_submodule(str(node.target))


def constant_of(module: fx.GraphModule, node: Any) -> Tensor | None:
    """The value of a constant; None if the node is computed from the picture."""
    if isinstance(node, (int, float)):
        return torch.tensor(float(node))
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    return module.get_buffer(str(node.target))


def source(node: fx.Node) -> fx.Node:
    """What a layer is called with."""
    (value,) = node.args
    assert isinstance(value, fx.Node)
    return value


def add_layer(module: fx.GraphModule, layer: nn.Module, value: fx.Node, after: fx.Node) -> fx.Node:
    """Call a new layer with `value`, right after another call."""
    name = f"{type(layer).__name__.lower()}_{len(module._modules)}_new"
    module.add_submodule(name, layer.eval().requires_grad_(False))
    with module.graph.inserting_after(after):
        return module.graph.call_module(name, (value,))


def add_call(module: fx.GraphModule, function: Callable[..., Any], *arguments: Any, after: fx.Node) -> fx.Node:
    """Call a function, right after another call."""
    with module.graph.inserting_after(after):
        return module.graph.call_function(function, arguments)


def replace(module: fx.GraphModule, old: fx.Node, new: fx.Node) -> None:
    """Let everything that used `old` use `new`, and drop `old`. `new` itself may go on using it until it is gone."""
    old.replace_all_uses_with(new, delete_user_cb=lambda user: user is not new)
    if not old.users:
        module.graph.erase_node(old)


def find_shapes(module: fx.GraphModule, shape: tuple[int, ...]) -> None:
    """Note each call's output shape, for `shape_of`."""
    ShapeProp(module).propagate(torch.zeros(shape))


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """Shape of a call's result, after `find_shapes`."""
    found = node.meta.get("tensor_meta")
    return tuple(found.shape) if found is not None and hasattr(found, "shape") else ()


def tidy(module: fx.GraphModule) -> None:
    """Drop what nothing uses and make the module runnable again."""
    module.graph.eliminate_dead_code()
    module.graph.lint()
    module.recompile()
    module.delete_all_unused_submodules()
