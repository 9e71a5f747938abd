"""A snapshot is small, keeps to its bytes, and is still the same face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface import image, snapshot
from edgeface.enrol import Portrait, portrait
from edgeface.frame import Pixels
from edgeface.pipeline import Options
from edgeface.service.bootstrap import Loaded
from edgeface.snapshot import SIDE_PX, cut, fitted
from fakes import detection


@pytest.mark.parametrize(("budget", "alike"), [(1500, 0.8), (2000, 0.88), (6000, 0.93)])
def test_it_is_still_the_same_face(
    loaded: Loaded, astronaut: Pixels, hopper: Pixels, budget: int, alike: float
) -> None:
    for pixels in (astronaut, hopper):
        whole = portrait(pixels, loaded.models, Options())
        assert isinstance(whole, Portrait)
        made = fitted(cut(pixels, whole.detection), budget)
        assert made is not None
        assert len(made) <= budget
        again = portrait(image.decode(made), loaded.models, Options())
        assert isinstance(again, Portrait), "the strict decoder reads it, and the gate takes it"
        assert float(whole.embedding.vector @ again.embedding.vector) > alike


def test_it_shows_the_face_in_the_middle() -> None:
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[110:190, 160:240] = 255
    shown = cut(pixels, detection(150, 100, 100))
    assert shown.shape == (SIDE_PX, SIDE_PX, 3)
    rows, columns = np.nonzero(shown[..., 0] > 127)
    assert np.mean(rows) == pytest.approx((SIDE_PX - 1) / 2, abs=0.6)
    assert np.mean(columns) == pytest.approx((SIDE_PX - 1) / 2, abs=0.6)
    assert rows.max() - rows.min() + 1 == pytest.approx(0.8 * SIDE_PX / snapshot.AROUND, abs=1.1)


def test_what_is_around_the_face_is_out_of_focus() -> None:
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[::4] = 255
    shown = cut(pixels, detection(150, 100, 112)).astype(float)
    stripes = np.abs(np.diff(shown[..., 0], axis=0)).mean(axis=0)
    assert stripes[SIDE_PX // 2] > 10 * stripes[2]


@settings(max_examples=30)
@given(x=st.floats(-300, 600), y=st.floats(-300, 600), side=st.floats(0, 900))
def test_a_face_anywhere_gives_a_picture(x: float, y: float, side: float) -> None:
    assert cut(np.full((200, 300, 3), 9, np.uint8), detection(x, y, side)).shape == (SIDE_PX, SIDE_PX, 3)


def test_what_does_not_fit_is_no_picture() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
    assert fitted(noise, 300) is None
    worst, best = fitted(noise, 2000), fitted(noise, 8000)
    assert worst is not None
    assert best is not None
    assert len(worst) < len(best) <= 8000


@pytest.mark.parametrize("wrong", [{"max_bytes": 1499}, {"max_bytes": 30_000}, {"keep_days": 0.0}, {"most": 0}])
def test_settings_out_of_range_are_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        snapshot.Options(**wrong)
    assert not snapshot.Options().enabled
