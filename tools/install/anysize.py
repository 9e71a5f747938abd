"""Lets a TFLite file with nearest neighbour enlargements by two run at any input size.

RESIZE_NEAREST_NEIGHBOR holds the size of its result as a constant, so that a file only runs at the size it was
converted for. A picture four times side by side along its channels, then DEPTH_TO_SPACE, is the same in bits, needs no
size, and XNNPACK runs it.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

FACTOR = 2


def free(path: Path) -> int:
    """Rewrite the file in place; returns how many enlargements there were. Raises ValueError if one is not by two."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    count = sum(_free_graph(model, graph) for graph in model.subgraphs)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return count


def _free_graph(model: Any, graph: Any) -> int:
    resizing, count, operators = schema.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR, 0, []
    for operator in graph.operators:
        if _kind(model.operatorCodes[operator.opcodeIndex]) == resizing:
            operators += _replacement(model, graph, operator)
            count += 1
        else:
            operators.append(operator)
    graph.operators = operators
    return count


def _replacement(model: Any, graph: Any, operator: Any) -> list[Any]:
    small, large = int(operator.inputs[0]), int(operator.outputs[0])
    before, after = (list(graph.tensors[index].shape) for index in (small, large))
    if after != [before[0], before[1] * FACTOR, before[2] * FACTOR, before[3]]:
        raise ValueError(f"an enlargement from {before} to {after} is not by {FACTOR}")
    wide = copy.copy(graph.tensors[small])
    wide.name, wide.shape, wide.buffer = wide.name + b"_wide", [*before[:3], before[3] * FACTOR**2], 0
    graph.tensors.append(wide)
    middle = len(graph.tensors) - 1
    builtin, options = schema.BuiltinOperator, schema.BuiltinOptions
    gluing, spreading = schema.ConcatenationOptionsT(), schema.DepthToSpaceOptionsT()
    gluing.axis, gluing.fusedActivationFunction, spreading.blockSize = 3, 0, FACTOR
    return [
        _operator(model, builtin.CONCATENATION, options.ConcatenationOptions, gluing, [small] * FACTOR**2, middle),
        _operator(model, builtin.DEPTH_TO_SPACE, options.DepthToSpaceOptions, spreading, [middle], large),
    ]


def _operator(model: Any, kind: int, options_kind: int, options: Any, inputs: list[int], output: int) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = _code(model, kind), inputs, [output]
    made.builtinOptionsType, made.builtinOptions = options_kind, options
    return made


def _code(model: Any, kind: int) -> int:
    """Place of an operator in the file's table, where it is added if need be."""
    for index, code in enumerate(model.operatorCodes):
        if _kind(code) == kind:
            return index
    added = schema.OperatorCodeT()
    added.builtinCode, added.deprecatedBuiltinCode, added.version = kind, kind, 1
    model.operatorCodes.append(added)
    return len(model.operatorCodes) - 1


def _kind(code: Any) -> int:
    """Old files keep the operator in a field of one byte."""
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))
