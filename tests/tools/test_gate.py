"""What a limit of the unified score refuses, and how often comparisons of a score fail, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tools.evaluate import gate


def test_a_limit_refuses_what_scores_below_it_and_nothing_at_it() -> None:
    figures = gate.refused([("clean", 90.0), ("clean", 30.0), ("mask", 29.9), ("mask", 10.0), ("mask", 50.0)])
    shares = {name: (one.value, one.n) for name, one in figures.items()}
    assert shares["below_30_clean"] == (0.0, 2)
    assert shares["below_40_clean"] == (0.5, 2)
    assert shares["below_20_mask"] == (pytest.approx(1 / 3), 3)
    assert shares["below_30_mask"] == (pytest.approx(2 / 3), 3)


def test_a_comparison_counts_in_one_band_and_the_best_score_in_the_last() -> None:
    scores, missed = np.array([10.0, 29.9, 30.0, 85.0, 100.0]), np.array([True, False, True, False, True])
    figures = gate.missed_by_score(scores, missed)
    assert {name: (one.value, one.n) for name, one in figures.items()} == {
        "missed_at_score_0_30": (0.5, 2),
        "missed_at_score_30_40": (1.0, 1),
        "missed_at_score_80_100": (0.5, 2),
    }
