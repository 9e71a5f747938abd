"""`edgeface models pack | update | status | roll-back`: the whole way of a bundle, from a desk to a reader and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from calling import Edgeface

from bundles import packed, shipped, trust, trusting
from edgeface.adapters import manifest, release, slots
from edgeface.bridge import Bridge
from edgeface.frame import Pixels
from edgeface.service.bootstrap import Loaded
from tools import fit_map


@pytest.fixture
def key(edgeface: Edgeface, tmp_path: Path) -> Path:
    """A publisher's key; the reader trusts its public part."""
    file = tmp_path / "publisher.key"
    public = re.findall(r"ed25519:\S+", edgeface("keys", "make", file).output)
    told = edgeface("keys", "add", *public, "--role", "publish", "--name", "us")
    assert (told.exit_code, "may publish models" in told.output) == (0, True)
    return file


@pytest.fixture
def bundle(edgeface: Edgeface, key: Path, tmp_path: Path) -> Path:
    """All shipped models, as version 3."""
    file = tmp_path / "models.bundle"
    result = edgeface("models", "pack", manifest.shipped().parent, file, "--key", key, "--version", 3, "--says", "new")
    assert (result.exit_code, "version 3, 5 models" in result.output) == (0, True)
    return file


def test_from_the_desk_to_the_reader_and_back(
    edgeface: Edgeface, home: Path, bundle: Path, film_of: Callable[[Pixels, int], Path], pictures: Path,
    astronaut: Pixels,
) -> None:  # fmt: skip
    edgeface("enrol", "Ada", pictures / "astronaut.png")
    result = edgeface("models", "update", bundle)
    assert result.exit_code == 0
    assert "edgeface-embed-80: proven on litert-xnnpack" in result.output
    assert "Version 3 is in use from the next start on, on trial." in result.output
    assert "On trial: 0 minutes" in edgeface("models", "status").output
    assert "Ada" in edgeface("run", "--source", film_of(astronaut, 8), "--fast").output
    state = json.loads(edgeface("models", "status", "--json").output)
    assert (state["active"], state["former"], state["trial"]["starts"]) == ("a", None, 0)
    assert state["trial"]["frames"] > 0
    assert edgeface("models", "update", bundle).exit_code == 65
    result = edgeface("models", "roll-back")
    assert "Version 3 is left. In use from the next start on: the models that came with edgeface." in result.output
    assert "given up: asked for" in edgeface("models", "status").output
    edgeface("models", "status", "--dismiss")
    assert "given up" not in edgeface("models", "status").output
    again = edgeface("models", "update", bundle, "--json")
    assert json.loads(again.stdout)["problem"] == "old_version"


def test_a_trial_ends_when_all_is_proved(
    edgeface: Edgeface, home: Path, bundle: Path, film_of: Callable[[Pixels, int], Path], astronaut: Pixels
) -> None:
    (home / "edgeface.toml").write_text("[update]\nhealth_min = 0\nframes = 1\nvisits = 0\n")
    edgeface("models", "update", bundle)
    edgeface("run", "--source", film_of(astronaut, 3), "--fast")
    assert json.loads(edgeface("models", "status", "--json").output)["trial"] is None
    assert "In use: the models of version 3." in edgeface("models", "status").output


def test_models_given_up_are_an_alarm_until_somebody_has_seen_it(
    edgeface: Edgeface, home: Path, tmp_path: Path, film_of: Callable[[Pixels, int], Path], hopper: Pixels
) -> None:
    trust(home)
    file = tmp_path / "bundle"
    file.write_bytes(packed(1))
    assert edgeface("models", "update", file).exit_code == 0
    damaged = home / slots.FOLDER / "a"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\0")
    result = edgeface("run", "--source", film_of(hopper, 3), "--fast")
    assert result.exit_code == 0
    assert "the models of version 1 were given up for the former ones" in result.stderr
    assert "dismiss" in result.stderr
    edgeface("models", "status", "--dismiss")
    assert "given up" not in edgeface("run", "--source", film_of(hopper, 4), "--fast").stderr


def test_a_second_reader_is_no_try_of_models_on_trial(edgeface: Edgeface, home: Path, tmp_path: Path) -> None:
    """It does not get the gallery, so it neither counts nor throws the switch of the one that runs."""
    with closing(trusting(home)):
        content = packed(1)
        slots.switch(home, slots.put(home, content), release.parse(content, tmp_path))
        slots.on_trial(home, slots.Trial(starts=3))
        assert edgeface("run", "--source", tmp_path).exit_code == 75
    assert slots.read(home).trial == slots.Trial(starts=3)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda content: b"", "not_a_bundle"),
        (lambda content: content[:-1], "truncated"),
        (lambda content: content[:-1] + b"\0", "altered"),
        (lambda content: packed(3, seed=b"\1" * 32), "unknown_publisher"),
        (lambda content: packed(3, shipped(golden={"other": "0" * 64})), "other_runtime"),
    ],
)
def test_each_refusal_has_a_name(
    edgeface: Edgeface, home: Path, tmp_path: Path, spoil: Callable[[bytes], bytes], problem: str
) -> None:
    trust(home)
    file = tmp_path / "bundle"
    file.write_bytes(spoil(packed(3)))
    result = edgeface("models", "update", file, "--json")
    assert result.exit_code == 65
    assert json.loads(result.stdout)["problem"] == problem
    assert f"edgeface: {problem}: " in result.stderr
    assert not (home / slots.FOLDER).exists()


def test_a_file_that_is_not_there(edgeface: Edgeface, home: Path, tmp_path: Path) -> None:
    assert "unreadable" in edgeface("models", "update", tmp_path / "none").stderr


def test_what_promises_nothing_is_not_packed(edgeface: Edgeface, key: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    text = manifest.shipped().read_text()
    (folder / "manifest.toml").write_text(re.sub(r"(?m)^golden = .*\n", "", text))
    for file in manifest.shipped().parent.glob("*.tflite"):
        (folder / file.name).write_bytes(file.read_bytes())
    result = edgeface("models", "pack", folder, tmp_path / "out", "--key", key, "--version", 1)
    assert (result.exit_code, "golden outputs" in result.output) == (65, True)


def test_a_map_is_packed_if_it_leads_to_the_embedder(
    edgeface: Edgeface, key: Path, tmp_path: Path, loaded: Loaded
) -> None:
    bridge = Bridge(
        former="ab" * 32, matrix=np.eye(128, dtype=np.float32), offset=np.zeros(128, np.float32), scale=0.9, shift=0.1,
        measured="on nothing",
    )  # fmt: skip
    words = ("models", "pack", manifest.shipped().parent)
    for to, code in ((loaded.embedder.identity, 0), ("0" * 64, 65)):
        fit_map.save(tmp_path / f"{code}.npz", bridge, to)
        out = tmp_path / f"{code}.bundle"
        result = edgeface(*words, out, "--key", key, "--version", 1, "--map", tmp_path / f"{code}.npz")
        assert result.exit_code == code
    found = release.parse((tmp_path / "0.bundle").read_bytes(), tmp_path).bridges
    assert [(one.former, one.scale) for one in found] == [("ab" * 32, 0.9)]
    (tmp_path / "none.npz").write_bytes(b"PK")
    result = edgeface(*words, tmp_path / "x", "--key", key, "--version", 1, "--map", tmp_path / "none.npz")
    assert (result.exit_code, "no map of tools.fit_map" in result.output) == (65, True)


def test_a_key_that_is_none_is_not_added(edgeface: Edgeface, home: Path) -> None:
    assert edgeface("keys", "add", "ed25519:AAAA", "--role", "publish", "--name", "x").exit_code == 78
