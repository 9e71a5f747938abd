"""Whatever stands in a manifest: a model, or an error of ours that names the key."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgeface.adapters import manifest
from edgeface.adapters.spec import _KINDS, to_spec
from edgeface.errors import ModelError
from edgeface.model import ImpostorTail, ModelSpec

TAIL: dict[str, Any] = {
    "above": 0.3,
    "rate": 0.01,
    "shape": -0.1,
    "scale": 0.05,
    "shape_interval": [-0.12, -0.08],
    "scale_interval": [0.04, 0.06],
    "exceedances": 1000,
    "pairs": 100_000,
    "lowest_fmr": 1e-5,
}
GOOD: dict[str, Any] = {
    "task": "embedder",
    "file": "face.tflite",
    "sha256": "ab" * 32,
    "licence": "MIT",
    "origin": "somebody",
    "layout": "embedding",
    "width_px": 112,
    "height_px": 96,
    "mean": 127,
    "std": 128.5,
    "template": [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]],
    "dimensions": 128,
    "thresholds": {"grant": 0.5},
    "golden": {"litert-xnnpack": "cd" * 32},
    "golden_sample": base64.b64encode(bytes(range(256))).decode(),
    "calibration": [[0.1, -2.0], [0.3, 0.5], [0.6, 4.5]],
    "impostor_tail": TAIL,
}
WHERE = Path("manifest.toml")

scalars = (
    st.none()  # no TOML, but no reason to crash either
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**310)
    | st.floats()
    | st.text()
    | st.datetimes()
    | st.dates()
    | st.times()
)
few = st.text(max_size=4)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(few, inner, max_size=3), max_leaves=5
)
keys = st.sampled_from(sorted(_KINDS)) | st.text()


def test_a_whole_entry_is_read() -> None:
    spec = to_spec("face", GOOD, WHERE)
    assert spec.golden == GOOD["golden"]
    assert spec.golden_sample == bytes(range(256))
    assert spec.calibration == ((0.1, -2.0), (0.3, 0.5), (0.6, 4.5))
    assert spec.impostor_tail == ImpostorTail(
        **TAIL | {"shape_interval": (-0.12, -0.08), "scale_interval": (0.04, 0.06)}
    )


@settings(max_examples=100)
@given(table=values | st.dictionaries(keys, values), name=st.text())
def test_any_table_is_a_model_or_an_error_of_ours(table: Any, name: str) -> None:
    with pytest.raises(ModelError):
        to_spec(name, table, WHERE)


@settings(max_examples=200)
@given(changes=st.dictionaries(st.sampled_from(sorted(_KINDS)), values, min_size=1, max_size=2))
@example(changes={"mean": 10**400})
@example(changes={"impostor_tail": {**TAIL, "pairs": 10**400}})
@example(changes={"calibration": [[0.1, 1], [0.2]]})
def test_any_value_of_a_key_is_taken_or_named(changes: dict[str, Any]) -> None:
    try:
        spec = to_spec("face", {**GOOD, **changes}, WHERE)
    except ModelError as error:
        assert str(error).startswith("manifest.toml: [face]")
    else:
        assert isinstance(spec, ModelSpec)


@settings(max_examples=100)
@given(key=st.sampled_from(sorted(TAIL)), value=values)
def test_any_value_in_the_tail_is_taken_or_named(key: str, value: Any) -> None:
    try:
        tail = to_spec("face", {**GOOD, "impostor_tail": {**TAIL, key: value}}, WHERE).impostor_tail
    except ModelError as error:
        assert "impostor_tail must be a table as tools.calibrate_scores writes it" in str(error)
    else:
        assert tail is not None
        assert 0 < tail.lowest_fmr <= tail.rate < 1
        assert tail.scale > 0


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_file_is_a_manifest_or_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "manifest.toml"
    path.write_bytes(content)
    try:
        assert manifest.read(path) == {}
    except ModelError as error:
        assert str(path) in str(error)


def test_a_file_nested_deeper_than_python_goes(tmp_path: Path) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text("a = " + "[" * 100_000, encoding="utf-8")
    with pytest.raises(ModelError, match="is not TOML"):
        manifest.read(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"golden": {"litert-xnnpack": "cd"}}, "golden must be a table of sha256 digests"),
        ({"golden": {"litert-xnnpack": 5}}, "golden must be a table of sha256 digests"),
        ({"golden": "cd" * 32}, "golden must be a table of sha256 digests"),
        ({"golden_sample": "*"}, "golden_sample must be a text in base64"),
        ({"golden_sample": "é"}, "golden_sample must be a text in base64"),
        ({"calibration": [[0.1, 1.0]]}, "calibration must be 2 to 9 points"),
        ({"calibration": [[0.1, 1.0], [0.1, 2.0]]}, "calibration must be 2 to 9 points"),
        ({"calibration": [[0.1, 1.0], [0.2, 0.9]]}, "calibration must be 2 to 9 points"),
        ({"calibration": [[n / 10, n] for n in range(10)]}, "calibration must be 2 to 9 points"),
        ({"impostor_tail": {**TAIL, "scale": 0}}, "impostor_tail must be"),
        ({"impostor_tail": {**TAIL, "lowest_fmr": 0.1}}, "impostor_tail must be"),
        ({"impostor_tail": {**TAIL, "pairs": 10}}, "impostor_tail must be"),
        ({"impostor_tail": {**TAIL, "more": 10}}, "impostor_tail must be"),
        ({"impostor_tail": {k: v for k, v in TAIL.items() if k != "above"}}, "impostor_tail must be"),
        (
            {"task": "detector", "layout": "grid", "thresholds": {"min_score": 0.5}},
            "visit_mates, visit_calibration are not for the task detector",
        ),
    ],
)
def test_mistakes_in_what_was_measured_are_named(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelError, match=re.escape(sentence)):
        to_spec("face", {**GOOD, **changes}, WHERE)
