"""A probe meets everybody enrolled with the same model, and nobody else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeface import match
from edgeface.embed import Embedding, from_template, to_template
from edgeface.errors import ModelMismatch
from edgeface.model import Tensor
from fakes import axis, gallery

MODEL = "m" * 64


def probe(vector: Tensor, model: str = MODEL) -> Embedding:
    return Embedding(vector=vector, model_sha256=model)


def test_each_person_gets_the_cosine_of_the_best_template() -> None:
    templates = np.stack([to_template(axis(*row)) for row in ((1.0,), (0, 1.0), (0.6, 0, 0.8))])
    frozen = match.freeze(templates, ("p_ada", "p_bob", "p_ada"), MODEL, 7, 128)
    assert frozen.people == ("p_ada", "p_bob")
    found = match.match(probe(axis(0.6, 0, 0.8)), frozen)
    assert found.scores == pytest.approx([1.0, 0.0], abs=0.01)
    assert found.revision == 7
    assert match.match(probe(axis(1.0)), frozen).scores == pytest.approx([1.0, 0.0], abs=0.01)


def test_another_models_embedding_is_refused() -> None:
    with pytest.raises(ModelMismatch, match="edgeface models use"):
        match.match(probe(axis(1.0), "x" * 64), gallery())


def test_nobody_enrolled() -> None:
    nobody = match.freeze(np.zeros((0, 128), np.int8), (), MODEL, 0, 128)
    assert match.match(probe(axis(1.0)), nobody).scores.shape == (0,)


def test_a_frozen_gallery_stays_as_it_is() -> None:
    with pytest.raises(ValueError, match="read-only"):
        gallery().vectors[0, 0] = 0


@given(data=st.data(), people=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12))
def test_scores_are_the_best_of_each_person(data: st.DataObject, people: list[str]) -> None:
    """Against the plain way of saying it, one template at a time."""
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    templates = random.integers(-127, 128, (len(people), 128), np.int8)
    vector = from_template(random.integers(-127, 128, 128, np.int8))
    frozen = match.freeze(templates, tuple(people), MODEL, 1, 128)
    found = match.match(probe(vector), frozen)
    assert sorted(frozen.people) == sorted(set(people))
    for person, score in zip(frozen.people, found.scores, strict=True):
        mine = [from_template(t) @ vector for t, owner in zip(templates, people, strict=True) if owner == person]
        assert float(score) == pytest.approx(float(max(mine)), abs=1e-4)
        assert -1.001 <= score <= 1.001


@given(data=st.data(), taught=st.lists(st.booleans(), min_size=1, max_size=8))
def test_what_visits_taught_lifts_a_score_by_so_much_and_no_more(data: st.DataObject, taught: list[bool]) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    templates = random.integers(-127, 128, (len(taught), 128), np.int8)
    vector = from_template(random.integers(-127, 128, 128, np.int8) // 4 + templates[-1] // 3)
    people = tuple(data.draw(st.sampled_from("ab")) for _ in taught)
    both = match.freeze(templates, people, MODEL, 1, 128, tuple(taught))
    found = match.likeness(vector, both)
    for person, score in zip(both.people, found, strict=True):
        rows = [
            (from_template(t) @ vector, new) for t, p, new in zip(templates, people, taught, strict=True) if p == person
        ]
        enrolled = max((cosine for cosine, new in rows if not new), default=-1.0)
        best = max(cosine for cosine, _ in rows)
        assert score == pytest.approx(max(enrolled, min(best, enrolled + match.LIFT)), abs=1e-5)


def test_compare_is_the_cosine() -> None:
    first, second = to_template(axis(1.0)), to_template(axis(0.6, 0.8))
    assert match.compare(first, second) == pytest.approx(0.6, abs=0.01)
    assert match.compare(first, first) == pytest.approx(1.0)
    assert match.compare(first, np.zeros(128, np.int8)) == 0.0
