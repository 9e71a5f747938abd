"""The maker's network becomes a float TFLite file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeface.adapters.catalog import Offer
from edgeface.model import Layout
from tools.convert import Feed, Form, Network, load, prepare
from tools.install import anysize
from tools.install.yunet import as_maps
from tools.quantize import convert


def build(offer: Offer, originals: Path, file: Path) -> Feed:
    """Write the file; returns what the reader has to feed it. Raises ValueError if the network cannot be converted."""
    path, spec = originals / offer.sources[0].name, offer.spec()
    if spec.layout is Layout.YUNET:
        network = load(path)
        _check(network, spec.width_px, spec.height_px)
        convert(as_maps(network), _sample(spec.width_px, spec.height_px), file)
        anysize.free(file)
        return Feed(mean=_one(offer.original.mean), std=_one(offer.original.std), order=offer.original.order)
    mean, std, order = offer.original.mean, offer.original.std, offer.original.order
    single = len(set(mean)) == len(set(std)) == 1
    form = Form.KEEP  # the fastest in float, see tools.convert.slopes
    network = prepare(path, mean=mean[0] if single else mean, std=std[0] if single else std, order=order, form=form)
    _check(network, spec.width_px, spec.height_px)
    convert(network.module, _sample(spec.width_px, spec.height_px), file)
    return network.feed


def _check(network: Network, width_px: int, height_px: int) -> None:
    if network.input_shape != (1, 3, height_px, width_px):
        raise ValueError(f"the network takes {network.input_shape}, the catalogue says {height_px}x{width_px}")


def _one(values: Sequence[float]) -> float:
    if len(set(values)) > 1:
        raise ValueError("a network that runs at any size cannot have a normalisation of its own for each channel")
    return values[0]


def _sample(width_px: int, height_px: int) -> np.ndarray:
    return np.zeros((1, height_px, width_px, 3), np.float32)
