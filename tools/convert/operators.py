"""What each operator means, in PyTorch's words.

Operators are those of OpenVINO's sets (docs.openvino.ai, "Operation Sets"), into which its readers bring ONNX and its
own format alike. Shapes are static, so whatever only changes a shape is a reshape to the shape that comes out.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.convert import spatial
from tools.convert.builder import Value
from tools.convert.site import Meaning, Site


def translate(site: Site) -> Sequence[Value]:
    """The outputs of one operator. Raises ConversionError, which names operator and node, if it is not known."""
    if site.kind not in MEANINGS:
        raise site.refused("not known to this converter")
    return MEANINGS[site.kind](site)


def _element(function: Callable[..., Any], *fixed: Any) -> Meaning:
    """An operator on single numbers, its inputs broadcast as in numpy."""
    return lambda site: [site.builder.call(function, *site.inputs, *fixed)]


def _prelu(site: Site) -> Sequence[Value]:
    slopes = site.constant(1).reshape(-1)
    layer = nn.PReLU(len(slopes))
    layer.weight.data = slopes.clone()
    return [site.builder.layer(layer, site.inputs[0])]


def _clamp(site: Site) -> Sequence[Value]:
    low, high = float(site.attributes["min"]), float(site.attributes["max"])
    return [site.builder.layer(nn.Hardtanh(low, high), site.inputs[0])]


def _batch_norm(site: Site) -> Sequence[Value]:
    gamma, beta, mean, variance = (site.constant(index) for index in range(1, 5))
    scale = gamma / torch.sqrt(variance + site.attributes["epsilon"])
    shift, wide = beta - mean * scale, (-1, *(1 for _ in site.shapes[0][2:]))
    scaled = site.builder.call(operator.mul, site.inputs[0], scale.reshape(wide))
    return [site.builder.call(operator.add, scaled, shift.reshape(wide))]


def _mean_variance(site: Site) -> Sequence[Value]:
    """Layer normalisation without its scale and shift."""
    axes, epsilon = list(site.numbers(1)), float(site.attributes["eps"])
    inside = site.attributes["eps_mode"].lower() == "inside_sqrt"
    call = site.builder.call
    centred = call(operator.sub, site.inputs[0], call(torch.mean, site.inputs[0], axes, keepdim=True))
    if not site.attributes["normalize_variance"]:
        return [centred]
    variance = call(torch.mean, call(operator.mul, centred, centred), axes, keepdim=True)
    length = call(torch.sqrt, call(operator.add, variance, epsilon)) if inside else call(torch.sqrt, variance)
    return [call(operator.truediv, centred, length if inside else call(operator.add, length, epsilon))]


def _matmul(site: Site) -> Sequence[Value]:
    """A product with a constant matrix on rows is a layer: TFLite's FULLY_CONNECTED."""
    (first, second), turned = site.inputs, site.attributes["transpose_b"]
    if site.attributes["transpose_a"]:
        first = site.builder.call(torch.transpose, first, -1, -2)
    if isinstance(second, Tensor) and second.ndim == 2:
        weights = second if turned else second.T
        layer = nn.Linear(weights.shape[1], weights.shape[0], bias=False)
        layer.weight.data = weights.contiguous()
        return [site.builder.layer(layer, first)]
    if turned:
        second = site.builder.call(torch.transpose, second, -1, -2)
    return [site.builder.call(torch.matmul, first, second)]


def _reduce(function: Callable[..., Any]) -> Meaning:
    def reduce(site: Site) -> Sequence[Value]:
        axes, keep = list(site.numbers(1)), bool(site.attributes["keep_dims"])
        return [site.builder.call(function, site.inputs[0], axes, keepdim=keep)]

    return reduce


def _length(value: Tensor, axes: list[int], *, keepdim: bool) -> Tensor:
    return torch.sqrt(torch.sum(value * value, axes, keepdim=keepdim))


def _reshape(site: Site) -> Sequence[Value]:
    if site.shapes[0] == site.results[0]:
        return [site.inputs[0]]
    return [site.builder.call(torch.reshape, site.inputs[0], site.results[0])]


def _transpose(site: Site) -> Sequence[Value]:
    order = site.numbers(1) or tuple(reversed(range(len(site.shapes[0]))))
    return [site.builder.call(torch.permute, site.inputs[0], order)]


def _concatenate(site: Site) -> Sequence[Value]:
    return [site.builder.call(torch.cat, list(site.inputs), int(site.attributes["axis"]))]


