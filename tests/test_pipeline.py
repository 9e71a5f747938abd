"""Frames become sightings, sightings become beliefs, and a visit becomes at most one decision."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgeface import align, decide, detect, liveness
from edgeface.decide import Decision, Outcome
from edgeface.detect import Detection, Detector
from edgeface.embed import Embedder
from edgeface.errors import ModelError, ModelMismatch
from edgeface.frame import Frame, Pixels
from edgeface.liveness import Check, Judge
from edgeface.match import Gallery
from edgeface.model import Layout, Task, Tensor
from edgeface.pipeline import Models, Options, Passed, Scene, Sighting, cases, examine, judge, recognise
from edgeface.quality import Refusal, Scorer
from edgeface.scene import MOST_LOST, remembered
from edgeface.track import Options as TrackOptions
from edgeface.track.visitor import begin
from fakes import axis, detection, embedder_spec, gallery, level, liveness_spec, spec
from portraits import at

FLOOR, LIVE = 0.45, 0.5
LIVING = liveness.Options(require=(Check.PICTURE,))
DOOR = decide.Options(unknown_shots=6)
PEOPLE = gallery(("p_ada", "p_bob"))
ADA, BOB, STRANGER = axis(0.9, rest=30), axis(0, 0.9, rest=40), axis(0.1, 0.1, rest=50)
ALIKE = axis(0.1, 0.1, rest=30)
"""Nobody enrolled, but enough like Ada to be taken for the same visitor from one frame to the next."""


def scorer(value: float, chips: list[Pixels] | None = None) -> Scorer:
    """A quality model that wants the made-up embedder's chips, keeps what it is given and says this, 0..1."""

    def infer(pixels: Pixels) -> tuple[Tensor, ...]:
        if chips is not None:
            chips.append(pixels[0])
        return (np.array([[value]], np.float32),)

    place = embedder_spec().template
    return Scorer(
        spec=spec(task=Task.QUALITY, layout=Layout.SCORE, width_px=80, height_px=80, template=place), infer=infer
    )


