"""Maps that guess faults back, directions that lie as faces do, and scores that go on meaning what they meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeface.model import Scoring, Tensor
from edgeface.scoring import probes, shifts, templates
from tools.comparisons import every
from tools.train.scoring import ANCHOR, LEAST, Learnt, Settings, anchored, clustered, fit

WIDE, FACES = 16, 2000
FEW = Settings(directions=8)


def unit(rows: Tensor) -> Tensor:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def faces(seed: int = 0, people: int = FACES) -> Learnt:
    """Half of the numbers tell who it is; a camera adds the same to all, and noise to the others."""
    random = np.random.default_rng(seed)
    who = np.where(np.arange(WIDE) < WIDE // 2, random.normal(0, 1, (people, WIDE)), 0)
    fault = np.where(np.arange(WIDE) < WIDE // 2, 0, random.normal(0, 1.2, (people, WIDE)))
    return Learnt(clean=unit(who + 0.02), spoilt=unit(who + fault * 0.7), targets=unit(who))


def test_what_faults_add_is_guessed_away() -> None:
    found, new = fit(faces(), np.random.default_rng(0), FEW), faces(seed=1)
    alike = (probes(new.spoilt, found) * templates(new.clean, found)).sum(axis=1)
    assert alike.mean() > 0.99 > 0.9 > (new.spoilt * new.clean).sum(axis=1).mean()


def test_faces_that_are_past_recognition_teach_nothing() -> None:
    some = faces()
    lost = np.arange(FACES) < FACES // 3
    noise = unit(np.random.default_rng(5).normal(0, 1, (FACES, WIDE)))
    noise -= (noise * some.clean).sum(axis=1, keepdims=True) * some.clean  # nothing of the face is left
    worse = replace(some, spoilt=np.where(lost[:, None], unit(noise), some.spoilt))
    told = [fit(one, np.random.default_rng(0), FEW).probe for one in (worse, replace(some, **_parts(some, ~lost)))]
    assert told[0] == told[1]


def _parts(some: Learnt, kept: np.ndarray) -> dict[str, Tensor]:
    return {"clean": some.clean[kept], "spoilt": some.spoilt[kept], "targets": some.targets[kept]}


def test_without_a_ridge_nothing_is_mapped() -> None:
    found, some = fit(faces(), np.random.default_rng(0), replace(FEW, ridge=None)), faces(seed=2).spoilt
    assert probes(some, found) == pytest.approx(some, abs=1e-6)
    assert templates(some, found) == pytest.approx(some, abs=1e-6)


def test_a_direction_stands_for_many_or_is_left_out() -> None:
    crowd = unit(np.random.default_rng(3).normal(0, 0.1, (500, WIDE)) + np.eye(WIDE)[0])
    alone = unit(np.random.default_rng(4).normal(0, 0.01, (LEAST - 1, WIDE)) - np.eye(WIDE)[1])
    rows = np.concatenate([crowd, alone])
    both = Learnt(clean=rows, spoilt=rows, targets=rows)
    found = fit(both, np.random.default_rng(0), Settings(directions=6, ridge=None))
    directions = np.frombuffer(found.directions, np.int8).reshape(-1, WIDE)
    assert len(directions) >= 1 and (directions[:, 0] > 0).all()


def test_the_means_are_where_the_rows_are() -> None:
    ends = unit(np.eye(3, WIDE, dtype=np.float32))
    rows = unit(np.repeat(ends, 50, axis=0) + np.random.default_rng(0).normal(0, 0.02, (150, WIDE)))
    means, counts = clustered(rows, 3, np.random.default_rng(2))
    assert sorted(counts) == [50, 50, 50]
    assert np.sort((means @ ends.T).max(axis=1)) == pytest.approx(1, abs=1e-2)


def test_a_score_goes_on_meaning_what_it_meant() -> None:
    learnt, random = faces(), np.random.default_rng(6)
    bare = fit(learnt, np.random.default_rng(0), FEW)
    pictures = unit(faces(seed=7, people=400).clean + random.normal(0, 0.05, (400, WIDE)))
    owners = [str(place) for place in range(400)]
    found = anchored(bare, pictures, owners)
    before, after = (_threshold(pictures, owners, one) for one in (None, found))
    assert after == pytest.approx(before, abs=1e-3)
    assert _threshold(pictures, owners, bare) != pytest.approx(before, abs=1e-3)
    assert shifts(pictures, found) == pytest.approx(shifts(pictures, bare) + found.weight * found.level, abs=1e-5)


def _threshold(pictures: Tensor, owners: list[str], scoring: Scoring | None) -> float:
    return float(np.quantile(every(pictures, owners, scoring).scores, 1 - ANCHOR))
