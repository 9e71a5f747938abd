"""Makes a network fit for int8 without changing what it computes.

Normalisation and batch norms fold into convolutions, channels are made alike, PReLUs and enlargements become operators
that XNNPACK runs in int8.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, fx
from torch.nn import functional

from edgeface.frame import Pixels
from tools.convert import affine, editing, slopes
from tools.convert.equalise import equalise
from tools.convert.importer import DEFAULT_SIDE_PX, load
from tools.convert.network import READER_MEAN, READER_STD, ConversionError, Feed, Levels, Network
from tools.convert.reference import planes
from tools.convert.slopes import Form


def prepare(
    path: Path,
    *,
    mean: Levels = 0.0,
    std: Levels = 1.0,
    order: str = "RGB",
    form: Form = Form.AFTER,
    side_px: int = DEFAULT_SIDE_PX,
    samples: Sequence[Pixels] = (),
) -> Network:
    """Load a network and make it ready to be quantized and to be fed by the reader.

    `mean`, `std` and `order` say what the network was trained with: (pixel - mean) / std, colours in that order. The
    reader knows one mean and one std for all channels: `Network.feed` of the result says which, and belongs into the
    manifest. Single numbers come back in it as they are; means by channel are folded into the first convolution, and
    it says 127.5 and 127.5. Swapping colours costs the reader nothing, so `order` is passed on. `form`: how PReLUs are
    written. `side_px`: the input's side where the file leaves it open. `samples`, uint8 (H, W, 3) RGB: pictures as it
    will see them, a dozen or more, by which channels are made alike in size (`tools.convert.equalise`), without which
    some networks do not survive int8. Raises ConversionError.
    """
    network = load(path, side_px)
    if order not in ("RGB", "BGR"):
        raise ConversionError(f'the colour order is "RGB" or "BGR", not {order!r}')
    if isinstance(mean, (int, float)) and isinstance(std, (int, float)):
        feed = Feed(mean=float(mean), std=float(std), order=order)
    else:
        channels = network.input_shape[1]
        means, stds = _levels(mean, channels), _levels(std, channels)
        scale = [READER_STD / one for one in stds]
        shift = [(READER_MEAN - one) / two for one, two in zip(means, stds, strict=True)]
        affine.normalise(network.module, scale, shift)
        feed = Feed(mean=READER_MEAN, std=READER_STD, order=order)
    for one in samples:
        if one.shape[:2] != network.input_shape[2:]:
            raise ConversionError(f"the network takes {network.input_shape}, a sample picture is {one.shape}")
    inputs = [torch.from_numpy(planes(one, feed.mean, feed.std, order)) for one in samples]
    return rewrite(replace(network, feed=feed), form, inputs)


def rewrite(network: Network, form: Form = Form.AFTER, inputs: Sequence[Tensor] = ()) -> Network:
    """The same network through all passes, channels made alike on `inputs`; `network` itself stays as it is."""
    module = copy.deepcopy(network.module)
    _cancel_permutes(module)
    editing.find_shapes(module, network.input_shape)
    affine.fold(module)
    if inputs:
        equalise(module, inputs)
    editing.find_shapes(module, network.input_shape)
    slopes.rewrite(module, form)
    editing.find_shapes(module, network.input_shape)
    _enlarge(module)
    return replace(network, module=module)


def _levels(levels: Levels, channels: int) -> list[float]:
    values = [float(levels)] * channels if isinstance(levels, (int, float)) else [float(one) for one in levels]
    if len(values) != channels:
        raise ConversionError(f"{len(values)} values to normalise {channels} channels")
    return values


def _cancel_permutes(module: fx.GraphModule) -> None:
    """Two changes of layout in a row are one, or none."""
    for node in list(module.graph.nodes):
        former = node.args[0] if node.target is torch.permute else None
        if not isinstance(former, fx.Node) or former.target is not torch.permute:
            continue
        order = tuple(former.args[1][axis] for axis in node.args[1])  # type: ignore[index]
        if order == tuple(range(len(order))):
            editing.replace(module, node, former.args[0])  # type: ignore[arg-type]
        else:
            node.args = (former.args[0], order)
    editing.tidy(module)


def _enlarge(module: fx.GraphModule) -> None:
    """Enlargements by whole factors, as `tools.quantize.resize` writes them."""
    for node in list(module.graph.nodes):
        if node.target is not functional.interpolate or node.kwargs.get("mode") != "nearest":
            continue
        # Loads the whole quantizer, which networks without enlargements need not wait for.
        from tools.quantize.resize import enlarge

        (_, _, height, width), (_, _, tall, broad) = (editing.shape_of(one) for one in (node.args[0], node))
        call = editing.add_call(module, enlarge, node.args[0], tall // height, broad // width, after=node)
        editing.replace(module, node, call)
    editing.tidy(module)
