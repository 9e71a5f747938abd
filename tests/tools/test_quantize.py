"""Small networks on their way to int8: what must be refused, what must fit, whether the rehearsal tells the truth."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="quantization is a workstation's job and needs PyTorch")
pytest.importorskip("ai_edge_quantizer", reason="quantization needs ai-edge-quantizer")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # litert-torch registers itself in ways that PyTorch has deprecated
    pytest.importorskip("litert_torch", reason="quantization needs litert-torch")
    from tools.quantize import __main__ as command
    from tools.quantize import (
        aware,
        convert,
        fake,
        files,
        fitness,
        inputs,
        job,
        layers,
        quantize,
        rehearsal,
        report,
        resize,
        sources,
    )

from ai_edge_quantizer import qtyping  # noqa: E402
from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor  # noqa: E402
from torch import nn  # noqa: E402

from edgeface import image  # noqa: E402
from edgeface.model import normalise  # noqa: E402
from tools.train.nets import Embedder, EmbedderShape  # noqa: E402
from tools.train.student import shipped_spec  # noqa: E402

Array = npt.NDArray[np.float32]
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
SIDE = 16
torch.set_num_threads(1)


class Small(nn.Module):
    """Convolution with batch norm, a shortcut, an enlargement; a map and a vector come out."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), activation)
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2))
        self.map, self.vector = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 6, SIDE // 2)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = self.stem(pictures)
        both = torch.relu(first + self.deep(first))
        return self.map(both), self.vector(both).flatten(1)


