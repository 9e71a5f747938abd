"""Faults that all share are guessed away; templates in a crowd need more, those apart from it less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import scoring as rules
from edgeface.embed import Embedding, to_template
from edgeface.match import Carried, compared, freeze, likeness, match
from edgeface.model import Scoring, Tensor
from edgeface.scoring import density, shifts

WIDE = 16
MODEL = "m" * 64


def rows(count: int, seed: int, around: Tensor | None = None, spread: float = 1.0) -> Tensor:
    made = np.random.default_rng(seed).normal(0, spread, (count, WIDE)) + (0 if around is None else around)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


MIDDLE = rows(1, 0)[0]
PACKED = rows(40, 1, around=MIDDLE, spread=0.1)
"""Where faces crowd."""
AS_IT_IS = np.eye(WIDE, dtype="<f2").tobytes()


def scoring(weight: float = 0.7, level: float = 0.0, probe: bytes = AS_IT_IS, template: bytes = AS_IT_IS) -> Scoring:
    directions = np.stack([to_template(row) for row in np.concatenate([PACKED, rows(40, 2)])]).tobytes()
    return Scoring(
        dimensions=WIDE,
        probe=probe,
        template=template,
        directions=directions,
        sharpness=10.0,
        weight=weight,
        level=level,
    )


def without(first: int) -> bytes:
    """A map that takes away all numbers from one on."""
    return np.diag(np.arange(WIDE) < first).astype("<f2").tobytes()


def test_whoever_stands_in_the_crowd_needs_more() -> None:
    inside, outside = MIDDLE[None], -MIDDLE[None]
    assert density(inside, scoring())[0] > 0.5 + density(np.concatenate([rows(9, 3), outside]), scoring()).max()
    assert shifts(inside, scoring())[0] < shifts(outside, scoring())[0]


def test_the_average_is_left_as_it_is() -> None:
    some = rows(200, 4)
    level = float(density(some, scoring()).mean())
    assert shifts(some, scoring(level=level)).mean() == pytest.approx(0, abs=1e-6)
    assert shifts(some, scoring(weight=0.0)) == pytest.approx(0)


def test_one_direction_is_no_more_than_the_cosine_to_it() -> None:
    alone = replace(scoring(weight=1.0), directions=to_template(MIDDLE).tobytes())
    assert density(PACKED, alone) == pytest.approx(PACKED @ MIDDLE, abs=0.01)


@given(seed=st.integers(0, 1000), sharpness=st.floats(0.5, 50))
def test_the_density_is_a_cosine_however_sharp(seed: int, sharpness: float) -> None:
    found = density(rows(5, seed), replace(scoring(), sharpness=sharpness))
    assert np.isfinite(found).all() and (np.abs(found) <= 1.001).all()


def test_a_large_gallery_is_reckoned_in_parts_and_nobody_is_nothing() -> None:
    many = rows(2 * rules.BLOCK + 7, 9)
    one_by_one = np.concatenate([density(row[None], scoring()) for row in many])
    assert density(many, scoring()) == pytest.approx(one_by_one, abs=1e-5)
    assert density(many[:0], scoring()).shape == (0,)


def test_a_gallery_counts_by_it() -> None:
    templates = np.stack([to_template(MIDDLE), to_template(-MIDDLE)])
    plain, by_crowd = (freeze(templates, ("in", "out"), MODEL, 1, WIDE, scoring=one) for one in (None, scoring()))
    probe = Embedding(vector=rows(1, 5)[0], model_sha256=MODEL)
    lifted = match(probe, by_crowd).scores - match(probe, plain).scores
    assert lifted == pytest.approx(shifts(by_crowd.counted, scoring()), abs=1e-5)
    assert plain.price is None and plain.counted is plain.vectors


def test_what_a_fault_adds_to_a_probe_does_not_count() -> None:
    """Whoever looks like the template but for what the map takes away is as alike as he would be without it."""
    half = scoring(weight=0.0, probe=without(8))
    enrolled = np.zeros((1, WIDE), np.float32)
    enrolled[0, :8] = rows(1, 6)[0, :8]
    seen = enrolled[0] / np.linalg.norm(enrolled) + np.where(np.arange(WIDE) < 8, 0, rows(1, 7)[0] * 2)
    seen = np.asarray(seen / np.linalg.norm(seen), np.float32)
    gallery = freeze(to_template(enrolled[0])[None], ("ada",), MODEL, 1, WIDE, scoring=half)
    assert likeness(seen, gallery)[0] == pytest.approx(1, abs=0.01)
    assert likeness(seen, freeze(to_template(enrolled[0])[None], ("ada",), MODEL, 1, WIDE))[0] < 0.8


def test_probes_and_templates_have_maps_of_their_own() -> None:
    both = scoring(weight=0.0, probe=without(8), template=without(4))
    some = rows(6, 8)
    gallery = freeze(np.stack([to_template(row) for row in some]), tuple("abcdef"), MODEL, 1, WIDE, scoring=both)
    kept = some.copy()
    kept[:, 4:] = 0
    assert gallery.counted == pytest.approx(kept / np.linalg.norm(kept, axis=1, keepdims=True), abs=0.02)
    assert gallery.vectors == pytest.approx(some, abs=0.02)
    seen = some.copy()
    seen[:, 8:] = 0
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    assert compared(some, gallery) == pytest.approx(seen @ gallery.counted.T, abs=1e-5)


@given(seed=st.integers(0, 1000))
def test_what_a_map_gives_has_length_one(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    odd = scoring(probe=drawn.normal(0, 9, (WIDE, WIDE)).astype("<f2").tobytes())
    assert np.linalg.norm(rules.probes(rows(7, seed), odd), axis=1) == pytest.approx(1, abs=1e-5)


def test_what_was_carried_over_is_mapped_and_keeps_its_own_price() -> None:
    over = Carried(rows=PACKED[:1], people=("old",), learned=(False,), scale=0.5, shift=-0.1)
    own = to_template(MIDDLE)[None]
    gallery = freeze(own, ("new",), MODEL, 1, WIDE, carried=(over,), scoring=scoring(template=without(8)))
    assert gallery.counted[1] == pytest.approx(rules.templates(PACKED[0], scoring(template=without(8))), abs=1e-6)
    assert gallery.price is not None
    crowded = shifts(gallery.counted, scoring())
    assert gallery.price[0] == pytest.approx([1, crowded[0]], abs=1e-6)
    assert gallery.price[1] == pytest.approx([0.5, crowded[1] / 2 - 0.1], abs=1e-6)


@pytest.mark.parametrize(
    "odd",
    [
        {"probe": AS_IT_IS[:-2]},
        {"template": b""},
        {"probe": np.full((WIDE, WIDE), np.nan, "<f2").tobytes()},
        {"directions": b""},
        {"directions": b"\x01" * (WIDE + 1)},
        {"dimensions": 0},
        {"dimensions": WIDE + 1},
        {"sharpness": 0.0},
        {"sharpness": 51.0},
        {"weight": 1.1},
        {"level": float("nan")},
    ],
)
def test_what_is_no_scoring_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"map|directions|range"):
        replace(scoring(), **odd)
