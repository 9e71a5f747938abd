"""Only a belief that meets every condition opens a door."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from edgeface import liveness
from edgeface.decide import Case, Decision, Options, Outcome, decide, needed
from edgeface.evidence import Belief, Verdict
from edgeface.liveness import Check, Fault, Kind
from edgeface.quality import Refusal
from fakes import FRONTAL, belief, record, verdict
from portraits import at

OPTIONS = Options(unknown_shots=6)
LIVING = liveness.Options(require=(Check.PICTURE,))
FLOOR = 0.45
NOW = at(1.1)
nan = float("nan")
ADA = verdict()


def case(seen: Belief | None = None, points_to: Verdict | None = ADA, **changes: Any) -> Case:
    believed, live_floor = seen or belief(), changes.pop("live_floor", 0.5)
    plain: dict[str, Any] = {
        "track": 4,
        "belief": believed,
        "verdict": points_to,
        "ended": False,
        "floor": FLOOR,
        "lifeless": liveness.fault(believed.liveness, LIVING, live_floor),
    }
    return Case(**{**plain, **changes})


def ruled(made: Case, options: Options = OPTIONS, seconds: float = 1.1) -> Decision | None:
    return decide(made, options, at(seconds), "id")


def test_a_known_person_well_seen_is_let_in() -> None:
    decision = ruled(case())
    assert decision is not None
    assert decision == Decision(
        id="id",
        door="main",
        outcome=Outcome.GRANT,
        reason="3 good shots agree",
        rule="known_person",
        person_id="p_ada",
        score=0.7,
        margin=0.4,
        threshold=0.45,
        quality=80.0,
        liveness=0.9,
        pose=FRONTAL,
        shots=3,
        track=4,
        captured_at=at(1.0),
        decided_at=at(1.1),
    )


STALE = {"shot_at": at(0.5), "newest_at": at(1.0)}
LOOKING = {"shots": 1, "total": None, "sightings": 5, "refused": ((Refusal.BLURRED, 4), (Refusal.TOO_DARK, 1))}
NEVER = {"shots": 0, "shot_at": None, "total": None, "quality_sum": 0.0, "pose": None}

TABLE: list[tuple[str, Case, float, Outcome | None, str]] = [
    ("two shots", case(belief(shots=2, sightings=2)), 1.1, None, ""),
    ("nobody alike, three shots", case(points_to=verdict(0.2)), 1.1, None, ""),
    ("nobody alike, six shots", case(belief(shots=6), verdict(0.2)), 1.1, Outcome.UNKNOWN, "nobody enrolled is alike"),
    ("nobody alike, gone", case(points_to=verdict(0.2), ended=True), 1.1, Outcome.UNKNOWN, "alike enough in 3 good"),
    ("just below", case(belief(shots=6), verdict(0.4499)), 1.1, Outcome.UNKNOWN, "nobody enrolled is alike"),
    ("just enough", case(points_to=verdict(0.45)), 1.1, Outcome.GRANT, "3 good shots agree"),
    ("two alike", case(belief(shots=6), verdict(0.7, 0.049)), 1.1, Outcome.UNKNOWN, "two people enrolled are equally"),
    ("a little more alike", case(points_to=verdict(0.7, 0.05)), 1.1, Outcome.GRANT, "agree"),
    ("the newest shot is somebody else", case(points_to=verdict(0.7, newest=0.44)), 1.1, None, ""),
    ("the newest shot just agrees", case(points_to=verdict(0.7, newest=0.45)), 1.1, Outcome.GRANT, "agree"),
    (
        "the newest shot is somebody else, six shots",
        case(belief(shots=6), verdict(0.7, newest=0.1)),
        1.1,
        Outcome.UNKNOWN,
        "newest good shot does not agree",
    ),
    (
        "a picture",
        case(belief(shots=6, liveness=record(6, score_sum=2.99))),
        1.1,
        Outcome.SPOOF,
        "looks like a picture of one",
    ),
    ("the newest shot is a picture", case(belief(liveness=record(newest=0.49))), 1.1, None, ""),
    ("the newest shot is just alive", case(belief(liveness=record(newest=0.5))), 1.1, Outcome.GRANT, "agree"),
    (
        "the newest shot is a picture, six shots",
        case(belief(shots=6, liveness=record(6, newest=0.02))),
        1.1,
        Outcome.SPOOF,
        "picture of one: liveness 0.02, 0.50 needed",
    ),
    (
        "the newest shot cannot be judged",
        case(belief(shots=6, liveness=record(6, newest=None))),
        1.1,
        Outcome.INSUFFICIENT_QUALITY,
        "too far away",
    ),
    (
        "a picture that cannot be judged any more",
        case(belief(shots=6, liveness=record(6, judged=5, score_sum=0.5, newest=None))),
        1.1,
        Outcome.SPOOF,
        "picture of one: liveness 0.08",
    ),
    (
        "the newest liveness is no number",
        case(belief(shots=6, liveness=record(6, newest=nan))),
        1.1,
        Outcome.SPOOF,
        "picture of",
    ),
    ("just alive", case(belief(liveness=record(score_sum=1.5))), 1.1, Outcome.GRANT, "agree"),
    ("a picture, three shots", case(belief(liveness=record(score_sum=0.3))), 1.1, None, ""),
    ("a picture, gone", case(belief(liveness=record(score_sum=0.3)), ended=True), 1.1, Outcome.SPOOF, "picture of one"),
    (
        "a picture of nobody",
        case(belief(shots=6, liveness=record(6, score_sum=0.3)), verdict(0.2)),
        1.1,
        Outcome.UNKNOWN,
        "alike",
    ),
    (
        "never near enough to judge",
        case(belief(shots=6, liveness=record(6, judged=0, score_sum=0.0))),
        1.1,
        Outcome.INSUFFICIENT_QUALITY,
        "too far away",
    ),
    (
        "mostly too far away",
        case(belief(shots=6, liveness=record(6, judged=2, score_sum=1.9))),
        1.1,
        Outcome.INSUFFICIENT_QUALITY,
        "too far away",
    ),
    ("nothing to judge with", case(belief(shots=6), live_floor=None), 1.1, Outcome.SPOOF, "no model is there"),
    (
        "liveness is no number",
        case(belief(shots=6, liveness=record(6, score_sum=nan))),
        1.1,
        Outcome.SPOOF,
        "picture of one",
    ),
    ("only one enrolled", case(points_to=verdict(0.7, None)), 1.1, Outcome.GRANT, "agree"),
    ("nobody enrolled", case(belief(shots=6), None), 1.1, Outcome.UNKNOWN, "nobody is enrolled"),
    ("known but gone", case(ended=True), 1.1, Outcome.UNKNOWN, "too old to act on"),
    ("known, seen half a second ago", case(), 1.5, Outcome.GRANT, "agree"),
    ("known, seen longer ago", case(), 1.51, None, ""),
    ("known, six shots, long ago", case(belief(shots=6, **STALE)), 1.1, Outcome.UNKNOWN, "too old"),
    ("no good shot yet", case(belief(**NEVER, sightings=5), None), 1.1, None, ""),
    (
        "no good shot for long",
        case(belief(**NEVER, sightings=5), None),
        2.8,
        Outcome.INSUFFICIENT_QUALITY,
        "0 good shots of 5",
    ),
    (
        "no good shot, gone",
        case(belief(**NEVER, sightings=3), None, ended=True),
        1.1,
        Outcome.INSUFFICIENT_QUALITY,
        "0 good",
    ),
    (
        "never a face, gone",
        case(belief(**NEVER, sightings=5, refused=((Refusal.UNRECOGNISABLE, 5),)), None, ended=True),
        3.0,
        None,
        "",
    ),
    (
        "a face once",
        case(belief(**NEVER, sightings=5, refused=((Refusal.UNRECOGNISABLE, 4),)), None),
        3.0,
        Outcome.INSUFFICIENT_QUALITY,
        "unrecognisable in 4",
    ),
    ("two glimpses, gone", case(belief(**NEVER, sightings=2), None, ended=True), 1.1, None, ""),
    (
        "mostly blurred",
        case(belief(**LOOKING), None),
        3.0,
        Outcome.INSUFFICIENT_QUALITY,
        "of 5: blurred in 4, too_dark in 1",
    ),
    (
        "too few shots, known, gone",
        case(belief(shots=2), ended=True),
        1.1,
        Outcome.INSUFFICIENT_QUALITY,
        "2 good shots",
    ),
]


RULES = {
    Outcome.GRANT: {"known_person"},
    Outcome.UNKNOWN: {"unknown_face", "one_person_two_faces"},
    Outcome.SPOOF: {"presentation_attack", "no_liveness_model"},
    Outcome.INSUFFICIENT_QUALITY: {"too_few_good_shots", "liveness_unjudged"},
}


@pytest.mark.parametrize(("name", "made", "seconds", "outcome", "reason"), TABLE, ids=[row[0] for row in TABLE])
def test_every_outcome(name: str, made: Case, seconds: float, outcome: Outcome | None, reason: str) -> None:
    decision = ruled(made, seconds=seconds)
    assert (decision.outcome if decision else None) == outcome
    if decision is not None:
        assert reason in decision.reason
        assert (decision.person_id == "p_ada") == (outcome is Outcome.GRANT)
        assert decision.rule in RULES[decision.outcome]


def test_a_decision_without_shots_has_no_scores() -> None:
    decision = ruled(case(belief(**NEVER, sightings=5), None), seconds=3.0)
    assert decision is not None
    assert (decision.score, decision.margin, decision.quality, decision.pose) == (None, None, None, None)
    assert decision.captured_at == at(1.0)  # of the newest sighting, good or not


@pytest.mark.parametrize(("threshold", "wanted"), [(None, 0.45), (0.6, 0.6), (0.3, 0.45)])
def test_the_threshold_is_never_below_the_models(threshold: float | None, wanted: float) -> None:
    options = Options(threshold=threshold)
    assert needed(FLOOR, options) == wanted
    decision = ruled(case(points_to=verdict(wanted)), options)
    assert decision is not None
    assert (decision.outcome, decision.threshold) == (Outcome.GRANT, wanted)
    below = ruled(case(points_to=verdict(wanted - 0.001)), options)
    assert below is None or below.outcome is not Outcome.GRANT


@pytest.mark.parametrize(
    "wrong",
    [
        {"points_to": verdict(nan)},
        {"points_to": verdict(0.7, nan)},
        {"points_to": verdict(0.7, newest=nan)},
        {"floor": nan},
        {"points_to": verdict(nan, None)},
        {"live_floor": nan},
        {"points_to": verdict(nan, newest=0.7)},
    ],
)
def test_what_is_no_number_never_opens(wrong: dict[str, Any]) -> None:
    for shots in (3, 6, 60):
        decision = ruled(case(belief(shots=shots), **wrong))
        assert decision is None or decision.outcome in (Outcome.UNKNOWN, Outcome.SPOOF)


def test_a_watched_door_may_do_without_liveness() -> None:
    for made in (
        case(belief(liveness=record(score_sum=0.0))),
        case(belief(liveness=record(judged=0))),
        case(live_floor=None),
    ):
        decision = ruled(replace(made, lifeless=liveness.fault(made.belief.liveness, liveness.Options(), None)))
        assert decision is not None
        assert decision.outcome is Outcome.GRANT


def test_a_head_that_turns_as_it_was_asked_need_not_look_like_itself_before_it_is_back() -> None:
    asked = Fault(check=Check.CHALLENGE, kind=Kind.NOT_JUDGED, rule="challenge_open", reason="turn", patience_s=9.0)
    aside = case(belief(shots=20), verdict(newest=0.2), lifeless=asked)
    assert ruled(aside) is None
    for made in (
        replace(aside, lifeless=None),  # nothing was asked
        replace(aside, lifeless=replace(asked, patience_s=0.05)),  # too long ago
        replace(aside, verdict=verdict(score=0.2, newest=0.2)),  # a stranger
    ):
        decision = ruled(made)
        assert decision is not None
        assert decision.outcome is Outcome.UNKNOWN


scores = st.one_of(st.floats(-1, 1), st.just(nan), st.floats(0.4, 0.8))


@given(
    shots=st.integers(0, 12),
    more=st.integers(0, 12),
    score=scores,
    newest=scores,
    margin=st.one_of(st.none(), scores),
    age=st.floats(0, 3),
    ended=st.booleans(),
    someone=st.booleans(),
    min_shots=st.integers(2, 5),
    threshold=st.one_of(st.none(), st.floats(0.01, 0.99)),
    min_margin=st.floats(0, 0.3),
    max_age=st.floats(0.05, 0.5),
    alive=st.one_of(st.none(), st.floats(0, 1)),
    alive_now=st.one_of(st.none(), st.floats(0, 1), st.just(nan)),
)
def test_a_grant_meets_every_condition(
    shots: int,
    more: int,
    score: float,
    newest: float,
    margin: float | None,
    age: float,
    ended: bool,
    someone: bool,
    min_shots: int,
    threshold: float | None,
    min_margin: float,
    max_age: float,
    alive: float | None,
    alive_now: float | None,
) -> None:
    """And what meets every condition is granted: the conditions, and nothing else, decide."""
    options = Options(min_shots=min_shots, threshold=threshold, min_margin=min_margin, max_age_s=max_age)
    assume(abs(age - max_age) > 1e-6 and abs((alive or 0) - 0.5) > 1e-6)
    seen = belief(
        shots=shots,
        sightings=shots + more,
        shot_at=at(1.0) if shots else None,
        liveness=record(
            shots,
            judged=0 if alive is None else shots,
            score_sum=shots * (alive or 0.0),
            newest=alive_now,
        ),
    )
    points_to = verdict(score, margin, newest) if someone and shots else None
    decision = ruled(case(seen, points_to, ended=ended), options, seconds=1.0 + age)
    allowed = (
        points_to is not None
        and shots >= min_shots
        and score >= max(FLOOR, threshold or 0)
        and newest >= max(FLOOR, threshold or 0)
        and (margin is None or margin >= min_margin)
        and alive is not None
        and alive >= 0.5
        and alive_now is not None
        and alive_now >= 0.5
        and age <= max_age
        and not ended
    )
    event(str(decision.outcome if decision else None))
    assert (decision is not None and decision.outcome is Outcome.GRANT) == allowed
    if decision is not None:
        assert (decision.person_id is None) == (decision.outcome is not Outcome.GRANT)
        if decision.rule == "too_few_good_shots":
            assert shots < min_shots <= shots + more


@pytest.mark.parametrize(
    "wrong",
    [
        {"door": ""},
        {"door": "a/b"},
        {"door": "caf\u00e9"},
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"threshold": nan},
        {"min_shots": 1},
        {"min_shots": 21},
        {"max_age_s": 0.6},
        {"max_age_s": nan},
        {"patience_s": 0.0},
        {"patience_s": nan},
        {"retry_s": 0.0},
        {"retry_s": nan},
        {"min_margin": -0.1},
        {"min_margin": nan},
    ],
)
def test_options_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)


def test_the_door_of_a_decision_is_the_options() -> None:
    decision = ruled(case(), replace(OPTIONS, door="back-2"))
    assert decision is not None
    assert decision.door == "back-2"
