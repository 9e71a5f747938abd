"""A network rehearsing int8: its graph with batch norm folded away and fake quantisation where the file will round.

Works on any network that torch.export takes. Operators that TFLite fuses (convolution and the ReLU behind it) round
once; operators that only move numbers do not round.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from tools.quantize.fake import Activation, Input, Weight
from tools.quantize.resize import exported

WEIGHTED = {
    "aten.conv2d.default": 0,
    "aten.conv2d.padding": 0,
    "aten.conv_transpose2d.input": 1,
    "aten.linear.default": 0,
}
"""Operators with a weight as second and a bias as third argument, and the axis of the weight's output channels."""
FUSED = ("aten.relu", "aten.relu6", "aten.hardtanh", "aten.clamp")
"""Activations that become part of the operator before them."""
MOVING = (
    *("aten.max_pool2d", "aten.view", "aten.reshape", "aten.permute", "aten.flatten", "aten.transpose", "aten.pad"),
    *("aten.constant_pad_nd", "aten.contiguous", "aten.dropout", "aten.slice", "aten.select", "aten.squeeze"),
    *("aten.unsqueeze", "aten.to", "aten._assert_tensor_metadata", "aten.split", "aten.clone", "aten.alias"),
    *("aten.repeat", "aten.expand", "aten.narrow", "aten.upsample_nearest2d", "aten.detach"),
)
"""Operators whose results lie on the grid of what they are given."""
FIXED = {"aten.sigmoid": (0.0, 255 / 256), "aten.softmax": (0.0, 255 / 256), "aten.tanh": (-1.0, 127 / 128)}
"""Operators whose output range TFLite prescribes."""


