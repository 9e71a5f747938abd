"""A TFLite file at work: what it answers, what it is made of, how fast it is."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

Floats = npt.NDArray[np.float32]

TIE = 1 - 1e-6
"""A mean of 127.5 puts every pixel on a half between two int8 numbers, where float32 noise would decide. Shrunk by this
factor all go towards zero, as in the reader's own table (`edgeface.model.input_table`)."""

_FLOATS = (np.float32, np.float16)


class File:
    """A TFLite file, run with float arrays whatever its own type."""

    def __init__(self, path: Path, shape: tuple[int, ...] | None = None) -> None:
        self.interpreter: Any = Interpreter(model_path=str(path), num_threads=1)
        if shape is not None:
            self.interpreter.resize_tensor_input(self.interpreter.get_input_details()[0]["index"], shape)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.outputs = sorted(self.interpreter.get_output_details(), key=_place)

    def run(self, inputs: Floats) -> list[Floats]:
        """(1, H, W, 3) -> the outputs in the network's order, dequantized."""
        self.interpreter.set_tensor(self.input["index"], to_type(inputs, self.input))
        self.interpreter.invoke()
        return [to_float(self.interpreter.get_tensor(output["index"]), output) for output in self.outputs]

    def float_tensors(self) -> int:
        """How many tensors are not integers."""
        return sum(tensor["dtype"] in _FLOATS for tensor in self.interpreter.get_tensor_details())

    def delegates(self) -> int:
        """How many pieces XNNPACK runs; 0 if some input or output of the file is touched outside of them."""
        pieces = self._pieces()
        produced = {int(index) for piece in pieces for index in piece["outputs"]}
        consumed = {int(index) for piece in pieces for index in piece["inputs"]}
        whole = produced >= {output["index"] for output in self.outputs} and self.input["index"] in consumed
        return len(pieces) if whole else 0

    def islands(self) -> dict[str, int]:
        """Operators that run outside XNNPACK, by kind.

        The list of operators still names those that a piece has swallowed: an operator counts only if the outputs need
        it and no piece makes what it makes.
        """
        steps = [step for step in self.interpreter._get_ops_details() if step["op_name"] != "DELEGATE"]
        made_by = {int(index): step for step in [*steps, *self._pieces()] for index in step["outputs"]}
        wanted, found = [int(output["index"]) for output in self.outputs], {}
        seen: set[int] = set()
        while wanted:
            tensor = wanted.pop()
            if tensor in seen or tensor not in made_by:
                continue
            seen.add(tensor)
            step = made_by[tensor]
            wanted += [int(index) for index in step["inputs"] if index >= 0]
            if step["op_name"] != "DELEGATE":
                found[step["index"]] = step["op_name"]
        return dict(Counter(found.values()).most_common())

    def _pieces(self) -> list[dict[str, Any]]:
        return [step for step in self.interpreter._get_ops_details() if step["op_name"] == "DELEGATE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operator of a file."""

    operator: str
    """As TFLite calls it, for example CONV_2D."""
    tensor: str
    """Name of what it makes."""
    inputs: tuple[str, ...]
    """Names of what it is given, constants among them."""


def layers(path: Path) -> list[Layer]:
    """The operators of a file in the order in which they run."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter: Any = Interpreter(model_path=str(path), experimental_op_resolver_type=plain)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    return [
        Layer(
            operator=step["op_name"],
            tensor=tensors[int(step["outputs"][0])]["name"],
            inputs=tuple(tensors[int(index)]["name"] for index in step["inputs"] if index >= 0),
        )
        for step in interpreter._get_ops_details()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Two files timed by turns in one process, one thread: processor time, which other work does not lengthen."""

    float_ms: float
    """Median of the float file."""
    int8_ms: float
    """Median of the int8 file."""
    rounds: int

    @property
    def ratio(self) -> float:
        """Time of int8 over time of float: below 1 is faster. The figure to quote; milliseconds are this machine's."""
        return self.int8_ms / self.float_ms


def race(first: File, second: File, inputs: Floats, rounds: int = 60) -> Latency:
    """Time a float and an int8 file by turns, so that whatever slows the processor down slows both."""
    times = np.array([[_seconds(file, inputs) for file in (first, second)] for _ in range(rounds + 3)])
    # The first rounds fill caches and are left out.
    float_ms, int8_ms = (float(value) for value in np.median(times[3:], axis=0) * 1e3)
    return Latency(float_ms=round(float_ms, 3), int8_ms=round(int8_ms, 3), rounds=rounds)


def _seconds(file: File, inputs: Floats) -> float:
    """Processor time of the network alone, without filling its input. With one thread, all of it runs on this one."""
    file.interpreter.set_tensor(file.input["index"], to_type(inputs, file.input))
    start = time.thread_time()
    file.interpreter.invoke()
    return time.thread_time() - start


def tensors_of(path: Path, inputs: Sequence[Floats]) -> Iterator[dict[str, Floats]]:
    """Every float tensor of a float file, by name, one dictionary an input."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter: Any = Interpreter(
        model_path=str(path), experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    made = {int(index) for step in interpreter._get_ops_details() for index in step["outputs"]}
    kept = [tensor for tensor in interpreter.get_tensor_details() if tensor["index"] in made]
    for one in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], one)
        interpreter.invoke()
        yield {tensor["name"]: interpreter.get_tensor(tensor["index"]) for tensor in kept}


def to_type(values: Floats, tensor: dict[str, Any]) -> npt.NDArray[Any]:
    """Real numbers as a tensor of a file takes them: int8 by its scale and zero point, or unchanged."""
    if tensor["dtype"] == np.float32:
        return values
    scale, zero = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    quantized = np.clip(np.rint(values / scale * TIE) + zero, limits.min, limits.max)
    return np.asarray(quantized, tensor["dtype"])


def to_float(values: npt.NDArray[Any], tensor: dict[str, Any]) -> Floats:
    """The opposite of `to_type`."""
    if tensor["dtype"] == np.float32:
        return values
    scale, zero = tensor["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)


def _place(output: dict[str, Any]) -> int:
    """The converter numbers a network's outputs (serving_default_output_3_output); a file lists them in any order."""
    numbered = re.search(r"output_(\d+)", output["name"])
    return int(numbered[1]) if numbered else 0
