"""Embeddings are directions; a template keeps the direction in a byte a number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.embed import Embedder, embed, from_template, to_template, unit
from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.service.bootstrap import Loaded
from fakes import embedder_spec

CHIP = np.random.default_rng(3).integers(0, 256, (80, 80, 3), np.uint8)


def direction(seed: int, dimensions: int = 128) -> Tensor:
    return unit(np.random.default_rng(seed).normal(size=dimensions).astype(np.float32))


def giving(*outputs: Tensor, **changes: object) -> Embedder:
    return Embedder(spec=embedder_spec(**changes), infer=lambda pixels: outputs, identity="m" * 64)


def halves(pixels: Pixels) -> tuple[Tensor, ...]:
    """A stand-in for a network that sees left and right differently."""
    assert pixels.shape[0] == 1
    return (pixels.astype(np.float32).mean(axis=(1, 3))[:, :80].repeat(2, axis=1)[:, :128],)


def test_an_embedding_has_length_one_and_knows_its_model() -> None:
    found = embed(CHIP, giving(np.full((1, 128), 7.0, np.float32)))
    assert found.vector.dtype == np.float32
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)
    assert found.model_sha256 == "m" * 64


def test_the_declared_output_is_taken() -> None:
    outputs = (np.zeros((1, 7), np.float32), direction(1)[None])
    np.testing.assert_allclose(embed(CHIP, giving(*outputs, output=1)).vector, direction(1), atol=1e-6)


@pytest.mark.parametrize(
    ("outputs", "changes", "sentence"),
    [
        ((np.zeros((1, 64), np.float32),), {}, "gives 64 numbers, its manifest promises 128"),
        ((np.zeros((1, 2, 128), np.float32),), {}, "gives 256 numbers"),
        ((np.ones((1, 128), np.float32),), {"output": 1}, "has 1 outputs, its manifest wants number 1"),
        ((np.full((1, 128), np.nan, np.float32),), {}, "no number"),
        ((np.full((1, 128), np.inf, np.float32),), {"mirror": True}, "no number"),
    ],
)
def test_a_model_that_gives_something_else(
    outputs: tuple[Tensor, ...], changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        embed(CHIP, giving(*outputs, **changes))


def test_with_mirror_left_and_right_do_not_matter() -> None:
    plain, mirrored = (
        Embedder(spec=embedder_spec(mirror=mirror), infer=halves, identity="m") for mirror in (False, True)
    )
    other = np.ascontiguousarray(CHIP[:, ::-1])
    assert not np.allclose(embed(CHIP, plain).vector, embed(other, plain).vector, atol=1e-4)
    np.testing.assert_allclose(embed(CHIP, mirrored).vector, embed(other, mirrored).vector, atol=1e-6)


def test_the_shipped_embedder(loaded: Loaded) -> None:
    """Unit length, the same twice, and blind to a mirror, as its manifest says."""
    embedder = loaded.models.embedder
    spec = embedder.spec
    face = np.random.default_rng(1).integers(0, 256, (spec.height_px, spec.width_px, 3), np.uint8)
    first, again, mirrored = (embed(p, embedder).vector for p in (face, face, np.ascontiguousarray(face[:, ::-1])))
    assert first.shape == (128,)
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(first, again)
    assert spec.mirror
    np.testing.assert_allclose(first, mirrored, atol=1e-5)


@given(seed=st.integers(0, 10**6), dimensions=st.sampled_from([64, 128, 512]))
def test_a_template_keeps_the_direction(seed: int, dimensions: int) -> None:
    vector = direction(seed, dimensions)
    template = to_template(vector)
    assert template.dtype == np.int8
    assert template.shape == (dimensions,)
    assert np.abs(template.astype(int)).max() == 127
    assert float(from_template(template) @ vector) > 0.999


def test_a_vector_of_nothing_is_no_direction_and_no_error() -> None:
    nothing = np.zeros(128, np.float32)
    np.testing.assert_array_equal(unit(nothing), nothing)
    np.testing.assert_array_equal(to_template(nothing), nothing.astype(np.int8))
    np.testing.assert_array_equal(from_template(nothing.astype(np.int8)), nothing)
