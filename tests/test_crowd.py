"""Templates in a crowd need more, those apart from it less, and an average one as much as before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface.crowd import density, shifts
from edgeface.embed import Embedding, to_template
from edgeface.match import freeze, match
from edgeface.model import Crowd, Tensor

WIDE = 16


def rows(count: int, seed: int, around: Tensor | None = None, spread: float = 1.0) -> Tensor:
    made = np.random.default_rng(seed).normal(0, spread, (count, WIDE)) + (0 if around is None else around)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


MIDDLE = rows(1, 0)[0]
PACKED = rows(40, 1, around=MIDDLE, spread=0.1)
"""Where faces crowd."""


def crowd(weight: float = 0.7, level: float = 0.0) -> Crowd:
    directions = np.stack([to_template(row) for row in np.concatenate([PACKED, rows(40, 2)])])
    return Crowd(directions=directions.tobytes(), sharpness=10.0, weight=weight, level=level)


def test_whoever_stands_in_the_crowd_needs_more() -> None:
    inside, outside = MIDDLE[None], -MIDDLE[None]
    assert density(inside, crowd())[0] > 0.5 + density(np.concatenate([rows(9, 3), outside]), crowd()).max()
    assert shifts(inside, crowd())[0] < shifts(outside, crowd())[0]


def test_the_average_is_left_as_it_is() -> None:
    some = rows(200, 4)
    level = float(density(some, crowd()).mean())
    assert shifts(some, crowd(level=level)).mean() == pytest.approx(0, abs=1e-6)
    assert shifts(some, crowd(weight=0.0)) == pytest.approx(0)


def test_one_direction_is_no_more_than_the_cosine_to_it() -> None:
    alone = Crowd(directions=to_template(MIDDLE).tobytes(), sharpness=10.0, weight=1.0, level=0.0)
    assert density(PACKED, alone) == pytest.approx(PACKED @ MIDDLE, abs=0.01)


@given(seed=st.integers(0, 1000), sharpness=st.floats(0.5, 50))
def test_the_density_is_a_cosine_however_sharp(seed: int, sharpness: float) -> None:
    found = density(rows(5, seed), replace(crowd(), sharpness=sharpness))
    assert np.isfinite(found).all() and (np.abs(found) <= 1.001).all()


def test_a_gallery_counts_by_it() -> None:
    templates = np.stack([to_template(MIDDLE), to_template(-MIDDLE)])
    plain, by_crowd = (freeze(templates, ("in", "out"), "m" * 64, 1, WIDE, crowd=one) for one in (None, crowd()))
    probe = Embedding(vector=rows(1, 5)[0], model_sha256="m" * 64)
    lifted = match(probe, by_crowd).scores - match(probe, plain).scores
    assert lifted == pytest.approx(shifts(by_crowd.vectors, crowd()), abs=1e-5)
    assert plain.price is None
