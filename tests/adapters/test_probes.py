"""The golden probes: a model that computes otherwise than where it was measured does not get to the door."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builtin import Builtin
from edgeface.adapters import golden, manifest, tflite
from edgeface.adapters.golden import ALIKE_STEPS, PROBES, PROBES_OF_FEW, SAMPLED, Proof
from edgeface.adapters.spec import Entry
from edgeface.adapters.tflite import TfliteModel
from edgeface.errors import ModelError
from edgeface.model import ModelSpec
from edgeface.service.bootstrap import Loaded, load_models


@pytest.fixture
def without_xnnpack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "find_runtime", lambda wanted=None: ("litert", Builtin))


def content(entry: Entry) -> bytes:
    return (entry.folder / entry.spec.file).read_bytes()


def made(entry: Entry, **changes: Any) -> TfliteModel:
    return tflite.load(replace(entry.spec, **changes), entry.folder)


@pytest.fixture(params=["detector", "embedder"])
def entry(request: pytest.FixtureRequest, loaded: Loaded) -> Entry:
    found = getattr(loaded.choice, request.param)
    assert isinstance(found, Entry)
    return found


@pytest.mark.parametrize(
    ("number", "width_px", "height_px", "digest"),
    [
        (0, 80, 80, "d9994eb1f5743946"),
        (3, 320, 320, "3390861a0eeadf50"),
        (15, 160, 80, "fc782add3ba317f7"),
    ],
)
def test_the_probes_are_the_same_pixels_everywhere(number: int, width_px: int, height_px: int, digest: str) -> None:
    pixels = golden.probe(number, width_px, height_px)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (1, height_px, width_px, 3)
    assert hashlib.sha256(pixels.tobytes()).hexdigest()[:16] == digest


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, 40), width_px=st.integers(16, 200), height_px=st.integers(16, 200))
def test_a_probe_of_any_size_has_light_and_dark_and_no_flat_channel(number: int, width_px: int, height_px: int) -> None:
    pixels = golden.probe(number, width_px, height_px)
    assert np.ptp(pixels.reshape(-1, 3), axis=0).min() > 60
    assert not np.array_equal(pixels, golden.probe(number + 1, width_px, height_px))


def test_the_shipped_models_give_what_was_measured(loaded: Loaded) -> None:
    assert len(loaded.findings) == len(loaded.used) >= 2
    for model, finding in zip(loaded.used, loaded.findings, strict=True):
        assert (finding.proof, finding.path) == (Proof.PROVEN, "litert-xnnpack")
        assert finding.detail.startswith(model.spec.name)


def test_probes_leave_the_outputs_of_the_shipped_models_off_their_limits(loaded: Loaded) -> None:
    """A number at its limit would not move if the model went wrong."""
    for model in (loaded.detector, loaded.embedder):
        rows = golden.outputs(model)
        assert len(rows) == PROBES
        for row in rows:
            assert np.isin(row, (-128, 127)).mean() < 0.01
            assert float(row.astype(np.float64).std()) > 5


def test_two_threads_give_the_same_digest(entry: Entry) -> None:
    two = tflite.load(entry.spec, entry.folder, threads=2)
    assert golden.verify(two).proof is Proof.PROVEN


@pytest.mark.parametrize("change", [{"order": "BGR"}, {"mean": 120.0}, {"std": 100.0}])
def test_another_normalisation_than_was_measured_is_an_error(entry: Entry, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"does not give the numbers .*its manifest was altered"):
        golden.verify(made(entry, **change))


def flipped(entry: Entry, bits: tuple[int, ...], count: int) -> Iterator[TfliteModel]:
    """The model with one bit of its weights flipped, again and again; the sha256 check is passed by."""
    whole, random = content(entry), np.random.default_rng(5)
    places = weights(tflite.load(entry.spec, entry.folder), whole)
    for place, bit in zip(random.choice(places, count), random.choice(bits, count), strict=True):
        altered = bytearray(whole)
        altered[place] ^= 1 << int(bit)
        yield TfliteModel(entry.spec, bytes(altered))


def weights(model: TfliteModel, whole: bytes) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where in the file the weights of the convolutions are."""
    (allocated, *_) = model._sizes.values()
    interpreter = allocated._interpreter
    spans = []
    for detail in interpreter.get_tensor_details():
        if detail["dtype"] == np.int8 and len(detail["quantization_parameters"]["scales"]) > 1:
            values = interpreter.get_tensor(detail["index"]).tobytes()
            spans.append(np.arange(whole.index(values), whole.index(values) + len(values)))
    return np.concatenate(spans)


def noticed(model: TfliteModel) -> bool:
    try:
        return golden.verify(model).proof is not Proof.PROVEN
    except ModelError:
        return True


@pytest.mark.parametrize(("bits", "share"), [((0, 1, 2, 3, 4, 5, 6, 7), 0.6), ((6, 7), 0.8)])
def test_most_single_wrong_bits_in_the_weights_are_noticed(entry: Entry, bits: tuple[int, ...], share: float) -> None:
    """Beside the sha256, which notices all. The lowest bit of one weight often changes nothing that can be seen."""
    assert np.mean([noticed(model) for model in flipped(entry, bits, 25)]) >= share


def test_weights_gone_wrong_altogether_are_an_error(entry: Entry) -> None:
    whole = np.frombuffer(content(entry), np.uint8).copy()
    places = weights(tflite.load(entry.spec, entry.folder), content(entry))
    whole[places[::50]] ^= 0x80
    with pytest.raises(ModelError, match=r"up to \d+ steps away"):
        golden.verify(TfliteModel(entry.spec, whole.tobytes()))


