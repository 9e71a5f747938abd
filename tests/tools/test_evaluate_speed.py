"""Times are told as multiples of ours on the same picture: the arithmetic, and who is given which face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeface.detect import Points
from edgeface.frame import Pixels
from edgeface.model import Tensor
from edgeface.service.bootstrap import load_models
from tools.evaluate import speed
from tools.evaluate.acquire import Bench, Value
from tools.evaluate.budget import OURS
from tools.metrics import Figure
from tools.peers import PeerEmbedder, PeerMissing


def figure(value: Value) -> Figure:
    assert isinstance(value, Figure)
    return value


def test_ours_is_the_unit_and_a_face_not_found_has_no_time() -> None:
    figures: dict[str, Value] = {}
    peers: dict[str, dict[str, Value]] = {}
    times = {OURS: [0.002, 0.004, 0.003], "rival": [0.004, 0.012, float("nan")]}
    speed._add("detector", times, figures, peers)
    assert (figure(figures["detector_ms"]).value, figure(figures["detector_ms"]).n) == pytest.approx((3.0, 3))
    assert figure(figures["detector_in_ours"]).value == 1.0
    rival = figure(peers["rival"]["detector_in_ours"])
    assert (rival.value, rival.n) == pytest.approx((2.5, 2))
    assert rival.low <= rival.value <= rival.high


def test_a_mean_of_milliseconds_leaves_out_what_was_not_timed() -> None:
    mean = speed._milliseconds([0.010, float("nan"), 0.030])
    assert (mean.value, mean.n) == pytest.approx((20.0, 2))


def test_the_parts_of_one_peer_stand_together() -> None:
    figures: dict[str, Value] = {}
    peers: dict[str, dict[str, Value]] = {}
    for part, factor in (("detector_at_320", 2), ("embedder", 8)):
        speed._add(part, {OURS: [0.001] * 4, "rival": [factor * 0.001] * 4}, figures, peers)
    assert {key: figure(value).value for key, value in peers["rival"].items()} == {
        "detector_at_320_in_ours": pytest.approx(2),
        "embedder_in_ours": pytest.approx(8),
    }


def test_every_embedder_gets_its_own_chip_of_each_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Landmarks count from the picture's corner; other people's templates from the centre of the first pixel."""
    places: list[list[float]] = []

    def peer(key: str, weights: Path, threads: int) -> PeerEmbedder:
        if key == "absent":
            raise PeerMissing("absent left out: no file")

        def cut(pixels: Pixels, landmarks: Points) -> Pixels:
            places.append(landmarks[0].tolist())
            return pixels[:1, :1] + np.uint8(len(key))

        def vector(chip: Pixels) -> Tensor:
            return chip.reshape(-1).astype(np.float32)

        return PeerEmbedder(title=key, cut=cut, embed=vector)

    monkeypatch.setattr(speed, "build_embedder", peer)
    bench = Bench(data=tmp_path, loaded=load_models(tmp_path / "home"), peers=tmp_path)
    landmarks = np.array([[40, 40], [60, 40], [50, 52], [42, 64], [58, 64]], np.float32)
    faces = [(np.full((100, 100, 3), shade, np.uint8), landmarks) for shade in (10, 20)]
    found, remarks = speed._embedders(bench, faces, ("one", "absent", "three"))
    assert remarks == ("absent left out: no file",)
    assert list(found) == [OURS, "one", "three"]
    assert places == [[39.5, 39.5]] * 4
    vectors = {key: [np.asarray(found[key](number))[0] for number in (0, 1)] for key in ("one", "three")}
    assert vectors == {"one": [13, 23], "three": [15, 25]}
