"""Cards are texts with blanks: what fills them, and what is refused rather than guessed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgeface.adapters import manifest
from tools import cards
from tools.cards import CardError, Sources, fill, fitting, write_cards
from tools.evaluate.__main__ import MEASURES
from tools.install_model import MODELS

NAME = "edgeface-embed-80"
NOTHING = Sources(figures=Path(), records=Path(), entry=None)
SHIPPED = manifest.read(manifest.shipped())[NAME]


def rate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 1800}


def measured(**changes: Any) -> dict[str, Any]:
    return {
        "models": {NAME: SHIPPED.spec.sha256},
        "quick": False,
        "figures": {"accuracy": rate(0.5), "tar_mask": rate(0.4), "tar_mask_says": "few", "pairs": 2687149.0},
        "by_peer": {"rival": {"accuracy": rate(0.6)}, "mute": {}},
        "ahead": {"rival": {"accuracy": rate(-0.1)}},
        **changes,
    }


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    records = tmp_path / "records"
    records.mkdir()
    (tmp_path / "lfw.json").write_text(json.dumps(measured()))
    (records / "quantize.json").write_text(json.dumps({"noise_db": [23.8, 17.0], "worst_layers": {"a/b/Conv;x": 19.4}}))
    (records / "kept.json").write_text(json.dumps({"accuracy": rate(0.75)}))
    lines = [{"images": 1000 * step, "val_cos": step / 100} for step in range(1, 31)]
    (records / "curve.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Sources(figures=tmp_path, records=records, entry=SHIPPED)


@pytest.mark.parametrize(
    ("blank", "filled"),
    [
        ("{{ spec sha256 }}", SHIPPED.spec.sha256),
        ("{{ spec thresholds.grant }}", f"{SHIPPED.spec.thresholds['grant']:g}"),
        ("{{ value lfw accuracy }}", "0.5 [0.4, 0.6] (1,800)"),
        ("{{ number lfw accuracy }}", "0.5"),
        ("{{ number lfw pairs }}", "2,687,149"),
        ("{{ record quantize noise_db }}", "23.8 / 17"),
        ("{{ less lfw accuracy kept }}", "-0.25"),
        ("{{ network }}", "1.45 M parameters, 125 M multiply-adds"),
        ("{{ worst }}", "`Conv` 19 dB"),
        ("{{ last images }} samples", "30,000 samples"),
        ("{{ command lfw }}", "`python -m tools.evaluate lfw --data DATA --peers WEIGHTS`"),
        ("no blank, {braces}", "no blank, {braces}"),
    ],
)
def test_a_blank_is_filled(sources: Sources, blank: str, filled: str) -> None:
    assert fill(blank, sources) == filled


def test_a_table_has_the_figures_that_fit_and_the_peers_that_have_them(sources: Sources) -> None:
    assert fill("{{ table lfw accuracy tar_* !*_says }}", sources).splitlines() == [
        "| figure | value [95 % interval] (n) | rival |",
        "| --- | --- | --- |",
        "| accuracy | 0.5 [0.4, 0.6] (1,800) | 0.6 [0.5, 0.7] (1,800) |",
        "| tar mask | 0.4 [0.3, 0.5] (1,800) |  |",
    ]
    assert "-0.1 [-0.2, 0] (1,800)" in fill("{{ ahead lfw }}", sources)


def test_a_curve_is_thinned_but_keeps_its_end(sources: Sources) -> None:
    lines = fill("{{ curve images val_cos }}", sources).splitlines()
    assert lines[2] == "| 1,000 | 0.01 |"
    assert lines[-1] == "| 30,000 | 0.3 |"
    assert len(lines) < 20


@pytest.mark.parametrize(
    ("blank", "problem"),
    [
        ("{{ guess lfw }}", "there is no guess"),
        ("{{ value pose recall }}", "pose.json"),
        ("{{ value lfw recall }}", "recall"),
        ("{{ table lfw eer_* }}", "no figure fits"),
        ("{{ value lfw }}", "cannot be filled"),
        ("{{ spec colour }}", "colour"),
        ("{{ record float accuracy }}", "float.json"),
    ],
)
def test_what_cannot_be_filled_is_said(sources: Sources, blank: str, problem: str) -> None:
    with pytest.raises(CardError, match=problem):
        fill(blank, sources)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"quick": True}, "quick run"),
        ({"models": {NAME: "0"}}, "another"),
        ({"models": {}}, "another"),
        ({"models": {NAME: SHIPPED.spec.sha256, "edgeface-detect-320": "0"}}, "another edgeface-detect-320"),
    ],
)
def test_figures_of_a_quick_run_or_another_model_are_refused(
    sources: Sources, change: dict[str, Any], problem: str
) -> None:
    (sources.figures / "lfw.json").write_text(json.dumps(measured(**change)))
    with pytest.raises(CardError, match=problem):
        fill("{{ value lfw accuracy }}", sources)


def test_patterns_take_and_leave_out_in_the_order_of_the_figures() -> None:
    names = dict.fromkeys(["b_1", "a_1", "b_2", "b_2_says"])
    assert fitting(names, ["a_*", "b_*", "!*_says"]) == ["b_1", "a_1", "b_2"]
    assert fitting(names, ["!b_*"]) == ["a_1"]


def test_a_card_needs_a_text_and_a_model(tmp_path: Path) -> None:
    """A text is all that a new card takes; one whose model is not there yet waits."""
    shutil.copy(manifest.shipped(), tmp_path / "manifest.toml")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / f"{NAME}.md").write_text("sha256 {{ spec sha256 }}\n")
    (tmp_path / "cards" / "edgeface-mind-reader.md").write_text("{{ spec sha256 }}\n")
    assert write_cards(tmp_path, tmp_path) == [
        f"wrote {NAME}.md",
        "skipped edgeface-mind-reader: it is not in the manifest",
    ]
    assert (tmp_path / f"{NAME}.md").read_text() == f"sha256 {SHIPPED.spec.sha256}\n"
    assert not (tmp_path / "edgeface-mind-reader.md").exists()


def test_a_curve_of_another_run_stands_beside_the_first(sources: Sources) -> None:
    (sources.records / "curve-other.jsonl").write_text('{"images": 5, "loss": 0.25}\n')
    assert fill("{{ curve curve-other.jsonl images loss }}", sources).endswith("| 5 | 0.25 |")


def test_what_was_not_measured_is_left_out_with_its_words(sources: Sources) -> None:
    known = "{{ if lfw }}\nknown {{ number lfw accuracy }}\n{{ end }}\n"
    unknown = "{{ if visits }}\nnot {{ number visits people }}\n{{ end }}\n"
    assert fill(f"before\n{known}{unknown}after\n", sources) == "before\nknown 0.5\nafter\n"


def test_a_page_of_which_nothing_was_measured_stays_as_it_is(tmp_path: Path, sources: Sources) -> None:
    shutil.copy(manifest.shipped(), tmp_path / "manifest.toml")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "installs.md").write_text("{{ if installs }}\nof one day\n{{ end }}\n")
    (tmp_path / "installs.md").write_text("of another day\n")
    assert write_cards(tmp_path, sources.figures) == ["left installs.md as it was: nothing of it was measured"]
    assert (tmp_path / "installs.md").read_text() == "of another day\n"


def test_a_page_about_other_models_needs_no_model(tmp_path: Path, sources: Sources) -> None:
    shutil.copy(manifest.shipped(), tmp_path / "manifest.toml")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "installs.md").write_text("{{ value lfw accuracy }}\n")
    (tmp_path / "cards" / "readme-installs.md").write_text("for README.md only\n")
    assert write_cards(tmp_path, sources.figures) == ["wrote installs.md"]
    assert (tmp_path / "installs.md").read_text() == "0.5 [0.4, 0.6] (1,800)\n"
    assert not (tmp_path / "readme-installs.md").exists()


def test_every_shipped_text_asks_for_what_there_is() -> None:
    """Verbs, measures and records; the figures themselves need the data."""
    texts = sorted((cards.MODELS / "cards").glob("*.md"))
    assert texts
    for text in texts:
        blanks = cards.BLANK.findall(text.read_text(encoding="utf-8"))
        assert blanks, text.name
        assert text.read_text(encoding="utf-8").count("{{") == len(blanks), text.name
        assert {verb for verb, _ in blanks} <= {*cards.VERBS, "if", "end"}, text.name
        for verb, after in blanks:
            first = (after.split() or [""])[0]
            if verb in ("value", "number", "table", "ahead", "command", "if"):
                assert first in MEASURES, (text.name, first)
            if verb in ("record", "worst", "curve", "last"):
                cards.fill(f"{{{{ {verb}{after} }}}}", Sources(figures=text.parent, records=_records(text), entry=None))


def _records(text: Path) -> Path:
    return cards.MODELS / "records" / text.stem


def test_a_readme_without_its_markers_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    monkeypatch.setattr(cards, "README", readme)
    begin, end = cards.FIGURES
    readme.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    cards._between(cards.FIGURES, "new")
    assert readme.read_text() == f"before\n{begin}\nnew\n{end}\nafter\n"
    for broken in ("no marker", f"{begin} only", f"{end} {begin}"):
        readme.write_text(broken)
        with pytest.raises(CardError, match="nothing was written"):
            cards._between(cards.FIGURES, "new")
        assert readme.read_text() == broken


def test_no_card_was_left_with_a_blank() -> None:
    cards_written = [cards.MODELS / text.name for text in (cards.MODELS / "cards").glob("edgeface-*.md")]
    assert cards_written
    assert not [card.name for card in cards_written if "{{" in card.read_text(encoding="utf-8")]


def test_a_table_with_figures_typed_by_hand_owns_up_to_it() -> None:
    """Measured figures come with an interval, and into a text through a blank; what was counted once says so."""
    typed = re.compile(r"^\|.*\d+(\.\d+)? ?%? \[\d", re.MULTILINE)
    for text in (cards.MODELS / "cards").glob("*.md"):
        for section in text.read_text(encoding="utf-8").split("\n## "):
            assert not typed.search(section) or "Counted once" in section, (text.name, section.partition("\n")[0])


def test_every_capital_of_a_recipe_is_explained() -> None:
    """What a recipe's commands name, the list under them tells, and nothing else."""
    for text in sorted((MODELS / "cards").glob("edgeface-*.md")):
        recipe = text.read_text(encoding="utf-8").partition("## Recipe\n")[2].partition("\n## ")[0]
        commands = recipe.partition("```sh\n")[2].partition("```")[0]
        told = re.findall(r"^- `(\w+)`: .", fill("".join(re.findall(r"\{\{ folders .*? \}\}", recipe)), NOTHING), re.M)
        assert set(told) == set(re.findall(r"\b[A-Z]{3,}\b", commands)), text.name