def off_by(spec: ModelSpec, steps: int) -> bytes:
    """The sample with one number so many steps away."""
    numbers = np.frombuffer(spec.golden_sample, np.int8).astype(np.int64)
    numbers[7] += steps if numbers[7] < 0 else -steps
    return numbers.astype(np.int8).tobytes()


def test_known_kernels_that_round_a_number_differently_are_said(entry: Entry) -> None:
    wrong = {"litert-xnnpack": "0" * 64}
    finding = golden.verify(made(entry, golden=wrong, golden_sample=off_by(entry.spec, ALIKE_STEPS)))
    assert finding.proof is Proof.ALIKE
    assert "1 of 256 are a step off" in finding.detail
    with pytest.raises(ModelError, match=r"up to 2 steps away.*Install edgeface and ai-edge-litert again"):
        golden.verify(made(entry, golden=wrong, golden_sample=off_by(entry.spec, ALIKE_STEPS + 1)))


@pytest.mark.parametrize("sample", [b"", b"\0" * 255])
def test_known_kernels_with_other_bits_and_nothing_to_compare_are_an_error(entry: Entry, sample: bytes) -> None:
    with pytest.raises(ModelError, match="does not give the numbers"):
        golden.verify(made(entry, golden={"litert-xnnpack": "0" * 64}, golden_sample=sample))


def test_without_golden_outputs_a_model_is_allowed_and_that_is_said(entry: Entry) -> None:
    finding = golden.verify(made(entry, golden={}))
    assert finding.proof is Proof.UNPROVEN
    assert "has no golden outputs" in finding.detail


def test_kernels_that_nothing_was_measured_on(entry: Entry) -> None:
    finding = golden.verify(made(entry, golden={"other": "0" * 64}))
    assert (finding.proof, finding.path) == (Proof.UNPROVEN, "litert-xnnpack")
    assert "not proven on litert-xnnpack: 0.00 steps" in finding.detail
    assert "not proven" in golden.verify(made(entry, golden={"other": "0" * 64}, golden_sample=b"")).detail
    far = bytes(np.frombuffer(entry.spec.golden_sample, np.uint8) ^ 0x10)
    with pytest.raises(ModelError, match="does not give the numbers"):
        golden.verify(made(entry, golden={"other": "0" * 64}, golden_sample=far))


@pytest.mark.usefixtures("without_xnnpack")
def test_without_xnnpack_the_built_in_kernels_are_near_and_not_proven(entry: Entry) -> None:
    model = made(entry)
    finding = golden.verify(model)
    assert not model.delegated
    assert finding.path.startswith("litert-builtin-")  # which differ by machine
    assert finding.proof is Proof.UNPROVEN
    assert "at most" in finding.detail


def test_a_model_of_few_outputs_gets_more_probes() -> None:
    def answer(pixels: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        return (np.array([[int(pixels.sum()) % 251 - 125]], np.int8),)

    spec = SimpleNamespace(width_px=32, height_px=32)
    rows = golden.outputs(cast(TfliteModel, SimpleNamespace(spec=spec, raw=answer)))
    assert len(rows) == PROBES_OF_FEW
    found = golden.sample(rows)
    assert found is not None
    assert found.size == PROBES_OF_FEW
    assert len(set(found.tolist())) > 8


def test_a_sample_is_spread_over_all_outputs_and_only_made_of_steps() -> None:
    row = np.arange(-128, 128, dtype=np.int8)
    found = golden.sample([row, row])
    assert found is not None
    assert found.size == 2 * SAMPLED
    assert found[:SAMPLED].tolist() == list(range(-128, 128, 256 // SAMPLED))
    assert golden.sample([row, row.astype(np.float32)]) is None


def test_what_is_promised_of_a_model_is_what_it_is_checked_by(entry: Entry) -> None:
    promised = golden.promise(made(entry))
    assert promised["golden"] == {"litert-xnnpack": entry.spec.golden["litert-xnnpack"]}
    assert base64.b64decode(promised["golden_sample"]) == entry.spec.golden_sample


def test_nothing_is_promised_of_floating_point() -> None:
    """Its last bits are the processor's, and a promise would be broken on the next one."""
    spec = SimpleNamespace(width_px=32, height_px=32)
    plain = SimpleNamespace(spec=spec, raw=lambda pixels: (np.full((1, 80), pixels.mean(), np.float32),))
    assert golden.promise(cast(TfliteModel, plain)) == {}


def chosen_with(home: Path, folder: Path, entry: Entry, **changes: str) -> None:
    """Put a copy of a shipped model to use whose manifest differs in some lines."""
    lines = manifest.shipped().read_text(encoding="utf-8").partition(f"[{entry.spec.name}]\n")[2].partition("\n[")[0]
    kept = [line for line in lines.splitlines() if line.partition(" = ")[0] not in changes]
    kept += [f"{key} = {value}" for key, value in changes.items()]
    folder.mkdir()
    (folder / "manifest.toml").write_text("\n".join(["[copy]", *kept]) + "\n", encoding="utf-8")
    (folder / entry.spec.file).write_bytes(content(entry))
    manifest.choose(home, manifest.read(folder / "manifest.toml")["copy"])


def test_nothing_starts_with_a_model_that_computes_otherwise(entry: Entry, home: Path, tmp_path: Path) -> None:
    chosen_with(home, tmp_path / "copy", entry, order='"BGR"')
    with pytest.raises(ModelError, match="copy does not give the numbers that it was measured with"):
        load_models(home)


def test_a_model_without_golden_outputs_starts(entry: Entry, home: Path, tmp_path: Path) -> None:
    chosen_with(home, tmp_path / "copy", entry, golden="{}")
    findings = load_models(home).findings
    assert sorted(finding.proof for finding in findings[:2]) == [Proof.PROVEN, Proof.UNPROVEN]
