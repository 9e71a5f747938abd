"""PReLU in operators that XNNPACK runs in int8.

PReLU is max(x, 0) + a min(x, 0), with a slope a for each channel (He et al., ICCV 2015). TFLite's int8 PRELU and its
ReLU that stands alone run outside of XNNPACK, ten times slower; ReLU costs nothing where it is fused into a convolution
or an addition. All forms here are equal in real numbers; `python -m tools.convert study` measures which is fastest.

Measured on a MobileFaceNet with 34 PReLUs, one x86 thread, int8, as time over the original's in onnxruntime and pieces
that XNNPACK runs: KEEP 1.74 in 35, MAXIMUM 0.13 in 34, AFTER 0.13 in 1, TWICE 0.17 in 1, WIDE 0.68 in 1. In float, and
with one slope for all channels of a layer, KEEP is fastest: 0.92 against 1.07 of AFTER, over OpenVINO, on Intel's
face-reidentification-retail-0095.
"""

from __future__ import annotations

import copy
import operator
from enum import StrEnum

import torch
from torch import Tensor, fx, nn

from tools.convert.editing import add_call, add_layer, layer_of, layers, replace, shape_of, source, tidy


class Form(StrEnum):
    """How a PReLU with slopes of its own for each channel is written."""

    KEEP = "keep"
    """As it is: TFLite gets relu(x) - a relu(-x)."""
    MAXIMUM = "maximum"
    """max(x, a x)."""
    AFTER = "after"
    """x + relu((a - 1) x), the product being a 1x1 depthwise convolution with fused ReLU."""
    TWICE = "twice"
    """The same, the product being a second copy of the convolution before, its weights times a - 1."""
    WIDE = "wide"
    """relu of x and of -x side by side, from one convolution of twice the width; the convolution after adds them up."""


def rewrite(module: fx.GraphModule, form: Form) -> None:
    """Write all PReLUs in a form, those whose neighbours do not allow it AFTER. Wants `editing.find_shapes`."""
    _simplify(module, leaky=form is Form.KEEP)
    if form is not Form.KEEP:
        _bend_upwards(module)
        for node, layer in layers(module, nn.PReLU):
            if len(shape_of(node)) == 4:
                _rewrite_one(module, node, layer.weight.data.expand(shape_of(node)[1]), form)
    tidy(module)


def _simplify(module: fx.GraphModule, leaky: bool) -> None:
    """PReLUs with one slope for all channels: nothing, ReLU, LeakyReLU. The quantizer leaves the last in float."""
    for node, layer in layers(module, nn.PReLU):
        slope = float(layer.weight[0])
        if not bool((layer.weight == slope).all()):
            continue
        if slope == 1:
            replace(module, node, source(node))
        elif slope == 0 or leaky:
            plain = nn.ReLU() if slope == 0 else nn.LeakyReLU(slope)
            replace(module, node, add_layer(module, plain, source(node), after=node))
    tidy(module)


def _rewrite_one(module: fx.GraphModule, node: fx.Node, slopes: Tensor, form: Form) -> None:
    former = _only(module, source(node))
    after = _dense(module, node)
    if form is Form.MAXIMUM and bool((slopes <= 1).all()):
        module.register_buffer(f"{node.name}_slopes", slopes.reshape(-1, 1, 1))
        with module.graph.inserting_before(node):
            held = module.graph.get_attr(f"{node.name}_slopes")
        product = add_call(module, operator.mul, source(node), held, after=node)
        replace(module, node, add_call(module, torch.maximum, source(node), product, after=product))
    elif form is Form.WIDE and former is not None and after is not None:
        _widen(former, slopes, after)
        replace(module, node, add_layer(module, nn.ReLU(), source(node), after=node))
    else:
        _add_below(module, node, slopes, former if form is Form.TWICE else None)


def _only(module: fx.GraphModule, node: fx.Node) -> nn.Conv2d | None:
    """The convolution that a node calls, if its result is used once."""
    layer = layer_of(module, node)
    return layer if isinstance(layer, nn.Conv2d) and len(node.users) == 1 else None


def _dense(module: fx.GraphModule, node: fx.Node) -> nn.Conv2d | None:
    """The dense convolution that is a node's only user."""
    users = [layer_of(module, user) for user in node.users]
    if len(users) == 1 and isinstance(users[0], nn.Conv2d) and users[0].groups == 1:
        return users[0]
    return None


def _bend_upwards(module: fx.GraphModule) -> None:
    """Make all slopes at most 1, so that max(x, a x) is what they mean.

    A channel steeper than 1 is turned over: PReLU_a(x) = -a PReLU_{1/a}(-x). The convolution before gives -x and the
    ones after take the factor -a; where the neighbours are no convolutions the slope stays.
    """
    for node, layer in layers(module, nn.PReLU):
        former = _only(module, source(node))
        users = [layer_of(module, user) for user in node.users]
        if former is None:
            continue
        slopes = layer.weight.data.expand(former.out_channels)
        steep = slopes > 1
        if not bool(steep.any()) or not all(isinstance(user, nn.Conv2d) for user in users):
            continue
        flips, factors = torch.where(steep, -1.0, 1.0), torch.where(steep, -slopes, 1.0)
        _scale_outputs(former, flips)
        for user in users:
            assert isinstance(user, nn.Conv2d)
            inputs = factors.reshape(user.groups, -1).repeat_interleave(user.out_channels // user.groups, dim=0)
            user.weight.data = user.weight * inputs[:, :, None, None]
        layer.weight.data = torch.where(steep, 1 / slopes, slopes)
        layer.num_parameters = len(slopes)


def _scale_outputs(layer: nn.Conv2d, factors: Tensor) -> None:
    layer.weight.data = layer.weight * factors[:, None, None, None]
    if layer.bias is not None:
        layer.bias.data = layer.bias * factors


def _add_below(module: fx.GraphModule, node: fx.Node, slopes: Tensor, former: nn.Conv2d | None) -> None:
    """x + relu((a - 1) x); the product from a copy of `former`, or from x itself. Steep channels subtract."""
    value = source(node)
    if former is None:
        product: nn.Conv2d = _by_channel(-(1 - slopes).abs())
        below = add_layer(module, product, value, after=node)
    else:
        product = copy.deepcopy(former)
        _scale_outputs(product, -(1 - slopes).abs())
        below = add_layer(module, product, source(value), after=node)
    below = add_layer(module, nn.ReLU(), below, after=below)
    if bool((slopes > 1).any()):
        below = add_layer(module, _by_channel(torch.where(slopes > 1, -1.0, 1.0)), below, after=below)
    replace(module, node, add_call(module, operator.add, value, below, after=below))


def _by_channel(factors: Tensor) -> nn.Conv2d:
    layer = nn.Conv2d(len(factors), len(factors), 1, groups=len(factors), bias=False)
    layer.weight.data = factors.reshape(-1, 1, 1, 1)
    return layer


def _widen(former: nn.Conv2d, slopes: Tensor, after: nn.Conv2d) -> None:
    """`former` gives x and -x of each channel in turn; `after` takes them with weights w and -a w."""
    signs = torch.tensor([1.0, -1.0])
    former.weight.data = (former.weight[:, None] * signs[:, None, None, None]).flatten(0, 1)
    if former.bias is not None:
        former.bias.data = (former.bias[:, None] * signs).flatten()
    former.out_channels *= 2
    pairs = torch.stack([torch.ones_like(slopes), -slopes], dim=1)
    after.weight.data = (after.weight[:, :, None] * pairs[:, :, None, None]).flatten(1, 2)
    after.in_channels *= 2
