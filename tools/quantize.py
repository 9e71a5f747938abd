"""Turn a trained network into the full int8 file that the reader runs, and check it.

PyTorch -> float TFLite -> int8 weights, activations, input and output. Refuses a file with float tensors left, or one
that XNNPACK does not run in one piece.

    python -m tools.quantize detector --checkpoint work/detector/checkpoint.pt --inputs calibration.npy \
        --out work/detector/detector.tflite
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import numpy.typing as npt
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe
from ai_edge_quantizer.utils.validation_utils import ValidationErrorMetric
from torch import nn

from tools.detector_net import Detector, DetectorShape
from tools.nets import Embedder, EmbedderShape

Floats = npt.NDArray[np.float32]

_SIGNATURE = "serving_default"
COVERAGE = 1.0
"""Share of the calibration inputs whose extreme values must fit; below 1 a tensor's rarest peaks are cut off."""
PARITY = 1e-3
"""Largest difference between PyTorch and the float file, relative to an output's largest value; 1e-5 was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was checked on a finished file."""

    parity: list[float]
    """Per output: largest difference PyTorch to float file, relative to the output's largest absolute value."""
    cosine: list[float]
    """Per output: mean cosine of float to int8 over the test inputs, -1..1."""
    noise_db: list[float]
    """Per output: signal to quantization noise, decibels."""
    worst_layers: dict[str, float]
    """The ten inner tensors with the least signal to noise, decibels."""
    float_tensors: int
    """Tensors left in floating point: 0 in an accepted file."""
    delegates: int
    """Pieces that XNNPACK runs: 1 in an accepted file."""
    size_bytes: int
    """Of the int8 file."""


def convert(net: nn.Module, sample: Floats, path: Path) -> None:
    """Write `net` (NCHW in and out) as a float file that takes and gives NHWC; `sample` (1, H, W, 3) sets the size."""
    wrapped = litert_torch.to_channel_last_io(net.eval(), args=[0], outputs=_pictures_among_outputs(net, sample))
    litert_torch.convert(wrapped.eval(), (torch.from_numpy(sample),)).export(str(path))


