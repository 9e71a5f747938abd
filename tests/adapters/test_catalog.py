"""The catalogue of installable models: what it offers is sound, and its mistakes are named by key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface.adapters import catalog, manifest
from edgeface.errors import ModelError
from edgeface.model import Task
from offers import GOOD, as_toml


def changed(path: str, value: Any) -> str:
    """The good catalogue with one value replaced; None takes the key out."""
    table: Any = tomllib.loads(as_toml("face", GOOD))
    place = table["face"]
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return as_toml("face", table["face"])


def test_what_is_written_is_what_is_read() -> None:
    offer = catalog.parse(as_toml("face", GOOD), "here")["face"]
    assert (offer.name, offer.task, offer.licence) == ("face", Task.EMBEDDER, "MIT")
    (source,) = offer.sources
    assert (source.name, source.size_bytes) == ("face.onnx", 3)
    assert offer.original.mean == (1.0, 2.0, 3.5)
    entry = offer.entry("ab" * 32, "converted here", mean=127.5)
    assert (entry["file"], entry["origin"], entry["mean"]) == ("face.tflite", "converted here", 127.5)


MISTAKES: list[tuple[str, Any, str]] = [
    *[(key, None, f"lacks the key {key}") for key in GOOD],
    ("makre", "x", "unknown key makre"),
    ("maker", "  ", "maker must be a text"),
    ("licence", "MIT\x1b[2K\rnone", "licence must be a text in quotes, on one line"),
    ("licence", 3, "licence must be a text"),
    ("files", [], "files must be a list"),
    ("files", "x", "files must be a list"),
    ("files.0.name", "../face.onnx", "files.0..name is not a proper name"),
    ("files.0.name", "/etc/passwd", "files.0..name is not a proper name"),
    ("files.0.name", ".face", "files.0..name is not a proper name"),
    ("files.0.url", "file:///etc/passwd", "files.0..url is not a proper url"),
    ("files.0.url", "https://host/a b", "files.0..url is not a proper url"),
    ("files.0.url", "https://user@host/a", "files.0..url is not a proper url"),
    ("files.0.sha256", "AB" * 32, "files.0..sha256 is not a proper sha256"),
    ("files.0.size_bytes", 0, "size_bytes must be a whole number"),
    ("files.0.size_bytes", True, "size_bytes must be a whole number"),
    ("files.0.size_bytes", 1 << 40, "size_bytes must be a whole number"),
    ("files.0.sha512", "ab", r"unknown key files.0..sha512"),
    ("original.mean", [1, 2], "original.mean must be three numbers"),
    ("original.mean", [1, 2, float("nan")], "original.mean must be three numbers"),
    ("original.mean", [True, 2, 3], "original.mean must be three numbers"),
    ("original.std", [1, 0, 1], "original.std must be above 0"),
    ("original.order", "GBR", "original.order"),
    ("manifest.sha256", "ab" * 32, "manifest.sha256 is written when"),
    ("manifest.mean", 3, "manifest.mean is written when"),
    ("manifest.golden", {}, "manifest.golden is written when"),
    ("manifest.thresholds", {}, "thresholds.grant"),
    ("manifest.template", [[0.1, 0.2]], "template must be five points"),
    ("manifest.layuot", "x", "unknown key layuot"),
]


@pytest.mark.parametrize(("path", "value", "complaint"), MISTAKES, ids=[f"{m[0]}={m[1]}"[:40] for m in MISTAKES])
def test_mistakes_are_named_by_key(path: str, value: Any, complaint: str) -> None:
    with pytest.raises(ModelError, match=rf"here: \[face\].*{complaint}"):
        catalog.parse(changed(path, value), "here")


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "A", "-x", "x-", ".part", "", "a" * 65, "a b"])
def test_a_name_cannot_leave_its_folder(name: str) -> None:
    with pytest.raises(ModelError, match="a name has lower case"):
        catalog.parse(as_toml(name, GOOD), "here")


def test_no_file_and_no_toml(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the catalogue"):
        catalog.read(tmp_path / "catalog.toml")
    with pytest.raises(ModelError, match="is not TOML"):
        catalog.parse("[", "here")
    with pytest.raises(ModelError, match="is not TOML"):
        catalog.parse("a = " + "[" * 100_000, "here")
    with pytest.raises(ModelError, match="must be a table"):
        catalog.parse("face = 3", "here")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abco.", max_size=4), inner, max_size=3),
    max_leaves=8,
)
paths = st.sampled_from([*GOOD, "files.0", *(f"files.0.{key}" for key in GOOD["files"][0]), "original.mean",
                         "original.std", "original.order", "manifest.template", "manifest.task", "extra"])  # fmt: skip


@settings(max_examples=80)
@given(path=paths, value=values)
def test_any_value_anywhere_is_taken_or_named(path: str, value: Any) -> None:
    text = changed(path, value) if value is not None else as_toml("face", GOOD)
    try:
        found = catalog.parse(text, "here")
    except ModelError as error:
        assert str(error).startswith("here: [face]")
    else:
        assert set(found) == {"face"}
        found["face"].spec()


@given(text=st.text(max_size=60))
def test_any_text_is_a_catalogue_or_a_model_error(text: str) -> None:
    try:
        catalog.parse(text, "here")
    except ModelError as error:
        assert str(error).startswith("here")


def test_unknown_names_get_a_suggestion() -> None:
    offers = catalog.read(catalog.shipped())
    with pytest.raises(ModelError, match="did you mean yunet"):
        catalog.find(offers, "yunett")
    with pytest.raises(ModelError, match=r"no model named '\.\./yunet'"):
        catalog.find(offers, "../yunet")
    with pytest.raises(ModelError, match=r"no model named '#'\. It has: "):
        catalog.find(offers, "#")


def test_the_shipped_catalogue_is_sound() -> None:
    offers = catalog.read(catalog.shipped())
    assert set(offers) == {"omz-face-reidentification-retail-0095", "foamliu-mobilefacenet", "yunet"}
    assert not set(offers) & set(manifest.read(manifest.shipped()))
    for offer in offers.values():
        assert offer.licence == "Apache-2.0"
        assert offer.licence_url.startswith("https://")
        assert all(source.url.startswith("https://") for source in offer.sources)
        assert all(source.url.endswith(source.name) for source in offer.sources)
