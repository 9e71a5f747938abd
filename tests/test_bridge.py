"""Templates carried over from a former embedder: where they go, and what their cosines count as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import bar, match
from edgeface.bridge import Bridge, carry
from edgeface.embed import to_template, unit
from edgeface.match import LIFT, Carried
from edgeface.model import Tensor
from fakes import embedder_spec

OLD, NEW = 12, 16
SIZE = 16


def bridge(**changes: Any) -> Bridge:
    random = np.random.default_rng(3)
    values = {
        "former": "ab" * 32,
        "matrix": random.normal(size=(NEW, OLD)).astype(np.float32),
        "offset": random.normal(size=NEW).astype(np.float32),
        "scale": 1.0,
        "shift": 0.0,
        "measured": "on nothing",
    }
    return Bridge(**{**values, **changes})


def test_a_template_goes_where_the_map_says() -> None:
    made = bridge()
    vector = unit(np.arange(1, OLD + 1, dtype=np.float32))
    (found,) = carry(to_template(vector)[None], made)
    assert float(found @ unit(made.matrix @ vector + made.offset)) > 0.9995
    assert np.isclose(np.linalg.norm(found), 1)


def test_nobody_is_carried_over_as_nobody() -> None:
    assert carry(np.zeros((0, OLD), np.int8), bridge()).shape == (0, NEW)
    nothing = carry(np.zeros((1, OLD), np.int8), bridge(offset=np.zeros(NEW, np.float32)))
    assert not nothing.any()


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": 0.0}, {"scale": -1.0}, {"scale": 5.0}, {"scale": float("nan")}, {"shift": 2.5},
        {"shift": float("inf")}, {"offset": np.zeros(3, np.float32)}, {"matrix": np.zeros(3, np.float32)},
        {"matrix": np.full((NEW, OLD), np.nan, np.float32)},
    ],
)  # fmt: skip
def test_what_is_no_map_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"map|price"):
        bridge(**changes)


def towards(*rows: Tensor) -> Tensor:
    return np.stack([unit(row) for row in rows])


AXES = np.eye(SIZE, dtype=np.float32)
ADA = AXES[0]
BOB = AXES[1]


def gallery(native: dict[str, Tensor], carried: dict[str, Tensor], scale: float, shift: float) -> match.Gallery:
    rows = np.stack([to_template(row) for row in native.values()]) if native else np.zeros((0, SIZE), np.int8)
    rows_over = towards(*carried.values())
    learned = (False,) * len(carried)
    over = Carried(rows=rows_over, people=tuple(carried), learned=learned, scale=scale, shift=shift)
    return match.freeze(rows, tuple(native), "m" * 64, 1, SIZE, carried=(over,))


def test_only_what_was_carried_over_has_a_price() -> None:
    both = gallery({"p_bob": BOB}, {"p_ada": ADA}, 0.5, -0.1)
    assert both.people == ("p_bob", "p_ada")
    probe = unit(ADA * 0.6 + BOB * 0.8)
    assert np.allclose(match.likeness(probe, both), [0.8, 0.6 * 0.5 - 0.1], atol=1e-3)
    assert both.carried is not None
    assert both.carried.tolist() == [False, True]


def test_a_price_never_makes_more_than_one() -> None:
    assert match.likeness(ADA, gallery({}, {"p_ada": ADA}, 2.0, 0.5))[0] == 1


@given(scale=st.floats(0.1, 4), shift=st.floats(-1, 1), angle=st.floats(0, np.pi))
def test_a_nearer_visitor_never_counts_less(scale: float, shift: float, angle: float) -> None:
    priced = gallery({}, {"p_ada": ADA}, scale, shift)
    near, far = (unit(ADA * np.cos(a) + BOB * np.sin(a)) for a in (angle * 0.9, angle))
    assert match.likeness(near, priced)[0] >= match.likeness(far, priced)[0] - 1e-6


def test_what_visits_taught_lifts_what_was_carried_over_a_little() -> None:
    lesson = to_template(BOB)[None]
    over = Carried(rows=towards(ADA), people=("p_ada",), learned=(False,), scale=1.0, shift=0.0)
    both = match.freeze(lesson, ("p_ada",), "m" * 64, 1, SIZE, (True,), (over,))
    assert np.isclose(match.likeness(BOB, both)[0], LIFT, atol=1e-3)


def test_look_alikes_count_by_the_price_on_whichever_side() -> None:
    """Ada was carried over, Bob looks like her: both floors rise to what the other may reach as them."""
    spec = embedder_spec(dimensions=SIZE)
    bob = unit(ADA * 0.5 + BOB)
    cosine = float(bob @ ADA)
    found = bar.derive(gallery({"p_bob": bob}, {"p_ada": ADA}, 1.5, 0.1), spec)
    assert np.allclose([found.needed("p_ada"), found.needed("p_bob")], cosine * 1.5 + 0.1, atol=0.01)
    plain = bar.derive(gallery({"p_bob": bob}, {"p_ada": ADA}, 1.0, 0.0), spec)
    assert np.isclose(plain.needed("p_ada"), max(cosine, spec.thresholds["grant"]), atol=0.01)
