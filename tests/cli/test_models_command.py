"""`edgeface models`: what is in use, under which licence, and whether it is what it claims to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from calling import Edgeface

from edgeface.adapters import catalog, manifest
from edgeface.service.bootstrap import Loaded


def rows(output: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in map(json.loads, output.splitlines())}


@pytest.fixture
def other(tmp_path: Path, loaded: Loaded) -> Path:
    """A manifest of somebody else's: our embedder again, without its mirror, and one file that is damaged."""
    spec = loaded.embedder.spec
    content = (loaded.choice.embedder.folder / spec.file).read_bytes()
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "one.tflite").write_bytes(content)
    (folder / "damaged.tflite").write_bytes(content[:-1])
    template = str([list(point) for point in spec.template])
    text = ""
    for name in ("one", "damaged"):
        text += (
            f'[{name}]\ntask = "embedder"\nfile = "{name}.tflite"\nsha256 = "{spec.sha256}"\nlicence = "MIT"\n'
            f'origin = "somebody else"\nlayout = "embedding"\nwidth_px = {spec.width_px}\n'
            f"height_px = {spec.height_px}\nmean = {spec.mean}\nstd = {spec.std}\ntemplate = {template}\n"
            f"dimensions = {spec.dimensions}\nthresholds = {{ grant = 0.6 }}\n"
        )
    path = folder / "manifest.toml"
    path.write_text(text)
    return path


def test_the_list_shows_licences_and_what_is_in_use(edgeface: Edgeface) -> None:
    found = rows(edgeface("models", "list", "--json").output)
    assert set(found) == set(manifest.read(manifest.shipped())) | set(catalog.read(catalog.shipped()))
    for row in found.values():
        assert set(row) == {
            "name", "task", "in_use", "input", "licence", "origin", "manifest",
            "golden", "calibration", "impostor_tail",
        }  # fmt: skip
        assert row["licence"] == "Apache-2.0"
    used = [row["task"] for row in found.values() if row["in_use"]]
    assert {"detector", "embedder"} <= set(used)
    assert len(set(used)) == len(used)
    assert {name for name, row in found.items() if row["manifest"] is None} == set(catalog.read(catalog.shipped()))
    text = edgeface("models", "list").output
    assert text.count("\n* ") + text.startswith("* ") == len(used)


def test_use_another_and_go_back(edgeface: Edgeface, other: Path, pictures: Path, loaded: Loaded) -> None:
    """Templates are bound to the embedder: with another one nobody is known, and going back brings them back."""
    own = loaded.embedder.spec.name
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    result = edgeface("models", "use", "one", "--manifest", other)
    assert result.exit_code == 0
    assert "one is now the embedder (litert-xnnpack)." in result.output
    assert "Licence: MIT. Origin: somebody else." in result.output
    assert rows(edgeface("models", "list", "--json").output)["one"]["in_use"]
    (person,) = (json.loads(line) for line in edgeface("people", "list", "--json").output.splitlines())
    assert (person["templates"], person["templates_of_other_models"]) == (0, 1)
    assert "cannot be recognised: enrol again" in edgeface("people").output
    assert edgeface("models", "use", own).exit_code == 0
    (person,) = (json.loads(line) for line in edgeface("people", "list", "--json").output.splitlines())
    assert (person["templates"], person["templates_of_other_models"]) == (1, 0)


def test_a_damaged_model_is_not_put_to_use(edgeface: Edgeface, other: Path, home: Path) -> None:
    before = edgeface("models", "list", "--json").output
    result = edgeface("models", "use", "damaged", "--manifest", other)
    assert result.exit_code == 65
    assert "altered or damaged" in result.output
    assert not (home / manifest.CHOICE).exists()
    assert edgeface("models", "list", "--json").output == before


def test_check_says_ok_or_why_not(edgeface: Edgeface, other: Path) -> None:
    result = edgeface("models", "check", "--json")
    assert result.exit_code == 0
    assert all(row["ok"] and row["kernels"] == "litert-xnnpack" for row in rows(result.output).values())
    result = edgeface("models", "check", "--manifest", other, "--json", "one", "damaged")
    assert result.exit_code == 1
    found = rows(result.output)
    assert found["one"]["ok"]
    assert not found["damaged"]["ok"]
    assert "altered or damaged" in found["damaged"]["error"]
    text = edgeface("models", "check", "--manifest", other, "one", "damaged").output
    assert text.startswith("ok ")
    assert "\nFAILED " in text


def test_check_with_a_manifest_checks_that_manifest(edgeface: Edgeface, other: Path) -> None:
    result = edgeface("models", "check", "--manifest", other, "--json")
    assert result.exit_code == 1
    assert {name for name, row in rows(result.output).items() if not row["ok"]} == {"damaged"}


@pytest.mark.parametrize("verb", ["use", "check"])
def test_a_name_that_nobody_knows(edgeface: Edgeface, verb: str) -> None:
    result = edgeface("models", verb, "nonesuch")
    assert result.exit_code in (1, 65)
    assert "no model is named nonesuch; there are: edgeface-" in result.output


def test_a_model_that_is_not_as_declared(edgeface: Edgeface, other: Path) -> None:
    other.write_text(other.read_text().replace("dimensions = 128", "dimensions = 512"))
    result = edgeface("models", "use", "one", "--manifest", other)
    assert result.exit_code == 65
    assert "gives 128 numbers, its manifest promises 512" in result.output


def test_a_broken_choice_stops_everything_with_advice(edgeface: Edgeface, home: Path, pictures: Path) -> None:
    home.mkdir()
    (home / manifest.CHOICE).write_text("nonsense")
    for words in (("inspect", pictures), ("people",), ("models", "list"), ("run", "--source", pictures)):
        result = edgeface(*words)
        assert result.exit_code == 65
        assert "delete it to go back to the shipped models" in result.output
