"""Builds a PyTorch graph call by call. What depends on constants alone is computed at once and leaves no call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate, map_arg

Value = fx.Node | Tensor
"""A result of the graph, or a constant."""


class Builder:
    """A graph in the making, with the layers and constants that it uses."""

    def __init__(self) -> None:
        self.root = nn.Module()
        self.graph = fx.Graph()

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Value:
        """function(*arguments, **options); constants among the arguments become buffers of the module."""
        if not _uses_graph(arguments):
            computed: Value = function(*arguments, **options)
            return computed
        held = map_aggregate(arguments, self._held)
        return self.graph.call_function(function, held, options)

    def layer(self, module: nn.Module, value: Value) -> Value:
        """module(value), the module kept as a layer with a name of its own."""
        module.eval().requires_grad_(False)
        if isinstance(value, Tensor):
            computed: Value = module(value)
            return computed
        name = f"{type(module).__name__.lower()}_{len(self.root._modules)}"
        self.root.add_module(name, module)
        return self.graph.call_module(name, (value,))

    def finish(self, outputs: list[Value]) -> fx.GraphModule:
        """The module that gives `outputs` as a tuple."""
        self.graph.output(tuple(self._held(one) for one in outputs))
        return fx.GraphModule(self.root, self.graph).eval()

    def _held(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        name = f"constant_{len(self.root._buffers)}"
        self.root.register_buffer(name, value)
        return self.graph.get_attr(name)


def _uses_graph(arguments: Any) -> bool:
    found: list[fx.Node] = []
    map_arg(arguments, found.append)
    return bool(found)
