"""Read a shipped int8 file back into the network that it was made of, so that training can go on from it.

A TFLite file holds each convolution with its batch norm folded in, and numbers of eight bits. This reads the numbers
back and gives every batch norm the mean and the spread that its layer has on real inputs, so that the network answers
as the file does and yet trains as one that was never folded. What it cannot bring back is what rounding took away and
what the optimisers had gathered: let the rate warm up. It measures itself against the file and refuses to write a
network that answers otherwise.

    python -m tools.calibrate pose --scenes scenes.npz --out work/pose/calibration.npy
    python -m tools.train.warm_start pose --file models/edgeface-pose-64.tflite --inputs work/pose/calibration.npy \
        --out work/pose/start.pt
    python -m tools.train pose --scenes scenes.npz --out work/pose --start work/pose/start.pt
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from torch import Tensor, nn

from tools.quantize.files import File
from tools.quantize.ours import fresh

Floats = npt.NDArray[np.float32]

LEAST_COSINE = 0.97
"""Below this, of any output, the file is taken for another network's. Of the shipped files' outputs the detector's pose
maps agreed least when they were quantized: 0.978."""
PASS = 16
"""Inputs run at once: a choice."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("detector", "embedder", "quality", "pose", "liveness"))
    parser.add_argument("--file", type=Path, required=True, help="the int8 file")
    parser.add_argument("--inputs", type=Path, required=True, help="what it is fed (.npy), from tools.calibrate")
    parser.add_argument("--out", type=Path, required=True, help="start of a training (.pt)")
    arguments = parser.parse_args()
    try:
        net, shape = fresh(arguments.kind)
        cosines = restore(net, arguments.file, np.load(arguments.inputs))
    except (OSError, ValueError) as error:
        sys.exit(f"tools.train.warm_start: {error}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"shape": asdict(shape), "average": net.state_dict()}, arguments.out)
    print(json.dumps({"cosine": [round(one, 5) for one in cosines]}))


def restore(net: nn.Module, file: Path, inputs: Floats) -> list[float]:
    """Fill `net` from the int8 `file`; `inputs` (n, H, W, 3) are what the file is fed, as the reader normalises them.

    Returns the cosine of each output, mean over the inputs, between the file and the network in evaluation mode. Raises
    ValueError if the file's layers are not the network's, or if a cosine is below LEAST_COSINE.
    """
    batches = [torch.from_numpy(part).permute(0, 3, 1, 2) for part in np.array_split(inputs, -(-len(inputs) // PASS))]
    net.eval()
    fold_in(net, list(layers(file)), batches[0][:1])
    settle(net, batches)
    cosines = agreement(net, file, inputs[:: max(1, len(inputs) // 32)])
    if min(cosines) < LEAST_COSINE:
        raise ValueError(f"{file.name} answers otherwise than the network made of it: cosine {min(cosines):.3f}")
    return cosines


def layers(file: Path) -> Iterator[tuple[Floats, Floats]]:
    """Weights (outputs, inputs, rows, columns) and biases of a file's convolutions, in the order in which they run."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter: Any = Interpreter(model_path=str(file), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    orders = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2)}
    for step in interpreter._get_ops_details():
        if step["op_name"] in orders:
            weights, bias = (_real(interpreter, tensors[int(index)]) for index in step["inputs"][1:3])
            if np.ptp(weights) > 0:  # else a mean, written as a convolution: nothing was learnt in it
                yield weights.transpose(orders[step["op_name"]]), bias


def _real(interpreter: Any, tensor: dict[str, Any]) -> Floats:
    """A constant of the file, dequantized per channel."""
    values = interpreter.get_tensor(tensor["index"]).astype(np.float32)
    how = tensor["quantization_parameters"]
    along = [1] * values.ndim
    along[how["quantized_dimension"]] = -1
    return np.asarray((values - how["zero_points"].reshape(along)) * how["scales"].reshape(along), np.float32)


def fold_in(net: nn.Module, found: Sequence[tuple[Floats, Floats]], example: Tensor) -> None:
    """Give the network's convolutions the file's numbers. Batch norms only add the bias then. Raises ValueError."""
    pairs = convolutions(net, example)
    if len(pairs) != len(found):
        raise ValueError(f"the file has {len(found)} convolutions, the network {len(pairs)}")
    for (layer, norm), (weights, bias) in zip(pairs, found, strict=True):
        if tuple(layer.weight.shape) != weights.shape:
            wanted = tuple(layer.weight.shape)
            raise ValueError(f"the file has a layer of {weights.shape} where the network has {wanted}")
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weights.copy()))
            if norm is None:
                layer.bias.copy_(torch.from_numpy(bias))  # type: ignore[union-attr]
                continue
            norm.running_mean.zero_()  # type: ignore[union-attr]
            norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
            norm.weight.fill_(1)
            norm.bias.copy_(torch.from_numpy(bias))


def convolutions(net: nn.Module, example: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """The network's convolutions in the order in which they run, each with the batch norm that runs right after it."""
    ran: list[nn.Module] = []
    wanted = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
    hooks = [layer.register_forward_hook(lambda layer, *_: ran.append(layer)) for layer in wanted]
    with torch.no_grad():
        net(example)
    for hook in hooks:
        hook.remove()
    return [
        (layer, after if isinstance(after, nn.BatchNorm2d) else None)
        for layer, after in zip(ran, [*ran[1:], None], strict=True)
        if isinstance(layer, nn.Conv2d)
    ]


@torch.no_grad()
def settle(net: nn.Module, batches: Sequence[Tensor]) -> None:
    """Unfold: filters get length 1, batch norms what their layers have on these inputs; the answers stay the same.

    Under a batch norm the length of a filter means nothing; 1 suits Muon, whose steps do not ask how long it is.
    """
    pairs = [(layer, norm) for layer, norm in convolutions(net, batches[0][:1]) if norm is not None]
    sums = {layer: [torch.zeros(layer.out_channels, dtype=torch.float64) for _ in range(2)] for layer, _ in pairs}
    counts = dict.fromkeys(sums, 0)

    def gather(layer: nn.Module, _: Any, output: Tensor) -> None:
        values = output.double().transpose(0, 1).flatten(1)
        sums[layer][0] += values.sum(1)  # type: ignore[index]
        sums[layer][1] += values.square().sum(1)  # type: ignore[index]
        counts[layer] += values.shape[1]  # type: ignore[index]

    hooks = [layer.register_forward_hook(gather) for layer, _ in pairs]
    for batch in batches:
        net(batch)
    for hook in hooks:
        hook.remove()
    for layer, norm in pairs:
        length = layer.weight.flatten(1).norm(dim=1).clamp(min=1e-6)
        mean = sums[layer][0] / counts[layer]
        spread = (sums[layer][1] / counts[layer] - mean.square()).clamp(min=0)
        mean, spread = mean.float() / length, spread.float() / length.square()
        layer.weight.div_(length[:, None, None, None])
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(spread)  # type: ignore[union-attr]
        norm.weight.copy_(length * (spread + norm.eps).sqrt())
        norm.bias.add_(length * mean)


@torch.no_grad()
def agreement(net: nn.Module, file: Path, inputs: Floats) -> list[float]:
    """Cosine of each output between the int8 file and the network, mean over the inputs (n, H, W, 3)."""
    ran, cosines = File(file), []
    for one in inputs:
        answers = net(torch.from_numpy(one[None]).permute(0, 3, 1, 2))
        wanted = [answers] if isinstance(answers, Tensor) else list(answers)
        channels_last = [answer.permute(0, 2, 3, 1) if answer.ndim == 4 else answer for answer in wanted]
        given = [torch.from_numpy(output) for output in ran.run(one[None])]
        pairs = zip(channels_last, given, strict=True)
        cosines.append([float(torch.cosine_similarity(a.flatten(), b.flatten(), 0)) for a, b in pairs])
    return [float(mean) for mean in np.mean(cosines, axis=0)]


if __name__ == "__main__":
    main()
