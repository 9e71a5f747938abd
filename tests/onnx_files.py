"""ONNX files without the onnx package: just enough of protobuf's wire format to write a small graph.

Field numbers are those of onnx.proto (github.com/onnx/onnx).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Value = int | float | str | Sequence[int]

OPSET = 13
IR_VERSION = 8
_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operator; its name in the file is `name`."""

    kind: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Mapping[str, Value] = field(default_factory=dict)
    name: str = ""


def model(
    nodes: Sequence[Node],
    constants: Mapping[str, Array],
    shape: Sequence[int],
    outputs: Sequence[str],
    opset: int = OPSET,
) -> bytes:
    """A file with one float input, "picture", of `shape`."""
    graph = b"".join(_part(1, _node(node)) for node in nodes)
    graph += _part(2, b"small") + b"".join(_part(5, _tensor(value, name)) for name, value in constants.items())
    graph += _part(11, _value("picture", shape)) + b"".join(_part(12, _value(name, None)) for name in outputs)
    return _number(1, IR_VERSION) + _part(8, _part(1, b"") + _number(2, opset)) + _part(7, graph)


def _node(node: Node) -> bytes:
    parts = [_part(1, name.encode()) for name in node.inputs] + [_part(2, name.encode()) for name in node.outputs]
    parts += [_part(3, node.name.encode()), _part(4, node.kind.encode())]
    return b"".join(parts + [_part(5, _attribute(name, value)) for name, value in node.attributes.items()])


def _attribute(name: str, value: Value) -> bytes:
    start = _part(1, name.encode())
    if isinstance(value, int):
        return start + _number(3, value) + _number(20, 2)
    if isinstance(value, float):
        return start + _key(2, 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, str):
        return start + _part(4, value.encode()) + _number(20, 3)
    return start + b"".join(_number(8, one) for one in value) + _number(20, 7)


def _tensor(value: Array, name: str) -> bytes:
    sides = b"".join(_number(1, side) for side in value.shape)
    return sides + _number(2, _TYPES[value.dtype]) + _part(8, name.encode()) + _part(9, value.tobytes())


def _value(name: str, shape: Sequence[int] | None) -> bytes:
    known = b"" if shape is None else _part(2, b"".join(_part(1, _number(1, side)) for side in shape))
    return _part(1, name.encode()) + _part(2, _part(1, _number(1, 1) + known))


def _part(number: int, content: bytes) -> bytes:
    return _key(number, 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value % 2**64)


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])
