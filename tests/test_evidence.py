"""Shots add up to a belief, weighted by their quality; sightings that do not count are counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgeface import evidence
from edgeface.evidence import Belief
from edgeface.liveness import Liveness, Unjudged
from edgeface.match import Match
from edgeface.model import Tensor
from edgeface.pose import Pose
from edgeface.quality import Refusal
from fakes import FRONTAL, axis, gallery, quality
from portraits import at


def matched(*scores: float, revision: int = 1, other: float = 0.0) -> Match:
    """A probe at these cosines to the people; `other` tells apart frames that are as like to everybody."""
    probe = axis(*scores)
    probe[-2], probe[-1] = other * probe[-1], probe[-1] * np.sqrt(1 - other**2)
    return Match(scores=probe[: len(scores)], probe=probe, revision=revision)


def after(*shots: tuple[float, tuple[float, ...]]) -> Belief:
    """A belief of (quality, scores) shots, a tenth of a second apart."""
    belief = evidence.begin(at(0))
    for index, (usable, scores) in enumerate(shots):
        belief = evidence.add(belief, quality(usable), FRONTAL, matched(*scores), at(index / 10))
    return belief


def test_nothing_seen_points_to_nobody() -> None:
    assert evidence.weigh(evidence.begin(at(0)), gallery()) is None


def together(*shots: tuple[float, tuple[float, ...]]) -> Tensor:
    """Cosines of the weighted mean direction to the first axes, worked out anew."""
    mean = np.sum([evidence.weight_of(usable) * axis(*scores) for usable, scores in shots], axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def test_a_verdict_is_the_direction_of_the_mean_weighted_by_quality() -> None:
    shots = (100, (0.9, 0.1)), (50, (0.3, 0.4))
    verdict = evidence.weigh(after(*shots), gallery())
    assert verdict is not None
    assert verdict.person_id == "p_ada"
    assert verdict.score == pytest.approx(together(*shots)[0])
    assert verdict.margin == pytest.approx(together(*shots)[0] - together(*shots)[1], abs=1e-6)
    assert verdict.newest_score == pytest.approx(0.3)


def test_the_best_shots_speak_for_a_visit_and_none_is_nothing() -> None:
    assert evidence.weight_of(100) == 1
    assert evidence.weight_of(90) == pytest.approx(10.6 * evidence.weight_of(67), rel=0.01)
    assert evidence.weight_of(0) == evidence.weight_of(evidence.LEAST_SCORE) > 0


cosines = st.tuples(*[st.floats(-0.55, 0.55)] * 3)


@given(
    shots=st.lists(st.tuples(st.floats(0, 100), cosines), min_size=1, max_size=8),
    order=st.randoms(use_true_random=False),
)
def test_a_verdict_has_no_order_and_is_no_less_than_the_mean(
    shots: list[tuple[float, tuple[float, ...]]], order: object
) -> None:
    vectors = np.stack([axis(*scores) for _, scores in shots])
    assume((np.triu(vectors @ vectors.T, 1) < evidence.SAME - 1e-3).all())
    people = gallery(("p_ada", "p_bob", "p_cyd"))
    verdict = evidence.weigh(after(*shots), people)
    assert verdict is not None
    best = people.people.index(verdict.person_id)
    theirs = [scores[best] for _, scores in shots]
    mean = float(np.average(theirs, weights=[evidence.weight_of(usable) for usable, _ in shots]))
    assert -1 <= verdict.score <= 1 + 1e-5
    assert verdict.score >= mean - 1e-5 or mean < 0
    assert verdict.newest_score == pytest.approx(theirs[-1], abs=1e-6)
    assert verdict.margin is not None
    assert verdict.margin >= 0
    shuffled = list(shots)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    again = evidence.weigh(after(*shuffled), people)
    assert again is not None
    assert again.score == pytest.approx(verdict.score, abs=1e-4)


@given(shots=st.lists(st.tuples(st.floats(0, 100), cosines), min_size=1, max_size=6), person=st.integers(0, 2))
def test_a_shot_that_is_that_person_never_lowers_his_score(
    shots: list[tuple[float, tuple[float, ...]]], person: int
) -> None:
    people = gallery(("p_ada", "p_bob", "p_cyd"))
    own = tuple(1.0 if place == person else 0.0 for place in range(3))
    before = evidence.weigh(after(*shots), people)
    now = evidence.weigh(after(*shots, (80, own)), people)
    assert before is not None
    assert now is not None
    if before.person_id == people.people[person]:
        assert now.person_id == before.person_id
        assert now.score >= before.score - 1e-5


def test_the_same_frame_again_adds_no_evidence() -> None:
    """A camera that stands still: sightings, but one shot, and it grows old."""
    belief = evidence.begin(at(0))
    for index in range(20):
        belief = evidence.add(belief, quality(90), FRONTAL, matched(0.9, 0.1), at(index / 10))
    assert (belief.shots, belief.sightings, belief.shot_at) == (1, 20, at(0))


@given(steps=st.lists(st.floats(-1, 0), min_size=1, max_size=5))
def test_what_comes_from_before_the_newest_shot_adds_nothing(steps: list[float]) -> None:
    belief = evidence.add(evidence.begin(at(1)), quality(90), FRONTAL, matched(0.9, 0.1), at(2))
    for index, step in enumerate(steps):
        belief = evidence.add(belief, quality(90), FRONTAL, matched(0.1 * index, 0.1), at(2 + step))
    assert (belief.shots, belief.shot_at) == (1, at(2))


def test_an_embedding_that_is_no_number_points_to_nobody() -> None:
    probe = np.full(128, np.nan, np.float32)
    belief = evidence.begin(at(0))
    for index in range(3):
        lost = Match(scores=probe[:2], probe=probe, revision=1)
        belief = evidence.add(belief, quality(90), FRONTAL, lost, at(index / 10))
    assert evidence.weigh(belief, gallery()) is None


def test_a_poor_shot_weighs_little_but_something() -> None:
    shots = (100, (0.0, 0.2)), (0, (1.0, 0.2))
    verdict = evidence.weigh(after(*shots), gallery(("p_ada", "p_bob")))
    assert verdict is not None
    assert verdict.person_id == "p_bob"
    assert verdict.score == pytest.approx(together(*shots)[1], abs=1e-6)
    assert 0 < together(*shots)[0] < 0.02


def test_the_margin_is_the_lead_over_the_next_not_over_the_last() -> None:
    verdict = evidence.weigh(after((80, (0.0, 0.68, 0.7))), gallery(("p_ada", "p_bob", "p_cyd")))
    assert verdict is not None
    assert (verdict.person_id, verdict.margin) == ("p_cyd", pytest.approx(0.02))


def test_one_enrolled_person_has_no_rival() -> None:
    verdict = evidence.weigh(after((80, (0.5,))), gallery(("p_ada",)))
    assert verdict is not None
    assert verdict.margin is None


def test_nobody_enrolled_is_no_verdict() -> None:
    assert evidence.weigh(after((80, ())), gallery(())) is None


def test_another_revision_drops_the_scores_and_keeps_the_refusals() -> None:
    belief = evidence.refuse(evidence.begin(at(0)), quality(20, Refusal.BLURRED), at(0.1))
    belief = evidence.add(belief, quality(90), FRONTAL, matched(0.9, 0.1), at(0.2))
    belief = evidence.add(belief, quality(50), FRONTAL, matched(0.1, 0.2, 0.8, revision=2), at(0.3))
    assert (belief.shots, belief.revision, belief.begun_at) == (1, 2, at(0.3))
    assert belief.sightings == 3
    assert belief.refused == ((Refusal.BLURRED, 1),)
    assert belief.quality_sum == belief.best_quality == 50
    people = gallery(("p_ada", "p_bob", "p_cyd"), revision=2)
    verdict = evidence.weigh(belief, people)
    assert verdict is not None
    assert (verdict.person_id, verdict.score) == ("p_cyd", pytest.approx(0.8))


def test_scores_of_one_gallery_say_nothing_about_another() -> None:
    assert evidence.weigh(after((90, (0.9, 0.1))), gallery(revision=2)) is None


def test_the_best_shot_gives_the_pose_and_the_newest_the_time() -> None:
    belief = evidence.begin(at(0))
    turned = Pose(yaw_deg=30.0, pitch_deg=0.0, roll_deg=0.0)
    belief = evidence.add(belief, quality(90), FRONTAL, matched(0.5, 0.1, other=0.1), at(0.1))
    belief = evidence.add(belief, quality(40), turned, matched(0.5, 0.1, other=0.2), at(0.2))
    assert belief.pose == FRONTAL
    assert (belief.best_quality, belief.quality_sum, belief.shots) == (90, 130, 2)
    assert (belief.begun_at, belief.shot_at, belief.newest_at) == (at(0), at(0.2), at(0.2))
    belief = evidence.refuse(belief, quality(5, Refusal.POSE), at(0.3))
    assert (belief.shot_at, belief.newest_at, belief.shots, belief.sightings) == (at(0.2), at(0.3), 2, 3)


def test_each_gate_counts_once_a_sighting_commonest_first() -> None:
    belief = evidence.begin(at(0))
    for refusals in ((Refusal.POSE, Refusal.POSE), (Refusal.BLURRED,), (Refusal.BLURRED, Refusal.TOO_DARK)):
        belief = evidence.refuse(belief, quality(5, *refusals), at(0.1))
    assert dict(belief.refused) == {Refusal.BLURRED: 2, Refusal.POSE: 1, Refusal.TOO_DARK: 1}
    assert belief.refused[0] == (Refusal.BLURRED, 2)
    assert belief.total is None


def test_a_shot_that_could_not_be_judged_for_liveness_counts_as_an_attack() -> None:
    belief = evidence.begin(at(0))
    assert belief.liveness.score is None
    belief = evidence.add(belief, quality(), FRONTAL, matched(0.9, 0.1, other=0.3), at(0.1))
    assert (belief.liveness.judged, belief.liveness.score) == (0, None)
    unjudged = Liveness(score=0.0, live=False, unjudged=Unjudged.TOO_SMALL)
    belief = evidence.add(belief, quality(), FRONTAL, matched(0.9, 0.1, other=0.4), at(0.2), liveness=unjudged)
    assert (belief.liveness.judged, belief.liveness.score) == (0, None)
    alive = Liveness(score=0.9, live=True)
    belief = evidence.add(belief, quality(), FRONTAL, matched(0.9, 0.1, other=0.5), at(0.3), liveness=alive)
    assert (belief.liveness.judged, belief.liveness.score) == (1, pytest.approx(0.3))
    assert belief.liveness.newest == 0.9
    belief = evidence.add(belief, quality(), FRONTAL, matched(0.9, 0.1, other=0.6), at(0.4), liveness=unjudged)
    assert (belief.liveness.judged, belief.liveness.newest) == (1, None)


def test_another_revision_drops_the_liveness_too() -> None:
    belief = evidence.begin(at(0))
    for moment in (0.1, 0.2):
        alive = Liveness(score=0.9, live=True)
        belief = evidence.add(belief, quality(), FRONTAL, matched(0.9, 0.1, other=0.0), at(moment), liveness=alive)
    belief = evidence.add(belief, quality(), FRONTAL, matched(0.9, 0.1, revision=2), at(0.3))
    assert (belief.liveness.judged, belief.liveness.score_sum, belief.liveness.newest) == (0, 0.0, None)
