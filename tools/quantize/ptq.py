"""To int8 after training: PyTorch -> float TFLite -> int8, ranges taken from inputs as the reader prepares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe
from ai_edge_quantizer.utils.validation_utils import ValidationErrorMetric
from torch import nn

from tools.quantize.files import Floats

COVERAGE = 1.0
"""Share of the calibration inputs whose extreme values must fit; below 1 a tensor's rarest peaks are cut off."""

Ranges = Mapping[str, tuple[float, float]]
"""Least and greatest value of a tensor, by its name in the float file."""


def convert(net: nn.Module, sample: Floats, path: Path) -> None:
    """Write `net` (NCHW in and out) as a float file that takes and gives NHWC; `sample` (1, H, W, 3) sets the size."""
    import litert_torch  # takes seconds, and whoever only runs or compares files does not need it

    wrapped = litert_torch.to_channel_last_io(net.eval(), args=[0], outputs=_pictures_among_outputs(net, sample))
    litert_torch.convert(wrapped.eval(), (torch.from_numpy(sample),)).export(str(path))


def quantize(
    float_file: Path,
    inputs: Sequence[Floats],
    int8_file: Path,
    coverage: float = COVERAGE,
    learned: Ranges | None = None,
) -> dict[str, float]:
    """Write the int8 file, ranges taken from `inputs` (each (1, H, W, 3)). Returns signal to noise by tensor, dB.

    `learned`: ranges that take the place of the measured ones. Raises ValueError if the float file cannot be quantized.
    """
    worker = quantizer.Quantizer(str(float_file), recipe.static_wi8_ai8())
    signature, name = _entrance(float_file)
    ranges = _ranges(worker, signature, name, inputs, coverage)
    for tensor, (low, high) in (learned or {}).items():
        ranges[tensor] = {**ranges[tensor], "min": _like(ranges[tensor], low), "max": _like(ranges[tensor], high)}
    int8 = worker.quantize(ranges, enable_progress_report=False)
    int8_file.write_bytes(bytes(int8.quantized_model))
    tests = {signature: [{name: one} for one in inputs[:: max(1, len(inputs) // 8)]]}
    compared = worker.validate(tests, [ValidationErrorMetric.SNR], num_threads=1)
    result = compared.get_signature_comparison_result(signature)
    tensors = {**result.intermediate_tensors, **result.output_tensors}
    return {name: round(10 * float(np.log10(max(values["snr"], 1e-6))), 1) for name, values in tensors.items()}


def _entrance(float_file: Path) -> tuple[str, str]:
    """(signature, its one input) of a file. Raises ValueError if it has none, or several inputs."""
    signatures = Interpreter(model_path=str(float_file)).get_signature_list()
    for signature, ends in signatures.items():
        if len(ends["inputs"]) == 1:
            return signature, ends["inputs"][0]
    raise ValueError(f"{float_file} has no signature with one input: convert the network again from its source")


def _ranges(
    worker: quantizer.Quantizer, signature: str, name: str, inputs: Sequence[Floats], coverage: float
) -> dict[str, Any]:
    """Range of every tensor over all inputs. The quantizer's own running mean remembers only the last twenty or so."""
    singles = [worker.calibrate({signature: [{name: one}]}, num_threads=1) for one in inputs]
    return {name: _merge([one[name] for one in singles], coverage) for name in singles[0]}


def _merge(ranges: list[dict[str, Any]], coverage: float) -> dict[str, Any]:
    if not ranges[0]:
        return ranges[0]
    low = np.quantile(np.stack([one["min"] for one in ranges]), 1 - coverage, axis=0)
    high = np.quantile(np.stack([one["max"] for one in ranges]), coverage, axis=0)
    return {**ranges[0], "min": low.astype(np.float32), "max": high.astype(np.float32)}


def _like(measured: dict[str, Any], value: float) -> Floats:
    return np.full(np.shape(measured["min"]), value, np.float32)


def _pictures_among_outputs(net: nn.Module, sample: Floats) -> list[int]:
    return [index for index, value in enumerate(outputs_of(net, sample)) if value.ndim == 4]


def outputs_of(net: nn.Module, sample: Floats) -> tuple[torch.Tensor, ...]:
    """What a network (NCHW) makes of one input (1, H, W, 3), always as a tuple."""
    with torch.no_grad():
        outputs = net(torch.from_numpy(sample).permute(0, 3, 1, 2))
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)


def run_torch(net: nn.Module, sample: Floats) -> list[Floats]:
    """As `outputs_of`, but pictures among the outputs NHWC, as the float file gives them."""
    return [(one.permute(0, 2, 3, 1) if one.ndim == 4 else one).numpy() for one in outputs_of(net, sample)]