def _split(site: Site) -> Sequence[Value]:
    (axis,) = site.numbers(1)
    parts = [shape[axis] for shape in site.results]
    ends = np.cumsum(parts)
    cut = partial(site.builder.call, torch.narrow, site.inputs[0], axis)
    return [cut(int(end) - part, part) for end, part in zip(ends, parts, strict=True)]


def _slice(site: Site) -> Sequence[Value]:
    starts, stops, steps = (site.numbers(index) for index in (1, 2, 3))
    axes = site.numbers(4) if len(site.inputs) > 4 else tuple(range(len(starts)))
    cuts = [slice(None)] * len(site.shapes[0])
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        if step < 1:
            raise site.refused("a step backwards")
        cuts[axis] = slice(*slice(start, stop, step).indices(site.shapes[0][axis]))
    return [site.builder.call(operator.getitem, site.inputs[0], tuple(cuts))]


def _gather(site: Site) -> Sequence[Value]:
    """Rows picked by a constant list; a single number drops the axis."""
    indices, (axis,) = site.constant(1), site.numbers(2)
    if site.attributes.get("batch_dims"):
        raise site.refused("batch dimensions")
    rows = indices.reshape(-1).long() % site.shapes[0][axis]
    if len(rows) == 1:
        picked = site.builder.call(torch.narrow, site.inputs[0], axis, int(rows[0]), 1)
    else:
        picked = site.builder.call(torch.index_select, site.inputs[0], axis, rows)
    return [site.builder.call(torch.reshape, picked, site.results[0])]


def _broadcast(site: Site) -> Sequence[Value]:
    return [site.builder.call(torch.broadcast_to, site.inputs[0], site.results[0])]


def _convert(site: Site) -> Sequence[Value]:
    if "f" not in str(site.attributes["destination_type"]):
        raise site.refused(f"conversion of a picture to {site.attributes['destination_type']}")
    return [site.builder.call(torch.Tensor.float, site.inputs[0])]


def _hard_sigmoid(site: Site) -> Sequence[Value]:
    line = site.builder.call(operator.mul, site.inputs[0], site.constant(1))
    moved = site.builder.call(operator.add, line, site.constant(2))
    return [site.builder.layer(nn.Hardtanh(0, 1), moved)]


def _softmax(site: Site) -> Sequence[Value]:
    return [site.builder.call(torch.softmax, site.inputs[0], int(site.attributes["axis"]))]


def _gelu(site: Site) -> Sequence[Value]:
    form = "tanh" if site.attributes.get("approximation_mode", "ERF").lower() == "tanh" else "none"
    return [site.builder.call(functional.gelu, site.inputs[0], approximate=form)]


def _layer(kind: type[nn.Module]) -> Meaning:
    return lambda site: [site.builder.layer(kind(), site.inputs[0])]


MEANINGS: dict[str, Meaning] = {
    "Add": _element(operator.add),
    "AvgPool": spatial.average_pool,
    "BatchNormInference": _batch_norm,
    "Broadcast": _broadcast,
    "Clamp": _clamp,
    "Concat": _concatenate,
    "Convert": _convert,
    "Convolution": spatial.convolution,
    "Divide": _element(operator.truediv),
    "Erf": _element(torch.erf),
    "Exp": _element(torch.exp),
    "Gather": _gather,
    "Gelu": _gelu,
    "GroupConvolution": spatial.group_convolution,
    "HardSigmoid": _hard_sigmoid,
    "HSigmoid": _layer(nn.Hardsigmoid),
    "HSwish": _layer(nn.Hardswish),
    "Interpolate": spatial.interpolate,
    "MVN": _mean_variance,
    "MatMul": _matmul,
    "MaxPool": spatial.max_pool,
    "Maximum": _element(torch.maximum),
    "Minimum": _element(torch.minimum),
    "Multiply": _element(operator.mul),
    "PRelu": _prelu,
    "Pad": spatial.pad,
    "Negative": _element(operator.neg),
    "Power": _element(torch.pow),
    "ReduceL2": _reduce(_length),
    "ReduceMax": _reduce(torch.amax),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Relu": _layer(nn.ReLU),
    "Reshape": _reshape,
    "Sigmoid": _layer(nn.Sigmoid),
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _split,
    "Sqrt": _element(torch.sqrt),
    "Squeeze": _reshape,
    "Subtract": _element(operator.sub),
    "Tanh": _element(torch.tanh),
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
    "VariadicSplit": _split,
}
