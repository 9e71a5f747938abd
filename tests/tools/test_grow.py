"""A deeper embedder begins where the trained one stands, and can leave it."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch, which the reader does without")

from tools.train.grow import grow  # noqa: E402
from tools.train.nets import Embedder, EmbedderShape, Residual  # noqa: E402

OLD = EmbedderShape(side_px=48, widths=(8, 8, 12, 16), blocks=(0, 1, 1, 0), neck=16, dimensions=8)


def trained() -> Embedder:
    """Every number another than at the start."""
    torch.manual_seed(0)
    net = Embedder(OLD)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(layer.weight, 1, 0.3)
            torch.nn.init.normal_(layer.bias, 0, 0.3)
            torch.nn.init.normal_(layer.running_mean, 0, 0.3)
    return net.eval()


def test_more_blocks_change_nothing_yet_and_can_learn() -> None:
    net, pictures = trained(), torch.randn(4, 3, 48, 48)
    grown = grow(net.state_dict(), OLD, replace(OLD, blocks=(2, 1, 3, 1))).eval()
    assert sum(isinstance(layer, Residual) for layer in grown.modules()) == 7
    with torch.no_grad():
        assert torch.allclose(net(pictures), grown(pictures), atol=1e-5)
    grown.train()(pictures).sum().backward()
    assert all(one.second[1].weight.grad.abs().sum() > 0 for one in grown.modules() if isinstance(one, Residual))


def test_for_larger_pictures_the_last_kernels_keep_their_sums() -> None:
    """What is the same everywhere weighs the same."""
    net = trained()
    grown = grow(net.state_dict(), OLD, replace(OLD, side_px=80))
    before, after = net.state_dict()["pool.0.weight"], grown.state_dict()["pool.0.weight"]
    assert after.shape[-1] == 5
    assert torch.allclose(before.sum((2, 3)), after.sum((2, 3)), atol=1e-5)


@pytest.mark.parametrize("changes", [{"blocks": (0, 0, 1, 0)}, {"neck": 32}])
def test_nothing_else_can_change(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"cannot become|only blocks"):
        grow(trained().state_dict(), OLD, replace(OLD, **changes))  # type: ignore[arg-type]
