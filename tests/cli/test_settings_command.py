"""`edgeface config`, `doctor` and `bench`: what is set, what is here, how fast it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from calling import Edgeface

from edgeface.adapters import tflite
from edgeface.cli import bench as bench_module
from edgeface.config import parse
from edgeface.service.bootstrap import Loaded
from edgeface.service.settings import Config


def test_what_is_shown_can_be_used(edgeface: Edgeface, home: Path) -> None:
    shown = edgeface("config", "show")
    assert shown.exit_code == 0
    assert parse(shown.output, Config) == Config()
    home.mkdir()
    (home / "edgeface.toml").write_text("[decide]\nmin_shots = 4\n")
    changed = edgeface("config", "show").output
    assert parse(changed, Config).decide.min_shots == 4
    (home / "edgeface.toml").write_text(changed)
    assert edgeface("config", "show").output == changed
    assert edgeface("config", "check").exit_code == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[quality]\nmin_sharpnes = 3\n", "quality.min_sharpnes"),
        ("[decide]\nmin_shots = 1\n", "decide.min_shots"),
        ('[run]\nthreads = "two"\n', "run.threads"),
        ("[decide\n", "TOML"),
    ],
)
def test_a_broken_setting_is_named_by_every_command(
    edgeface: Edgeface, home: Path, pictures: Path, text: str, named: str
) -> None:
    home.mkdir()
    (home / "edgeface.toml").write_text(text)
    for words in (("config", "check"), ("config", "show"), ("inspect", pictures), ("run", "--source", pictures)):
        result = edgeface(*words)
        assert result.exit_code == 78
        assert named in result.output
        assert str(home / "edgeface.toml") in result.output


def test_another_file_can_be_named(edgeface: Edgeface, home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[decide]\nmin_shots = 5\n")
    assert parse(edgeface("--config", other, "config", "show").output, Config).decide.min_shots == 5
    result = edgeface("--config", tmp_path / "missing.toml", "config", "check")
    assert result.exit_code == 78
    assert "missing.toml" in result.output


def test_the_doctor_looks_at_everything(edgeface: Edgeface, home: Path) -> None:
    result = edgeface("doctor", "--json")
    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert [row["check"] for row in rows] == [
        "version", "runtime", "configuration", "models", "liveness", "device key", "gallery", "retention",
        "clock", "cameras", "access", "door", "broker",
    ]  # fmt: skip
    assert all(set(row) == {"check", "health", "detail"} for row in rows)
    assert {row["health"] for row in rows} <= {"ok", "warning"}
    told = {row["check"]: row for row in rows}
    assert "LiteRT" in told["runtime"]["detail"]
    assert "litert-xnnpack" in told["models"]["detail"]
    assert "none yet" in told["gallery"]["detail"]
    assert not home.exists()


def test_the_doctor_in_words(edgeface: Edgeface) -> None:
    text = edgeface("doctor").output
    assert "ok       runtime        LiteRT" in text


def test_the_doctor_finds_what_is_broken_and_goes_on(edgeface: Edgeface, home: Path) -> None:
    home.mkdir()
    (home / "edgeface.toml").write_text('[mqtt]\nbroker = "ftp://nowhere"\n')
    (home / "gallery.db.exists").write_text("0" * 32)
    (home / "models.toml").write_text("nonsense")
    result = edgeface("doctor", "--json")
    assert result.exit_code == 1
    health = {row["check"]: row["health"] for row in map(json.loads, result.output.splitlines())}
    assert [health[name] for name in ("models", "gallery", "broker")] == ["failed"] * 3
    assert health["clock"] in ("ok", "warning")


@pytest.mark.parametrize(
    ("required", "model", "health", "said"),
    [
        (False, True, "ok", 'told but not required: set require = ["picture"] under [liveness]'),
        (True, True, "ok", "required: 0."),
        (False, False, "warning", "a picture of somebody may open the door"),
        (True, False, "failed", "nobody will be let in"),
    ],
)
def test_the_doctor_says_whether_pictures_are_refused(
    edgeface: Edgeface,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    required: bool,
    model: bool,
    health: str,
    said: str,
) -> None:
    home.mkdir()
    (home / "edgeface.toml").write_text('[liveness]\nrequire = ["picture"]\n' if required else "")
    if not model:
        monkeypatch.setattr(Loaded, "live_floor", lambda self, wanted: None)
    result = edgeface("doctor", "--json")
    (found,) = (row for row in map(json.loads, result.output.splitlines()) if row["check"] == "liveness")
    assert found["health"] == health
    assert said in found["detail"]
    assert result.exit_code == (1 if health == "failed" else 0)


def test_the_doctor_counts_people(edgeface: Edgeface, pictures: Path) -> None:
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    assert "1 people, SQLite" in edgeface("doctor").output


def test_the_doctor_warns_of_the_slow_runtime(edgeface: Edgeface, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "RUNTIMES", (("tflite", tflite.RUNTIMES[0][1]),))
    result = edgeface("doctor", "--json")
    told = {row["check"]: row for row in map(json.loads, result.output.splitlines())}
    assert result.exit_code == 0
    assert told["runtime"]["health"] == "warning"
    assert "use ai-edge-litert" in told["runtime"]["detail"]


def test_the_doctor_without_any_runtime(edgeface: Edgeface, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "RUNTIMES", (("litert", "no_such_module"),))
    result = edgeface("doctor", "--json")
    told = {row["check"]: row for row in map(json.loads, result.output.splitlines())}
    assert result.exit_code == 1
    assert (told["runtime"]["health"], told["models"]["health"]) == ("failed", "failed")


@pytest.mark.parametrize("with_picture", [True, False])
def test_bench_times_every_stage(edgeface: Edgeface, pictures: Path, with_picture: bool) -> None:
    words = [pictures / "hopper.png"] if with_picture else []
    result = edgeface("bench", *words, "--rounds", "5", "--people", "10", "--json")
    assert result.exit_code == 0
    report = json.loads(result.output)
    assert list(report["ms"]) == list(bench_module.STAGES)
    assert all(0 <= times["p50"] <= times["p95"] for times in report["ms"].values())
    assert report["picture"] == ([300, 340] if with_picture else [1280, 720])
    assert report["resident_mb"] > 10
    assert report["ms"]["all"]["p50"] >= max(report["ms"][stage]["p50"] for stage in bench_module.STAGES[:-1])


def test_bench_in_words(edgeface: Edgeface) -> None:
    text = edgeface("bench", "--rounds", "5", "--people", "1").output
    assert "median ms" in text
    assert "embed" in text
    assert "resident memory" in text


def test_bench_on_a_bad_picture(edgeface: Edgeface, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"hello")
    result = edgeface("bench", tmp_path / "bad.png")
    assert result.exit_code == 65
    assert "not_a_picture" in result.output


@pytest.mark.parametrize("setting", ['broker = "http://x"', 'broker = "mqtt://x"\nbase = "a/b"'])
def test_check_looks_at_the_broker_too(edgeface: Edgeface, home: Path, setting: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "edgeface.toml").write_text(f"[mqtt]\n{setting}\n", encoding="utf-8")
    assert edgeface("config", "check").exit_code == 78


def test_the_runtime_is_a_choice(edgeface: Edgeface, home: Path) -> None:
    home.mkdir()
    settings = home / "edgeface.toml"
    settings.write_text('[run]\nruntime = "litert"\n')
    assert edgeface("doctor").exit_code == 0
    settings.write_text('[run]\nruntime = "other"\n')
    result = edgeface("config", "check")
    assert result.exit_code == 78
    assert "run.runtime must be litert, tflite or empty" in result.output
    settings.write_text('[run]\nruntime = "tflite"\n')
    assert "no TFLite runtime works" in edgeface("inspect", home).output
