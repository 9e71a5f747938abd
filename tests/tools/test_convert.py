"""Foreign networks after the import, and after each rewriting, against the runtimes of their own formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onnx_files
from onnx_files import Node

torch = pytest.importorskip("torch", reason="conversion is a workstation's job and needs PyTorch")
openvino = pytest.importorskip("openvino", reason="conversion reads networks with OpenVINO")

from torch import nn  # noqa: E402

from tools.convert import ConversionError, Form, Network, affine, load, parity, prepare, rewrite  # noqa: E402
from tools.convert.reference import as_run, compare, planes, runner  # noqa: E402

Array = npt.NDArray[np.float32]
CLOSE = 1e-5
"""Relative to the largest value: two float runtimes that add in another order."""
random = np.random.default_rng(7)


def numbers(*shape: int) -> Array:
    return random.normal(0, 1, shape).astype(np.float32)


def whole(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def saved(
    folder: Path,
    nodes: Sequence[Node],
    constants: Mapping[str, onnx_files.Array],
    shape: Sequence[int] = (1, 3, 8, 6),
    outputs: Sequence[str] = ("out",),
    opset: int = onnx_files.OPSET,
) -> Path:
    path = folder / "small.onnx"
    path.write_bytes(onnx_files.model(nodes, constants, shape, outputs, opset))
    return path


def furthest(path: Path, network: Network) -> float:
    inputs = [numbers(*network.input_shape) for _ in range(2)]
    return max(compare(network.output_names, runner(path, network), as_run(network.module), inputs).values())


def kinds(network: Network) -> list[type[nn.Module]]:
    return [type(module) for module in network.module.children()]


OPERATORS = {
    "Conv with uneven padding": ("Conv", {"pads": [0, 1, 2, 1], "strides": [2, 1]}, [numbers(4, 3, 3, 3), numbers(4)]),
    "Conv padded as TensorFlow does": ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, [numbers(4, 3, 3, 3)]),
    "Conv dilated": ("Conv", {"dilations": [2, 1], "pads": [2, 1, 2, 1]}, [numbers(4, 3, 3, 3)]),
    "Conv depthwise, two outputs a channel": ("Conv", {"group": 3, "pads": [1, 1, 1, 1]}, [numbers(6, 1, 3, 3)]),
    "BatchNormalization": ("BatchNormalization", {}, [numbers(3), numbers(3), numbers(3), np.abs(numbers(3)) + 0.1]),
    "PRelu by channel": ("PRelu", {}, [numbers(3, 1, 1)]),
    "PRelu with one slope": ("PRelu", {}, [numbers(1)]),
    "LeakyRelu": ("LeakyRelu", {"alpha": 0.3}, []),
    "Relu": ("Relu", {}, []),
    "Clip": ("Clip", {}, [np.float32(-0.5).reshape(()), np.float32(0.7).reshape(())]),
    "Sigmoid": ("Sigmoid", {}, []),
    "Tanh": ("Tanh", {}, []),
    "Erf": ("Erf", {}, []),
    "Exp": ("Exp", {}, []),
    "HardSigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, []),
    "Softmax over channels": ("Softmax", {"axis": 1}, []),
    "Add": ("Add", {}, [numbers(1, 3, 1, 1)]),
    "Sub": ("Sub", {}, [numbers(8, 6)]),
    "Mul": ("Mul", {}, [numbers(1)]),
    "Div": ("Div", {}, [np.abs(numbers(1, 3, 1, 1)) + 0.1]),
    "MaxPool, last window cut": ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, []),
    "MaxPool with uneven padding": ("MaxPool", {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}, []),
    "AveragePool without its border": ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, []),
    "AveragePool with its border": (
        "AveragePool",
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
        [],
    ),
    "GlobalAveragePool": ("GlobalAveragePool", {}, []),
    "ReduceMean": ("ReduceMean", {"axes": [2, 3], "keepdims": 0}, []),
    "ReduceL2": ("ReduceL2", {"axes": [1], "keepdims": 1}, []),
    "ReduceSum": ("ReduceSum", {"keepdims": 1}, [whole(-1)]),
    "Reshape": ("Reshape", {}, [whole(0, -1, 4)]),
    "Flatten": ("Flatten", {}, []),
    "Squeeze": ("Squeeze", {}, [whole(0)]),
    "Unsqueeze": ("Unsqueeze", {}, [whole(2)]),
    "Transpose": ("Transpose", {"perm": [0, 2, 3, 1]}, []),
    "Slice": ("Slice", {}, [whole(1, -4), whole(9, -1), whole(2, 3), whole(2, 1)]),
    "Gather, one row": ("Gather", {"axis": 2}, [np.int64(-1).reshape(())]),
    "Gather, several": ("Gather", {"axis": 1}, [whole(2, 0)]),
    "Concat": ("Concat", {"axis": 1}, [numbers(1, 2, 8, 6)]),
    "Pad": ("Pad", {}, [whole(0, 0, 1, 0, 0, 0, 0, 2), np.float32(0.5).reshape(())]),
    "MatMul": ("MatMul", {}, [numbers(6, 5)]),
    "Pow": ("Pow", {}, [np.float32(2).reshape(())]),
    "Resize, nearest": (
        "Resize",
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        [None, np.array([1, 1, 2, 3], np.float32)],
    ),
    "Resize, bilinear": (
        "Resize",
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
        [None, np.array([1, 1, 2, 1.5], np.float32)],
    ),
}


@pytest.mark.parametrize("case", OPERATORS, ids=str)
def test_an_operator_means_what_onnxruntime_says(case: str, tmp_path: Path) -> None:
    kind, attributes, values = OPERATORS[case]
    constants = {f"c{index}": value for index, value in enumerate(values) if value is not None}
    inputs = ["" if value is None else f"c{index}" for index, value in enumerate(values)]
    path = saved(
        tmp_path, [Node(kind=kind, inputs=["picture", *inputs], outputs=["out"], attributes=attributes)], constants
    )
    network = load(path)
    found = parity(path, network, [numbers(*network.input_shape) for _ in range(2)])
    assert list(found) == ["out"]
    assert found["out"] < CLOSE


@settings(max_examples=15, deadline=None)
@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    pads=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    groups=st.sampled_from([1, 2, 4]),
    factor=st.integers(1, 2),
)
def test_any_convolution_agrees(
    tmp_path_factory: pytest.TempPathFactory,
    kernel: tuple[int, int],
    stride: int,
    pads: list[int],
    groups: int,
    factor: int,
) -> None:
    node = Node(
        kind="Conv",
        inputs=["picture", "w", "b"],
        outputs=["out"],
        attributes={"pads": pads, "strides": [stride, stride], "group": groups},
    )
    weights = {"w": numbers(4 * factor, 4 // groups, *kernel), "b": numbers(4 * factor)}
    path = saved(tmp_path_factory.mktemp("conv"), [node], weights, shape=(1, 4, 7, 6))
    network = load(path)
    assert furthest(path, network) < CLOSE
    assert furthest(path, rewrite(network)) < CLOSE


def test_several_outputs_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    nodes = [
        Node(kind="Relu", inputs=["picture"], outputs=["rectified"]),
        Node(kind="Neg", inputs=["rectified"], outputs=["negative"]),
        Node(kind="Sigmoid", inputs=["picture"], outputs=["squashed"]),
    ]
    path = saved(tmp_path, nodes, {}, outputs=["squashed", "negative", "rectified"])
    network = load(path)
    assert network.output_names == ("squashed", "negative", "rectified")
    assert furthest(path, network) < CLOSE


def test_shape_arithmetic_is_done_while_loading(tmp_path: Path) -> None:
    nodes = [
        Node(kind="Shape", inputs=["picture"], outputs=["shape"]),
        Node(kind="Gather", inputs=["shape", "first"], outputs=["batch"], attributes={"axis": 0}),
        Node(kind="Concat", inputs=["batch", "rest"], outputs=["target"], attributes={"axis": 0}),
        Node(kind="Reshape", inputs=["picture", "target"], outputs=["out"]),
    ]
    path = saved(tmp_path, nodes, {"first": whole(0), "rest": whole(-1)})
    network = load(path)
    assert [node.op for node in network.module.graph.nodes] == ["placeholder", "call_function", "output"]
    assert furthest(path, network) < CLOSE


def test_an_unknown_operator_is_refused_by_operator_and_node(tmp_path: Path) -> None:
    nodes = [
        Node(kind="Selu", inputs=["picture"], outputs=["odd/one"]),
        Node(kind="Relu", inputs=["odd/one"], outputs=["out"]),
    ]
    path = saved(tmp_path, nodes, {})
    with pytest.raises(ConversionError, match=r"Selu.*odd/one.*not known"):
        load(path)


def test_a_resize_that_pytorch_does_otherwise_is_refused(tmp_path: Path) -> None:
    node = Node(kind="Resize", inputs=["picture", "", "s"], outputs=["out"], attributes={"mode": "cubic"})
    with pytest.raises(ConversionError, match="resizing by cubic"):
        load(saved(tmp_path, [node], {"s": np.array([1, 1, 2, 2], np.float32)}))


@pytest.mark.parametrize("name", ["net.tflite", "absent.onnx"])
def test_files_that_are_no_network_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"TFL3")
    with pytest.raises(ConversionError, match=name):
        load(tmp_path / name)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\x08\x08not protobuf")
    with pytest.raises(ConversionError, match=r"net\.onnx"):
        load(tmp_path / "net.onnx")


def test_a_network_that_is_not_of_one_picture_is_refused(tmp_path: Path) -> None:
    from openvino import opset13 as ops

    pair = ops.parameter([2, 3, 8, 6], np.float32, name="data")
    anything = ops.parameter(openvino.PartialShape.dynamic(), np.float32, name="data")
    for input_, result, why in (
        (pair, ops.reshape(pair, np.array([2, 144]), False), "cannot be brought to one picture"),
        (anything, ops.relu(anything), "one picture is expected"),
    ):
        openvino.save_model(openvino.Model([result], [input_]), tmp_path / "net.xml")
        with pytest.raises(ConversionError, match=why):
            load(tmp_path / "net.xml")


def test_pictures_that_do_not_fit_are_refused_before_anything_is_made_of_them(tmp_path: Path) -> None:
    from tools.convert import __main__ as command

    net = openvino_file(tmp_path, (1, 3, 8, 6), False)
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "few.npy", np.zeros((3, 8, 6, 3), np.uint8))
    np.save(tmp_path / "float.npy", np.zeros((20, 8, 6, 3), np.float32))
    np.save(tmp_path / "turned.npy", np.zeros((20, 6, 8, 3), np.uint8))
    for name, why in (
        ("none.npy", "No such file"),
        ("text.npy", "is no .npy file"),
        ("few.npy", "at least 12 pictures"),
        ("float.npy", "uint8"),
        ("turned.npy", r"takes \(1, 3, 8, 6\), a sample picture is \(6, 8, 3\)"),
    ):
        with pytest.raises(SystemExit, match=why):
            command.main([str(net), "--pixels", str(tmp_path / name), "--out", str(tmp_path / "out.tflite")])
    assert not (tmp_path / "out.tflite").exists()


def openvino_file(folder: Path, shape: Sequence[int], last: bool) -> Path:
    """Weights kept as float16, as Intel's own models keep them; channels last if wished."""
    from openvino import opset13 as ops

    picture = ops.parameter(shape, np.float32, name="data")
    value = ops.transpose(picture, np.array([0, 3, 1, 2])) if last else picture
    weights = ops.convert(ops.constant(numbers(4, 3, 3, 3).astype(np.float16)), "f32")
    value = ops.convolution(value, weights, [2, 2], [1, 1], [1, 1], [1, 1])
    value = ops.prelu(ops.add(value, numbers(1, 4, 1, 1)), np.array([-2.5], np.float32))
    pooled = ops.avg_pool(value, [1, 1], [0, 0], [0, 0], list(value.shape)[2:], True)
    path = folder / "small.xml"
    openvino.save_model(openvino.Model([ops.multiply(value, ops.sigmoid(pooled))], [picture]), path)
    return path


