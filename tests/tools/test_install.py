"""The workstation's half of `edgeface models install`: conversion, comparison, manifest and card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgeface.adapters import catalog, manifest
from edgeface.model import Tensor
from offers import GOOD, as_toml
from tools.install import anysize, card
from tools.install.measure import Measured, parity, pictures, race
from tools.metrics import Figure

SPEED = Figure(value=1.5, low=1.2, high=1.8, n=60)
OFFER = catalog.parse(as_toml("face", GOOD), "here")["face"]
SPEC = OFFER.spec()
PLAIN = Measured(parity=1e-5, to_original=SPEED, to_ours=SPEED, before={}, after={}, score=None)


def test_the_manifest_that_is_written_can_be_read(tmp_path: Path) -> None:
    entry = OFFER.entry("ab" * 32, 'made by "somebody" \\ elsewhere\n', mean=127.5, std=127.5, order="BGR")
    path = tmp_path / "manifest.toml"
    path.write_text(card.manifest(OFFER, entry), encoding="utf-8")
    spec = manifest.read(path)["face"].spec
    assert (spec.file, spec.order, spec.mean, spec.licence) == ("face.tflite", "BGR", 127.5, "MIT")
    assert spec.origin == 'made by "somebody" \\ elsewhere\n'
    assert spec.template == SPEC.template
    assert spec.thresholds == {"grant": 0.5}


def test_golden_outputs_stand_in_the_manifest_and_the_card_says_whether(tmp_path: Path) -> None:
    plain = OFFER.entry("ab" * 32, "here", mean=0, std=1)
    entry = plain | {"golden": {"litert-xnnpack": "cd" * 32}, "golden_sample": "/wAB"}
    path = tmp_path / "manifest.toml"
    path.write_text(card.manifest(OFFER, entry), encoding="utf-8")
    spec = manifest.read(path)["face"].spec
    assert (spec.golden, spec.golden_sample) == ({"litert-xnnpack": "cd" * 32}, b"\xff\x00\x01")
    assert "`edgeface models check` compares" in card.card(OFFER, entry, PLAIN, [])
    assert "has nothing to compare" in card.card(OFFER, plain, PLAIN, [])


def test_names_with_spaces_in_a_table_can_be_read_again(tmp_path: Path) -> None:
    entry = OFFER.entry("ab" * 32, "here", mean=0, std=1) | {"thresholds": {"grant": 0.5, "a b": 1}}
    path = tmp_path / "manifest.toml"
    path.write_text(card.manifest(OFFER, entry), encoding="utf-8")
    assert manifest.read(path)["face"].spec.thresholds == {"grant": 0.5, "a b": 1}


def test_the_card_says_what_was_and_what_was_not_measured() -> None:
    entry = OFFER.entry("ab" * 32, "here", mean=0, std=1)
    text = card.card(OFFER, entry, PLAIN, ["float TFLite"])
    digest = GOOD["files"][0]["sha256"]
    for words in ("MIT", "https://example.org/LICENSE", digest, "float TFLite", "1e-05", "on paper"):
        assert words in text
    assert "Not measured here" in text
    accuracy = Figure(value=0.9944, low=0.9897, high=0.9989, n=1800)
    measured = replace(PLAIN, before={"accuracy": accuracy}, after={"accuracy": accuracy}, score=("grant", 0.401))
    assert replace(measured, after={"accuracy": replace(accuracy, value=0.99)}).lost == pytest.approx(0.0044)
    assert PLAIN.lost == 0
    text = card.card(OFFER, entry, measured, ["float TFLite"])
    assert "| accuracy | 0.9944 [0.9897, 0.9989] (1,800) | 0.9944 [0.9897, 0.9989] (1,800) |" in text
    assert "1 in 10,000" in text
    assert "on paper" not in text


def test_outputs_are_compared_in_whatever_order_they_come() -> None:
    def first(pixels: np.ndarray) -> tuple[Tensor, ...]:
        mean = pixels.mean(dtype=np.float32)
        return (np.full((1, 4), mean, np.float32), np.full((1, 4), -mean, np.float32), np.ones((1, 2), np.float32))

    def second(pixels: np.ndarray) -> tuple[Tensor, ...]:
        one, other, third = first(pixels)
        return (third, other.reshape(1, 4, 1, 1), one)

    assert parity(SPEC, first, second) == 0
    assert parity(SPEC, first, lambda pixels: (*first(pixels)[:2], np.full((1, 2), 1.1, np.float32))) > 0.05
    with pytest.raises(ValueError, match="other outputs"):
        parity(SPEC, first, lambda pixels: first(pixels)[:2])


def test_swapped_colours_are_seen() -> None:
    """The pictures that parity is judged by must tell red from blue."""

    def by_channel(pixels: np.ndarray) -> tuple[Tensor, ...]:
        return (pixels.mean(axis=(1, 2), dtype=np.float32),)

    assert parity(SPEC, by_channel, lambda pixels: by_channel(pixels[..., ::-1])) > 0.01


def test_a_race_gives_the_ratio_of_the_times() -> None:
    few = pictures(32, 32, 2)

    def work(times: int) -> None:
        for _ in range(times):
            np.sort(np.arange(20_000)[::-1])

    figure = race(lambda pixels: work(9) or (), lambda pixels: work(3) or (), few, few)  # type: ignore[func-returns-value]
    assert 2 < figure.value < 4.5
    assert figure.low <= figure.value <= figure.high


def test_a_trial_is_taken_only_if_it_is_faster_and_faithful() -> None:
    shrink = pytest.importorskip("tools.install.shrink", reason="needs the tools extra")
    good = shrink.Trial(cosine=replace(SPEED, value=0.995), time=replace(SPEED, value=0.5), pieces=1)
    assert good.taken
    for change in ({"cosine": replace(SPEED, value=0.98)}, {"time": replace(SPEED, value=0.9)}, {"pieces": 3}):
        assert not replace(good, **change).taken
        assert "not taken" in str(replace(good, **change))


def enlarging(path: Path, factor: int) -> Path:
    """A file that does nothing but enlarge a picture (1, 4, 4, 2)."""
    model, graph, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    code, size = schema.OperatorCodeT(), schema.BufferT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR
    code.version, size.data = 1, np.frombuffer(np.array([4 * factor] * 2, np.int32).tobytes(), np.uint8)
    graph.tensors = []
    for index, shape in enumerate(([1, 4, 4, 2], [2], [1, 4 * factor, 4 * factor, 2])):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = str(index).encode(), shape, int(index == 1)
        tensor.type = schema.TensorType.INT32 if index == 1 else schema.TensorType.FLOAT32
        graph.tensors.append(tensor)
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1], [2]
    operator.builtinOptionsType = schema.BuiltinOptions.ResizeNearestNeighborOptions
    operator.builtinOptions = schema.ResizeNearestNeighborOptionsT()
    graph.inputs, graph.outputs, graph.operators = [0], [2], [operator]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT(), size]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def test_a_file_with_enlargements_runs_at_sizes_it_was_not_converted_for(tmp_path: Path) -> None:
    fixed, free = (enlarging(tmp_path / f"{name}.tflite", 2) for name in ("fixed", "free"))
    assert anysize.free(free) == 1
    values = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype(np.float32)
    np.testing.assert_array_equal(_run(free, values), _run(fixed, values))
    wide = np.random.default_rng(1).normal(size=(1, 3, 7, 2)).astype(np.float32)
    np.testing.assert_array_equal(_run(free, wide), wide.repeat(2, axis=1).repeat(2, axis=2))
    assert _run(fixed, wide).shape == (1, 8, 8, 2)


def test_an_enlargement_by_three_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not by 2"):
        anysize.free(enlarging(tmp_path / "three.tflite", 3))


def _run(path: Path, values: Tensor) -> Tensor:
    interpreter = Interpreter(model_path=str(path))
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, values.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, values)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
