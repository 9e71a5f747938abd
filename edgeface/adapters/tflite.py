"""A TFLite file becomes an `Infer`. Works with LiteRT (default) and the older tflite-runtime.

LiteRT runs int8 under XNNPACK; tflite-runtime 2.14 does not, and gives other bits. Which one ran is part of what a
template is bound to.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.image import looked_up
from edgeface.model import ModelSpec, Tensor, dequantize, input_table, normalise

SIZES_KEPT = 3
"""Input sizes of a resizable model kept allocated; a camera needs one, a folder of pictures a few."""

RUNTIMES = (("litert", "ai_edge_litert.interpreter"), ("tflite", "tflite_runtime.interpreter"))
"""(name, module), the first that works is used."""


class TfliteModel:
    """A loaded model: call it with pixels (see `edgeface.model.Infer`). Not for use by two threads at once."""

    def __init__(self, spec: ModelSpec, content: bytes, *, threads: int = 1, runtime: str | None = None) -> None:
        self.spec = spec
        self.runs, self.spent_ms = 0, 0.0
        """How often it was called, and the milliseconds that took altogether."""
        self._content = content
        self._threads = threads
        self.runtime, self._interpreter_class = find_runtime(runtime)
        self._sizes: OrderedDict[tuple[int, ...], _Allocated] = OrderedDict()
        first = self._allocated((1, spec.height_px, spec.width_px, 3))
        self.pieces: int = first.pieces
        """How many pieces of the graph XNNPACK runs: 1 is all of it, 0 none; what lies between is slow."""

    def __call__(self, pixels: Pixels) -> tuple[Tensor, ...]:
        began_ns = time.perf_counter_ns()
        outputs = self._allocated(pixels.shape).run(pixels)
        self.runs, self.spent_ms = self.runs + 1, self.spent_ms + (time.perf_counter_ns() - began_ns) / 1e6
        return outputs

    def raw(self, pixels: Pixels) -> tuple[npt.NDArray[np.generic], ...]:
        """As a call, but the outputs as the file gives them: quantized ones stay whole numbers."""
        return self._allocated(pixels.shape).raw(pixels)

    @property
    def delegated(self) -> bool:
        """Whether XNNPACK runs it, or parts of it."""
        return self.pieces > 0

    @property
    def kernels(self) -> str:
        """Runtime and kernel path, for example "litert-xnnpack"; two of them may give different bits."""
        return f"{self.runtime}-{'xnnpack' if self.delegated else 'builtin'}"

    @property
    def identity(self) -> str:
        """What templates are bound to: weights, preprocessing and kernels, as one hex digest."""
        spec = self.spec
        parts = (spec.sha256, self.kernels, spec.order, spec.mean, spec.std, spec.template, spec.mirror, spec.output)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _allocated(self, shape: tuple[int, ...]) -> _Allocated:
        if shape in self._sizes:
            self._sizes.move_to_end(shape)
            return self._sizes[shape]
        try:
            with _silenced():
                interpreter = self._interpreter_class(model_content=self._content, num_threads=self._threads)
                made = _Allocated(interpreter, self.spec, shape)
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{self.spec.name}: the runtime cannot run it at input {shape}: {error}") from error
        self._sizes[shape] = made
        if len(self._sizes) > SIZES_KEPT:
            self._sizes.popitem(last=False)
        return made


class _Allocated:
    """One interpreter, allocated for one input size."""

    def __init__(self, interpreter: Any, spec: ModelSpec, shape: tuple[int, ...]) -> None:
        (declared,) = interpreter.get_input_details()
        taken = tuple(int(side) for side in declared["shape"])
        if taken != shape:
            if not spec.layout.resizable:
                raise ModelError(f"{spec.name} takes {taken}, its manifest says {shape}")
            interpreter.resize_tensor_input(declared["index"], shape)
        interpreter.allocate_tensors()
        (self._input,) = interpreter.get_input_details()
        self._outputs = interpreter.get_output_details()
        self._interpreter, self._spec = interpreter, spec
        self._table = self._make_table()
        self.pieces = sum(op["op_name"] == "DELEGATE" for op in interpreter._get_ops_details())

    def _make_table(self) -> Any:
        """Pixel value -> quantized input, or None for a float model."""
        dtype = np.dtype(self._input["dtype"])
        if dtype == np.float32:
            return None
        if dtype not in (np.int8, np.uint8):
            raise ModelError(f"{self._spec.name} takes {dtype}; only int8, uint8 and float32 are supported")
        scale, zero_point = self._input["quantization"]
        return input_table(self._spec, scale, zero_point, dtype)

    def run(self, pixels: Pixels) -> tuple[Tensor, ...]:
        return tuple(map(self._real, self._outputs, self.raw(pixels)))

    def raw(self, pixels: Pixels) -> tuple[npt.NDArray[np.generic], ...]:
        self._interpreter.set_tensor(self._input["index"], self._quantized(pixels))
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(output["index"]) for output in self._outputs)

    def _quantized(self, pixels: Pixels) -> Any:
        if self._table is None:
            return normalise(pixels, self._spec)
        return looked_up(pixels if self._spec.order == "RGB" else pixels[..., ::-1], self._table)

    def _real(self, output: dict[str, Any], values: npt.NDArray[np.generic]) -> Tensor:
        if values.dtype == np.float32:
            return np.asarray(values, np.float32)
        return dequantize(values, *output["quantization"])


@contextmanager
def _silenced() -> Iterator[None]:
    """Without the notes that the runtime's C++ side prints past Python; what goes wrong arrives as an exception."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def load(
    spec: ModelSpec, folder: Path, *, content: bytes | None = None, threads: int = 1, runtime: str | None = None
) -> TfliteModel:
    """Read, verify and allocate a model; `content`: what would be read, if it is at hand.

    Raises ModelError if the file is missing, is not the one that the manifest names, or cannot run. The digest is
    checked before the runtime parses a byte of it.
    """
    path = folder / spec.file
    try:
        content = path.read_bytes() if content is None else content
    except OSError as error:
        raise ModelError(f"{spec.name}: cannot read {path}: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != spec.sha256:
        raise ModelError(
            f"{spec.name}: {path} has sha256 {digest[:12]}..., its manifest says {spec.sha256[:12]}...: "
            "the file was altered or damaged; fetch it again"
        )
    return TfliteModel(spec, content, threads=threads, runtime=runtime)


def find_runtime(wanted: str | None = None) -> tuple[str, Any]:
    """(name, Interpreter class) of the first runtime that is installed, or of the one that is wanted."""
    problems = []
    for name, module in RUNTIMES:
        if wanted not in (None, name):
            continue
        try:
            return name, importlib.import_module(module).Interpreter
        except ImportError as error:
            problems.append(f"{name}: {error}")
    raise ModelError(f"no TFLite runtime works ({'; '.join(problems)}): pip install ai-edge-litert")