class Stage:
    """A scene whose faces the test places; the pixels are noise that passes the gate, or darkness that does not."""

    def __init__(self, people: Gallery = PEOPLE, options: Options | None = None) -> None:
        self.people, self.options = people, options or Options(decide=DOOR, liveness=LIVING)
        self.faces: tuple[tuple[Detection, Tensor], ...] = ()
        self.scene = Scene()
        self.embedded = 0
        self.logit = 3.0
        """What the liveness model says: 0 is a score of 0.5."""
        self.identities = count()
        noise = np.random.default_rng(5).integers(0, 256, (480, 640, 3), np.uint8)
        self.light, self.dark = noise, np.zeros_like(noise)
        self.models = Models(
            detector=Detector(spec=spec(), infer=self._maps),
            embedder=Embedder(spec=embedder_spec(), infer=self._vector, identity="m" * 64),
            liveness=Judge(spec=liveness_spec(), infer=lambda looks: (np.array([[self.logit]], np.float32),)),
        )

    def see(self, seconds: float, *faces: tuple[Detection, Tensor], good: bool = True) -> tuple[Sighting, ...]:
        """One frame with these faces, each with the embedding that the model will give, left to right."""
        self.faces = faces
        self._next = iter(vector for _, vector in faces)
        pixels = (self.light if good else self.dark).copy()
        frame = Frame(pixels=pixels, camera="front", sequence=0, captured_at=at(seconds))
        self.scene, sightings = recognise(frame, self.scene, self.models, self.people, self.options)
        return sightings

    def judge(self, seconds: float) -> tuple[Decision, ...]:
        self.scene, decisions = judge(
            self.scene,
            self.people,
            level(self.people, FLOOR),
            LIVE,
            self.options,
            at(seconds),
            lambda: f"id{next(self.identities)}",
        )
        return decisions

    def frame(self, seconds: float, *faces: tuple[Detection, Tensor], good: bool = True) -> tuple[Decision, ...]:
        """One frame, judged as soon as it is seen."""
        self.see(seconds, *faces, good=good)
        return self.judge(seconds)

    def _vector(self, chip: Pixels) -> tuple[Tensor, ...]:
        self.embedded += 1
        vector = next(self._next).copy()
        vector[-2] += 0.05 * (7 * self.embedded % 5 - 2)  # no two frames are the same
        return (vector[None],)

    def _maps(self, canvas: Pixels) -> tuple[Tensor, ...]:
        """Grid maps that hold the faces; a picture of 640x480 lies on the canvas at half its size."""
        maps: dict[tuple[int, int], Tensor] = {}
        for stride in (8, 16, 32):
            for channels, value in ((1, -20), (14, 0), (3, 0)):
                shape = (1, canvas.shape[1] // stride, canvas.shape[2] // stride, channels)
                maps[stride, channels] = np.full(shape, value, np.float32)
        for index, (face, _) in enumerate(self.faces):
            middle = np.array([face.box.x + face.box.w / 2, face.box.y + face.box.h / 2]) / 2
            column, row = (middle // 32).astype(int)
            centre = (np.array([column, row]) + 0.5) * 32
            # Strongest first, so in the order given; below 0.5 the detector is not sure.
            maps[32, 1][0, row, column, 0] = -0.4 if face.score < 0.5 else 5.0 - index / 10
            shape = [*(middle - centre) / 96, *np.log(np.array([face.box.w, face.box.h]) / 2 / 96)]
            maps[32, 14][0, row, column] = [*shape, *((face.landmarks / 2 - centre) / 96).reshape(-1)]
            assert face.angles_deg is not None
            maps[32, 3][0, row, column] = np.array(face.angles_deg) / 90
        return tuple(maps.values())


def test_three_good_shots_of_somebody_known_open_the_door() -> None:
    stage = Stage()
    assert stage.frame(0.0, (detection(), ADA)) == ()
    assert stage.frame(0.1, (detection(x=104), ADA)) == ()
    (decision,) = stage.frame(0.2, (detection(x=108), ADA))
    assert (decision.outcome, decision.person_id, decision.shots) == (Outcome.GRANT, "p_ada", 3)
    assert decision.score == pytest.approx(0.9, abs=0.01)
    assert decision.margin == pytest.approx(0.9, abs=0.01)
    assert decision.captured_at == decision.decided_at == at(0.2)


def test_a_decision_tells_how_much_its_score_says() -> None:
    stage = Stage()
    for seconds in (0.0, 0.1, 0.2):
        stage.see(seconds, (detection(x=100 + 40 * seconds), ADA))
    measured = replace(level(stage.people, FLOOR), calibration=((0.0, 0.0), (0.9, 1.8)))
    (case,) = cases(stage.scene, stage.people, measured, LIVE, stage.options)
    assert case.verdict is not None
    assert case.strength == pytest.approx(2 * min(case.verdict.score, 0.9))
    _, (decision,) = judge(stage.scene, stage.people, measured, LIVE, stage.options, at(0.2), lambda: "id")
    assert decision.strength == case.strength
    (other,) = cases(stage.scene, stage.people, replace(measured, revision=9), LIVE, stage.options)
    assert other.strength is None, "of another gallery"


def test_a_sighting_tells_what_became_of_the_face() -> None:
    stage = Stage()
    (good,) = stage.see(0.0, (detection(), ADA))
    assert good.match is not None
    assert good.match.scores == pytest.approx([0.9, 0.0], abs=0.01)
    assert (good.track, good.view is not None and good.view.quality.accepted) == (1, True)
    (bad,) = stage.see(0.1, (detection(), ADA), good=False)
    assert bad.match is None
    assert bad.view is not None
    assert Refusal.TOO_DARK in {refused.refusal for refused in bad.view.quality.refusals}
    assert stage.embedded == 1


def test_two_visitors_are_judged_apart() -> None:
    stage = Stage()
    left, right = detection(x=40, y=100), detection(x=440, y=200)
    decisions = [d for i in range(6) for d in stage.frame(i / 10, (left, STRANGER), (right, BOB))]
    assert [(d.outcome, d.person_id) for d in decisions] == [(Outcome.GRANT, "p_bob"), (Outcome.UNKNOWN, None)]
    assert decisions[0].track != decisions[1].track


def test_a_visit_decided_is_not_decided_again_until_the_retry() -> None:
    stage = Stage()
    moments = [i / 10 for i in range(60)]
    told = [(t, d) for t in moments for d in stage.frame(t, (detection(), STRANGER))]
    assert [d.outcome for _, d in told] == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert told[0][0] == pytest.approx(0.5)
    # Six fresh shots from 3 s after the first decision on: nothing is carried over.
    assert told[1][0] == pytest.approx(told[0][0] + 3.0 + 0.5)
    assert told[1][1].shots == 6


def test_who_is_let_in_is_neither_embedded_nor_judged_again_while_in_the_picture() -> None:
    stage = Stage()
    told = [d for i in range(80) for d in stage.frame(i / 10, (detection(), ADA))]
    assert [d.outcome for d in told] == [Outcome.GRANT]
    assert stage.embedded == 3
    assert stage.scene.beliefs == {}


def test_a_granted_visitor_who_turns_away_is_not_called_badly_seen() -> None:
    stage = Stage()
    told = [d for i in range(4) for d in stage.frame(i / 10, (detection(), ADA))]
    told += [d for i in range(4, 40) for d in stage.frame(i / 10, (detection(), ADA), good=False)]
    told += [d for i in range(40, 100) for d in stage.frame(i / 10)]
    assert [d.outcome for d in told] == [Outcome.GRANT]
    scene = stage.scene
    assert (scene.beliefs, scene.decided, scene.tracks, scene.lost, scene.albums) == ({}, {}, (), (), {})


def test_a_retry_does_not_count_the_time_before_it() -> None:
    """An unknown visitor in the dark: "insufficient quality" comes 2 s after the retry begins, not at once."""
    stage = Stage()
    told = [(i / 10, d) for i in range(8) for d in stage.frame(i / 10, (detection(), STRANGER))]
    told += [(i / 10, d) for i in range(8, 70) for d in stage.frame(i / 10, (detection(), STRANGER), good=False)]
    assert [d.outcome for _, d in told] == [Outcome.UNKNOWN, Outcome.INSUFFICIENT_QUALITY]
    assert told[1][0] - told[0][0] == pytest.approx(3.0 + 2.0, abs=0.11)


def test_nobody_is_judged_by_the_shots_of_the_one_before() -> None:
    """Ada stands there for two shots, the camera pauses, and a stranger stands in her place."""
    stage = Stage()
    told = [d for i in range(2) for d in stage.frame(i / 10, (detection(), ADA))]
    told += [d for i in range(6) for d in stage.frame(3 + i / 10, (detection(), STRANGER))]
    assert [(d.outcome, d.shots, d.track) for d in told] == [(Outcome.UNKNOWN, 6, 2)]


def test_two_alike_who_cross_and_swap_tracks_open_nothing() -> None:
    """Ada stands there for two shots; the next ones of her track are a look-alike's, whom their mean would let in."""
    stage = Stage()
    told = [d for i in range(2) for d in stage.frame(i / 10, (detection(), ADA))]
    told += [d for i in range(2, 8) for d in stage.frame(i / 10, (detection(), ALIKE))]
    assert [(d.outcome, d.shots, d.track) for d in told] == [(Outcome.UNKNOWN, 6, 1)]


def test_who_takes_the_place_of_another_is_another_visitor() -> None:
    """Without a gap or a jump, from one frame to the next: two shots of Ada's count for nobody but her."""
    stage = Stage()
    told = [d for i in range(2) for d in stage.frame(i / 10, (detection(), ADA))]
    told += [d for i in range(2, 8) for d in stage.frame(i / 10, (detection(), STRANGER))]
    assert [(d.outcome, d.shots, d.track) for d in told] == [(Outcome.UNKNOWN, 6, 2)]
    assert [visitor.number for visitor in stage.scene.tracks] == [2]


def test_two_who_change_places_keep_their_numbers_and_their_shots() -> None:
    """Their boxes overlap, so motion takes each for the other: two shots before and one after are each one's own."""
    stage, left, right = Stage(), detection(x=200), detection(x=270)
    told = [d for i in range(2) for d in stage.frame(i / 10, (left, ADA), (right, BOB))]
    told += stage.frame(0.2, (left, BOB), (right, ADA))
    assert sorted((d.track, d.outcome, d.person_id, d.shots) for d in told) == [
        (1, Outcome.GRANT, "p_ada", 3),
        (2, Outcome.GRANT, "p_bob", 3),
    ]
    assert {visitor.number: visitor.detection.box.x for visitor in stage.scene.tracks} == pytest.approx(
        {1: 270, 2: 200}, abs=1
    )


def test_who_comes_back_is_the_same_visitor_judged_by_new_shots() -> None:
    """Two shots, away for two seconds, back elsewhere: the old number, and three new shots until the door opens."""
    stage = Stage()
    told = [d for i in range(2) for d in stage.frame(i / 10, (detection(x=40), ADA))]
    told += [d for i in range(2, 20) for d in stage.frame(i / 10)]
    told += [d for i in range(20, 22) for d in stage.frame(i / 10, (detection(x=440), ADA))]
    assert told == []
    assert [visitor.number for visitor in stage.scene.tracks] == [1]
    (decision,) = stage.frame(2.2, (detection(x=440), ADA))
    assert (decision.outcome, decision.shots, decision.track) == (Outcome.GRANT, 3, 1)


def test_who_was_let_in_and_comes_back_at_once_is_not_let_in_twice() -> None:
    """Nor does the door stay shut on who comes back later: within `retry_s` it is one visit, after that another."""
    stage = Stage()
    told = [d for i in range(4) for d in stage.frame(i / 10, (detection(x=40), ADA))]
    told += [d for i in range(4, 20) for d in stage.frame(i / 10)]
    told += [d for i in range(20, 30) for d in stage.frame(i / 10, (detection(x=440), ADA))]
    assert [(d.outcome, d.track) for d in told] == [(Outcome.GRANT, 1)]
    told += [d for i in range(30, 60) for d in stage.frame(i / 10)]
    told += [d for i in range(60, 70) for d in stage.frame(i / 10, (detection(x=40), ADA))]
    assert [(d.outcome, d.track) for d in told] == [(Outcome.GRANT, 1)] * 2


def test_who_is_back_a_moment_after_he_was_decided_waits_as_everybody_does() -> None:
    """He left unknown at 1.1 s, is back out of focus, then well seen: nothing more is said of him before 4.1 s."""
    stage = Stage()
    told = [(i / 10, d) for i in range(4) for d in stage.frame(i / 10, (detection(), STRANGER))]
    told += [(i / 10, d) for i in range(4, 12) for d in stage.frame(i / 10)]
    told += [(i / 10, d) for i in range(12, 16) for d in stage.frame(i / 10, (detection(), STRANGER), good=False)]
    told += [(i / 10, d) for i in range(16, 60) for d in stage.frame(i / 10, (detection(), STRANGER))]
    assert [(d.outcome, d.track) for _, d in told] == [(Outcome.UNKNOWN, 1)] * 2
    assert told[1][0] - told[0][0] >= stage.options.decide.retry_s


def test_of_those_who_left_the_last_are_remembered_and_not_for_long() -> None:
    gone = tuple(begin(number, detection(), at(number / 10)) for number in range(40))
    scene = Scene(albums=dict.fromkeys(range(40), ()))
    kept = remembered(scene, gone, at(4.0), TrackOptions(memory_s=2.0))
    assert [one.number for one in kept] == list(range(20, 40))
    kept = remembered(scene, gone, at(4.0), TrackOptions(memory_s=5.0))
    assert [one.number for one in kept] == list(range(40 - MOST_LOST, 40))


def test_after_a_doubt_a_decided_visitor_is_looked_at_once_more() -> None:
    """Ada is let in; the detector blinks. She is known again by one shot, and a stranger in her place is found out."""
    stage = Stage()
    for i in range(3):
        stage.frame(i / 10, (detection(), ADA))
    stage.frame(0.3)
    looked = [stage.see(i / 10, (detection(), ADA))[0].view is not None for i in range(4, 7)]
    assert looked == [True, False, False]
    stage.frame(0.7)
    told = [d for i in range(8, 15) for d in stage.frame(i / 10, (detection(), STRANGER))]
    assert [(d.outcome, d.track) for d in told] == [(Outcome.UNKNOWN, 2)]


def test_a_living_head_does_not_vouch_for_the_picture_that_takes_its_place() -> None:
    """Motion seen before a doubt, of a face that no good shot had shown, is forgotten."""
    stage = Stage()
    for i in range(4):
        stage.see(i / 10, (detection(x=100 + 10 * i), ADA), good=False)
    assert len(stage.scene.beliefs[1].liveness.motion.glimpses) > 1
    stage.see(0.4)
    stage.see(0.5, (detection(x=140), ADA))
    assert len(stage.scene.beliefs[1].liveness.motion.glimpses) <= 1


def test_a_crowd_is_looked_at_from_the_nearest_on() -> None:
    """Forty faces: all are followed, six are looked at, the others say why not; as they are decided, others follow."""
    stage = Stage()
    faces = [(detection(x=15 + 78 * (n % 8), y=8 + 94 * (n // 8), side=40 + n), STRANGER) for n in range(40)]
    sightings = stage.see(0.0, *faces)
    assert len(sightings) == 40
    looked = {round(one.detection.box.w) for one in sightings if one.view is not None}
    assert looked == {79, 78, 77, 76, 75, 74}
    assert [one.passed for one in sightings if one.view is None] == [Passed.CROWD] * 34
    assert stage.embedded == 6


def test_a_faint_face_goes_on_a_visit_and_is_not_looked_at() -> None:
    stage = Stage(options=Options(detect=detect.Options(faint_score=0.3)))
    assert stage.see(0.0, (detection(x=400, score=0.4), ADA)) == ()
    stage.see(0.1, (detection(), ADA))
    (faint,) = stage.see(0.2, (detection(x=104, score=0.4), ADA))
    assert (faint.track, faint.view, faint.passed) == (1, None, Passed.FAINT)


def test_a_picture_that_takes_the_place_of_a_living_face_opens_nothing() -> None:
    """Somebody like Ada shows his own face, then holds up her picture: both means would let him in."""
    stage = Stage()
    told = list(stage.frame(0.0, (detection(), ALIKE)))
    stage.logit = -1.0  # 0.27; one living shot of three lifts the mean to 0.5
    told += [d for i in range(1, 6) for d in stage.frame(i / 10, (detection(), ADA))]
    assert [(d.outcome, d.rule, d.shots) for d in told] == [(Outcome.SPOOF, "presentation_attack", 6)]


def test_a_liveness_that_is_no_number_opens_nothing() -> None:
    stage = Stage()
    stage.logit = float("nan")
    told = [d for i in range(6) for d in stage.frame(i / 10, (detection(), ADA))]
    assert [(d.outcome, d.rule) for d in told] == [(Outcome.INSUFFICIENT_QUALITY, "liveness_unjudged")]


def test_liveness_is_told_where_it_does_not_count() -> None:
    stage = Stage(options=Options())
    stage.logit = -3.0
    (told,) = [d for i in range(4) for d in stage.frame(i / 10, (detection(), ADA))]
    assert (told.outcome, told.liveness) == (Outcome.GRANT, pytest.approx(0.047, abs=0.001))


def test_what_is_no_face_is_neither_embedded_nor_a_visitor() -> None:
    stage = Stage()
    stage.models = replace(stage.models, quality=scorer(0.0))
    assert [d for i in range(30) for d in stage.frame(i / 10, (detection(), ADA))] == []
    assert stage.embedded == 0


def test_a_decided_visit_is_followed_and_not_looked_at() -> None:
    stage, chips = Stage(), []
    stage.models = replace(stage.models, quality=scorer(0.9, chips))
    views = [stage.see(i / 10, (detection(), ADA))[0].view is None for i in range(3)]
    assert [d.outcome for d in stage.judge(0.2)] == [Outcome.GRANT]
    views += [stage.see(i / 10, (detection(), ADA))[0].view is None for i in range(3, 6)]
    assert views == [False] * 3 + [True] * 3
    assert len(chips) == 3


WIDER = tuple((x * 0.8 + 0.1, y * 0.8 + 0.2) for x, y in embedder_spec().template)


@pytest.mark.parametrize("change", [{}, {"width_px": 112, "height_px": 112}, {"template": WIDER}])
def test_the_quality_model_sees_the_face_where_it_wants_it(change: dict[str, Any]) -> None:
    """An embedder from elsewhere puts eyes and mouth elsewhere; the score must not suffer from it."""
    stage, chips = Stage(), []
    models = replace(
        stage.models,
        quality=scorer(0.9, chips),
        embedder=replace(stage.models.embedder, spec=embedder_spec(**change)),
    )
    view = examine(stage.light, detection(), models, stage.options)
    assert view.chip.shape[0] == change.get("height_px", 80)
    assert np.array_equal(chips[0], align.chip(stage.light, detection().landmarks, embedder_spec()))


@pytest.mark.parametrize("stage_of", ["embedder", "quality", "liveness"])
def test_a_model_that_breaks_in_a_visit_stops_the_reader(stage_of: str) -> None:
    """Two good shots of Ada, then a model gives nothing of use: no decision is made of what is left."""
    stage = Stage()
    stage.models = replace(stage.models, quality=scorer(0.9))
    stage.frame(0.0, (detection(), ADA))
    stage.frame(0.1, (detection(), ADA))
    before = stage.scene
    broken = replace(getattr(stage.models, stage_of), infer=lambda pixels: ())
    stage.models = replace(stage.models, **{stage_of: broken})
    with pytest.raises(ModelError):
        stage.see(0.2, (detection(), ADA))
    assert stage.scene is before
    assert stage.judge(0.2) == ()


def test_who_leaves_is_judged_by_what_was_seen() -> None:
    stage = Stage()
    for i in range(4):
        assert stage.frame(i / 10, (detection(), STRANGER)) == ()
    told = [d for i in range(4, 20) for d in stage.frame(i / 10)]
    assert [(d.outcome, d.shots) for d in told] == [(Outcome.UNKNOWN, 4)]
    assert stage.scene.ended == ()


def test_a_visit_that_ends_between_two_judgements_is_not_lost() -> None:
    stage = Stage()
    for i in range(4):
        stage.see(i / 10, (detection(), STRANGER))
    stage.see(1.5)
    stage.see(1.6)
    assert [d.outcome for d in stage.judge(1.6)] == [Outcome.UNKNOWN]
    assert stage.scene.beliefs == {}


def test_a_belief_from_a_stalled_reader_does_not_open() -> None:
    """The shots were good, but judging comes 0.6 s after them."""
    stage = Stage()
    for i in range(3):
        stage.see(i / 10, (detection(), ADA))
    assert stage.judge(0.8) == ()
    assert [d.outcome for d in stage.frame(0.9, (detection(), ADA))] == [Outcome.GRANT]


def test_a_gallery_of_another_model_is_an_error_not_a_denial() -> None:
    stage = Stage(people=gallery(model="x" * 64))
    with pytest.raises(ModelMismatch):
        stage.see(0.0, (detection(), ADA))


def test_a_change_of_the_gallery_starts_the_evidence_anew() -> None:
    stage = Stage()
    stage.frame(0.0, (detection(), ADA))
    stage.frame(0.1, (detection(), ADA))
    stage.people = gallery(("p_bob", "p_ada"), revision=2)  # Ada's axis is Bob's now
    assert stage.frame(0.2, (detection(), ADA)) == ()
    stage.frame(0.3, (detection(), ADA))
    (decision,) = stage.frame(0.4, (detection(), ADA))
    assert (decision.person_id, decision.shots) == ("p_bob", 3)


def test_nobody_is_let_in_while_two_faces_are_taken_for_one_person() -> None:
    """Ada, and her picture beside her: neither opens the door; with the picture gone, the retry does."""
    stage, left, right = Stage(), detection(x=40, y=100), detection(x=440, y=200)
    told = [d for i in range(6) for d in stage.frame(i / 10, (left, ADA), (right, ADA))]
    assert [(d.outcome, d.rule) for d in told] == [(Outcome.UNKNOWN, "one_person_two_faces")] * 2
    later = [d for i in range(6, 40) for d in stage.frame(i / 10, (left, ADA))]
    assert [(d.outcome, d.person_id, d.track) for d in later] == [(Outcome.GRANT, "p_ada", 1)]


@pytest.mark.parametrize("lead", [1, 2])
def test_who_is_called_unknown_first_still_stands_there(lead: int) -> None:
    """Ada comes some frames before her picture, so that she is decided first: the picture must not get in after that,
    nor in any retry, as long as both are there."""
    stage, left, right = Stage(), detection(x=40, y=100), detection(x=440, y=200)
    told = [d for i in range(lead) for d in stage.frame(i / 10, (left, ADA))]
    told += [d for i in range(lead, 120) for d in stage.frame(i / 10, (left, ADA), (right, ADA))]
    assert {(d.outcome, d.rule) for d in told} == {(Outcome.UNKNOWN, "one_person_two_faces")}
    assert {d.track for d in told} == {1, 2}


def test_a_blink_of_the_detector_lets_neither_of_two_alike_in() -> None:
    """One face is missed in a frame: it is still there as long as its track lives."""
    stage, left, right = Stage(), detection(x=40, y=100), detection(x=440, y=200)
    frames = [[(left, ADA), (right, ADA)]] * 4 + [[(right, ADA)]] + [[(left, ADA), (right, ADA)]] * 3
    told = [d for i, faces in enumerate(frames) for d in stage.frame(i / 10, *faces)]
    assert {(d.outcome, d.rule) for d in told} == {(Outcome.UNKNOWN, "one_person_two_faces")}


def test_the_picture_of_somebody_let_in_is_not_let_in_beside_her() -> None:
    stage, left, right = Stage(), detection(x=40, y=100), detection(x=440, y=200)
    told = [d for i in range(3) for d in stage.frame(i / 10, (left, ADA))]
    told += [d for i in range(3, 20) for d in stage.frame(i / 10, (left, ADA), (right, ADA))]
    assert [(d.outcome, d.rule) for d in told] == [
        (Outcome.GRANT, "known_person"),
        (Outcome.UNKNOWN, "one_person_two_faces"),
    ]


@pytest.mark.parametrize("seconds", [0.1, 0.0])
def test_a_frame_again_or_from_before_adds_nothing(seconds: float) -> None:
    stage = Stage()
    stage.see(0.0, (detection(), ADA))
    stage.see(0.1, (detection(), ADA))
    before = stage.scene
    assert stage.see(seconds, (detection(), ADA)) == ()
    assert stage.scene is before


def test_tracks_end_when_frames_change_their_size() -> None:
    """Two good shots of Ada before the change do not count for whoever stands there after it."""
    stage = Stage()
    for i in range(2):
        stage.frame(i / 10, (detection(), ADA))
    stage.light = stage.light[:400]
    told = [d for i in range(2, 6) for d in stage.frame(i / 10, (detection(), ADA))]
    assert [(d.outcome, d.shots, d.track, d.decided_at) for d in told] == [(Outcome.GRANT, 3, 1, at(0.4))]


class Door(RuleBasedStateMachine):
    """Anybody may come, stay, blur, pause and go: what the door may do is checked against a plain record."""

    @initialize(data=st.data())
    def open(self, data: st.DataObject) -> None:
        self.options = replace(
            Options(liveness=LIVING),
            decide=decide.Options(
                min_shots=data.draw(st.integers(2, 4)),
                unknown_shots=data.draw(st.integers(4, 6)),
            ),
        )
        self.stage = Stage(options=self.options)
        self.seconds = 0.0
        self.shots: dict[int, list[tuple[float, float]]] = {}  # by track: (time, score of Ada) since the last decision
        self.outcomes: dict[int, tuple[Outcome, float]] = {}
        self.identities: set[str] = set()
        self.back: set[int] = set()  # tracks that were away since they were last decided

    @rule(
        step=st.sampled_from([0.05, 0.1, 0.1, 0.1, 0.4, 0.9]),
        alike=st.sampled_from([0.0, 0.3, 0.44, 0.46, 0.6, 0.9]),
        other=st.sampled_from([0.0, 0.3, 0.43]),
        present=st.sampled_from([True, True, True, True, False]),
        good=st.sampled_from([True, True, True, False]),
        late=st.sampled_from([0.0, 0.0, 0.1, 0.6]),
        logit=st.sampled_from([3.0, 3.0, 3.0, -3.0]),
    )
    def frame(
        self, step: float, alike: float, other: float, present: bool, good: bool, late: float, logit: float
    ) -> None:
        self.seconds += step
        self.stage.logit = logit
        seen = ((detection(), axis(alike, other)),) if present else ()
        patience_s = self.options.track.patience_s
        tracks = self.stage.scene.tracks
        before = {one.number for one in tracks if at(self.seconds).seconds_since(one.seen_at) <= patience_s}
        for sighting in self.stage.see(self.seconds, *seen, good=good):
            self.meet(sighting.track, before)
            if sighting.match is not None and sighting.track in self.stage.scene.beliefs:
                self.shots.setdefault(sighting.track, []).append((self.seconds, float(sighting.match.scores[0])))
        now, ended = self.seconds + late, self.stage.scene.ended
        for decision in self.stage.judge(now):
            self.check(decision, now)
        for number in ended:
            self.shots.pop(number, None)
        self.seconds = now

    def meet(self, number: int, before: set[int]) -> None:
        """Who is in the picture, and was not, is new or back; a number that is gone and has not ended was his."""
        if number in before:
            return
        self.back.add(number)
        scene = self.stage.scene
        for young in before - {track.number for track in scene.tracks} - set(scene.ended):
            if young in self.shots:
                assert number not in self.shots, "shots of two visits never meet"
                shots = self.shots.pop(young)
                if number in scene.beliefs:  # else he was decided a moment ago, and must wait
                    self.shots[number] = shots
            if young in self.outcomes:
                self.outcomes[number] = self.outcomes.pop(young)

    def check(self, decision: Decision, now: float) -> None:
        assert decision.id not in self.identities
        self.identities.add(decision.id)
        shots = self.shots.pop(decision.track, [])
        assert decision.shots == len(shots)
        if decision.track in self.outcomes:
            outcome, before = self.outcomes[decision.track]
            assert outcome is not Outcome.GRANT or decision.track in self.back, "granted, and decided again"
            assert now - before >= self.options.decide.retry_s
        self.outcomes[decision.track] = decision.outcome, now
        self.back.discard(decision.track)
        if decision.outcome is not Outcome.GRANT:
            assert decision.person_id is None
            return
        assert len(shots) >= self.options.decide.min_shots
        assert now - shots[-1][0] <= 0.5 + 1e-6
        assert decision.score is not None
        assert decision.score >= decision.threshold >= FLOOR
        assert decision.liveness is not None
        assert decision.liveness >= LIVE
        assert decision.margin is not None
        assert decision.margin >= self.options.decide.min_margin
        if decision.person_id == "p_ada":
            assert max(score for _, score in shots) >= FLOOR - 0.01

    @precondition(lambda self: hasattr(self, "stage"))
    @invariant()
    def nothing_piles_up(self) -> None:
        """What the reader remembers is about visitors who are there."""
        scene = self.stage.scene
        numbers = {track.number for track in scene.tracks}
        assert len(numbers) == len(scene.tracks)
        assert set(scene.beliefs) <= numbers
        assert set(scene.decided) <= numbers | set(self.outcomes)
        assert scene.ended == ()
        remembered = {track.number for track in scene.lost}
        assert not numbers & remembered
        assert set(scene.albums) <= numbers | remembered


TestDoor = Door.TestCase
TestDoor.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_the_machine_reaches_every_outcome() -> None:
    """The state machine above proves nothing if its door never opens: a script for each of its outcomes."""
    scripts: dict[Outcome, dict[str, Any]] = {
        Outcome.GRANT: {"alike": 0.9, "good": True},
        Outcome.UNKNOWN: {"alike": 0.3, "good": True},
        Outcome.SPOOF: {"alike": 0.9, "good": True, "logit": -1.0},
        Outcome.INSUFFICIENT_QUALITY: {"alike": 0.9, "good": False},
    }
    for outcome, script in scripts.items():
        stage = Stage()
        stage.logit = script.get("logit", 3.0)
        told = [
            d for i in range(25) for d in stage.frame(i / 10, (detection(), axis(script["alike"])), good=script["good"])
        ]
        assert [d.outcome for d in told] == [outcome]


def test_a_bar_for_another_gallery_lets_nobody_in() -> None:
    stage = Stage()
    for i in range(3):
        stage.see(i / 10, (detection(x=100 + 4 * i), ADA))
    other = level(gallery(("p_ada", "p_bob"), revision=2), FLOOR)
    _, decisions = judge(stage.scene, PEOPLE, other, LIVE, stage.options, at(0.2), lambda: "id")
    assert decisions == ()
    assert [d.outcome for d in stage.judge(0.2)] == [Outcome.GRANT]


def test_a_look_alikes_floor_counts_for_the_person_it_is_about() -> None:
    stage = Stage()
    for i in range(3):
        stage.see(i / 10, (detection(x=100 + 4 * i), ADA))
    raised = level(PEOPLE, FLOOR)
    for person, expected in (("p_ada", ()), ("p_bob", (Outcome.GRANT,))):
        floors = np.where(np.array(PEOPLE.people) == person, 0.95, FLOOR)
        _, decisions = judge(
            stage.scene, PEOPLE, replace(raised, floors=floors), LIVE, stage.options, at(0.2), lambda: "id"
        )
        assert tuple(d.outcome for d in decisions) == expected
