"""A new file, and what was measured on it, in the manifest: other lines stay, and nothing outlives its file."""

from __future__ import annotations

import shutil
from base64 import b64encode
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from edgeface.adapters import golden, manifest, tflite
from edgeface.adapters.golden import Proof
from edgeface.errors import ModelError
from edgeface.model import Task
from tools.install_model import install

EMBEDDER, DETECTOR = (
    next(name for name, entry in manifest.read(manifest.shipped()).items() if entry.spec.task is task)
    for task in (Task.EMBEDDER, Task.DETECTOR)
)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A copy of the shipped manifest with its files."""
    path = tmp_path / "manifest.toml"
    shutil.copyfile(manifest.shipped(), path)
    for entry in manifest.read(path).values():
        shutil.copyfile(manifest.shipped().parent / entry.spec.file, tmp_path / entry.spec.file)
    return path


def altered(shelf: Path) -> Path:
    """The embedder with a bit of its last weights flipped: another model."""
    content = bytearray((shelf.parent / f"{EMBEDDER}.tflite").read_bytes())
    content[len(content) // 2] ^= 0x40
    new = shelf.parent / "new.tflite"
    new.write_bytes(content)
    return new


def measured(sha256: str) -> dict[str, Any]:
    return {
        "sha256": sha256,
        "calibration": [[0.1, -2.0], [0.5, 3.0]],
        "impostor_tail": {
            "above": 0.3,
            "rate": 0.01,
            "shape": -0.1,
            "scale": 0.05,
            "shape_interval": [-0.2, 0.0],
            "scale_interval": [0.04, 0.06],
            "exceedances": 10,
            "pairs": 1000,
            "lowest_fmr": 1e-05,
        },
    }


def test_writing_what_is_there_already_changes_nothing(shelf: Path) -> None:
    before = shelf.read_text(encoding="utf-8")
    for name in (EMBEDDER, DETECTOR):
        install(name, None, None, {}, shelf)
    assert shelf.read_text(encoding="utf-8") == before


def test_a_new_file_forgets_what_was_measured_on_the_former(shelf: Path) -> None:
    before = manifest.read(shelf)
    install(EMBEDDER, altered(shelf), 0.5, {}, shelf)
    after = manifest.read(shelf)
    spec = after[EMBEDDER].spec
    assert after[DETECTOR] == before[DETECTOR]
    assert (spec.calibration, spec.impostor_tail) == ((), None)
    assert spec.thresholds == {"grant": 0.5}
    assert spec.golden != before[EMBEDDER].spec.golden
    assert golden.verify(tflite.load(spec, shelf.parent)).proof is Proof.PROVEN
    assert "# A tight window on the face" in shelf.read_text(encoding="utf-8")


def test_digests_of_other_kernels_stay_as_long_as_the_file_does(shelf: Path) -> None:
    text = shelf.read_text(encoding="utf-8")
    mine = manifest.read(shelf)[EMBEDDER].spec.golden["litert-xnnpack"]
    shelf.write_text(text.replace(f'"litert-xnnpack" = "{mine}"', f'"other" = "{"0" * 64}"'), encoding="utf-8")
    install(EMBEDDER, None, None, {}, shelf)
    assert manifest.read(shelf)[EMBEDDER].spec.golden == {"litert-xnnpack": mine, "other": "0" * 64}
    install(EMBEDDER, altered(shelf), None, {}, shelf)
    assert set(manifest.read(shelf)[EMBEDDER].spec.golden) == {"litert-xnnpack"}


def test_a_calibration_is_written_as_it_was_measured(shelf: Path) -> None:
    sha256 = manifest.read(shelf)[EMBEDDER].spec.sha256
    install(EMBEDDER, None, None, measured(sha256), shelf)
    spec = manifest.read(shelf)[EMBEDDER].spec
    assert spec.calibration == ((0.1, -2.0), (0.5, 3.0))
    assert spec.impostor_tail is not None
    assert (spec.impostor_tail.shape_interval, spec.impostor_tail.lowest_fmr) == ((-0.2, 0.0), 1e-5)


def test_a_scoring_is_written_as_it_was_learnt(shelf: Path) -> None:
    spec = manifest.read(shelf)[EMBEDDER].spec
    assert spec.scoring is not None
    other = replace(spec.scoring, level=0.25, directions=spec.scoring.directions[: 3 * spec.dimensions])
    table = {key: b64encode(part).decode() if isinstance(part, bytes) else part for key, part in asdict(other).items()}
    install(EMBEDDER, None, None, {"sha256": spec.sha256, "scoring": table}, shelf)
    assert manifest.read(shelf)[EMBEDDER].spec == replace(spec, scoring=other)


@pytest.mark.parametrize(
    ("key", "odd"),
    [
        ("probe", "AAAA"),
        ("template", "no base64!"),
        ("directions", "AAAA"),
        ("dimensions", 64),
        ("sharpness", 0),
        ("weight", "much"),
        ("level", 2.0),
        ("more", 1.0),
    ],
)
def test_a_scoring_that_is_none_is_named(shelf: Path, key: str, odd: object) -> None:
    spec = manifest.read(shelf)[EMBEDDER].spec
    assert spec.scoring is not None
    table = {
        k: b64encode(part).decode() if isinstance(part, bytes) else part for k, part in asdict(spec.scoring).items()
    }
    install(EMBEDDER, None, None, {"sha256": spec.sha256, "scoring": table}, shelf)
    text = shelf.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("scoring = "))
    told = ", ".join(f"{k} = {v!r}" for k, v in (table | {key: odd}).items())
    shelf.write_text(text.replace(line, f"scoring = {{ {told} }}"), encoding="utf-8")
    with pytest.raises(ModelError, match="scoring") as caught:
        manifest.read(shelf)
    assert len(str(caught.value)) < 500


def test_a_calibration_of_another_file_is_refused(shelf: Path) -> None:
    before = shelf.read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="measured on a file 000000000000"):
        install(EMBEDDER, None, None, measured("0" * 64), shelf)
    assert shelf.read_text(encoding="utf-8") == before


def test_a_name_without_an_entry(shelf: Path) -> None:
    with pytest.raises((SystemExit, ModelError, KeyError)):
        install("nonesuch", None, None, {}, shelf)
