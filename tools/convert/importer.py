"""Reads a foreign network file into a PyTorch graph.

OpenVINO's readers parse the file and compute everything that depends on constants alone (shape arithmetic, compressed
weights); what is left is translated operator by operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openvino  # type: ignore[import-untyped]
import torch
from openvino.passes import ConstantFolding, Manager  # type: ignore[import-untyped]

from tools.convert.builder import Builder, Value
from tools.convert.network import ConversionError, Network
from tools.convert.operators import translate
from tools.convert.site import Shape, Site

SUFFIXES = (".onnx", ".xml", ".pb")
"""ONNX, OpenVINO (with its .bin beside it), TensorFlow's frozen graph."""

COLOURS = (1, 3, 4)
"""Channels that a picture may have."""

DEFAULT_SIDE_PX = 320
"""Height and width where a file leaves them open and the caller does not say."""


def load(path: Path, side_px: int = DEFAULT_SIDE_PX) -> Network:
    """Read a network. Where the file leaves the input's size open, it is `side_px` square.

    Raises ConversionError for a file of another kind, one that cannot be read, or an operator that is not known.
    """
    model = read(path, side_px)
    builder = Builder()
    values: dict[tuple[str, int], Value] = {}
    last = _channels_last(model)
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Result":
            continue
        for index, value in enumerate(_meaning(node, values, builder, last)):
            values[node.get_name(), index] = value
    module = builder.finish([_input_values(output.get_node(), values)[0] for output in model.outputs])
    return Network(
        module=module,
        input_name=model.inputs[0].get_any_name(),
        input_shape=_picture_shape(model, path),
        channels_last=last,
        output_names=tuple(_output_name(output) for output in model.outputs),
    )


def read(path: Path, side_px: int = DEFAULT_SIDE_PX) -> Any:
    """The file as OpenVINO's model, its shapes fixed at batch 1 and its constants folded."""
    if path.suffix not in SUFFIXES:
        raise ConversionError(f"{path}: a network is expected as one of {', '.join(SUFFIXES)}")
    try:
        model = openvino.Core().read_model(path)
    except RuntimeError as error:
        raise ConversionError(f"{path} cannot be read: {error}") from error
    ranks = [one.partial_shape.rank for one in model.inputs]
    if len(ranks) != 1 or ranks[0].is_dynamic or ranks[0].get_length() != 4:
        raise ConversionError(f"{path}: one picture is expected as input, it has {model.inputs}")
    shape = _fixed(model.inputs[0].partial_shape, side_px)
    try:
        model.reshape(shape)
    except RuntimeError as error:
        raise ConversionError(f"{path} cannot be brought to one picture of {shape}: {error}") from error
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)
    return model


def _fixed(shape: Any, side_px: int) -> list[int]:
    sides = [side.get_length() if side.is_static else None for side in shape]
    return [1, *(side_px if side is None else side for side in sides[1:])]


def _channels_last(model: Any) -> bool:
    _, second, _, last = (int(side) for side in model.inputs[0].shape)
    return second not in COLOURS and last in COLOURS


def _picture_shape(model: Any, path: Path) -> tuple[int, int, int, int]:
    batch, *sides = (int(side) for side in model.inputs[0].shape)
    height, width, channels = sides if _channels_last(model) else (sides[1], sides[2], sides[0])
    if channels not in COLOURS:
        raise ConversionError(f"{path}: its input {(batch, *sides)} is no picture")
    return batch, channels, height, width


def _output_name(output: Any) -> str:
    names = sorted(output.get_names())
    return names[0] if names else str(output.get_node().get_friendly_name())


def _meaning(node: Any, values: dict[tuple[str, int], Value], builder: Builder, last: bool) -> Sequence[Value]:
    if node.get_type_name() == "Parameter":
        picture = builder.graph.placeholder("picture")
        return [builder.call(torch.permute, picture, (0, 2, 3, 1)) if last else picture]
    if node.get_type_name() == "Constant":
        return [torch.from_numpy(node.data.copy())]
    site = Site(
        kind=node.get_type_name(),
        name=node.get_friendly_name(),
        inputs=_input_values(node, values),
        attributes=node.get_attributes(),
        shapes=[_shape(node.get_input_shape(index)) for index in range(node.get_input_size())],
        results=[_shape(node.get_output_shape(index)) for index in range(node.get_output_size())],
        builder=builder,
    )
    return translate(site)


def _input_values(node: Any, values: dict[tuple[str, int], Value]) -> list[Value]:
    sources = [node.input_value(index) for index in range(node.get_input_size())]
    return [values[source.get_node().get_name(), source.get_index()] for source in sources]


def _shape(shape: Any) -> Shape:
    return tuple(int(side) for side in shape)
