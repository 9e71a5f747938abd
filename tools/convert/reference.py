"""The runtimes that a converted network has to agree with: onnxruntime for ONNX, OpenVINO for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
import openvino  # type: ignore[import-untyped]
import torch
from torch import nn

from edgeface.frame import Pixels
from tools.convert.network import Levels, Network

Floats = npt.NDArray[np.float32]
Run = Callable[[Floats], list[Floats]]
"""(1, C, H, W) -> the outputs, in the order of `Network.output_names`."""


def parity(path: Path, network: Network, inputs: Sequence[Floats]) -> dict[str, float]:
    """Per output: largest difference to the reference, relative to the reference's largest absolute value.

    `inputs` are float32 (1, C, H, W) as the file's network takes them; `network` is as loaded.
    """
    return compare(network.output_names, runner(path, network), as_run(network.module), inputs)


def compare(names: Sequence[str], reference: Run, other: Run, inputs: Sequence[Floats]) -> dict[str, float]:
    """As `parity`, between any two ways to run one network. Raises ValueError if the shapes differ."""
    pairs = [(reference(one), other(one)) for one in inputs]
    return {name: _furthest([(true[i], got[i]) for true, got in pairs], name) for i, name in enumerate(names)}


def runner(path: Path, network: Network) -> Run:
    """The file itself in its reference runtime, on one thread."""
    return _onnx_runner(path, network) if path.suffix == ".onnx" else _openvino_runner(path, network)


def as_run(module: nn.Module) -> Run:
    """A PyTorch module between arrays."""

    def run(values: Floats) -> list[Floats]:
        with torch.no_grad():
            return [one.numpy() for one in module(torch.from_numpy(values))]

    return run


def as_foreign(run: Run) -> Run:
    """A TFLite file of ours (`tools.quantize.File.run`): takes (1, H, W, C), gives its outputs as the original does."""
    return lambda values: [one.transpose(0, 3, 1, 2) if one.ndim == 4 else one for one in run(values)]


def planes(pixels: Pixels, mean: Levels, std: Levels, order: str) -> Floats:
    """RGB picture (H, W, 3) -> the input (1, 3, H, W) of the network as its maker trained it; see `prepare`."""
    ordered = pixels if order == "RGB" else pixels[..., ::-1]
    scaled = (ordered.astype(np.float32) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def as_maker_and_reader_feed(
    pixels: Sequence[Pixels], network: Network, mean: Levels, std: Levels
) -> tuple[list[Floats], list[Floats]]:
    """The same pictures twice: as the file's maker feeds them, (1, 3, H, W), and as the reader does, (1, H, W, 3)."""
    feed = network.feed
    made = [planes(one, mean, std, feed.order) for one in pixels]
    read = [planes(one, feed.mean, feed.std, feed.order).transpose(0, 2, 3, 1) for one in pixels]
    return made, [np.ascontiguousarray(one) for one in read]


def _onnx_runner(path: Path, network: Network) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Files that promise the output sizes of another input size would be warned about at every run.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = list(network.output_names)
    return lambda values: list(session.run(names, {network.input_name: _laid_out(values, network)}))


def _openvino_runner(path: Path, network: Network) -> Run:
    model = openvino.Core().read_model(path)
    batch, channels, height, width = network.input_shape
    model.reshape([batch, height, width, channels] if network.channels_last else [batch, channels, height, width])
    hints = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", hints)
    outputs = compiled.outputs

    def run(values: Floats) -> list[Floats]:
        made = compiled(_laid_out(values, network))
        return [np.array(made[output]) for output in outputs]

    return run


def _laid_out(values: Floats, network: Network) -> Floats:
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1)) if network.channels_last else values


def _furthest(pairs: Sequence[tuple[Floats, Floats]], name: str) -> float:
    for true, other in pairs:
        if true.shape != other.shape:
            raise ValueError(f"output {name}: {other.shape} where the reference gives {true.shape}")
    largest = max(float(np.abs(true).max()) for true, _ in pairs)
    return max(float(np.abs(true - other).max()) for true, other in pairs) / max(largest, 1e-12)
