"""Model files: nothing altered is parsed, every input size works, and pixels arrive as training fed them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeface.adapters import tflite
from edgeface.adapters.tflite import SIZES_KEPT, TfliteModel
from edgeface.errors import ModelError
from edgeface.model import ModelSpec, normalise
from edgeface.service.bootstrap import Loaded


@pytest.fixture
def shipped(loaded: Loaded) -> tuple[ModelSpec, Path]:
    entry = loaded.choice.detector
    return entry.spec, entry.folder


def altered(spec: ModelSpec, content: bytes, folder: Path) -> ModelSpec:
    """The spec of a file with another content, with its right digest."""
    (folder / spec.file).write_bytes(content)
    return replace(spec, sha256=hashlib.sha256(content).hexdigest())


def test_a_file_with_another_digest_is_not_parsed(
    shipped: tuple[ModelSpec, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, folder = shipped
    content = bytearray((folder / spec.file).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / spec.file).write_bytes(content)
    monkeypatch.setattr(tflite, "find_runtime", lambda wanted: pytest.fail("the runtime was asked"))
    with pytest.raises(ModelError, match=r"has sha256 [0-9a-f]{12}\.\.\., its manifest says .*altered or damaged"):
        tflite.load(spec, tmp_path)


def test_a_file_that_is_not_there(shipped: tuple[ModelSpec, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read .*No such file"):
        tflite.load(shipped[0], tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.00005, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_an_error_even_if_its_digest_is_declared(
    shipped: tuple[ModelSpec, Path], tmp_path: Path, share: float
) -> None:
    spec, folder = shipped
    content = (folder / spec.file).read_bytes()
    cut = content[: int(share * len(content))]
    with pytest.raises(ModelError, match=spec.name):
        tflite.load(altered(spec, cut, tmp_path), tmp_path)


@pytest.mark.parametrize("content", [b"hello", b"\x1c\0\0\0TFL3" + bytes(64), bytes(1000)])
def test_a_file_of_something_else(shipped: tuple[ModelSpec, Path], tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelError, match=shipped[0].name):
        tflite.load(altered(shipped[0], content, tmp_path), tmp_path)


def test_nothing_is_printed_past_python(shipped: tuple[ModelSpec, Path], capfd: pytest.CaptureFixture[str]) -> None:
    tflite.load(*shipped)
    assert capfd.readouterr() == ("", "")
    os.write(2, b"still open")
    assert capfd.readouterr().err == "still open"


def test_the_shipped_models_run_under_xnnpack(loaded: Loaded) -> None:
    for model in (loaded.detector, loaded.embedder):
        assert model.kernels == "litert-xnnpack"
        assert model.delegated


@settings(max_examples=12, deadline=None)
@given(width=st.integers(1, 12), height=st.integers(1, 12))
def test_the_detector_takes_any_multiple_of_32(loaded: Loaded, width: int, height: int) -> None:
    outputs = loaded.detector(np.full((1, 32 * height, 32 * width, 3), 127, np.uint8))
    shapes = {output.shape for output in outputs}
    expected = {
        (1, 32 * height // stride, 32 * width // stride, channels) for stride in (8, 16, 32) for channels in (1, 14, 3)
    }
    assert shapes == expected
    assert all(output.dtype == np.float32 and np.isfinite(output).all() for output in outputs)


def test_only_so_many_sizes_stay_allocated_and_each_gives_the_same_again(shipped: tuple[ModelSpec, Path]) -> None:
    model = tflite.load(*shipped)
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (1, 64 + 32 * n, 96, 3), np.uint8) for n in range(SIZES_KEPT + 2)]
    first = [model(picture) for picture in pictures]
    assert len(model._sizes) == SIZES_KEPT
    assert list(model._sizes) == [picture.shape for picture in pictures[-SIZES_KEPT:]]
    model(pictures[-SIZES_KEPT])
    assert next(reversed(model._sizes)) == pictures[-SIZES_KEPT].shape  # used last, dropped last
    for picture, before in zip(pictures, first, strict=True):
        for output, former in zip(model(picture), before, strict=True):
            np.testing.assert_array_equal(output, former)


def test_results_are_the_callers_own(loaded: Loaded) -> None:
    """The next picture must not change the numbers of the last one."""
    random = np.random.default_rng(0)
    shape = (1, loaded.embedder.spec.height_px, loaded.embedder.spec.width_px, 3)
    first = loaded.embedder(random.integers(0, 256, shape, np.uint8))[0]
    kept = first.copy()
    loaded.embedder(random.integers(0, 256, shape, np.uint8))
    np.testing.assert_array_equal(first, kept)


def test_a_fixed_model_of_another_size_than_declared(loaded: Loaded, tmp_path: Path) -> None:
    entry = loaded.choice.embedder
    with pytest.raises(ModelError, match="its manifest says"):
        tflite.load(replace(entry.spec, width_px=96), entry.folder)


def test_every_pixel_value_arrives_as_training_fed_it(loaded: Loaded) -> None:
    """The table of each shipped model is its normalisation, quantized: within half a step for all 256 values."""
    for model in (loaded.detector, loaded.embedder):
        (allocated, *_) = model._sizes.values()
        scale, zero_point = allocated._input["quantization"]
        grey = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 1, 3)
        quantized = allocated._quantized(grey).astype(np.float32)
        error = np.abs((quantized - zero_point) * scale - normalise(grey, model.spec))
        assert float(error.max()) <= scale * 0.51


def test_colour_order_reaches_the_model(loaded: Loaded) -> None:
    entry = loaded.choice.embedder
    swapped = tflite.load(replace(entry.spec, order="BGR"), entry.folder)
    picture = np.random.default_rng(2).integers(0, 256, (1, entry.spec.height_px, entry.spec.width_px, 3), np.uint8)
    (plain,) = loaded.embedder(picture)[:1]
    (other,) = swapped(np.ascontiguousarray(picture[..., ::-1]))[:1]
    np.testing.assert_array_equal(plain, other)
    assert not np.array_equal(plain, swapped(picture)[0])


@pytest.mark.parametrize(
    "change",
    [
        {"order": "BGR"},
        {"mean": 120.0},
        {"std": 128.0},
        {"mirror": False},
        {"output": 1},
        {"template": ((0.0, 0.0),) * 5},
    ],
)
def test_templates_are_bound_to_all_that_changes_them(loaded: Loaded, change: dict[str, Any]) -> None:
    entry = loaded.choice.embedder
    other = tflite.load(replace(entry.spec, **change), entry.folder)
    assert other.identity != loaded.embedder.identity
    assert len(other.identity) == 64


def test_templates_are_bound_to_the_kernels_and_not_to_words(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, before = loaded.choice.embedder, loaded.embedder.identity
    described = tflite.load(replace(entry.spec, licence="other", origin="other", name="other"), entry.folder)
    assert described.identity == before
    monkeypatch.setattr(TfliteModel, "kernels", "tflite-builtin")
    assert described.identity != before


def test_a_runtime_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "RUNTIMES", (("litert", "no_such_module_a"), ("tflite", "no_such_module_b")))
    with pytest.raises(ModelError, match=r"no TFLite runtime works .*no_such_module_a.*pip install ai-edge-litert"):
        tflite.find_runtime()


def test_the_wanted_runtime_is_the_one_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "RUNTIMES", (("none", "no_such_module"), *tflite.RUNTIMES))
    assert tflite.find_runtime()[0] == "litert"
    assert tflite.find_runtime("litert")[0] == "litert"
    with pytest.raises(ModelError):
        tflite.find_runtime("none")


def test_two_threads_give_what_one_gives(loaded: Loaded) -> None:
    entry = loaded.choice.embedder
    two = tflite.load(entry.spec, entry.folder, threads=2)
    picture = np.random.default_rng(4).integers(0, 256, (1, entry.spec.height_px, entry.spec.width_px, 3), np.uint8)
    np.testing.assert_array_equal(two(picture)[0], loaded.embedder(picture)[0])
