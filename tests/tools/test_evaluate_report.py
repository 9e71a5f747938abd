"""A whole run on measures made up for the purpose: what is kept, what is not run again, what is said to be missing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeface.service.bootstrap import Loaded, load_models
from tools.datasets import Archive
from tools.evaluate import __main__ as command
from tools.evaluate import plots, record
from tools.evaluate.acquire import Bench, Measure, Plot, Report
from tools.metrics import Figure

RATE = Figure(value=0.5, low=0.4, high=0.6, n=7)
AHEAD = Figure(value=-0.25, low=-0.5, high=0.125, n=7)


def draw(file: Path) -> None:
    with plots.canvas(file) as axes:
        axes.plot([0, 1])


def without_pose(home: Path) -> Loaded:
    """The shipped models but one."""
    loaded = load_models(home)
    return replace(loaded, choice=replace(loaded.choice, pose=None), models=replace(loaded.models, pose=None))


def found(bench: Bench) -> Report:
    return Report(
        figures={"rate": RATE, "threshold": 0.45, "says": "too few to tell"},
        peers={"rival": {"rate": RATE}},
        ahead={"rival": {"rate": AHEAD}},
        plots={"curve": Plot(says="A line.", draw=draw)},
        remarks=("Another rival left out: not installed.",),
    )


PLAIN = Measure(title="A plain one", run=found, needs=(), method="By **counting**.")


class Counted:
    """A measure that counts how often it is run."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, bench: Bench) -> Report:
        self.runs += 1
        return found(bench)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    one = Counted()
    measures = {
        "plain": Measure(title="A plain one", run=one, needs=(), method="By **counting**."),
        "archived": Measure(title="Of an archive", run=found, needs=("faces.tar",), method="By reading."),
        "asked": Measure(title="On request", run=found, needs=(), method="By asking.", option="utkface"),
        "unmade": Measure(title="No model yet", run=found, needs=(), method="By looking.", model="pose"),
    }
    monkeypatch.setattr(command, "load_models", without_pose)
    monkeypatch.setattr(command, "MEASURES", measures)
    return one


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> int:
    """Exit code of the command, with an empty data folder and the shipped models."""
    (folder / "data").mkdir(exist_ok=True)
    places = ["--data", str(folder / "data"), "--home", str(folder / "home")]
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments, *places])
    try:
        command.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_run_leaves_a_report_with_everything_and_says_what_it_lacked(
    tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(monkeypatch, tmp_path, "all", "--out", str(out)) == command.INCOMPLETE
    text = (out / "report.md").read_text()
    for part in (
        "## A plain one",
        "By **counting**.",
        "| rate | 0.5 [0.4, 0.6] (7) | 0.5 [0.4, 0.6] (7) |",
        "| rate | -0.25 [-0.5, 0.125] (7) |",
        "![A line.](plain-curve.png)",
        "Another rival left out: not installed.",
        "python -m tools.evaluate plain --data DATA --out DIR",
        "archived: there is no faces.tar in data",
        "asked: not asked for, it needs --utkface",
        "unmade: no pose model is in use",
    ):
        assert part in text
    assert "## Of an archive" not in text
    assert (out / "plain-curve.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "report.html").read_text()
    assert "<strong>counting</strong>" in page
    assert "data:image/png;base64," in page
    everything = json.loads((out / "report.json").read_text())
    assert everything["measures"]["plain"]["figures"]["rate"] == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 7}
    assert [one["name"] for one in everything["missing"]] == ["archived", "asked", "unmade"]
    assert "0.5 [0.4, 0.6] (7)" in capsys.readouterr().out


def test_every_model_stands_in_the_report_with_its_digest(
    tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, tmp_path, "plain", "--out", str(tmp_path / "out"))
    text = (tmp_path / "out" / "report.md").read_text()
    choice = load_models(tmp_path / "home").choice
    for entry in (choice.detector, choice.embedder):
        assert f"| {entry.spec.name} | `{entry.spec.sha256}` |" in text


def test_a_report_of_two_trainings_of_a_model_names_both(
    tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(monkeypatch, tmp_path, "plain", "--out", str(out))
    older = json.loads((out / "plain.json").read_text())
    name = next(iter(older["models"]))
    older["models"][name] = "0" * 64
    (out / "archived.json").write_text(json.dumps(older))
    run(monkeypatch, tmp_path, "plain", "--out", str(out))
    text = (out / "report.md").read_text()
    assert text.count(f"| ours | {name} | `") == 2
    assert f"| ours | {name} | `{'0' * 64}` |" in text


def test_what_stands_is_not_measured_again(tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(tmp_path / "out")
    for _ in range(2):
        assert run(monkeypatch, tmp_path, "plain", "--out", out) == 0
    assert counted.runs == 1
    run(monkeypatch, tmp_path, "plain", "--out", out, "--fresh")
    assert counted.runs == 2
    run(monkeypatch, tmp_path, "plain", "--out", out, "--quick")
    assert counted.runs == 3


@pytest.mark.parametrize("harm", ["models", "plot", "torn"])
def test_a_record_of_other_models_or_with_parts_missing_is_made_again(
    tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    out = tmp_path / "out"
    run(monkeypatch, tmp_path, "plain", "--out", str(out))
    kept = out / "plain.json"
    if harm == "models":
        content = json.loads(kept.read_text())
        content["models"] = dict.fromkeys(content["models"], "0" * 64)
        kept.write_text(json.dumps(content))
    elif harm == "plot":
        (out / "plain-curve.png").unlink()
    else:
        kept.write_text(kept.read_text()[:40])
    run(monkeypatch, tmp_path, "plain", "--out", str(out))
    assert counted.runs == 2


def test_a_part_of_all_may_be_asked_for(tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, tmp_path, "all", "--only", "plain,asked", "--out", str(tmp_path / "out")) == 0
    assert counted.runs == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["all"], "all needs --out"),
        (["all", "--out", "x", "--only", "plain,speed"], "there is no measure speed"),
        (["plain", "--only", "plain"], "--only goes with all"),
        (["all", "--out", "x", "--json", "y"], "--json goes with a single measure"),
    ],
)
def test_command_lines_that_make_no_sense_are_refused(
    tmp_path: Path,
    counted: Counted,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    assert run(monkeypatch, tmp_path, *arguments) == 2
    assert says in capsys.readouterr().err


def test_figures_of_one_measure_are_kept_flat(
    tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "figures.json"
    assert run(monkeypatch, tmp_path, "plain", "--json", str(kept)) == 0
    assert json.loads(kept.read_text()) == {
        "rate": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 7},
        "threshold": 0.45,
        "says": "too few to tell",
    }


def test_a_face_is_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def picture(self: Archive, name: str) -> np.ndarray:
        read.append(name)
        return np.full((96, 96, 3), 120, np.uint8)

    monkeypatch.setattr(Archive, "picture", picture)
    bench = Bench(data=tmp_path, loaded=load_models(tmp_path / "home"))
    archive = Archive(tmp_path / "faces.tar")
    assert bench.vectors(archive, ["a", "b"], "first") == {"a": None, "b": None}
    assert bench.vectors(archive, ["b", "a"], "again") == {"a": None, "b": None}
    assert bench.face(archive, "a") is None
    assert read == ["a", "b"]


def test_peers_files_are_told_apart_by_their_content(tmp_path: Path) -> None:
    bench = Bench(data=tmp_path, loaded=load_models(tmp_path / "home"), peers=tmp_path)
    (tmp_path / "rival.onnx").write_bytes(b"one")
    first = record.fingerprint(bench, PLAIN)
    (tmp_path / "rival.onnx").write_bytes(b"two")
    assert first != record.fingerprint(bench, PLAIN)
    assert replace(bench, peers=None).weights() == {}


def test_another_threshold_is_another_measurement(tmp_path: Path) -> None:
    bench = Bench(data=tmp_path, loaded=load_models(tmp_path / "home"))
    embedder = bench.loaded.choice.embedder
    moved = replace(embedder, spec=replace(embedder.spec, thresholds={"grant": 0.5}))
    other = replace(bench, loaded=replace(bench.loaded, choice=replace(bench.loaded.choice, embedder=moved)))
    assert bench.models() == other.models()
    assert record.fingerprint(bench, PLAIN) != record.fingerprint(other, PLAIN)


def test_other_code_is_another_measurement(tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(tmp_path / "out")
    run(monkeypatch, tmp_path, "plain", "--out", out)
    monkeypatch.setattr(record.source, "digest", lambda module: "0" * 64)
    run(monkeypatch, tmp_path, "plain", "--out", out)
    assert counted.runs == 2


def test_other_data_are_another_measurement(tmp_path: Path) -> None:
    bench = Bench(data=tmp_path, loaded=load_models(tmp_path / "home"))
    one = replace(PLAIN, needs=("faces.tar",))
    (tmp_path / "faces.tar").write_bytes(b"one")
    first = record.fingerprint(bench, one)
    (tmp_path / "faces.tar").write_bytes(b"two")
    assert first != record.fingerprint(bench, one)