@pytest.mark.parametrize(("shape", "last"), [((1, 3, 8, 6), False), ((1, 8, 6, 3), True)])
@pytest.mark.parametrize("form", Form)
def test_openvinos_own_format(shape: tuple[int, ...], last: bool, form: Form, tmp_path: Path) -> None:
    path = openvino_file(tmp_path, shape, last)
    network = load(path)
    assert network.input_shape == (1, 3, 8, 6)
    assert furthest(path, network) < CLOSE
    assert furthest(path, rewrite(network, form)) < CLOSE


def test_two_changes_of_layout_cancel(tmp_path: Path) -> None:
    network = rewrite(load(openvino_file(tmp_path, (1, 8, 6, 3), last=True)))
    assert not [node for node in network.module.graph.nodes if node.target is torch.permute]


def prelu_file(folder: Path, slopes: Array, former: str, after: str) -> Path:
    """A PReLU between two others: dense or depthwise convolutions, or additions that leave no room for folding."""
    grouped = {"dense": 1, "depthwise": 4}
    constants: dict[str, onnx_files.Array] = {"slopes": slopes.reshape(-1, 1, 1)}
    nodes = []
    for name, kind, source, target in (("a", former, "picture", "x"), ("b", after, "y", "out")):
        if kind == "residual":
            nodes.append(Node(kind="Add", inputs=["picture", source], outputs=[target]))
            continue
        groups = grouped[kind]
        constants |= {f"{name}w": numbers(4, 4 // groups, 3, 3), f"{name}b": numbers(4)}
        attributes: dict[str, onnx_files.Value] = {"pads": [1, 1, 1, 1], "group": groups}
        nodes.append(
            Node(kind="Conv", inputs=[source, f"{name}w", f"{name}b"], outputs=[target], attributes=attributes)
        )
    nodes.insert(1, Node(kind="PRelu", inputs=["x", "slopes"], outputs=["y"]))
    return saved(folder, nodes, constants, shape=(1, 4, 7, 6))


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    ("former", "after"),
    [("dense", "depthwise"), ("depthwise", "dense"), ("dense", "dense"), ("residual", "dense"), ("dense", "residual")],
)
@pytest.mark.parametrize("slopes", [[0.25, -0.5, 0, 1], [1.5, -7.9, 7.5, 0.9], [3, 3, 3, 3], [0, 0, 0, 0]], ids=str)
def test_a_rewritten_prelu_is_the_original(
    form: Form, former: str, after: str, slopes: list[float], tmp_path: Path
) -> None:
    path = prelu_file(tmp_path, np.array(slopes, np.float32), former, after)
    original = load(path)
    network = rewrite(original, form)
    picture = torch.from_numpy(numbers(1, 4, 7, 6))
    (true,), (got,) = original.module(picture), network.module(picture)
    assert float((true - got).abs().max() / true.abs().max()) < 1e-6
    assert form is Form.KEEP or not {nn.PReLU, nn.LeakyReLU} & set(kinds(network))


def test_a_wide_prelu_costs_no_operator(tmp_path: Path) -> None:
    network = rewrite(load(prelu_file(tmp_path, numbers(4), "depthwise", "dense")), Form.WIDE)
    assert kinds(network) == [nn.Conv2d, nn.Conv2d, nn.ReLU]


def test_rewriting_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    network = load(prelu_file(tmp_path, numbers(4), "dense", "dense"))
    before = network.module(torch.ones(1, 4, 7, 6))[0]
    rewrite(network, Form.WIDE)
    assert torch.equal(network.module(torch.ones(1, 4, 7, 6))[0], before)
    assert nn.PReLU in kinds(network)


def test_channels_are_made_alike_and_the_network_stays_what_it_was(tmp_path: Path) -> None:
    """One channel that is much louder than the others would take most of an int8 scale."""
    loud = np.array([30, 1, 1, 1], np.float32)
    weights = numbers(4, 4, 3, 3) * loud.reshape(-1, 1, 1, 1)
    nodes = [
        Node(kind="Conv", inputs=["picture", "a", "c"], outputs=["x"], attributes={"pads": [1, 1, 1, 1]}),
        Node(kind="PRelu", inputs=["x", "slope"], outputs=["y"]),
        Node(kind="Conv", inputs=["y", "b"], outputs=["out"], attributes={"group": 4}),
    ]
    constants = {"a": weights, "c": loud, "b": numbers(4, 1, 3, 3), "slope": np.array([-1.5], np.float32)}
    path = saved(tmp_path, nodes, constants, shape=(1, 4, 9, 9))
    inputs = [torch.from_numpy(numbers(1, 4, 9, 9)) for _ in range(4)]
    network = rewrite(load(path), Form.KEEP, inputs)
    assert furthest(path, network) < CLOSE
    first, activation = next(network.module.children()), nn.LeakyReLU(-1.5)
    sizes = torch.stack([activation(first(one)).abs().amax(dim=(0, 2, 3)) for one in inputs]).amax(dim=0)
    assert float(sizes.max() / sizes.min()) < 2


def convolution_file(folder: Path, pads: list[int]) -> Path:
    nodes = [
        Node(kind="Conv", inputs=["picture", "w"], outputs=["x"], attributes={"pads": pads, "strides": [2, 2]}),
        Node(kind="BatchNormalization", inputs=["x", "g", "b", "m", "v"], outputs=["y"]),
        Node(kind="Relu", inputs=["y"], outputs=["out"]),
    ]
    norm = {"g": numbers(4), "b": numbers(4), "m": numbers(4), "v": np.abs(numbers(4)) + 0.1}
    return saved(folder, nodes, {"w": numbers(4, 3, 3, 3), **norm}, shape=(1, 3, 9, 8))


MEAN, STD = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1]], ids=str)
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_the_reader_feeds_one_mean_and_the_network_sees_its_own(pads: list[int], order: str, tmp_path: Path) -> None:
    path = convolution_file(tmp_path, pads)
    network = prepare(path, mean=MEAN, std=STD, order=order)
    pixels = random.integers(0, 256, (9, 8, 3), np.uint8)
    feed = network.feed
    assert (feed.mean, feed.std, feed.order) == (127.5, 127.5, order)
    wanted = runner(path, network)(planes(pixels, MEAN, STD, order))
    got = as_run(network.module)(planes(pixels, feed.mean, feed.std, feed.order))
    assert np.abs(wanted[0] - got[0]).max() < CLOSE * np.abs(wanted[0]).max()