def small(activation: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(0)
    net = Small(activation or nn.ReLU())
    net.stem[1].running_mean.normal_()
    net.stem[1].running_var.uniform_(0.2, 3)
    return net.eval()


def noise(count: int) -> inputs.Inputs:
    return inputs.Inputs(np.random.default_rng(1).normal(size=(count, SIDE, SIDE, 3)).astype(np.float32), None)


def source(net: nn.Module) -> sources.Source:
    return sources.Source(net=resize.inside(net, aware.planes(noise(1)[0])), float_file=None)


def study(net: nn.Module, folder: Path, options: job.Options | None = None) -> job.Study:
    return job.run("small", source(net), noise(40), folder / "small.tflite", options or job.Options())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[job.Study, Path]:
    """A tuned network and its folder."""
    folder = tmp_path_factory.mktemp("made")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return study(small(), folder, job.Options(tune=aware.Options(images=64, batch=8))), folder


def test_a_network_becomes_one_piece_of_integers(made: tuple[job.Study, Path]) -> None:
    found, folder = made
    file = files.File(folder / "small.tflite")
    assert (file.float_tensors(), file.delegates(), file.islands()) == (0, 1, {})
    assert "RESIZE_NEAREST_NEIGHBOR" not in {one.operator for one in files.layers(folder / "small.tflite")}
    assert max(found.report.parity) < 1e-5 and min(found.report.noise_db) > 25
    assert found.calibrated_on == 35 and found.tested_on == 5 and len(found.untuned_db) == 2


def test_outputs_keep_their_order_and_shape(made: tuple[job.Study, Path]) -> None:
    first, second = files.File(made[1] / "small.tflite").run(noise(1)[0])
    assert (first.shape, second.shape) == ((1, SIDE // 2, SIDE // 2, 4), (1, 6))


def test_the_report_can_be_read_and_computed_with(made: tuple[job.Study, Path], tmp_path: Path) -> None:
    found, _ = made
    report.write(replace(found, warnings=("PRELU x2: rewrite it",)), tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "PRELU x2" in text and f"{found.report.noise_db[1]:.1f}" in text and "sqnr.png" in text
    kept = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert kept["report"]["noise_db"] == found.report.noise_db
    assert [one["position"] for one in kept["layers"]] == list(range(len(kept["layers"])))
    assert (tmp_path / "sqnr.png").read_bytes().startswith(b"\x89PNG")


def test_an_island_is_refused_and_named(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(4), nn.Conv2d(4, 4, 3), nn.PReLU(4), nn.Conv2d(4, 4, 3))
    with pytest.raises(fitness.Unfit, match=r"outside XNNPACK .3 pieces.: .* x2: "):
        study(net, tmp_path)
    assert not (tmp_path / "small.tflite").exists()
    islands = {"PRELU": 33}
    refused = fitness.faults(a_report(delegates=34), islands)
    assert refused == ["outside XNNPACK (34 pieces): PRELU x33: " + fitness.ADVICE["PRELU"]]
    assert fitness.faults(a_report(delegates=34), islands, allow_islands=True) == []


def a_report(
    *, float_tensors: int = 0, delegates: int = 1, parity: float = 0.0, agreement: Sequence[float] = (1.0,)
) -> fitness.Report:
    return fitness.Report(
        parity=[parity], cosine=[1.0] * len(agreement), agreement=list(agreement), noise_db=[30.0] * len(agreement),
        worst_layers={}, float_tensors=float_tensors, delegates=delegates, size_bytes=1,
    )  # fmt: skip


def test_one_float_tensor_or_a_lost_output_is_refused_islands_allowed_or_not() -> None:
    for allowed in (False, True):
        assert "1 tensors" in fitness.faults(a_report(float_tensors=1), {}, allow_islands=allowed)[0]
        assert "differs" in fitness.faults(a_report(parity=2 * fitness.PARITY), {}, allow_islands=allowed)[0]
    assert fitness.faults(a_report(delegates=0), {}) == ["XNNPACK runs none of it"]
    assert fitness.faults(a_report(), {}) == []


def test_an_output_that_lost_its_meaning_is_refused_and_a_doubtful_one_is_told() -> None:
    lost, doubtful, good = a_report(agreement=(0.98, 0.037)), a_report(agreement=(0.95,)), a_report(agreement=(0.971,))
    (refusal,) = fitness.faults(lost, {})
    assert refusal.startswith("output 1 has a cosine of 0.037 to float, at least 0.9 is wanted: calibrate")
    assert fitness.faults(lost, {}, allow_loss=True) == []
    assert fitness.faults(doubtful, {}) == []
    assert "output 0" in fitness.loss_lines(doubtful, fitness.DOUBTFUL)[0]
    assert fitness.loss_lines(good, fitness.DOUBTFUL) == []
    assert fitness.faults(a_report(agreement=(float("nan"),)), {})


def test_edgefaces_own_files_keep_their_meaning() -> None:
    """By the records that the cards are made of."""
    records = sorted((Path(__file__).parents[2] / "models" / "records").glob("*/quantize.json"))
    for path in records:
        assert min(json.loads(path.read_text(encoding="utf-8"))["cosine"]) > fitness.DOUBTFUL
    assert len(records) >= 2


@given(st.integers(0, 1000), st.floats(-100, 100), st.integers(1, 6))
def test_agreement_sees_through_what_never_changes(seed: int, offset: float, values: int) -> None:
    """A plain cosine is near 1 for an output that froze beside a large constant, and is a sign for a single number."""
    true = np.random.default_rng(seed).normal(size=(12, values)).astype(np.float32)
    frozen = np.broadcast_to(true.mean(0), true.shape)
    assert fitness.agreement(true + np.float32(offset), true + np.float32(offset)) == pytest.approx(1, abs=1e-4)
    assert abs(fitness.agreement(true + np.float32(offset), frozen + np.float32(offset))) < 0.01
    assert fitness.agreement(true - frozen, frozen - true) == pytest.approx(-1, abs=1e-4)
    same = np.ones_like(true)
    assert (fitness.agreement(same, same), fitness.agreement(same, 0 * same)) == (1.0, 0.0)


def test_a_file_that_says_something_else_never_takes_the_place_of_a_good_one(
    made: tuple[job.Study, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one piece and all integers, but calibrated on inputs a thousand times too small."""

    def faintly(float_file: Path, calibration: inputs.Inputs, *rest: Any) -> dict[str, float]:
        return quantize(float_file, [one / 1000 for one in calibration], *rest)

    monkeypatch.setattr(job, "quantize", faintly)
    out, plain = tmp_path / "small.tflite", sources.Source(net=None, float_file=made[1] / "small.float.tflite")
    out.write_bytes(b"good")
    with pytest.raises(fitness.Unfit, match=r"output 0 has a cosine of .* to float"):
        job.run("small", plain, noise(40), out, job.Options())
    assert [path.name for path in tmp_path.iterdir()] == ["small.tflite"]
    assert out.read_bytes() == b"good"
    found = job.run("small", plain, noise(40), out, job.Options(allow_loss=True))
    assert "output 0 has a cosine of" in found.warnings[0]
    assert files.File(out).delegates() == 1


def test_a_misread_operator_is_refused(
    made: tuple[job.Study, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "foreign_parity", lambda *_: {"boxes": 1e-5, "scores": 0.02})
    plain = sources.Source(net=None, float_file=made[1] / "small.float.tflite")
    with pytest.raises(fitness.Unfit, match=r"scores differs from the original in its own runtime by 0\.02"):
        job.run("small", plain, noise(40), tmp_path / "small.tflite", job.Options())


def test_the_network_itself_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"float")
    itself = sources.Source(net=None, float_file=tmp_path / "net.tflite")
    with pytest.raises(ValueError, match="is the network itself"):
        job.run("net", itself, noise(40), tmp_path / "net.tflite", job.Options())


def test_a_float_file_does_not_pass_for_int8(made: tuple[job.Study, Path]) -> None:
    plain = made[1] / "small.float.tflite"
    with pytest.raises(ValueError, match="floating point"):
        fitness.check(small(), plain, plain, {}, [noise(1)[0]])


def test_ranges_cover_the_one_input_that_is_unlike_the_others(made: tuple[job.Study, Path], tmp_path: Path) -> None:
    plain, bright = made[1] / "small.float.tflite", [noise(1)[0] * 20, *noise(30)]
    spans = []
    for coverage in (1.0, 0.9):
        quantize(plain, bright, tmp_path / "out.tflite", coverage)
        scale, zero = files.File(tmp_path / "out.tflite").input["quantization"]
        spans.append(((-128 - zero) * scale, (127 - zero) * scale, scale))
    (low, high, step), (least, most, _) = spans
    assert low <= bright[0].min() + step and high >= bright[0].max() - step
    assert most - least < 0.5 * (high - low)


def test_fake_quantisation_is_the_files_integer_arithmetic(tmp_path: Path) -> None:
    """One convolution with ReLU: the rehearsal gives the numbers of the file; ties in float32 may fall otherwise."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU()).eval()
    samples = list(noise(20))
    convert(net, samples[0], tmp_path / "float.tflite")
    quantize(tmp_path / "float.tflite", samples, tmp_path / "int8.tflite")
    file, plays = files.File(tmp_path / "int8.tflite"), rehearsal.Rehearsal(net, aware.planes(samples[0]))
    plays.start(plays.record(aware.planes(one) for one in samples))
    (output,) = file.outputs
    scale = output["quantization"][0]
    played = [aware.as_tuple(plays.int8_net(aware.planes(one)))[0].detach() for one in samples]
    ran = [file.run(one)[0].transpose(0, 3, 1, 2) for one in samples]
    steps = np.abs(np.concatenate(ran) - torch.cat(played).numpy()) / scale
    assert steps.max() < 1.01
    assert (steps > 0.01).mean() < 0.002


@given(st.floats(-1e3, 1e3, width=32), st.floats(-1e3, 1e3, width=32))
def test_ranges_become_the_scale_and_zero_point_that_the_quantizer_writes(one: float, other: float) -> None:
    low, high = sorted((one, other))
    scale, zero = fake.grid(torch.tensor(low), torch.tensor(high))
    wanted_zero, wanted = uniform_quantize_tensor.tensor_zp_scale_from_min_max(
        np.float32(low), np.float32(high), 8, False, qtyping.QuantGranularity.TENSORWISE
    )
    assert float(scale) == pytest.approx(float(wanted), rel=1e-5)
    # A range that ends half a step from 0 may round either way.
    assert abs(float(zero) - float(wanted_zero)) <= (0 if abs((low / float(wanted)) % 1 - 0.5) > 1e-2 else 1)


def test_weights_round_channel_by_channel() -> None:
    weight = torch.tensor([[1.0, -0.3], [100.0, -30.0]])
    rounded = fake.Weight(0)(weight)
    assert torch.allclose(rounded[1], rounded[0] * 100, rtol=1e-5)
    assert torch.allclose(rounded[0], torch.tensor([127.0, -38.0]) / 127)


def test_gradients_pass_through_rounding_and_stop_where_values_are_cut_off() -> None:
    values = torch.tensor([0.3, 5.0], requires_grad=True)
    fake.Activation(-1.0, 1.0)(values).sum().backward()
    assert values.grad is not None and values.grad.tolist() == pytest.approx([1.0, 0.0], abs=1e-5)


def test_folding_batch_norm_changes_nothing() -> None:
    net, picture = small(), aware.planes(noise(1)[0])
    folded = rehearsal.flat(net, picture)
    assert not [node for node in folded.graph.nodes if "batch_norm" in str(node.target)]
    for wanted, got in zip(net(picture), folded(picture), strict=True):
        assert torch.allclose(wanted, got, atol=1e-5)


def test_tuning_makes_a_badly_scaled_network_less_noisy_and_leaves_it_alone() -> None:
    """One channel ten times as loud as the others takes their resolution; ranges and weights learn to share."""
    net = small(nn.PReLU(8))
    net.stem[1].weight.data[0] *= 30
    before = {name: value.clone() for name, value in net.state_dict().items()}
    tuned = aware.tune(net, noise(32), aware.Options(images=1200, batch=8, rate=2e-3, range_rate=5e-3))
    assert np.mean(tuned.curve[-10:]) > np.mean(tuned.curve[:10]) + 1
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))
def test_enlarging_by_gluing_repeats_every_pixel(down: int, right: int, channels: int, height: int, width: int) -> None:
    picture = torch.arange(2.0 * channels * height * width).reshape(2, channels, height, width)
    wanted = nn.functional.interpolate(picture, scale_factor=(float(down), float(right)), mode="nearest")
    assert torch.equal(resize.enlarge(picture, down, right), wanted)


def test_labels_are_the_paths_of_modules() -> None:
    name = "a.b.Wrapper/tools.nets.Embedder_wrapped/torch.nn.Sequential_trunk/tools.nets.Residual_7/n.ReLU_2;;x/y.Z_0;1"
    assert layers.label(name) == "trunk.7.2"
    assert layers.label("serving_default_output_3_output") == "output_3"
    assert layers.label("litert_torch._convert.to_channel_last_io.ChannelLastIOWrapper;;12") == ""


def test_pictures_become_inputs_by_the_readers_own_preprocessing(tmp_path: Path) -> None:
    spec = shipped_spec("edgeface-embed-80")
    chips = np.random.default_rng(0).integers(0, 256, (16, spec.height_px, spec.width_px, 3), np.uint8)
    for index, chip in enumerate(chips):
        (tmp_path / f"{index:02}.png").write_bytes(image.encode_png(chip))
    found = inputs.load(tmp_path, spec, tmp_path)
    assert np.array_equal(np.concatenate(list(found)), normalise(chips, spec))
    with pytest.raises(inputs.InputError, match="--spec"):
        inputs.load(tmp_path, None, tmp_path)


def test_held_out_inputs_are_never_calibrated_with() -> None:
    kept, held = noise(40).split()
    assert (len(kept), len(held)) == (35, 5)
    assert not {one.tobytes() for one in kept} & {one.tobytes() for one in held}


def test_what_cannot_be_loaded_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = noise(1)[0]
    (tmp_path / "net.py").write_text("def make():\n    return 3\n", encoding="utf-8")
    for name in ("net.txt", "net.keras", "net.pt2"):
        (tmp_path / name).write_bytes(b"no network")
    monkeypatch.setitem(sys.modules, "keras", None)
    cases = (
        ("none.onnx", "is no file"),
        ("net.txt", "a network is one of"),
        ("net.keras", "pip install keras"),
        ("net.pt2", "torch.export"),
        ("net.py", "FACTORY"),
        ("net.py:make", "gives int"),
    )
    for name, why in cases:
        with pytest.raises(sources.SourceError, match=why):
            sources.load(str(tmp_path / name), sample)


def test_a_module_of_a_file_and_an_exported_one_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("from torch import nn\ndef make():\n    return nn.Conv2d(3, 2, 1)\n")
    sample = noise(1)[0]
    net = sources.load(f"{tmp_path / 'net.py'}:make", sample).net
    assert net is not None
    torch.export.save(torch.export.export(net, (aware.planes(sample),)), tmp_path / "net.pt2")
    again = sources.load(str(tmp_path / "net.pt2"), sample).net
    assert again is not None
    assert torch.equal(net(aware.planes(sample)), again.eval()(aware.planes(sample)))


def test_the_command_for_our_own_checkpoints_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = EmbedderShape(side_px=32, widths=(4, 4, 4, 4), blocks=(0, 0, 0, 0), neck=8, dimensions=8)
    torch.save({"shape": asdict(shape), "average": Embedder(shape).state_dict()}, tmp_path / "checkpoint.pt")
    np.save(tmp_path / "inputs.npy", np.random.default_rng(0).uniform(-1, 1, (20, 32, 32, 3)).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    words = "quantize embedder --checkpoint checkpoint.pt --inputs inputs.npy --out e.tflite --report r --allow-loss"
    monkeypatch.setattr(sys, "argv", words.split())
    command.main()  # untrained, it says nearly the same of everything, which int8 loses
    kept = json.loads((tmp_path / "r").read_text(encoding="utf-8"))
    assert (kept["delegates"], kept["float_tensors"]) == (1, 0)
    assert kept["size_bytes"] == (tmp_path / "e.tflite").stat().st_size
    monkeypatch.setattr(sys, "argv", words.replace("embedder", "pose").split())
    with pytest.raises(SystemExit, match=r"checkpoint.pt is no checkpoint of tools.train.pose"):
        command.main()
