"""What a file holds and computes, against the network that it was made of."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tools.install_model import MODELS  # noqa: E402
from tools.quantize.ours import fresh  # noqa: E402
from tools.sizes import measure  # noqa: E402


@pytest.mark.parametrize(
    ("kind", "name", "side_px"),
    [("embedder", "edgeface-embed-80", 80), ("quality", "edgeface-quality-80", 80), ("pose", "edgeface-pose-64", 64)],
)
def test_a_file_holds_its_network_s_filters_and_applies_them_at_every_place(kind: str, name: str, side_px: int) -> None:
    net, _ = fresh(kind)
    held, done = 0, 0

    def count(layer: Any, _: Any, output: Any) -> None:
        nonlocal held, done
        held += layer.weight.numel() + layer.out_channels
        done += layer.weight.numel() * output.shape[2] * output.shape[3]

    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    net.eval()(torch.zeros(1, 3, side_px, side_px))
    size = measure(MODELS / f"{name}.tflite")
    assert (size.parameters, size.multiply_adds) == (held, done)