def quantize(
    float_file: Path, inputs: Sequence[Floats], int8_file: Path, coverage: float = COVERAGE
) -> dict[str, float]:
    """Write the int8 file, ranges taken from `inputs` (each (1, H, W, 3)). Returns signal to noise by tensor, dB."""
    worker = quantizer.Quantizer(str(float_file), recipe.static_wi8_ai8())
    feeds = _feeds(float_file, inputs)
    int8 = worker.quantize(_ranges(worker, feeds, coverage), enable_progress_report=False)
    int8_file.write_bytes(bytes(int8.quantized_model))
    tests = {_SIGNATURE: feeds[:: max(1, len(feeds) // 8)]}
    compared = worker.validate(tests, [ValidationErrorMetric.SNR], num_threads=1)
    result = compared.get_signature_comparison_result(_SIGNATURE)
    tensors = {**result.intermediate_tensors, **result.output_tensors}
    return {name: round(10 * float(np.log10(max(values["snr"], 1e-6))), 1) for name, values in tensors.items()}


def _ranges(worker: quantizer.Quantizer, feeds: list[dict[str, Floats]], coverage: float) -> dict[str, Any]:
    """Range of every tensor over all inputs. The quantizer's own running mean remembers only the last twenty or so."""
    singles = [worker.calibrate({_SIGNATURE: [feed]}, num_threads=1) for feed in feeds]
    return {name: _merge([one[name] for one in singles], coverage) for name in singles[0]}


def _merge(ranges: list[dict[str, Any]], coverage: float) -> dict[str, Any]:
    if not ranges[0]:
        return ranges[0]
    low = np.quantile(np.stack([one["min"] for one in ranges]), 1 - coverage, axis=0)
    high = np.quantile(np.stack([one["max"] for one in ranges]), coverage, axis=0)
    return {**ranges[0], "min": low.astype(np.float32), "max": high.astype(np.float32)}


def check(
    net: nn.Module, float_file: Path, int8_file: Path, noise: dict[str, float], tests: Sequence[Floats]
) -> Report:
    """Compare the three forms of a network on `tests`. Raises ValueError if the int8 file is not fit to ship."""
    float_net, int8_net = File(float_file), File(int8_file)
    torch_outputs = [_run_torch(net, one) for one in tests]
    float_outputs, int8_outputs = ([file.run(one) for one in tests] for file in (float_net, int8_net))
    report = Report(
        parity=[_furthest(*pair) for pair in _by_output(torch_outputs, float_outputs)],
        cosine=[_cosine(*pair) for pair in _by_output(float_outputs, int8_outputs)],
        noise_db=[_decibels(*pair) for pair in _by_output(float_outputs, int8_outputs)],
        worst_layers=dict(sorted(noise.items(), key=lambda item: item[1])[:10]),
        float_tensors=int8_net.float_tensors(),
        delegates=int8_net.delegates(),
        size_bytes=int8_file.stat().st_size,
    )
    if max(report.parity) > PARITY or report.float_tensors or report.delegates != 1:
        raise ValueError(f"{int8_file} is not fit to ship: {report}")
    return report


class File:
    """A TFLite file, run with float arrays whatever its own type."""

    def __init__(self, path: Path, shape: tuple[int, ...] | None = None) -> None:
        self.interpreter: Any = Interpreter(model_path=str(path), num_threads=1)
        if shape is not None:
            self.interpreter.resize_tensor_input(self.interpreter.get_input_details()[0]["index"], shape)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        # The converter numbers a network's outputs (serving_default_output_3_output); a file lists them in any order.
        details = self.interpreter.get_output_details()
        self.outputs = sorted(details, key=lambda output: int(re.findall(r"\d+", output["name"])[-1]))

    def run(self, inputs: Floats) -> list[Floats]:
        """(1, H, W, 3) -> the outputs in the network's order, dequantized."""
        self.interpreter.set_tensor(self.input["index"], _to_type(inputs, self.input))
        self.interpreter.invoke()
        return [_to_float(self.interpreter.get_tensor(output["index"]), output) for output in self.outputs]

    def float_tensors(self) -> int:
        return sum(tensor["dtype"] in (np.float32, np.float16) for tensor in self.interpreter.get_tensor_details())

    def delegates(self) -> int:
        """How many pieces XNNPACK runs; 0 if some input or output of the file is touched outside of them."""
        pieces = [step for step in self.interpreter._get_ops_details() if step["op_name"] == "DELEGATE"]
        produced = {int(index) for piece in pieces for index in piece["outputs"]}
        consumed = {int(index) for piece in pieces for index in piece["inputs"]}
        whole = produced >= {output["index"] for output in self.outputs} and self.input["index"] in consumed
        return len(pieces) if whole else 0


def _pictures_among_outputs(net: nn.Module, sample: Floats) -> list[int]:
    return [index for index, value in enumerate(_outputs(net, sample)) if value.ndim == 4]


def _outputs(net: nn.Module, sample: Floats) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        outputs = net(torch.from_numpy(sample).permute(0, 3, 1, 2))
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _run_torch(net: nn.Module, sample: Floats) -> list[Floats]:
    return [(one.permute(0, 2, 3, 1) if one.ndim == 4 else one).numpy() for one in _outputs(net, sample)]


def _feeds(file: Path, inputs: Sequence[Floats]) -> list[dict[str, Floats]]:
    name = Interpreter(model_path=str(file)).get_signature_list()[_SIGNATURE]["inputs"][0]
    return [{name: one} for one in inputs]


def _to_type(values: Floats, tensor: dict[str, Any]) -> npt.NDArray[Any]:
    if tensor["dtype"] == np.float32:
        return values
    scale, zero = tensor["quantization"]
    quantized: npt.NDArray[np.int8] = np.clip(np.rint(values / scale) + zero, -128, 127).astype(np.int8)
    return quantized


def _to_float(values: npt.NDArray[Any], tensor: dict[str, Any]) -> Floats:
    if tensor["dtype"] == np.float32:
        return values
    scale, zero = tensor["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)


def _by_output(first: list[list[Floats]], second: list[list[Floats]]) -> list[tuple[Floats, Floats]]:
    """Per output, both sides' values over all tests: (tests, values)."""
    return list(zip(_stack(first), _stack(second), strict=True))


def _stack(tests: list[list[Floats]]) -> list[Floats]:
    return [np.stack([value.ravel() for value in values]) for values in zip(*tests, strict=True)]


def _furthest(true: Floats, other: Floats) -> float:
    return float(np.abs(true - other).max() / np.abs(true).max())


def _cosine(true: Floats, other: Floats) -> float:
    lengths = np.linalg.norm(true, axis=1) * np.linalg.norm(other, axis=1)
    return round(float(((true * other).sum(1) / np.maximum(lengths, 1e-9)).mean()), 5)


def _decibels(true: Floats, other: Floats) -> float:
    return round(10 * float(np.log10(np.square(true).mean() / max(np.square(true - other).mean(), 1e-12))), 1)


def restore(kind: str, checkpoint: Path) -> nn.Module:
    """The network of a training checkpoint, with the running mean of its weights. Kinds: detector, embedder."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    net: nn.Module = (
        Detector(DetectorShape(**state["shape"])) if kind == "detector" else Embedder(EmbedderShape(**state["shape"]))
    )
    net.load_state_dict(state["average"])
    return net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("detector", "embedder"))
    parser.add_argument("--checkpoint", type=Path, required=True, help="from train_detector or train_embedder")
    parser.add_argument("--inputs", type=Path, required=True, help="inputs as the reader prepares them (.npy, n H W 3)")
    parser.add_argument("--out", type=Path, required=True, help="int8 file to write; the float file goes beside it")
    parser.add_argument("--report", type=Path, help="keep the report in this file, as JSON")
    arguments = parser.parse_args()
    inputs = [one[None].astype(np.float32) for one in np.load(arguments.inputs, mmap_mode="r")]
    net, float_file = restore(arguments.kind, arguments.checkpoint), arguments.out.with_suffix(".float.tflite")
    convert(net, inputs[0], float_file)
    noise = quantize(float_file, inputs, arguments.out)
    report = check(net, float_file, arguments.out, noise, inputs[:: max(1, len(inputs) // 32)])
    text = json.dumps(asdict(report), indent=1)
    print(text)
    if arguments.report:
        arguments.report.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
