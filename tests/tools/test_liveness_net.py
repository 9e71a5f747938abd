"""The liveness network is as small as promised, and its pooling is a mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks are trained with torch, on a workstation only")
pytest.importorskip("click", reason="the bank shows its progress with click")

from tools.train.liveness import Bank, middle, vary  # noqa: E402
from tools.train.liveness_net import LivenessNet, LivenessShape  # noqa: E402


def test_it_gives_one_logit_and_has_at_most_half_a_million_parameters() -> None:
    net = LivenessNet(LivenessShape()).eval()
    assert sum(weights.numel() for weights in net.parameters()) <= 500_000
    assert net(torch.zeros(2, 3, 80, 160)).shape == (2, 1)


def test_its_depthwise_mean_is_average_pooling() -> None:
    net = LivenessNet(LivenessShape())
    features = torch.rand(1, 96, 5, 10)
    means = torch.nn.functional.conv2d(features, net.mean, stride=net.mean.shape[2:], groups=len(net.mean))
    assert torch.allclose(means, torch.nn.functional.avg_pool2d(features, 5), atol=1e-6)
    assert "mean" not in net.state_dict()


def test_both_looks_lose_their_margin_alike_and_never_mix() -> None:
    sample = np.zeros((88, 176, 3), np.uint8)
    sample[:, 88:] = 200
    assert middle(sample[None], 80).shape == (1, 80, 160, 3)
    for seed in range(10):
        varied = vary(sample, 80, np.random.default_rng(seed)).astype(float)
        assert varied[:, :80].mean() < 40
        assert varied[:, 80:].mean() > 120


def test_the_shard_to_validate_on_is_not_drawn_from(tmp_path: Path) -> None:
    for name, level in (("shard-000", 10), ("shard-001", 200)):
        np.savez(tmp_path / f"{name}.npz", samples=np.full((4, 88, 176, 3), level, np.uint8), kinds=np.ones(4, np.int8))
    bank = Bank(tmp_path, "shard-000.npz")
    assert len(bank) == 4
    samples, kinds = bank.draw(20, np.random.default_rng(0))
    assert samples.mean() > 120
    assert kinds.tolist() == [1] * 20
