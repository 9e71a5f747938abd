"""How large a TFLite network is and how much it computes, read off the file: for the cards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of one network at its file's own input size."""

    parameters: int
    """Weights and biases of its convolutions and dense layers."""
    multiply_adds: int
    """Of those layers, for one input."""

    def __str__(self) -> str:
        return f"{self.parameters / 1e6:.2f} M parameters, {self.multiply_adds / 1e6:.0f} M multiply-adds"


def measure(file: Path) -> Size:
    """Read the file's operators; nothing is run. Raises ValueError if it is no TFLite file."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter: Any = Interpreter(model_path=str(file), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    shapes = {tensor["index"]: tuple(tensor["shape"]) for tensor in interpreter.get_tensor_details()}
    parameters = multiply_adds = 0
    for step in interpreter._get_ops_details():
        if step["op_name"] in LAYERS:
            weights, *bias = (shapes[int(index)] for index in step["inputs"][1:3] if index >= 0)
            places = int(np.prod(shapes[int(step["outputs"][0])][:-1]))
            parameters += int(np.prod(weights)) + sum(int(np.prod(one)) for one in bias)
            multiply_adds += places * int(np.prod(weights))
    return Size(parameters=parameters, multiply_adds=multiply_adds)
