"""Error versus discard on made-up comparisons whose curve is known beforehand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.figure import Figure as Canvas

from edgeface.errors import ModelError
from edgeface.frame import Pixels
from edgeface.quality import Scorer
from edgeface.service.bootstrap import Loaded
from tools import edc, peer_quality
from tools.edc import Order, Trials
from tools.evaluate import discard
from tools.evaluate.discard import Instruments, Look
from tools.evaluate.robustness import FAULTS
from tools.metrics import Figure
from tools.peers import PeerMissing

MISSED = np.array([True] * 3 + [False] * 7)
RISING = np.arange(10.0)


def test_a_measure_that_knows_throws_the_misses_away_first() -> None:
    curve = Order(RISING, MISSED).curve(np.array([0.0, 0.1, 0.2, 0.3, 0.5]))
    assert curve == pytest.approx([3 / 10, 2 / 9, 1 / 8, 0, 0])


def test_a_measure_that_errs_throws_the_good_ones_away() -> None:
    curve = Order(-RISING, MISSED).curve(np.array([0.0, 0.3, 0.5]))
    assert curve == pytest.approx([3 / 10, 3 / 7, 3 / 5])


def test_equal_qualities_are_worth_nothing() -> None:
    assert Order(np.ones(10), MISSED).curve(np.array([0.0, 0.25, 0.5])) == pytest.approx([0.3] * 3)


def test_a_tie_goes_in_any_order_on_average() -> None:
    """Two groups of five: all three misses in the lower one, so that each of it carries 3/5 of a miss."""
    order = Order(np.repeat([0.0, 1.0], 5), MISSED)
    assert order.curve(np.array([0.2, 0.5])) == pytest.approx([(3 - 2 * 3 / 5) / 8, 0])


def test_the_area_is_the_mean_of_the_curve() -> None:
    assert Order(np.ones(10), MISSED).areas([0.3]) == pytest.approx(0.3)
    order = Order(RISING, MISSED)
    shares = np.linspace(0, 0.5, 101)
    expected = float(np.trapezoid(order.curve(shares), shares)) / 0.5
    assert order.areas([0.2, 0.5])[1] == pytest.approx(expected)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 3)), min_size=2, max_size=30),
    st.floats(0, 0.9),
)
def test_weights_are_trials_that_came_more_often(trials: list[tuple[int, bool, int]], share: float) -> None:
    qualities, missed, weights = (np.array(column) for column in zip(*trials, strict=True))
    at = np.array([share])
    weighted = Order(qualities.astype(np.float64), missed).curve(at, weights.astype(np.float64))
    repeated = Order(np.repeat(qualities, weights).astype(np.float64), np.repeat(missed, weights)).curve(at)
    assert weighted == pytest.approx(repeated, abs=1e-9)
    assert -1e-9 <= weighted[0] <= 1 + 1e-9


def people(count: int) -> tuple[str, ...]:
    return tuple(f"p{i}" for i in range(count))


def trials(**qualities: np.ndarray) -> Trials:
    """A hundred comparisons, thirty of them missed."""
    return Trials(missed=np.repeat(MISSED, 10), people=people(100), qualities=qualities)


def test_the_better_measure_is_below_and_the_interval_says_so() -> None:
    compared = trials(good=np.arange(100.0), bad=-np.arange(100.0))
    areas = edc.areas(compared, [0.3, 0.5])
    good, bad, minus = areas.of("good", 0.3), areas.of("bad", 0.3), areas.difference("good", "bad", 0.3)
    assert good.low <= good.value <= good.high < bad.value
    assert minus.value == pytest.approx(good.value - bad.value)
    assert minus.low <= minus.value <= minus.high < 0


def test_a_measure_is_no_better_than_itself() -> None:
    minus = edc.areas(trials(one=np.arange(100.0), other=np.arange(100.0)), [0.2]).difference("one", "other", 0.2)
    assert (minus.value, minus.low, minus.high) == (0, 0, 0)


def seen(person: int, quality: float, *, known: bool = True) -> Look:
    """A face of `person`, or one that looks like nobody."""
    axis = np.eye(64, dtype=np.float32)[person if known else 63]
    qualities = dict.fromkeys(discard.MEASURES, 1.0) | {discard.OURS: quality, discard.PEER: -quality}
    return Look(vectors={"ours": axis}, qualities=qualities)


def population() -> tuple[list[dict[str, str]], dict[str, Look | None], dict[str, dict[str, Look | None]]]:
    """Forty people; ours knows the four whose probes are useless, LightQNet thinks them the best; one has no face."""
    rows = [{"file_a": f"p{i}/0.jpg", "file_b": f"p{i}/1.jpg"} for i in range(40)]
    enrolled: dict[str, Look | None] = {row["file_a"]: seen(i, 90.0) for i, row in enumerate(rows)}
    probes: dict[str, dict[str, Look | None]] = {
        row["file_b"]: {"clean": seen(i, 10.0 if i < 4 else 80.0, known=i >= 4)} for i, row in enumerate(rows)
    }
    probes["p39/1.jpg"] = {"clean": None}
    return rows, enrolled, probes


def test_judge_finds_the_planted_errors() -> None:
    report = discard.judge(*population())
    assert report.figures["comparisons"] == 39
    lost, missed = report.figures["no_face"], report.figures["fnmr_ours_fmr_1e-2"]
    assert isinstance(lost, Figure)
    assert isinstance(missed, Figure)
    assert (lost.value, missed.value) == (1 / 40, 4 / 39)
    ours = report.figures["area_50_ours_fmr_1e-2"]
    oracle = report.peers[discard.LABELS[discard.ORACLE]]["area_50_ours_fmr_1e-2"]
    random = report.peers[discard.LABELS["random"]]["area_50_ours_fmr_1e-2"]
    assert isinstance(ours, Figure)
    assert isinstance(oracle, Figure)
    assert isinstance(random, Figure)
    assert ours.value == pytest.approx(oracle.value)
    assert random.value == pytest.approx(4 / 39)
    saved = report.figures["fall_ours_fmr_1e-2"]
    assert isinstance(saved, Figure)
    assert saved.value == 1.0  # a fifth of 39 is more than the four
    ahead = report.ahead[discard.LABELS[discard.PEER]]["area_50_ours_fmr_1e-2"]
    assert ahead.high < 0


def test_the_fall_is_by_the_same_false_match_rate() -> None:
    """Bad pictures of strangers look alike: refusing them lowers the threshold, and that alone saves three of four."""
    compared = Trials(
        missed=np.repeat([True, False], [4, 6]), people=people(10), qualities={discard.OURS: np.full(10, 80.0)}
    )
    scores = np.array([0.1, 0.3, 0.3, 0.3, *[0.9] * 6])
    strangers = discard.Strangers(scores=np.repeat([0.5, 0.2], 100), qualities=np.repeat([10.0, 80.0], 100))
    assert discard.fall(compared, scores, strangers, 0.01).value == pytest.approx(0.75)


def test_a_comparison_is_as_good_as_its_worse_picture() -> None:
    rows, enrolled, probes = population()
    enrolled["p9/0.jpg"] = seen(9, 3.0)
    compared = discard.compare(discard.pair(rows, enrolled, probes), np.ones(39), 0.5)
    assert compared.qualities[discard.OURS][[8, 9, 3]].tolist() == [80, 3, 10]


def test_strangers_are_never_one_person() -> None:
    _, enrolled, probes = population()
    found = discard.strangers("ours", enrolled, probes)
    assert len(found.scores) == len(found.qualities) == 40 * 39 - 39
    assert found.scores.max() < 1
    assert np.unique(found.qualities).tolist() == [10, 80]


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "edc.png"
    discard.judge(*population()).plots["edc"].draw(file)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_every_measure_is_named_within_the_plot_of_one_recogniser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Canvas] = []
    close = pyplot.close
    monkeypatch.setattr(pyplot, "close", drawn.append)
    scores = np.linspace(0, 1, 40)
    qualities = dict.fromkeys((*discard.MEASURES, discard.ORACLE), scores)
    trials = edc.Trials(missed=scores < 0.1, people=tuple(map(str, range(40))), qualities=qualities)
    discard.draw({"ours": trials}, tmp_path / "edc.png")
    (legend,) = drawn[0].legends
    assert {text.get_text() for text in legend.get_texts()} == set(discard.LABELS.values())
    left, right = legend.get_window_extent().intervalx
    assert 0 <= left < right <= drawn[0].bbox.width
    close(drawn[0])


def instruments(loaded: Loaded) -> Instruments:
    spec = loaded.models.embedder.spec
    return Instruments(
        loaded=loaded, scorer=Scorer(spec=spec, infer=lambda chip: (np.array([[chip.mean() / 255]], np.float32),))
    )


def test_a_probe_is_seen_under_every_fault(loaded: Loaded, hopper: Pixels) -> None:
    views = discard.spoilt(hopper, "hopper", instruments(loaded))
    assert set(views) == {"clean", *FAULTS}
    clean, dark = views["clean"], views["dark"]
    assert clean is not None
    assert dark is not None
    assert dark.qualities[discard.OURS] < 0.5 * clean.qualities[discard.OURS]
    assert set(clean.qualities) == set(discard.MEASURES) - {discard.PEER}
    again = discard.spoilt(hopper, "hopper", instruments(loaded))["noise"]
    assert again is not None
    assert views["noise"] is not None
    assert again.qualities == views["noise"].qualities


def test_a_picture_without_a_face_gives_no_probe(loaded: Loaded) -> None:
    grey = np.full((120, 120, 3), 127, np.uint8)
    assert set(discard.spoilt(grey, "grey", instruments(loaded)).values()) == {None}


def test_without_a_quality_model_there_is_nothing_to_measure() -> None:
    bench = SimpleNamespace(loaded=SimpleNamespace(models=SimpleNamespace(quality=None)), peers=None)
    with pytest.raises(ModelError, match="no quality model"):
        discard.equip(bench)  # type: ignore[arg-type]


def test_lightqnet_gets_eyes_and_mouth_where_its_authors_put_them() -> None:
    pixels, landmarks = (
        np.zeros((300, 300, 3), np.uint8),
        np.array([[100, 120], [160, 119.7], [130, 150], [112, 188], [149, 189]], np.float32),
    )
    for x, y in landmarks[:2]:
        pixels[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] = 255
    chip = peer_quality.cut(pixels, landmarks)
    for x, y in peer_quality.TEMPLATE[:2]:
        column, row = round(x * peer_quality.SIDE_PX), round(y * peer_quality.SIDE_PX)
        assert chip[row, column].tolist() == [255, 255, 255]


def test_a_missing_peer_says_so(tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match=r"lightqnet-dm100\.pb"):
        peer_quality.LightQNet(tmp_path)
