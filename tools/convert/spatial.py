"""Operators that know where things lie in a picture: convolution, pooling, padding, resizing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.convert.builder import Value
from tools.convert.site import Site

Padding = tuple[tuple[int, int], ...]
"""(before, after) for each picture axis."""


def convolution(site: Site) -> Sequence[Value]:
    return [_convolve(site, site.constant(1), groups=1)]


def group_convolution(site: Site) -> Sequence[Value]:
    weights = site.constant(1)
    return [_convolve(site, weights.flatten(0, 1), groups=weights.shape[0])]


def _convolve(site: Site, weights: Tensor, groups: int) -> Value:
    if weights.ndim != 4:
        raise site.refused("only convolutions over two picture axes are known")
    padding = _padding(site, weights.shape[2:], site.attributes["dilations"])
    value, even = _evened(site, site.inputs[0], padding)
    layer = nn.Conv2d(
        weights.shape[1] * groups,
        weights.shape[0],
        (weights.shape[2], weights.shape[3]),
        stride=tuple(site.attributes["strides"]),
        padding=even,
        dilation=tuple(site.attributes["dilations"]),
        groups=groups,
        bias=False,
    )
    layer.weight.data = weights.clone()
    return site.builder.layer(layer, value)


def _padding(site: Site, kernel: Sequence[int], dilations: Sequence[int]) -> Padding:
    """The padding that leads from the known input shape to the known output shape."""
    if site.attributes.get("auto_pad", "explicit") in ("explicit", "notset"):
        return tuple(zip(site.attributes["pads_begin"], site.attributes["pads_end"], strict=True))
    late = site.attributes["auto_pad"] == "same_upper"
    sides = zip(site.shapes[0][2:], site.results[0][2:], kernel, site.attributes["strides"], dilations, strict=True)
    missing = [max(0, (out - 1) * stride + (size - 1) * step + 1 - side) for side, out, size, stride, step in sides]
    return tuple((one // 2, one - one // 2) if late else (one - one // 2, one // 2) for one in missing)


def _evened(site: Site, value: Value, padding: Padding, fill: float = 0.0) -> tuple[Value, tuple[int, int]]:
    """Padding that differs between an axis' two ends, which PyTorch's layers do not know, as a step of its own."""
    (top, bottom), (left, right) = padding
    if top == bottom and left == right:
        return value, (top, left)
    return site.builder.layer(nn.ConstantPad2d((left, right, top, bottom), fill), value), (0, 0)


def max_pool(site: Site) -> Sequence[Value]:
    kernel, dilations = tuple(site.attributes["kernel"]), tuple(site.attributes.get("dilations", (1, 1)))
    value, even = _evened(site, site.inputs[0], _padding(site, kernel, dilations), -float("inf"))
    round_up = site.attributes.get("rounding_type") == "ceil"
    return [
        site.builder.layer(
            nn.MaxPool2d(kernel, tuple(site.attributes["strides"]), even, dilations, ceil_mode=round_up), value
        )
    ]


def average_pool(site: Site) -> Sequence[Value]:
    kernel, counts_border = tuple(site.attributes["kernel"]), not site.attributes["exclude-pad"]
    padding = _padding(site, kernel, (1, 1))
    if kernel == site.shapes[0][2:] and not any(map(any, padding)):
        # Over the whole picture: TFLite's MEAN, which XNNPACK runs in int8, as it does not AVERAGE_POOL_2D.
        return [site.builder.call(torch.mean, site.inputs[0], (2, 3), keepdim=True)]
    value, even = _evened(site, site.inputs[0], padding)
    if even == (0, 0) and any(map(any, padding)) and not counts_border:
        raise site.refused("an uneven border that the average leaves out")
    round_up = site.attributes.get("rounding_type") == "ceil"
    layer = nn.AvgPool2d(kernel, tuple(site.attributes["strides"]), even, round_up, counts_border)
    return [site.builder.layer(layer, value)]


def pad(site: Site) -> Sequence[Value]:
    before, after = site.numbers(1), site.numbers(2)
    if site.attributes["pad_mode"] != "constant":
        raise site.refused(f"padding by {site.attributes['pad_mode']}")
    fill = float(site.constant(3)) if len(site.inputs) > 3 else 0.0
    pairs = [side for pair in zip(reversed(before), reversed(after), strict=True) for side in pair]
    if not any(pairs):
        return [site.inputs[0]]
    return [site.builder.call(functional.pad, site.inputs[0], pairs, "constant", fill)]


def interpolate(site: Site) -> Sequence[Value]:
    """Resizing. Nearest by whole factors and bilinear agree with PyTorch; others are refused."""
    (height, width), (tall, broad) = site.shapes[0][2:], site.results[0][2:]
    mode = site.attributes["mode"]
    corners = site.attributes["coordinate_transformation_mode"]
    whole = tall % height == 0 and broad % width == 0
    if mode == "nearest" and whole and _rounds_to_source(corners, site.attributes["nearest_mode"]):
        return [site.builder.call(functional.interpolate, site.inputs[0], (tall, broad), mode="nearest")]
    if mode in ("linear", "linear_onnx") and corners in ("half_pixel", "align_corners"):
        options = {"mode": "bilinear", "align_corners": corners == "align_corners"}
        return [site.builder.call(functional.interpolate, site.inputs[0], (tall, broad), **options)]
    raise site.refused(f"resizing by {mode}, {corners}, {site.attributes['nearest_mode']} to {tall}x{broad}")


def _rounds_to_source(corners: str, rounding: str) -> bool:
    """Whether a cell enlarged by a whole factor is exactly repeated: source = floor(target / factor)."""
    if corners == "asymmetric":
        return rounding in ("floor", "simple")
    return corners in ("half_pixel", "tf_half_pixel_for_nn") and rounding.startswith("round_prefer")
