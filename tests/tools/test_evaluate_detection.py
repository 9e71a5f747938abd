"""Detection, working points, labels and times, on made-up pictures whose figures are known beforehand."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgeface.detect import Detection, PixelBox
from edgeface.frame import Pixels
from tools.evaluate import boxes, budget, poses, utkface
from tools.evaluate.acquire import Value
from tools.metrics import Figure
from tools.peers import Chain


def scored(*found: tuple[float, bool], faces: int = 2) -> boxes.Scored:
    return list(found), faces


def face_at(x: float, y: float, side: float = 40, score: float = 0.9) -> Detection:
    landmarks = np.full((5, 2), (x + side / 2, y + side / 2), np.float32)
    return Detection(box=PixelBox(x=x, y=y, w=side, h=side), landmarks=landmarks, score=score, angles_deg=None)


def test_each_labelled_box_is_found_once_and_small_ones_count_neither_way() -> None:
    truth = np.array([[10, 10, 40, 40], [100, 10, 40, 40], [200, 10, 12, 12]], np.float32)
    faces = [face_at(10, 10), face_at(12, 12, score=0.8), face_at(200, 10, 12), face_at(300, 10), face_at(400, 10, 12)]
    found, large = boxes.score_boxes(faces, truth)
    assert found == [(0.9, True), (0.8, False), (0.9, False)]
    assert large == 2


def test_the_better_of_two_detectors_is_ahead_by_the_difference() -> None:
    good = [scored((0.9, True), (0.8, True))] * 30
    bad = [scored((0.9, True))] * 30
    ahead = boxes.precision_ahead(good, bad)
    assert (boxes.precision(good).value, boxes.precision(bad).value) == (1.0, 0.5)
    assert (ahead.value, ahead.low, ahead.high, ahead.n) == (0.5, 0.5, 0.5, 60)


def test_a_detector_is_not_ahead_of_itself_however_noisy_it_is() -> None:
    random = np.random.default_rng(0)
    noisy = [scored((float(random.random()), bool(random.random() < 0.7))) for _ in range(40)]
    ahead = boxes.precision_ahead(noisy, noisy)
    assert (ahead.value, ahead.low, ahead.high) == (0.0, 0.0, 0.0)
    assert boxes.precision(noisy).high - boxes.precision(noisy).low > 0.05


def test_the_working_point_allows_one_false_alarm_in_ten_pictures() -> None:
    hit = face_at(10, 10)
    found = [(hit, face_at(12, 12, score=0.5), face_at(200, 200, score=i / 100)) for i in range(20)]
    threshold = poses.threshold_at_false_alarms(found, [hit] * 20, 0.1)
    alarms = [face for faces in found for face in faces[2:] if face.score >= threshold]
    assert [face.score for face in alarms] == [0.18, 0.19]


def test_utkface_names_say_who_is_in_which_group(tmp_path: Path) -> None:
    names = ["26_0_1_20170116174525125.jpg.chip.jpg", "61_1_4_20170109150557335.jpg", "100_1_0_1.jpg", "39_1_2017.jpg"]
    for name in [*names, "12_0_0_20170116174525125.jpg", "photo.jpg"]:
        (tmp_path / name).touch()
    chosen = utkface.choose(tmp_path)
    assert sorted(path.name for path in chosen) == sorted(names[:3])  # neither a child nor a picture without its label
    labels = utkface.labels_of([tmp_path / name for name in names[:3]])
    assert labels["gender"].tolist() == ["male", "female", "female"]
    assert labels["ethnicity"].tolist() == ["black", "other", "white"]
    assert labels["age"].tolist() == ["18_to_29", "60_to_119", "60_to_119"]
    with pytest.raises(ValueError, match="39_1_2017"):
        utkface.labels_of([tmp_path / "39_1_2017.jpg"])


def chain(key: str, steps: list[str], *, blind: bool = False) -> Chain:
    def find(pixels: Pixels) -> tuple[Detection, ...]:
        steps.append(key)
        return () if blind else (face_at(30, 30),)

    return Chain(
        key=key,
        title=f"{key}, made up",
        finder=key,
        find=find,
        cut=lambda pixels, landmarks: pixels,
        embed=lambda chip: np.ones(8, np.float32),
    )


def test_runners_take_turns_and_a_picture_without_a_face_has_no_time() -> None:
    steps: list[str] = []
    chains = [chain("ours", steps), chain("blind", steps, blind=True)]
    runners = {one.key: partial(budget.recognise, one) for one in chains} | {"reference": budget.reference()}
    times = budget.race(runners, [np.zeros((100, 100, 3), np.uint8)] * 6)
    assert set(times) == {"ours", "blind", "reference"}
    assert all(len(seconds) == 6 for seconds in times.values())
    assert min(times["ours"] + times["reference"]) > 0
    assert np.isnan(times["blind"]).all()
    assert {steps[place] for place in range(0, len(steps), 2)} == {"ours", "blind"}  # who goes first changes


def test_a_ratio_is_the_median_over_pictures_seen_by_both() -> None:
    figure = budget.ratio([2.0, 4.0, float("nan"), 9.0], [1.0, 2.0, 1.0, 3.0])
    assert (figure.value, figure.n) == (2.0, 3)
    assert figure.low <= 2.0 <= figure.high


def test_the_best_chain_within_a_budget_must_fit_with_its_whole_interval() -> None:
    def figures(time: float, rate: float, title: str) -> dict[str, Value]:
        spread = Figure(value=time, low=0.9 * time, high=1.1 * time if time > 1 else 1.0, n=60)
        return {"chain": title, "time_in_ours": spread, "accuracy": Figure(value=rate, low=0.9, high=1, n=1800)}

    chains = {"a": figures(1, 0.97, "ours"), "b": figures(1.9, 0.98, "middle"), "c": figures(6, 0.99, "slow")}
    best = {limit: budget._best(chains, limit).partition(":")[0] for limit in budget.BUDGETS}
    assert best == {1: "ours", 2: "ours", 4: "middle", 8: "slow"}
