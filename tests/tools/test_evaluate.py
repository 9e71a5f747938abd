"""Measurements on made-up people whose errors are known beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface.detect import Detection, PixelBox
from tools import metrics
from tools.evaluate import (
    acquire,
    central,
    fairness,
    identification,
    lfw_pairs,
    plots,
    robustness,
)
from tools.evaluate.acquire import Vectors
from tools.evaluate.fairness import Panel
from tools.evaluate.robustness import FAULTS
from tools.metrics import Figure, Pairs


def made_up(people: int, pictures: int, lonely: int = 0) -> dict[str, np.ndarray | None]:
    """Templates of `people` with `pictures` each, all at right angles to one another, then `lonely` with one each."""
    axes = np.eye(people + lonely, dtype=np.float32)
    counts = [pictures] * people + [1] * lonely
    return {f"images/p{i:03}/{k}.jpg": axes[i] for i, count in enumerate(counts) for k in range(count)}


def rates(templates: Vectors, size: int, threshold: float = 0.5) -> tuple[Figure, Figure]:
    found = identification.draw_searches(templates, size, np.random.default_rng(0), draws=8)
    return metrics.fpir(found, threshold), metrics.fnir(found, threshold)


def test_people_at_right_angles_are_never_mixed_up() -> None:
    positives, negatives = rates(made_up(20, 3), 5)
    assert (positives.value, positives.n) == (0.0, 15 * 8)
    assert (negatives.value, negatives.n) == (0.0, 5 * 8)


def test_look_alikes_and_changed_faces_err_at_the_planted_rates() -> None:
    """Ten enrolled, of whom p001 looks different each time; eight strangers, of whom two look like p000."""
    templates = made_up(10, 2, lonely=8)
    for name, alike in (("p001/1", "p012/0"), ("p010/0", "p000/0"), ("p011/0", "p000/0")):
        templates[f"images/{name}.jpg"] = templates[f"images/{alike}.jpg"]
    templates["images/p012/0.jpg"] = None
    positives, negatives = rates(templates, 10)
    assert (positives.value, positives.n) == (2 / 8, 8 * 8)
    assert (negatives.value, negatives.n) == (1 / 10, 10 * 8)


def test_people_with_one_picture_fill_the_gallery_but_are_not_looked_for() -> None:
    _, negatives = rates(made_up(3, 2, lonely=9), 6)
    assert negatives.n == 3 * 8


def test_a_face_not_found_is_no_stranger_taken_for_somebody_and_no_enrolment() -> None:
    templates = made_up(6, 2)
    templates |= {"images/p000/0.jpg": None, "images/p000/1.jpg": None, "images/p001/1.jpg": None}
    found = identification.draw_searches(templates, 5, np.random.default_rng(0), draws=30)
    assert set(found.stranger_people) >= {"p000"}
    assert "p000" not in found.mated_people
    missed = {name for name, mate in zip(found.mated_people, found.mates, strict=True) if mate < 0.5}
    assert missed == {"p001"}
    assert metrics.fpir(found, -1.0).value < 1


def test_no_probe_is_the_enrolled_picture() -> None:
    """Two pictures of one person differ here, so that a probe equal to its template would score 1."""
    axes = np.eye(40, dtype=np.float32)
    templates = {f"images/p{i}/{k}.jpg": axes[2 * i + k] for i in range(8) for k in (0, 1)}
    found = identification.draw_searches(templates, 4, np.random.default_rng(0), draws=5)
    assert (found.mates < 1).all()
    assert (found.strangers < 1).all()


def test_a_gallery_of_everybody_is_refused() -> None:
    with pytest.raises(ValueError, match="no strangers among 4"):
        rates(made_up(4, 2), 4)


def test_the_same_seed_draws_the_same_galleries() -> None:
    assert rates(made_up(9, 2, lonely=4), 6) == rates(made_up(9, 2, lonely=4), 6)


def panel(errors: int) -> Panel:
    """Twenty people in two groups of ten; the first `errors` of the second group are not known again."""
    scores = np.eye(20) - 0.1
    scores[range(10, 10 + errors), range(10, 10 + errors)] = 0.2
    scores[0, 1] = 0.7  # a pair within the first group
    scores[0, 11] = 0.7  # across groups: counts for neither
    return Panel(names=tuple(f"n{i}" for i in range(20)), scores=scores)


HALVES = {"low": np.arange(20) < 10, "high": np.arange(20) >= 10}


def test_groups_err_at_the_planted_rates() -> None:
    figures = fairness.compare(panel(4), HALVES, "half", 0.5, "")
    expected = {"fnmr_half_low": (0, 10), "fnmr_half_high": (4, 10), "fnmr_half_all": (4, 20)}
    expected |= {"fmr_half_low": (1, 90), "fmr_half_high": (0, 90), "fmr_half_all": (1, 180)}
    for name, (errors, trials) in expected.items():
        figure = figures[name]
        assert isinstance(figure, Figure)
        assert (figure.value, figure.n) == (errors / trials, trials), name
        assert figure.low <= figure.value <= figure.high


def test_small_groups_are_left_out_and_counted() -> None:
    groups = HALVES | {"few": np.arange(20) < 4}
    figures = fairness.compare(panel(0), groups, "half", 0.5, "")
    assert "fmr_half_few" not in figures
    assert figures["people_left_out_of_half"] == 4.0


@pytest.mark.parametrize(
    ("low", "high", "everybody", "remark"),
    [
        (0.03, 0.05, 0.02, "higher than all"),
        (0.00, 0.01, 0.02, "lower than all"),
        (0.01, 0.04, 0.02, "within a factor of two of all"),
        (0.01, 0.05, 0.02, "too few to tell"),
        (0.00, 0.03, 0.02, "too few to tell"),
        (0.00, 0.03, 0.00, "too few to tell"),
    ],
)
def test_what_a_group_says(low: float, high: float, everybody: float, remark: str) -> None:
    assert fairness.says(Figure(value=(low + high) / 2, low=low, high=high, n=9), everybody) == remark


def test_kinds_of_groups() -> None:
    rows = [
        {"face_gender": "female", "face_eth": "east_asian/white", "face_age": "24"},
        {"face_gender": "male", "face_eth": "black", "face_age": "25"},
        {"face_gender": "male", "face_eth": "black", "face_age": "NA"},
    ]
    kinds = fairness.kinds(rows)
    assert kinds["gender"]["male"].tolist() == [False, True, True]
    assert set(kinds["ethnicity"]) == {"black", "east_asian_white"}
    assert [members.tolist() for members in kinds["age"].values()] == [
        [True, False, False],
        [False, True, False],
        [False, False, False],
    ]


def test_spoilt_second_pictures_leave_the_first_ones_clean() -> None:
    """One picture may be first in one pair and second in another."""
    rows = [
        {"file_a": "a/1.jpg", "file_b": "a/2.jpg", "same": "1", "fold": "1"},
        {"file_a": "a/2.jpg", "file_b": "b/1.jpg", "same": "0", "fold": "1"},
    ]
    right, up = np.eye(2, dtype=np.float32)
    clean = {"a/1.jpg": right, "a/2.jpg": right, "b/1.jpg": right}
    pairs = lfw_pairs(rows, clean, {"a/2.jpg": up, "b/1.jpg": None})
    assert pairs.scores.tolist() == [0.0, -1.0]
    assert pairs.people == (("a", "a"), ("a", "b"))
    assert lfw_pairs(rows, clean).scores.tolist() == [1.0, 1.0]


FACE = robustness.View(
    pixels=np.random.default_rng(0).integers(0, 256, (120, 100, 3), dtype=np.uint8),
    landmarks=np.array([[35, 50], [65, 50], [50, 65], [39, 82], [61, 82]], np.float32),
    width_px=60.0,
)


@pytest.mark.parametrize("fault", robustness.FAULTS)
def test_every_fault_changes_the_face_and_repeats(fault: str) -> None:
    first, again = (robustness.FAULTS[fault](FACE, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.landmarks, again.landmarks)
    moved = not np.array_equal(first.landmarks, FACE.landmarks)
    assert moved == (fault in robustness.UNSEEN or fault.endswith("px"))
    assert np.array_equal(first.pixels, FACE.pixels) == (fault in robustness.UNSEEN)


@pytest.mark.parametrize("width_px", [24, 16, 12])
def test_a_far_face_is_as_wide_as_asked(width_px: int) -> None:
    far = robustness.FAULTS[f"{width_px}px"](FACE, np.random.default_rng(0))
    assert far.width_px == pytest.approx(width_px, rel=0.03)
    eyes = far.landmarks[1] - far.landmarks[0]
    assert np.linalg.norm(eyes) == pytest.approx(30 * width_px / 60, rel=0.03)


def test_a_small_face_is_not_enlarged() -> None:
    small = replace(FACE, width_px=10.0)
    assert robustness.FAULTS["24px"](small, np.random.default_rng(0)).pixels.shape == FACE.pixels.shape


def test_the_mean_is_the_mean_of_the_faults() -> None:
    rows = [
        {"file_a": f"p{i}/a", "file_b": f"p{i + k}/b", "same": str(1 - k), "fold": "1"}
        for i in range(60)
        for k in (0, 1)
    ]
    axes = np.eye(61, dtype=np.float32)
    clean = {f"p{i}/a": axes[i] for i in range(60)}
    good = {f"p{i}/b": axes[i] for i in range(61)}
    half = {f"p{i}/b": axes[i] if i % 2 else None for i in range(61)}
    pairs = [lfw_pairs(rows, clean, seconds) for seconds in (good, half)]
    assert robustness._tar(pairs[:1]).value == 1.0
    both = robustness._tar(pairs)
    assert (both.value, both.n) == (0.75, 120)
    assert both.low < 0.75 < both.high


def test_the_degraded_mean_stands_beside_every_fault_with_its_n() -> None:
    """Ten faults, of which the first is not overcome at all: the mean is 0.9, its trials those of all ten."""
    people = [(f"p{i}", f"p{i + k}") for i in range(30) for k in (0, 1)]
    same = np.array([first == second for first, second in people])
    good = Pairs(scores=same.astype(np.float64), same=same, fold=np.ones(60, np.int64), people=tuple(people))
    bad = replace(good, scores=-good.scores)
    figures = robustness._figures("tar", {fault: good if place else bad for place, fault in enumerate(FAULTS)})
    assert list(figures) == ["tar_mean", *(f"tar_{fault}" for fault in FAULTS)]
    found = {name: figure for name, figure in figures.items() if isinstance(figure, Figure)}
    assert found["tar_mean"].value == pytest.approx(0.9)
    assert [figure.n for figure in found.values()] == [300, *[30] * 10]
    assert [figure.value for figure in found.values()][1:] == [0.0, *[1.0] * 9]


def test_a_man_of_two_names_is_one_person() -> None:
    """LFW-dev files him once as Hasan_Wirayuda, twice as Hassan_Wirajuda."""
    other, name = next(iter(acquire.TWO_NAMES.items()))
    assert acquire.person_of(f"images/{other}/{other}_0001.jpg") == name
    assert acquire.person_of("Ada/Ada_0001.jpg") == "Ada"
    files = [f"{other}/1.jpg", f"{name}/1.jpg", f"{name}/2.jpg", "Ada/1.jpg"]
    (remark,) = acquire.under_two_names(files)
    assert f"{other} and {name}" in remark
    assert " 2 pairs" in remark
    assert acquire.under_two_names(files[1:]) == ()


def test_the_central_face_is_the_one_in_the_middle() -> None:
    def face(x: float) -> Detection:
        points = np.full((5, 2), (x, 50), np.float32)
        return Detection(box=PixelBox(x=x, y=50, w=9, h=9), landmarks=points, score=0.9, angles_deg=None)

    pixels = np.zeros((100, 100, 3), np.uint8)
    assert central([face(5), face(55), face(90)], pixels).landmarks[0, 0] == 55  # type: ignore[union-attr]
    assert central([], pixels) is None


def trial_pairs() -> metrics.Pairs:
    rows = [
        {"file_a": f"p{i}/a", "file_b": f"p{i + k}/b", "same": str(1 - k), "fold": "1"}
        for i in range(9)
        for k in (0, 1)
    ]
    random = np.random.default_rng(0)
    vectors = {f"p{i}/{side}": random.normal(0, 0.3, 8).astype(np.float32) for i in range(10) for side in "ab"}
    return lfw_pairs(rows, vectors)


def draw_everything(folder: Path) -> None:
    random, rate = np.random.default_rng(0), Figure(value=0.2, low=0.1, high=0.4, n=9)
    none = Figure(value=0.0, low=0.0, high=0.3, n=9)
    sets = {"edgeface": trial_pairs(), "peer": trial_pairs()}
    plots.roc(sets, 0.3, folder / "roc.png")
    plots.det(sets, 0.3, folder / "det.png")
    plots.scores(sets["edgeface"], 0.3, folder / "scores.png")
    searches = {size: identification.draw_searches(made_up(12, 2), size, random, draws=2) for size in (2, 5)}
    plots.identification(searches, 0.3, folder / "identification.png")
    curve = np.array([0.5, 1.0]), np.array([1.0, 0.9])
    plots.precision_recall({"ours, 320 px": curve, "peer, 320 px": curve}, folder / "precision.png")
    plots.by_yaw([10, 30], {"yaw": {"ours": [rate, None], "peer": [rate, rate]}}, "degrees", folder / "yaw.png")
    groups = {"one": {"a": rate, "b": none}, "two": {"a": none}}
    plots.dots(groups, "%", folder / "dots.png")
    plots.dots(groups, "%", folder / "log.png", log=True)
    chain = {"chain": "ours", "time_in_ours": rate, "accuracy": rate}
    plots.budget({"ours": chain, "peer": chain}, folder / "budget.png")


def test_plots_are_pictures(tmp_path: Path) -> None:
    draw_everything(tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 9
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
