"""What the quality score learns from: spoilt faces whose labels can be worked out."""

from __future__ import annotations

import numpy as np
import pytest

from edgeface.model import ModelSpec
from fakes import embedder_spec

torch = pytest.importorskip("torch", reason="training needs PyTorch, which the reader does without")

from tools.samples import quality as quality_samples  # noqa: E402
from tools.samples import quality_faults  # noqa: E402
from tools.train import quality as train_quality  # noqa: E402
from tools.train.quality_net import QualityNet, QualityShape  # noqa: E402

SPEC: ModelSpec = embedder_spec()


def crop() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (104, 104, 3), np.uint8)


def test_the_network_is_small_and_gives_one_number_between_0_and_1() -> None:
    net = QualityNet(QualityShape()).eval()
    assert sum(parameter.numel() for parameter in net.parameters()) <= 150_000
    with torch.no_grad():
        scores = net(torch.randn(3, 3, 80, 80))
    assert scores.shape == (3, 1)
    assert ((scores > 0) & (scores < 1)).all()


def test_a_seed_spoils_alike() -> None:
    first, again, other = (
        quality_faults.spoil(crop(), SPEC, np.random.default_rng(seed)).astype(int) for seed in (1, 1, 2)
    )
    assert first.shape == (80, 80, 3)
    assert (first == again).all()
    assert (first != other).any()


def test_a_person_is_what_the_other_pictures_have_in_common() -> None:
    """Three pictures of one person, one of another, and a copy of the first that must not count."""
    angles = np.radians([0, 45, -25, 150, 5])
    targets = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found, known = quality_samples.directions(targets, np.ones(5, bool))
    assert known.tolist() == [True, True, True, False, True]
    assert found[0] == pytest.approx([np.cos(np.radians(10)), np.sin(np.radians(10))], abs=1e-3)
    assert (found[3] == targets[3]).all()
    _, apart = quality_samples.directions(targets, np.zeros(5, bool))
    assert not apart.any()


@pytest.mark.parametrize(
    ("corner", "side", "shared"),
    [((0, 0), 10, 0.0), ((95, 95), 10, 0.25), ((100, 100), 50, 1.0), ((120, 100), 20, 1.0)],
)
def test_overlap_counts_for_the_smaller_square(corner: tuple[float, float], side: float, shared: float) -> None:
    box = np.array([100, 100, 50, 50], np.float32)
    assert quality_samples._shared(np.array(corner, np.float32), side, box) == pytest.approx(shared)


def test_no_crop_is_taken_from_a_face() -> None:
    """The face is white and fills all but a strip: no crop holds more than a little of it."""
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[40:, :] = 255
    box = np.array([[0, 40, 200, 160]], np.float32)
    random = np.random.default_rng(0)
    means = [quality_samples._elsewhere(pixels, box, random).mean() for _ in range(60)]
    black = sum(mean < 255 * quality_samples.BESIDE for mean in means)
    assert black > 30


def test_what_changes_no_label_changes_little() -> None:
    chips = np.stack([crop()[:80, :80] // 2] * 8)
    varied = train_quality.vary(chips, np.random.default_rng(0)).astype(int)
    straight, mirrored = (np.abs(varied - one).mean(axis=(1, 2, 3)) for one in (chips, chips[:, :, ::-1]))
    assert (np.minimum(straight, mirrored) < 10).all()
    assert (straight < mirrored).any()
    assert (mirrored < straight).any()


def test_the_loss_is_nothing_when_every_label_is_met() -> None:
    labels = torch.tensor([0.1, 0.5, 0.9])
    assert float(train_quality.soft_loss(torch.logit(labels), labels)) == pytest.approx(0, abs=1e-6)
    assert float(train_quality.soft_loss(torch.logit(labels) + 1, labels)) > 0.05


def test_targets_of_another_training_are_refused() -> None:
    """A cosine to them says nothing of the person."""
    vectors = np.eye(4, 8, dtype=np.float32)
    quality_samples.same_space(vectors, vectors)
    with pytest.raises(ValueError, match="did not learn from these faces"):
        quality_samples.same_space(vectors, np.roll(vectors, 4, axis=1))
