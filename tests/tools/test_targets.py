"""The page of targets says what the cards say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import targets
from tools.cards import CardError
from tools.install_model import MODELS

CARD = """
| what | |
| --- | --- |
| accuracy | not here |

| figure | value [95 % interval] (n) | yunet |
| --- | --- | --- |
| accuracy | 0.95 [0.93, 0.97] (100) | 0.9 [0.8, 0.96] (100) |
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "net.md").write_text(CARD)
    return tmp_path


def test_the_shipped_page_is_what_the_cards_make_of_it() -> None:
    text = targets.TEXT.read_text(encoding="utf-8")
    assert (MODELS / "targets.md").read_text(encoding="utf-8") == targets.fill(text, MODELS), "run tools.targets"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (">= 0.92", "met"),
        (">= 0.94", "met, within chance"),
        (">= 0.96", "**missed**, within chance"),
        (">= 0.98", "**missed**"),
        ("<= 0.98", "met"),
        ("<= 0.92", "**missed**"),
    ],
)
def test_a_target_is_met_or_missed_and_the_interval_may_leave_a_doubt(models: Path, target: str, said: str) -> None:
    filled = targets.fill(f"| {{{{ net, figure, accuracy, value {target} }}}} |", models)
    assert filled == f"| 0.95 [0.93, 0.97] (100) | {said} |"


def test_a_cell_is_found_by_its_table_its_row_and_its_column(models: Path) -> None:
    assert targets.find(models, "net", "figure", "accuracy", "yunet") == "0.9 [0.8, 0.96] (100)"


@pytest.mark.parametrize(
    "place",
    [("no", "figure", "accuracy", "value"), ("net", "figure", "recall", "value"), ("net", "figure", "accuracy", "omz")],
)
def test_what_no_card_says_is_not_made_up(models: Path, place: tuple[str, str, str, str]) -> None:
    with pytest.raises(CardError, match="no table of figure"):
        targets.find(models, *place)


def test_attempts_stand_in_the_order_in_which_they_were_made_and_none_is_made_up(models: Path) -> None:
    record = models / "records" / "net" / "attempts.json"
    with pytest.raises(CardError, match=r"studies\.attempts"):
        targets.fill("{{ attempts net recall }}", models)
    record.parent.mkdir(parents=True)
    figure = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 50}
    record.write_text(
        json.dumps([{"says": "wide", "figures": {"recall": figure}}, {"says": "deep", "figures": {"recall": 1.0}}])
    )
    assert targets.fill("{{ attempts net recall }}", models).splitlines()[2:] == [
        "| wide | 0.9 [0.8, 0.95] (50) |",
        "| deep | 1 |",
    ]