class Rehearsal:
    """A network twice, with shared weights: `float_net` as it will be exported, `int8_net` as it will run."""

    def __init__(self, net: nn.Module, sample: Tensor) -> None:
        """`sample`: an input (1, C, H, W), float32."""
        # An exported graph shares its parameters with the network that it was made of, which must stay as it is.
        self.float_net = flat(copy.deepcopy(net), sample)
        self.takes_batches = _takes_batches(self.float_net, sample)
        self.points = [node.name for node in self.float_net.graph.nodes if _rounds(node)]
        self.int8_net: Any = None

    def record(self, inputs: Iterable[Tensor]) -> dict[str, tuple[float, float]]:
        """Least and greatest value at each point that will round, over all inputs (1, C, H, W)."""
        found: dict[str, tuple[float, float]] = {}

        def note(name: str, value: Tensor) -> None:
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, float(value.min())), max(high, float(value.max()))

        for one in inputs:
            self.watch(one, note)
        return found

    def watch(self, picture: Tensor, note: Callable[[str, Tensor], None]) -> None:
        """Run the float network; `note` is given the value of every point that will round."""
        _Watching(self.float_net, self.points, note).run(picture)

    def start(self, ranges: dict[str, tuple[float, float]]) -> None:
        """Make `int8_net`, which starts from these ranges."""
        graph = fx.Graph()
        graph.output(graph.graph_copy(self.float_net.graph, {}))
        self.int8_net = fx.GraphModule(self.float_net, graph)
        for node in list(graph.nodes):
            if node.name in ranges:
                self._round(node, ranges[node.name])
            if _weighted(node):
                _insert(self.int8_net, node, Weight(WEIGHTED[str(node.target)]), node.args[1])
        self.int8_net.recompile()

    def _round(self, node: fx.Node, found: tuple[float, float]) -> None:
        fixed = next((ends for name, ends in FIXED.items() if str(node.target).startswith(name)), None)
        fake = Input(*found) if node.op == "placeholder" else Activation(*(fixed or found), learned=fixed is None)
        _insert(self.int8_net, node, fake, node)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range at each point, as learned by now."""
        known = ((name, getattr(self.int8_net, f"fake_{name}", None)) for name in self.points)
        return {name: one.range() for name, one in known if isinstance(one, Activation)}


def flat(net: nn.Module, sample: Tensor) -> fx.GraphModule:
    """The network as one graph of ATen operators, each weight a parameter of its own, batch norm folded into them."""
    module = exported(net, sample)
    values = _constants(module, sample)
    for node in list(module.graph.nodes):
        if str(node.target) in WEIGHTED and node.args[1] in values:
            _own(module, node, values)
    for node in list(module.graph.nodes):
        if str(node.target).startswith("aten.batch_norm"):
            _fold(module, node, values)
    for node in list(module.graph.nodes):
        if str(node.target).startswith("aten._assert") or node.name.startswith("_guards"):
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


class _Watching(fx.Interpreter):
    """Runs a graph and shows the values of some of its nodes."""

    def __init__(self, module: fx.GraphModule, names: Sequence[str], note: Callable[[str, Tensor], None]) -> None:
        super().__init__(module)
        self._names, self._note = set(names), note

    @torch.no_grad()
    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self._names:
            self._note(n.name, value)
        return value


def _constants(module: fx.GraphModule, sample: Tensor) -> dict[fx.Node, Tensor]:
    """What the nodes that do not depend on the input come to."""
    fixed: dict[str, fx.Node] = {}
    for node in module.graph.nodes:
        sources = node.all_input_nodes
        computed = node.op == "call_function" and sources and all(one.name in fixed for one in sources)
        if node.op == "get_attr" or computed:
            fixed[node.name] = node
    values: dict[str, Tensor] = {}
    _Watching(module, list(fixed), lambda name, value: values.__setitem__(name, value)).run(sample)
    return {fixed[name]: value for name, value in values.items()}


def _own(module: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Tensor]) -> None:
    """Give an operator a weight and a bias of its own; several may have shared one, or computed it."""
    weight = values[node.args[1]].detach().clone()  # type: ignore[index]
    bias = node.args[2] if len(node.args) > 2 else None
    channels = weight.shape[WEIGHTED[str(node.target)]]
    # A transposed convolution in groups has its output channels in two factors.
    if "transpose" in str(node.target) and len(node.args) > 6:
        channels *= int(node.args[6])  # type: ignore[arg-type]
    start = torch.zeros(channels) if bias is None else values[bias].detach().clone()  # type: ignore[index]
    own = [_parameter(module, node, f"{node.name}_{part}", value) for part, value in (("w", weight), ("b", start))]
    values[own[0]], values[own[1]] = weight, start
    node.args = (node.args[0], own[0], own[1], *node.args[3:])


def _fold(module: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Tensor]) -> None:
    """Batch norm after a convolution becomes part of its weight and bias; elsewhere it stays."""
    before: Any = node.args[0]
    if not str(before.target).startswith("aten.conv2d") or len(before.users) > 1:
        return
    gamma, beta, mean, variance = (values[one] if one is not None else None for one in node.args[1:5])  # type: ignore
    factor = torch.rsqrt(variance + float(node.args[7]))  # type: ignore
    factor = factor if gamma is None else factor * gamma
    weight, bias = (getattr(module, f"{before.name}_{part}") for part in "wb")
    weight.data *= factor.detach().reshape(-1, 1, 1, 1)
    bias.data = ((bias - mean) * factor + (0 if beta is None else beta)).detach()
    node.replace_all_uses_with(before)
    module.graph.erase_node(node)


def _parameter(module: fx.GraphModule, before: fx.Node, name: str, value: Tensor) -> fx.Node:
    setattr(module, name, nn.Parameter(value.contiguous()))
    with module.graph.inserting_before(before):
        return module.graph.get_attr(name)


def _insert(module: fx.GraphModule, node: fx.Node, fake: nn.Module, source: Any) -> None:
    """Put a fake quantiser behind a node, or between an operator and its weight."""
    name = f"fake_{source.name}"
    module.add_module(name, fake)
    behind = source is node
    with module.graph.inserting_after(source):
        made = module.graph.call_module(name, (source,))
    if behind:
        node.replace_all_uses_with(made, delete_user_cb=lambda user: user is not made)
    else:
        node.replace_input_with(source, made)


def _weighted(node: fx.Node) -> bool:
    """Whether an operator has a weight that does not depend on the input."""
    return str(node.target) in WEIGHTED and isinstance(node.args[1], fx.Node) and node.args[1].op == "get_attr"


def _rounds(node: fx.Node) -> bool:
    """Whether the file will hold this node's result as int8 with a range of its own."""
    if node.op == "placeholder":
        return True
    name = str(node.target)
    if node.op != "call_function" or not node.users or not _pictured(node):
        return False
    glued = _is(name, ("aten.cat",)) and len(node.all_input_nodes) == 1
    if glued or _is(name, MOVING) or not isinstance(node.meta.get("val"), Tensor):
        return False
    users = list(node.users)
    return not (len(users) == 1 and _is(str(users[0].target), FUSED))


def _pictured(node: fx.Node) -> bool:
    """Whether a node depends on the input."""
    seen, wanted = set(), [node]
    while wanted:
        one = wanted.pop()
        if one.op == "placeholder":
            return True
        if one not in seen:
            seen.add(one)
            wanted += one.all_input_nodes
    return False


def _is(target: str, names: Sequence[str]) -> bool:
    """Whether a node's target, such as aten.relu_.default, is one of some operators."""
    return target.rpartition(".")[0].rstrip("_") in names


def _takes_batches(module: fx.GraphModule, sample: Tensor) -> bool:
    try:
        with torch.no_grad():
            module(sample.repeat(2, 1, 1, 1))
    except RuntimeError:
        return False
    return True
