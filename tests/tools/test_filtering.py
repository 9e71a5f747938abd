"""What the filter saves, on made-up frames whose figures are known beforehand; the camera that makes real ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edgeface.frame import Pixels
from edgeface.quality import Refusal
from edgeface.service.bootstrap import Loaded
from fakes import quality
from tools import camera
from tools.camera import Shot
from tools.degrade import light_from_side
from tools.evaluate import filtering, turning
from tools.evaluate.acquire import central_face
from tools.evaluate.filtering import Frames
from tools.metrics import Figure
from tools.train import combination as train_combination
from tools.train import occlusion as train_occlusion

SEEN, PEOPLE = 4, 60


def population() -> tuple[list[dict[str, str]], dict[str, np.ndarray], Frames]:
    """Sixty people of four frames. The first frame of each shows somebody else, is refused, and scores 10."""
    axes = np.eye(PEOPLE + 1, dtype=np.float32)
    rows = [{"file_a": f"p{i}/0.jpg", "file_b": f"p{i}/1.jpg"} for i in range(PEOPLE)]
    bad = np.tile(np.arange(SEEN) == 0, PEOPLE)
    who = np.where(bad, PEOPLE, np.repeat(np.arange(PEOPLE), SEEN))
    frames = Frames(
        vectors=axes[who],
        accepted=~bad,
        scores=np.where(bad, 10.0, 80.0),
        visits=np.repeat([row["file_b"] for row in rows], SEEN),
        refusals=tuple("too_dark" if one else "" for one in bad),
    )
    return rows, {row["file_a"]: axes[i] for i, row in enumerate(rows)}, frames


def value(figures: dict[str, filtering.Value], name: str) -> float:
    found = figures[name]
    assert isinstance(found, Figure), name
    return found.value


def test_the_gate_saves_what_it_refuses() -> None:
    figures = filtering.judge(*population())
    assert value(figures, "fnmr_frame_none_1e-3") == pytest.approx(1 / SEEN)
    for rule in ("gate", "score_gate_s_share", "score_30"):
        assert value(figures, f"fnmr_frame_{rule}_1e-3") == 0
        assert value(figures, f"saved_frame_{rule}_1e-3") == 1
    # The score refuses a tenth, but the worst quarter of the frames score the same: none goes without the others.
    assert value(figures, "saved_frame_score_10_1e-3") == 0
    assert value(figures, "fnmr_visit_none_1e-3") == 0


def test_a_visit_of_which_nothing_is_left_is_a_false_rejection() -> None:
    rows, enrolled, frames = population()
    lost = np.repeat(np.arange(PEOPLE) < 6, SEEN)
    blind = Frames(
        vectors=frames.vectors,
        accepted=frames.accepted & ~lost,
        scores=frames.scores,
        visits=frames.visits,
        refusals=frames.refusals,
    )
    assert value(filtering.judge(rows, enrolled, blind), "fnmr_visit_gate_1e-3") == pytest.approx(6 / PEOPLE)


def test_a_dark_frame_is_seen_and_refused(loaded: Loaded, hopper: Pixels) -> None:
    face = central_face(hopper, loaded.models)
    assert face is not None
    usable, vector = filtering.look(hopper, face, loaded.models)
    dark, other = filtering.look((hopper * 0.05).astype(np.uint8), face, loaded.models)
    assert usable.accepted
    assert not dark.accepted
    assert float(vector @ other) < 0.9


def test_turning_heads_are_judged_by_what_comes_after() -> None:
    """Twelve frames: a good look, then as many away from the camera, of which the gate refuses all, then back."""
    axes = np.eye(2, dtype=np.float32)
    good, away = (quality(80.0), axes[0]), (quality(20.0, Refusal.POSE), axes[1])
    figures = turning.judge([[good] * 4 + [away] * 4 + [good] * 4], {"1e-3": 0.5})
    assert value(figures, "refused") == 0.5
    assert value(figures, "fnmr_none_1e-3") == 0.5
    assert value(figures, "fnmr_gate_1e-3") == 0
    assert value(figures, "fnmr_best_shots_1e-3") == 0


@pytest.fixture
def portrait(loaded: Loaded, hopper: Pixels) -> Shot:
    face = central_face(hopper, loaded.models)
    assert face is not None
    return Shot(pixels=hopper, landmarks=face.landmarks, width_px=face.box.w)


def test_the_camera_is_the_same_for_the_same_chance(portrait: Shot) -> None:
    first, again, other = (camera.shoot(portrait, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first.faults == again.faults
    assert np.array_equal(first.pixels, again.pixels)
    assert first.pixels.shape != other.pixels.shape or not np.array_equal(first.pixels, other.pixels)


def test_every_fault_comes_and_landmarks_go_with_the_picture(portrait: Shot) -> None:
    shots = [camera.shoot(portrait, np.random.default_rng(seed)) for seed in range(80)]
    assert {fault for shot in shots for fault in shot.faults} == set(camera.CHANCE)
    assert any(not shot.faults for shot in shots)
    for shot in shots:
        if "crop" not in shot.faults:
            scale = shot.pixels.shape[1] / portrait.pixels.shape[1]
            assert shot.landmarks == pytest.approx(portrait.landmarks * scale, abs=1.5)


def test_light_falls_from_one_side(hopper: Pixels) -> None:
    lit = light_from_side(np.full_like(hopper, 200), 150.0, 100.0, 0.25)
    columns = lit.mean(axis=(0, 2))
    assert columns[:90] == pytest.approx(50)
    assert columns[210:] == pytest.approx(200)
    assert all(after >= before for before, after in pairwise(columns))
    assert np.array_equal(light_from_side(np.full_like(hopper, 200), 150.0, -100.0, 0.25), lit[:, ::-1])


def test_the_line_is_found_again_and_keeps_the_scale() -> None:
    random = np.random.default_rng(0)
    rows = random.normal((70, 2, 0), (15, 0.5, 0.1), (4000, 3))
    cosine = 0.01 * rows[:, 0] + 0.1 * rows[:, 1] + random.normal(0, 0.01, 4000)
    weights, bias = train_combination.fit(rows, cosine)
    assert weights[1] / weights[0] == pytest.approx(10, rel=0.02)
    assert abs(weights[2] / weights[0]) < 0.5
    scores = rows @ weights + bias
    assert (scores.mean(), scores.std()) == pytest.approx((rows[:, 0].mean(), rows[:, 0].std()))


def test_what_separates_covered_faces_is_found_again() -> None:
    random = np.random.default_rng(0)
    covered = random.random(3000) < 0.5
    seen = random.normal(0, 1, (3000, 96))
    seen[:, 7] += 4 * covered
    weights, bias = train_occlusion.fit(seen, covered)
    assert int(np.argmax(np.abs(weights))) == 7
    scores = seen @ weights + bias
    assert ((scores > 0) == covered).mean() > 0.95
    assert "area 0.99" in train_occlusion.worth(scores[covered], scores[~covered])
    names: dict[str, object] = {}
    exec(train_occlusion.source(weights, bias), names)
    assert np.array(names["WEIGHTS"]).reshape(-1) == pytest.approx(weights, abs=1e-3)