def test_batch_norm_and_normalisation_leave_no_layer(tmp_path: Path) -> None:
    network = prepare(convolution_file(tmp_path, [0, 0, 0, 0]), mean=MEAN, std=STD)
    assert kinds(network) == [nn.Conv2d, nn.ReLU]


def test_padding_beyond_a_folded_shift_becomes_a_border(tmp_path: Path) -> None:
    network = prepare(convolution_file(tmp_path, [1, 1, 1, 1]), mean=MEAN, std=STD)
    assert affine.Border in kinds(network)
    assert affine.Affine not in kinds(network)


def test_one_mean_for_all_channels_is_left_to_the_reader(tmp_path: Path) -> None:
    path = convolution_file(tmp_path, [1, 1, 1, 1])
    network = prepare(path, mean=127.5, std=128, order="BGR")
    assert (network.feed.mean, network.feed.std, network.feed.order) == (127.5, 128, "BGR")
    assert furthest(path, network) < CLOSE


@pytest.mark.parametrize(("wrong", "match"), [({"order": "GBR"}, "GBR"), ({"mean": (1, 2)}, "2 values")])
def test_a_normalisation_that_makes_no_sense_is_refused(wrong: dict[str, object], match: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=match):
        prepare(convolution_file(tmp_path, [0, 0, 0, 0]), **wrong)
